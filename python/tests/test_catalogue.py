"""Functions and methods come from the library's catalogue, with NumPy's signatures."""

import inspect

import numpy as np
import pytest

import chunkwise as cw
from chunkwise import _chunkwise
from chunkwise._functions import _FUNCTIONS_ONLY, _NO_METHODS, CATALOGUE, DTYPES, call

from conftest import same

ENTRIES = [e for e in CATALOGUE if e.params is not None and e.name not in DTYPES]
NAMES = {e.name: e for e in CATALOGUE}


def test_the_catalogue_is_that_of_the_library():
    assert len(ENTRIES) > 250
    assert NAMES["var"].params[0][0] == "a" and NAMES["reshape"].spreads


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_every_function_is_there_with_its_signature_and_its_documentation(entry):
    for name in entry.names:
        function = getattr(cw, name)
        assert callable(function) and function.__doc__
        inspect.signature(function)
    if entry.kind not in _NO_METHODS and entry.name not in _FUNCTIONS_ONLY:
        assert hasattr(cw.Array, entry.name)


# Names of an example that stand for Python's own, or whose example is of the text language.
EXAMPLES = {e.name: e.example for e in ENTRIES if not e.example.startswith("ones(2, dtype=result")}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_example_is_python_and_computes(name):
    namespace = {n: getattr(cw, n) for n in dir(cw)}
    made = eval(EXAMPLES[name], namespace)
    for part in made if isinstance(made, (tuple, list)) else [made]:
        if isinstance(part, cw.Array):
            np.asarray(cw.compute(part))


SIGNATURES = [
    "sum", "mean", "var", "std", "min", "max", "argmin", "all", "any", "prod", "clip", "quantile", "histogram", "cumsum",
    "take", "where", "roll", "moveaxis", "transpose", "tensordot", "interp", "digitize", "isclose", "diff", "linspace",
]  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_parameters_are_numpys_in_their_order(name):
    try:
        numpy = list(inspect.signature(getattr(np, name)).parameters)
    except ValueError:
        pytest.skip("NumPy does not say")
    own = inspect.signature(getattr(cw, name)).parameters
    positional = [p.name for p in own.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if name in ("clip",):
        positional = positional[1:]
        numpy = numpy[3:] if "a_min" in numpy[:3] else numpy[1:]
        assert set(positional) <= {"min", "max"} | set(numpy)
        return
    theirs = [p for p in numpy if p in positional]
    assert positional[1:] == theirs[-len(positional[1:]) :] if len(positional) > 1 else True


def test_a_name_that_is_not_there_says_what_to_write():
    with pytest.raises(AttributeError, match="did you mean 'mean'"):
        cw.maen
    with pytest.raises(AttributeError, match=r"write sqrt\(mean\(x \*\* 2\)\)"):
        cw.rms
    with pytest.raises(AttributeError):
        cw.arange(3).maen
    assert "mean" in dir(cw) and "maen" not in dir(cw)


def test_methods_that_numpy_has_in_place_are_refused():
    with pytest.raises(TypeError, match="chunkwise.sort"):
        cw.arange(3).sort()


def test_arguments_of_every_kind(cube):
    n, x = cube
    same(x.sum(axis=(0, 2), keepdims=True), n.sum(axis=(0, 2), keepdims=True))
    same(cw.sum(x, axis=np.int64(1)), n.sum(axis=1))
    same(cw.sum(x, axis=1, dtype="float32"), n.sum(axis=1, dtype="float32"))
    same(cw.sum(x, axis=1, dtype=np.float32), n.sum(axis=1, dtype=np.float32))
    same(cw.sum(x, axis=1, dtype=float, where=n > 0), n.sum(axis=1, where=n > 0))
    same(cw.var(x, correction=1), n.var(ddof=1))
    same(x.reshape(5, -1), n.reshape(5, -1))
    same(cw.where(n > 0, x, 0), np.where(n > 0, n, 0))
    same(cw.concatenate([x, n], axis=2), np.concatenate([n, n], axis=2))
    same(cw.quantile(x, [0.25, 0.5], axis=0), np.quantile(n, [0.25, 0.5], axis=0))
    same(cw.pad(x, ((1, 1), (0, 0), (2, 0)), "edge"), np.pad(n, ((1, 1), (0, 0), (2, 0)), "edge"))
    with pytest.raises(TypeError, match="given correction and ddof"):
        cw.var(x, correction=1, ddof=1)
    with pytest.raises(NotImplementedError, match="out"):
        cw.sum(x, out=np.zeros(()))
    assert cw.result_type(np.int8, cw.zeros(1, dtype="uint8"), 3) == np.int16
    assert cw.can_cast(np.int8, np.int16) is True


def test_histograms_are_numpys(cube):
    n, x = cube
    for density in (False, True):
        got = cw.compute(cw.histogram(x, bins=7, density=density))
        for a, b in zip(got, np.histogram(n, bins=7, density=density), strict=True):
            same(a, b)
    h, xe, ye = cw.compute(cw.histogram2d(x.ravel(), -x.ravel(), bins=4))
    for a, b in zip((h, xe, ye), np.histogram2d(n.ravel(), -n.ravel(), bins=4), strict=True):
        np.testing.assert_array_equal(a, b)
    h, edges = cw.histogramdd((x.ravel(), x.ravel() ** 2), bins=(2, 3))
    assert h.shape == (2, 3) and [e.shape for e in edges] == [(3,), (4,)]


def test_what_is_missing_has_a_hint_of_the_catalogue():
    assert _chunkwise.missing("rms").startswith("write ")
    with pytest.raises(ValueError, match="did you mean|no function|there is no"):
        try:
            call("maen", cw.arange(3))
        except cw.ChunkwiseError as e:
            raise ValueError(str(e)) from e
