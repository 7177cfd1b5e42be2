"""What chunkwise must answer for reductions: NumPy's dtypes and shapes, values by exact rational arithmetic rounded
once."""
from fractions import Fraction
from math import isqrt, prod

import numpy as np


class Wrong(Exception):
    """What chunkwise must answer with an error, by its contract or because NumPy raises."""


FORMAT = {"float16": (11, -24), "float32": (24, -149), "float64": (53, -1074)}


def round_to(f, dtype, odd=False):
    """A Fraction rounded once; `odd` says that the true value lies just above."""
    bits, least = FORMAT[dtype]
    if f == 0:
        return np.dtype(dtype).type(0)
    sign, f = (-1, -f) if f < 0 else (1, f)
    e = f.numerator.bit_length() - f.denominator.bit_length()
    if Fraction(2) ** e > f:
        e -= 1
    step = max(e - bits + 1, least)
    scaled = f / Fraction(2) ** step
    q, r = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * r - scaled.denominator
    if twice > 0 or (twice == 0 and (odd or q & 1)):
        q += 1
    v = Fraction(q) * Fraction(2) ** step
    if v > Fraction(float(np.finfo(dtype).max)):
        return np.dtype(dtype).type(sign * np.inf)
    return np.dtype(dtype).type(float(v) * sign)


def root(f, dtype):
    k = 600
    n = (f.numerator << (2 * k)) // f.denominator
    r = isqrt(n)
    exact = Fraction(r * r, 1 << (2 * k)) == f
    return round_to(Fraction(2 * r + (0 if exact else 1), 1 << (k + 1)), dtype)


def exact(name, v, w, dtype, ddof, nan):
    """One output of a float family: v the values that take part, as Python numbers."""
    if name == "average":
        if len(v) == 0 or not np.isfinite([*v, *w]).all():
            return np.nan
        s = sum(map(Fraction, w), Fraction(0))
        if s == 0:
            raise Wrong
        return round_to(sum((Fraction(a) * Fraction(b) for a, b in zip(v, w)), Fraction(0)) / s, dtype)
    special = [x for x in v if isinstance(x, float) and not np.isfinite(x)]
    n = len(v)
    if name == "sum":
        return np.sum(special) if special else round_to(sum(map(Fraction, v), Fraction(0)), dtype)
    if name == "prod":
        if special:
            return np.prod(np.array(v))
        p = Fraction(1)
        for x in v:
            p *= Fraction(x)
        # A zero has the sign of the product.
        return round_to(p, dtype) if p else np.prod(np.copysign(np.sign(np.abs(v)), v))
    if name == "mean":
        if n == 0:
            return np.nan
        return np.sum(special) if special else round_to(sum(map(Fraction, v), Fraction(0)) / n, dtype)
    if special or n - ddof <= 0:
        # NumPy divides 0 by 0, or something by 0.
        if not special and n > 0 and len(set(v)) > 1 and not nan:
            return np.inf
        return np.nan
    m = sum(map(Fraction, v), Fraction(0)) / n
    var = sum(((Fraction(x) - m) ** 2 for x in v), Fraction(0)) / (n - Fraction(ddof))
    return round_to(var, dtype) if name == "var" else root(var, dtype)


def extreme(base, nan, a, axis, keep, where):
    options = dict(axis=axis, keepdims=keep)
    where = np.broadcast_to(where, a.shape)
    if not where.any(axis=axis).all():
        raise Wrong
    fill, pick = (np.inf, np.min) if base == "min" else (-np.inf, np.max)
    counts = where & ~np.isnan(a)
    v = np.asarray(pick(np.where(counts, a, fill), **options)).astype(a.dtype)
    zero = lambda negative: (counts & (a == 0) & (np.signbit(a) == negative)).any(**options)
    v = np.where((v == 0) & zero(base == "min"), -0.0 if base == "min" else 0.0, v)
    all_nan, any_nan = ~counts.any(**options), (where & np.isnan(a)).any(**options)
    return np.where(all_nan if nan else any_nan, np.nan, v).astype(a.dtype)


