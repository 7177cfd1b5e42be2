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
ones(2, dtype=result_type(float32, 3))
ones(2, dtype=result_type(int8, uint8))
ones(2, dtype=result_type(n, 2.5))
ones(2, dtype=promote_types(int64, uint64))
array([can_cast(int64, float32), can_cast(int8, float16), can_cast(int16, float16), can_cast(uint8, int8, 'same_kind')])
array([can_cast(int8, uint8, 'same_kind'), can_cast(float64, float32, 'same_kind'), can_cast(float32, int32, 'same_kind')])
array([isdtype(int8, 'integral'), isdtype(uint8, 'signed integer'), isdtype(float16, 'numeric'), isdtype(bool, 'numeric')])
zeros(broadcast_shapes((2, 1, 4), (3, 1), (1,)))
conj(v)
iscomplex(n)
isreal(x)
tril_indices(3, -1, 4)[0]
tril_indices(3, 1)[1]
triu_indices(4, -1, 3)[1]
tril_indices_from(x, 1)[1]
triu_indices_from(x)[0]
diag_indices(4, 3)[2]
diagflat(x[:2, :2], 1)
sort(z)
sort(i, axis=0)
sort(i, axis=1)
sort(i, axis=None)
sort(b)
sort(f)[::-1]
sort(int8(n))
sort(uint16(i + 2), axis=-1)
sort((arange(1500.0) * 7919 % 1511 - 700) / 8)
sort((arange(3000.0) * 7919 % 3011 - 1500).reshape(3, 1000), axis=1)[:, ::100]
sort(arange(1000) * 7919 % 1009)
sort(zeros((0, 3)))
sort(zeros((3, 0)))
argsort(i, axis=0)
unique(i)
unique(i, return_index=True)[1]
unique(i, return_inverse=True)[1]
unique(i, return_counts=True)[1]
unique(i, return_index=True, return_counts=True)[2]
unique(v)
unique(b, return_counts=True)[1]
unique(array([nan, 1.0, nan, 0.5]))
unique(array([nan, 1.0, nan, 0.5]), return_counts=True)[1]
unique(array([nan, 1.0, nan, 0.5]), return_inverse=True)[1]
unique(array([1.0, nan, nan, 0.5]), return_index=True)[1]
unique(uint8(n + 8))
unique(n[:0])
union1d(n, i)
union1d(n, v)
intersect1d(n, i)
intersect1d(v, n)
setdiff1d(i, n)
setdiff1d(n, v)
setxor1d(n, i)
bincount(n[n >= 0])
bincount(i.ravel() + 2)
bincount(i.ravel() + 2, minlength=12)
bincount(n + 8, weights=v)
bincount(b)
bincount(n[:0])
take_along_axis(i, argsort(i, axis=1), axis=1)
take_along_axis(x, array([[2, 0], [1, -1], [3, 3]]), axis=1)
take_along_axis(x, array([[1, 0, 2, 1]]), axis=0)
take_along_axis(v, array([3, 3, -1]), axis=0)
choose(array([[0, 1, 2, 0], [1, 1, 0, 2], [2, 2, 1, 0]]), (x, y, 7))
choose(n, (10, 20, 30), mode='wrap')
choose(n, (10, 20.5, 30), mode='clip')
ravel_multi_index((array([0, 1, 2]), array([3, 0, 2])), (3, 4))
ravel_multi_index((n, n), (3, 4), mode='wrap')
ravel_multi_index((n, n), (3, 4), mode='clip')
hsplit(x, 2)[1]
hsplit(v, [2, 5])[1]
vsplit(x, 3)[2]
dsplit(i, [1, 3])[1]
unstack(i, axis=1)[2]
rollaxis(i, 2)
rollaxis(i, 0, 3)
rollaxis(i, -1, 1)
vecdot(x, y)
vecdot(x, y, axis=0)
vecdot(x, array([1.0, 2.0, 0.0, -1.0]))
vecdot(uint8(n * 40), uint8(n + 8))
vecdot(int16(i), int16(i) - 3, axis=1)
vecdot(b, b)
linspace(-1.5, 2, 7, endpoint=False)
linspace(3, -2, 5, False, dtype=float32)
matvec(x, array([1.0, 2.0, 0.5, -1.0]))
vecmat(array([1.0, 2.0, 0.5]), x)
matrix_transpose(i)
zeros_like(x)
ones_like(n)
full_like(x, 2)
full_like(n, 2.9)
zeros_like(x, dtype=int8)
ones_like(x, shape=(2, 2))
asarray(n)
logspace(0, 3, 4)
logspace(1, 4, 4, base=2)
geomspace(1, 1000, 4)
geomspace(-1000, -1, 4)
geomspace(256, 1, 9)
bartlett(7)
bartlett(1)
bartlett(0)
blackman(7)
hamming(8)
hanning(7)
kaiser(7, 5.0)
kaiser(1, 5.0)
fabs(n)
fabs(z)
isposinf(z)
isneginf(z)
frexp(v)[0]
frexp(v)[1]
polyval([2, -1, 3], v)
polyval([2, -1, 3], n)
polyval([0.5], n)
polyadd([1, 2], [9, 5, 4])
polyadd(v, [0.5, 1])
polysub([2, 10, -2, 4], [3])
polymul([0, 0, 1, 2], [9, 5, 1])
polymul([0.5, 1], v)
polymul([0], [1, 2])
polyder([3, 1, 4, 1, 5])
polyder(v, 2)
polyder([7])
polyint([6, 4, 1], k=2.0)
polyint([6, 4, 1], 3, k=[6, 5, 3])
polyint(v)
vander([1, 2, 3, 5])
vander([1, 2, 3, 5], 3)
vander(array([1.5, -2, 0.25]), 5, increasing=True)
vander([2], 1)
vander([2, 3], 0)
packbits(x > 0)
packbits(x > 0, axis=0)
packbits(x > 0, axis=-1, bitorder='little')
unpackbits(uint8([1, 2, 254]))
unpackbits(uint8([[1, 2], [254, 3]]), axis=0, bitorder='little')
unpackbits(uint8([[1, 2], [254, 3]]), axis=1, count=5)
unpackbits(uint8([1, 2]), count=20)
unpackbits(uint8([1, 2]), count=-3)
trim_zeros([0, 0, 1, 0, 2, 0])
trim_zeros([0, 0, 1, 0, 2, 0], 'f')
trim_zeros([0, 0, 1, 0, 2, 0], trim='b')
trim_zeros(array([0, 0]))
trim_zeros([0.5])
lexsort(([3, 1, 9, 0, 1], [2, 0, 1, 0, 0]))
lexsort(x)
lexsort((x, x), axis=0)
block([x, x])
block([[x, x], [x, x]])
block([v, 7])
block([[ones((2, 2)), zeros((2, 3))], [arange(5)]])
piecewise(v, [v < 0, v >= 0], [-1, 1])
piecewise(x, [x < 0, x > 0.5, x > 1], [-9, 1.5, 2, 7])
array_equiv(x, x)
array_equiv(x, v)
array_equiv(ones((3, 4)), 1)
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
diff(n, n=0, prepend=1, append=[2, 3])
einsum('i,i->', n, n)
einsum('ij,i->j', b.reshape(7, 1) * (x.ravel()[:5] > 1), v)
einsum('abc,b->a', i > 0, array([1.0, 2.5, 3.0]))
einsum('abc,b->a', int8(i + 60), array([1, 2, 3]))
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
    "logspace": 2,
    "geomspace": 2,
    "blackman": 2,
    "hamming": 2,
    "hanning": 2,
    "kaiser": 4,
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
