"""Python functions over blocks."""

import numpy as np
import pytest

import chunkwise as cw

from conftest import same


@pytest.mark.parametrize("threads", [1, 3])
def test_functions_are_applied_when_their_blocks_are_wanted(cube, threads, monkeypatch):
    n, x = cube
    # Blocks of a few elements.
    monkeypatch.setattr(cw._blocks, "_BLOCK", 64)
    calls = []

    def twice(a, b=0):
        calls.append(a.shape)
        return a * 2 + b

    with cw.Session(threads=threads):
        made = cw.map_blocks(twice, x, b=1, dtype=float)
        assert isinstance(made, cw.Array) and not calls
        same(made, n * 2 + 1)
        assert len(calls) > 5
        same(made[1:, ::2, -1].sum(axis=0), (n * 2 + 1)[1:, ::2, -1].sum(axis=0))
        same(cw.map_blocks(np.add, x, n[0]), n + n[0])
        same(cw.map_blocks(lambda a: a > 0, x), n > 0)


def test_axes_of_the_function_come_whole(cube, monkeypatch):
    n, x = cube
    monkeypatch.setattr(cw._blocks, "_BLOCK", 100)
    same(cw.apply_gufunc(lambda a: a.mean(axis=-1), "(i)->()", x, output_dtypes=float), n.mean(axis=-1))
    low, high = cw.apply_gufunc(lambda a: (a.min(-1), a.max(-1)), "(i)->(),()", x, output_dtypes=[float, float])
    same(high - low, n.max(-1) - n.min(-1))
    same(cw.apply_gufunc(np.matmul, "(i,j),(j,k)->(i,k)", x, n[0].T, output_dtypes=float), n @ n[0].T)
    same(cw.apply_gufunc(lambda a: a[..., :2], "(i)->(k)", x, output_dtypes=float, output_sizes={"k": 2})[..., 1], n[..., 1])
    same(cw.apply_gufunc(lambda a: float(a[0]) + 1, "(i)->()", x, output_dtypes=float, vectorize=True), n[..., 0] + 1)
    same(cw.apply_gufunc(lambda a: a.argmax(-1), "(i)->()", x), n.argmax(-1))
    same(cw.apply_gufunc(np.sum, "(i,j,k)->()", x, output_dtypes=float), n.sum())


def test_what_cannot_be_applied_is_an_error(cube):
    _, x = cube
    for wrong in (
        lambda: cw.apply_gufunc(len, "(i)->(),()", x), lambda: cw.apply_gufunc(np.sum, "i->()", x, output_dtypes=float),
        lambda: cw.apply_gufunc(np.sum, "(i),(i)->()", x, output_dtypes=float), lambda: cw.map_blocks(np.sum, x, new_axis=1),
        lambda: cw.apply_gufunc(np.add, "(i),(i)->()", x, x[..., :2], output_dtypes=float),
        lambda: cw.apply_gufunc(np.add, "(i)->(k)", x, output_dtypes=float), lambda: cw.map_blocks(lambda a: 1 / 0, x),
        lambda: cw.apply_gufunc(np.add, "(i)->()", x, output_dtypes=float, axis=0),
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError, NotImplementedError)):
            wrong()
    with pytest.raises(OSError) as e:
        cw.map_blocks(lambda a: a.ravel()[:1], x, dtype=float).compute()
    assert isinstance(e.value.__cause__, ValueError)

    def broken(a):
        raise RuntimeError("no")

    with pytest.raises(OSError) as e:
        cw.map_blocks(broken, x, dtype=float).sum().compute()
    assert isinstance(e.value.__cause__, RuntimeError)


def test_what_chunks_say_of_new_arrays_does_not_matter():
    same(cw.zeros((3, 4), chunks=2), np.zeros((3, 4)))
    same(cw.arange(5, chunks=(2,)), np.arange(5))
