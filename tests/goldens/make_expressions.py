"""NumPy's answers to expressions that mean the same in both languages.

    python make_expressions.py > expressions.json

Each entry: the expression, NumPy's dtype, shape and elements in C order (floats as repr, so that they read back to the
same bits), and how near an answer must be in units in the last place of its largest element: 0 is the same bits.
"""

import builtins
import json
import sys

import numpy as np
from numpy import *  # the language of the expressions
from numpy.linalg import norm
from numpy.lib.stride_tricks import sliding_window_view

# Names that expressions may use; the test makes the same with the same texts.
NAMES = {
    "x": "arange(12.0).reshape(3, 4)",
    "y": "linspace(-2, 3, 12).reshape(3, 4)",
    "i": "arange(24).reshape(2, 3, 4) % 7 - 2",
    "v": "array([3.0, -1.5, 2.25, 0.5, -4.0, 8.0, 1.0])",
    "n": "array([5, -3, 2, 7, 0, -8, 4])",
    "b": "array([True, False, True, True, False, False, True])",
    "f": "float32(linspace(-1, 1, 9))",
    "z": "array([nan, inf, -inf, 0.0, -0.0, 1.5, -2.5])",
    "angles": "array([0.0, 2.0, 4.0, 6.5, 0.5, -3.0, 3.2])",
}