def reduce(name, a, kw):
    nan = name.startswith("nan")
    base = name[3:] if nan else name
    axis = kw.get("axis")
    axis = tuple(axis) if isinstance(axis, list) else axis
    keep = kw.get("keepdims", False)
    where = kw.get("where", True)
    dtype = kw.get("dtype")
    if base in ("any", "all"):
        return getattr(np, name)(a, axis=axis, keepdims=keep, where=where)
    if base == "count_nonzero":
        return np.count_nonzero(a, axis=axis, keepdims=keep)
    if base in ("argmin", "argmax"):
        return getattr(np, name)(a, axis=axis, keepdims=keep)
    if base in ("min", "max") and a.dtype.kind == "f":
        # The least NaN-propagating order, with -0 below +0 (NumPy leaves that open).
        return extreme(base, nan, a, axis, keep, where)
    if base in ("min", "max"):
        if where is True:
            return getattr(np, name)(a, axis=axis, keepdims=keep)
        if a.dtype.kind == "b":
            initial = base == "min"
        else:
            info = np.iinfo(a.dtype)
            initial = info.max if base == "min" else info.min
        if not np.broadcast_to(where, a.shape).any(axis=axis).all():
            raise Wrong
        return getattr(np, name)(a, axis=axis, keepdims=keep, where=where, initial=initial)
    # Shape and dtype as NumPy's, values exact.
    options = dict(axis=axis, keepdims=keep, dtype=dtype)
    if base in ("sum", "prod", "mean", "var", "std"):
        if where is not True:
            options["where"] = where
        if base in ("var", "std"):
            options["ddof"] = kw.get("ddof", 0)
        like = np.asarray(getattr(np, name)(a, **options))
    else:
        w = kw["weights"]
        if axis is not None and w.ndim == 1 and a.ndim > 1:
            if w.shape[0] != a.shape[axis]:
                raise Wrong
            w = w.reshape([-1 if d == axis % a.ndim else 1 for d in range(a.ndim)])
        w = np.broadcast_to(w, a.shape)
        like = np.asarray(np.mean(a, axis=axis, keepdims=keep))
        like = like.astype(np.result_type(like.dtype, w.dtype))
    out = like.dtype.name
    if dtype is not None and base in ("sum", "prod"):
        a = a.astype(dtype)
    if dtype is not None and base in ("mean", "var", "std") and a.dtype.kind == "f":
        a = a.astype(dtype)
    axes = range(a.ndim) if axis is None else [d % a.ndim for d in np.atleast_1d(axis)]
    kept = [d for d in range(a.ndim) if d not in axes]
    move = kept + list(axes)
    lead = [a.shape[d] for d in kept]
    count = int(np.prod([a.shape[d] for d in axes], dtype=int))
    flat = lambda x: np.transpose(x, move).reshape(int(np.prod(lead, dtype=int)), count)
    values = flat(a)
    masks = flat(np.broadcast_to(where, a.shape))
    weights = flat(w) if base == "average" else values
    result = []
    for v, m, w in zip(values, masks, weights):
        keepers = m & ~(np.isnan(v)) if nan and v.dtype.kind == "f" else m
        v = v[keepers]
        if out.startswith(("int", "uint")):
            n = sum(map(int, v)) if base == "sum" else prod(int(x) for x in v)
            info = np.iinfo(out)
            if not info.min <= n <= info.max:
                raise Wrong  # exact or an error, never a wrap
            result.append(n)
        else:
            plain = [float(x) if v.dtype.kind == "f" else int(x) for x in v]
            result.append(exact(base, plain, [float(x) for x in w[keepers]], out, kw.get("ddof", 0), nan and v.dtype.kind == "f"))
    return np.array(result, dtype=out).reshape(like.shape)
