"""Borders, beside NumPy's."""

import numpy as np
import pytest

import chunkwise as cw

from conftest import same

WIDTHS = [1, (2, 1), ((1, 2), (0, 3), (2, 0)), ((0, 0),)]
MODES = [
    {"mode": m, **k}
    for m, keys in {
        "constant": [{}, {"constant_values": 3}, {"constant_values": ((1, 2), (3, 4), (5, 6))}],
        "edge": [{}], "symmetric": [{}], "reflect": [{}], "wrap": [{}],
        "linear_ramp": [{}, {"end_values": -5}, {"end_values": ((1, 2), (3, 4), (5, 6))}],
        "maximum": [{}, {"stat_length": 2}], "minimum": [{}, {"stat_length": ((1, 2), (2, 1), (3, 3))}],
        "mean": [{}, {"stat_length": 2}], "median": [{}, {"stat_length": 3}],
    }.items()
    for k in keys
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "int16", "float32"])
@pytest.mark.parametrize("how", MODES, ids=str)
@pytest.mark.parametrize("width", WIDTHS, ids=str)
def test_borders_are_numpys(width, how, dtype):
    n = (np.arange(60) * 7 % 31).reshape(3, 4, 5).astype(dtype)
    rtol = 1e-6 if dtype == "float32" else 1e-14 if dtype == "float64" else 0.0
    same(cw.pad(cw.from_array(n), width, **how), np.pad(n, width, **how), rtol=rtol)


def test_borders_that_cannot_be_are_errors(cube):
    n, x = cube
    same(np.pad(x, {1: (1, 2)}), np.pad(n, ((0, 0), (1, 2), (0, 0))))
    assert cw.pad(x, 1, "empty").shape == (5, 6, 7)
    for wrong in (
        lambda: cw.pad(x, -1), lambda: cw.pad(x, 1.5), lambda: cw.pad(x, 1, "nothing"), lambda: cw.pad(x, 1, lambda *a: None),
        lambda: cw.pad(x, 1, "mean", end_values=1), lambda: cw.pad(x, 1, "maximum", stat_length=0), lambda: cw.pad(x, ((1, 2), (3, 4))),
        lambda: cw.pad(x, 1, "reflect", reflect_type="odd"),
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError, NotImplementedError)):
            wrong()
