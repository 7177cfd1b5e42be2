"""What is more than a row of the catalogue."""

import itertools

import numpy as np
import pytest

import chunkwise as cw

from conftest import same

KINDS = [np.uint8, np.uint64, np.int8, np.int64, np.float32, np.float64, int, float]


def test_arange_has_numpys_dtype():
    for a, b, c in itertools.product(KINDS, KINDS, KINDS):
        same(cw.arange(a(3), b(13), c(2)), np.arange(a(3), b(13), c(2)))
    same(cw.arange(np.uint8(3)), np.arange(np.uint8(3))), same(cw.arange(3.5), np.arange(3.5))


def test_dtypes_have_numpys_other_names():
    same(cw.zeros(2, "f4"), np.zeros(2, "f4")), same(cw.ones(3, dtype="<i2"), np.ones(3, "i2"))
    same(cw.arange(3).astype("u1"), np.arange(3, dtype="u1")), same(cw.sum(cw.arange(3), 0, "f4"), np.float32(3))
    for wrong in ("M8[s]", "no such", "c16", object):
        with pytest.raises((TypeError, ValueError)):
            cw.zeros(2, dtype=wrong)


def test_functions_of_several_arrays(cube):
    n, x = cube
    for a, b in zip(cw.atleast_2d(x[0, 0], 3), np.atleast_2d(n[0, 0], 3), strict=True):
        same(a, b)
    for a, b in zip(cw.broadcast_arrays(x, n[0], 1), np.broadcast_arrays(n, n[0], 1), strict=True):
        same(a, b)
    for sparse in (False, True):
        for a, b in zip(cw.meshgrid(x[0, 0], x[0, 1], x[0, 2], sparse=sparse), np.meshgrid(n[0, 0], n[0, 1], n[0, 2], sparse=sparse), strict=True):
            same(a, b)
    assert cw.broadcast_shapes((3, 1), (4,), (1, 1)) == (3, 4) and cw.result_type(np.int8, 3, x) == np.float64
    same(cw.apply_over_axes(np.sum, x, (0, -1)), np.apply_over_axes(np.sum, n, (0, -1)))
    same(cw.trace(x, dtype="f4"), np.trace(n, dtype="f4")), same(cw.expand_dims(x, (0, -1)), np.expand_dims(n, (0, -1)))
    same(cw.concat([x, x], axis=None), np.concatenate([n, n], axis=None))


def test_descending_order_is_stable():
    n = np.array([[3, 1, 3, 2], [0, 0, 5, 5]])
    x = cw.from_array(n)
    same(cw.sort(x, descending=True), -np.sort(-n))
    same(cw.argsort(x, descending=True, axis=1), np.argsort(-n, axis=1, kind="stable"))
    same(cw.searchsorted(cw.asarray([3, 1, 2]), x, sorter=cw.asarray([1, 2, 0])), np.searchsorted(np.array([3, 1, 2]), n, sorter=[1, 2, 0]))


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_are_numpys(cube, order):
    n, x = cube
    places = np.array([0.0, 1, 3, 3.5, 7])
    same(cw.gradient(x, places, axis=2, edge_order=order), np.gradient(n, places, axis=2, edge_order=order), rtol=1e-12)
    for a, b in zip(cw.gradient(x, 2.0, places[:4], axis=(0, 1), edge_order=order), np.gradient(n, 2.0, places[:4], axis=(0, 1), edge_order=order), strict=True):
        same(a, b, rtol=1e-12)
    assert len(cw.gradient(x)) == 3
    with pytest.raises(ValueError):
        cw.gradient(x, places, axis=0)


EINSUMS = ["...abc,...b->...a", "a...,a...->...", "...ij->...ji", "i...->...", "ij...,jk...->ik..."]


@pytest.mark.parametrize("text", EINSUMS)
def test_einsum_has_ellipses(cube, text):
    n, x = cube
    operands = [(x, n)] if "," not in text else [(x, n), (x, n)]
    if text == EINSUMS[0]:
        operands = [(x, n), (x[0, :, 0], n[0, :, 0])]
    if text == EINSUMS[4]:
        operands = [(x, n), (x.transpose((1, 0, 2)), n.transpose(1, 0, 2))]
    same(cw.einsum(text, *(a for a, _ in operands)), np.einsum(text, *(b for _, b in operands)))


def test_products_and_norms(cube):
    n, x = cube
    same(cw.linalg.vector_norm(x, axis=(0, 1)), np.linalg.vector_norm(n, axis=(0, 1)), rtol=1e-14)
    for order in ("fro", 1, -1, np.inf, -np.inf):
        same(cw.linalg.matrix_norm(x, ord=order), np.linalg.matrix_norm(n, ord=order), rtol=1e-14)
    same(cw.linalg.matrix_power(x[:, :4, :4], 3), np.linalg.matrix_power(n[:, :4, :4], 3))
    same(cw.linalg.cross(x[..., :3], n[..., 1:4]), np.linalg.cross(n[..., :3], n[..., 1:4]))
    same(cw.linalg.trace(x, offset=1), np.linalg.trace(n, offset=1)), same(cw.linalg.outer(x[0, 0], x[0, 1]), np.outer(n[0, 0], n[0, 1]))
    for missing in (lambda: cw.linalg.svd(x), lambda: cw.linalg.matrix_norm(x, ord=2), lambda: cw.linalg.matrix_power(x[0, :, :4], -1)):
        with pytest.raises((AttributeError, NotImplementedError)):
            missing()


def test_what_the_standard_asks_of_a_namespace():
    info = cw.__array_namespace_info__()
    assert info.default_dtypes()["real floating"] == np.float64 and "complex128" not in info.dtypes()
    assert set(info.dtypes(kind="unsigned integer")) == {"uint8", "uint16", "uint32", "uint64"}
    assert cw.finfo(cw.float32).eps == np.finfo("f4").eps and cw.iinfo("int8").max == 127
    assert cw.isdtype(cw.float32, ("integral", "real floating")) and not cw.isdtype(cw.bool, "numeric")
    assert cw.unique_counts(cw.asarray([1, 1, 2])).counts.tolist() == [2, 1]