SAME = """
swapaxes(i, 0, 2)
swapaxes(i, -1, 1)
moveaxis(i, 0, -1)
moveaxis(i, (0, 1), (-1, 0))
moveaxis(i, (2, 0), (0, 1))
flip(i)
flip(i, 1)
flip(i, axis=(0, 2))
fliplr(x)
flipud(x)
rot90(x)
rot90(x, 2)
rot90(x, -1)
rot90(i, 1, axes=(1, 2))
roll(x, 5)
roll(x, 1, axis=0)
roll(x, -6, axis=1)
roll(x, (1, 2), axis=(0, 1))
roll(x, 1, axis=(0, 1))
roll(v, 0)
repeat(x, 2)
repeat(x, 3, axis=1)
repeat(v, [0, 1, 2, 0, 3, 1, 1])
repeat(x, [2, 0, 1], axis=0)
tile(v, 2)
tile(x, (2, 1))
tile(x, (2, 3, 2))
tile(i, 2)
atleast_1d(3.0)
atleast_2d(v)
atleast_3d(v)
atleast_3d(x)
append(v, n)
append(x, y, axis=1)
delete(v, 2)
delete(v, [0, -1, 3])
delete(x, 1, axis=0)
delete(x, [0, 2], axis=1)
insert(v, 2, 9.5)
insert(v, [0, 7], [1.0, 2.0])
insert(x, 1, 0.0, axis=0)
insert(x, 1, v[:3], axis=1)
insert(x, [1, 3], 5.0, axis=1)
hstack((v, n))
hstack((x, y))
vstack((v, n))
vstack((x, y))
dstack((x, y))
column_stack((v, n))
column_stack((x, y))
concatenate((x, y), axis=1)
stack((x, y), axis=-1)
diff(v)
diff(x, axis=0)
diff(x, n=2)
diff(n, n=3)
diff(b)
ediff1d(n)
ediff1d(v, to_end=0.5, to_begin=1.5)
tril(x)
tril(x, 1)
triu(x, -1)
triu(i, 1)
tri(3)
tri(3, 4, -1)
eye(3)
eye(3, 4, k=1)
eye(4, 3, k=-2)
identity(3)
diag(v)
diag(v, 2)
diag(v, -1)
diag(x)
diag(x, 1)
diag(x, -2)
diag(x, 4)
diagonal(i, 0, 0, 1)
diagonal(i, 1, 1, 2)
diagonal(i, -1, 2, 0)
trace(x)
trace(i, 1, 1, 2)
outer(v, n)
outer(n, x)
inner(v, n)
inner(n, n)
vdot(n, n)
kron(n, [1, 10])
kron(x, eye(2))
cross(x[:, :3], y[:, 1:])
tensordot(i, i, axes=3)
tensordot(i, i, axes=((2,), (2,)))
tensordot(i, i, axes=((0, 1), (0, 1)))
tensordot(n, n, axes=0)
einsum('ij,ij->i', i[0], i[1])
einsum('ijk->kij', i)
einsum('ijk->j', i)
einsum('ij,kj->ik', i[0], i[1])
einsum('aij,aik->ajk', i, i)
einsum('ii', i[0, :3, :3])
einsum('ii->i', i[0, :3, :3])
einsum('i,j,k->ijk', n[:2], n[:3], n[:2])
einsum('ij,jk,kl->il', i[0], i[1].T, i[0])
einsum('i,i->', n, n)
isclose(v, v + 1e-9)
isclose(z, z)
isclose(z, z, equal_nan=True)
isclose(v, n, rtol=0.5, atol=1.0)
allclose(v, v + 1e-9)
allclose(v, n)
array_equal(v, v)
array_equal(v, x)
array_equal(z, z)
array_equal(z, z, equal_nan=True)
nan_to_num(z)
nan_to_num(z, nan=1.0, posinf=2.0, neginf=3.0)
nan_to_num(float32(z))
nan_to_num(n)
float_power(n, 2)
float_power(v, 0.5)
divmod(n, 3)[0]
divmod(n, 3)[1]
divmod(v, 1.5)[1]
modf(z)[0]
modf(v)[1]
modf(n)[0]
round(v, 1)
round(v * 1.37, 2)
round(f, 3)
round(n * 13, -1)
around(v * 137.0, decimals=-2)
trapezoid(v)
trapezoid(v, dx=0.5)
trapezoid(x, axis=0)
trapezoid(x, y[0])
correlate(v, n)
correlate(v, [1.0, 2.0, -1.0], mode='same')
correlate(v, [1.0, 2.0, -1.0], mode='full')
sort(v)
sort(n)
sort(z) + 0
sort(i, axis=1)
sort(i, axis=None)
sort(x * -1)
argsort(v)
argsort(n)
argsort(i, axis=0)
argsort(z)
unravel_index(17, (3, 7))[0]
unravel_index(n[:1], (3, 7))[1]
select([v > 2, v < 0], [v, n], 100.0)
select([n > 4, n > 0], [n, n * 10])
sliding_window_view(v, 3)
sliding_window_view(x, (2, 2))
sliding_window_view(x, 2, axis=0)
meshgrid(v[:3], n[:2])[0]
meshgrid(v[:3], n[:2])[1]
meshgrid(v[:3], n[:2], indexing='ij')[0]
indices((2, 3))
broadcast_arrays(v[:, None], n[None, :])[1]
split(x, 2, axis=1)[1]
split(v, [2, 5])[1]
array_split(v, 3)[0]
array_split(v, 3)[2]
cov(x)
cov(x, rowvar=False)
cov(v)
cov(x, ddof=0)
norm(v)
norm(x)
norm(v, 1)
norm(v, inf)
norm(v, -inf)
norm(v, 0)
norm(x, axis=1)
norm(x, 3, axis=0)
corrcoef(y + x * x)
angle(v)
angle(z)
unwrap(angles)
unwrap(angles, period=4.0)
unwrap(angles, discont=4.0)
""".strip().splitlines()

# Whose last bits follow the order in which NumPy adds, or its library's functions.
NEAR = {
    "trapezoid": 4,
    "correlate": 4,
    "cov": 16,
    "corrcoef": 64,
    "norm": 8,
    "angle": 1,
    "unwrap": 8,
    "outer": 0,
    "inner": 4,
    "kron": 0,
    "cross": 0,
    "float_power": 1,
    "divmod": 0,
}


def element(value):
    if isinstance(value, np.bool_):
        return builtins.bool(value)
    if isinstance(value, np.integer):
        return builtins.int(value)
    return repr(builtins.float(value))


def main():
    names = dict(globals())
    for name, text in NAMES.items():
        names[name] = eval(text, names)
    out = {"names": NAMES, "expressions": []}
    with np.errstate(all="ignore"):
        for text in SAME:
            got = np.asarray(eval(text, names))
            out["expressions"].append(
                {
                    "expression": text,
                    "dtype": str(got.dtype),
                    "shape": list(got.shape),
                    "elements": [element(v) for v in got.ravel()],
                    "ulps": NEAR.get(text.split("(")[0], 0),
                }
            )
    json.dump(out, sys.stdout, indent=None, separators=(",", ":"))
    print()


main()
