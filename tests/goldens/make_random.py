"""Writes random.json: what tests/random.rs compares random numbers with.

- words: blocks of NumPy's Philox at counters that the library uses, which tells the layout of the counters.
- inverse: what inversion makes of words, by mpmath.
- values: numbers drawn from such words by exact arithmetic (mpmath, SciPy's tails, whole numbers), place by place.
- numpy: the very numbers of `Generator(Philox(key=seed))`, for what is drawn as NumPy does.
- floats, counts: distributions, as SciPy's cumulative probabilities at many points.

    python3 make_random.py
"""
import json
from fractions import Fraction
import numpy as np
import scipy.special as sp
import scipy.stats as st
from mpmath import mp, mpf, erfinv, sqrt, log, exp

mp.dps = 60
MASK = 2**64 - 1


def block(seed, counter):
    """NumPy adds 1 to the counter before it makes a block."""
    v = (sum(c << (64 * i) for i, c in enumerate(counter)) - 1) % 2**256
    words = np.array([(v >> (64 * i)) & MASK for i in range(4)], dtype=np.uint64)
    philox = np.random.Philox(counter=words, key=np.array([seed, 0], dtype=np.uint64))
    return [int(w) for w in philox.random_raw(4)]


def word(seed, number, i):
    return block(seed, [i // 4, 0, 0, number])[i % 4]


def own(seed, number, i):
    k = 1
    while True:
        yield from block(seed, [i, k, 0, number])
        k += 1


def normal(w):
    u = (mpf(w % 2**63) + mpf(1) / 2) / mpf(2) ** 64
    size = sqrt(2) * erfinv(1 - 2 * u)
    return float(size if w >> 63 else -size)


def exponential(w):
    return float(-log(1 - (mpf(w) + mpf(1) / 2) / mpf(2) ** 64))


def tails(w, above):
    """The number k with above(k) <= u < above(k - 1)."""
    u = (mpf(w) + mpf(1) / 2) / mpf(2) ** 64
    k = 0
    while u < above(k):
        k += 1
    return k


def poisson_above(lam):
    lam = mpf(lam)
    below, terms = [], exp(-lam)
    total = mpf(0)
    for k in range(200):
        total += terms
        below.append(1 - total)
        terms *= lam / (k + 1)
    return lambda k: below[k]


def binomial_above(n, p):
    p = mpf(p)
    share, total, below = (1 - p) ** n, mpf(0), []
    for k in range(min(n, 200) + 1):
        total += share
        below.append(1 - total if k < n else mpf(0))
        share *= mpf(n - k) / (k + 1) * p / (1 - p)
    return lambda k: below[k]


def integer(seed, i, low, last):
    n = last - low + 1
    words = iter([word(seed, 7, i)])
    rest = own(seed, 7, i)
    while True:
        w = next(words, None)
        w = next(rest) if w is None else w
        if w * n % 2**64 >= 2**64 % n:
            return low + (w * n >> 64)


PLACES = list(range(24)) + [101, 1000, 2**40 + 3]
values = []
for seed in [0, 7, MASK]:
    values.append(["standard_normal", [], seed, [normal(word(seed, 1, i)) for i in PLACES]])
    values.append(["standard_exponential", [], seed, [exponential(word(seed, 2, i)) for i in PLACES]])
    for lam in [0.0, 1e-3, 0.7, 9.99]:
        values.append(["poisson", [lam], seed, [tails(word(seed, 5, i), poisson_above(lam)) for i in PLACES]])
    for n, p in [(0, 0.5), (5, 0.0), (5, 1.0), (12, 0.3), (12, 0.75), (10**9, 3e-9)]:
        q = p if p <= 0.5 else 1 - p
        drawn = [tails(word(seed, 6, i), binomial_above(n, q)) if 0 < q and n else 0 for i in PLACES]
        values.append(["binomial", [n, p], seed, drawn if p <= 0.5 else [n - k for k in drawn]])
    for low, last in [(-5, 5), (0, 2**63 - 1), (-2**63, 2**63 - 1), (-2**62 - 1, 2**62), (7, 7)]:
        values.append(["integers", [str(low), str(last)], seed, [str(integer(seed, i, low, last)) for i in PLACES]])
assert any(word(0, 7, i) * (2**63 + 2) % 2**64 < 2**64 % (2**63 + 2) for i in PLACES), "nothing is rejected"

numpy = []
for seed in [0, 3, MASK]:
    g = lambda: np.random.Generator(np.random.Philox(key=seed))
    for low, high in [(0.0, 1.0), (-3.5, 12.25), (5.0, 5.0), (-1e300, 1e300), (0.1, 0.3)]:
        numpy.append(["uniform", seed, [low, high], [str(v) for v in g().uniform(low, high, 50).view(np.uint64)]])
    for p in [[0.5, 0.5], [0.1, 0.0, 0.2, 0.7], [1.0], [1 / 7] * 7]:
        numpy.append(["choice", seed, p, [int(v) for v in g().choice(len(p), 50, p=p)]])

# Points where the cumulative probability is an even grid, and far tails.
GRID = np.concatenate([10.0 ** np.arange(-6, -2.5, 0.5), np.arange(1, 200) / 200])
PROBS = np.concatenate([GRID, 1 - GRID[:7]])
FLOATS = {
    "standard_normal": [([], st.norm())],
    "standard_exponential": [([], st.expon())],
    "normal": [([3.0, 2.5], st.norm(3.0, 2.5))],
    "exponential": [([0.25], st.expon(0, 0.25))],
    "lognormal": [([0.5, 0.75], st.lognorm(0.75, scale=np.exp(0.5)))],
    "uniform": [([-2.0, 5.0], st.uniform(-2.0, 7.0))],
    "gamma": [([a, s], st.gamma(a, scale=s)) for a, s in [(0.01, 1.0), (0.5, 2.0), (0.999, 1.0), (1.0, 1.0), (2.5, 0.1), (1000.0, 1.0), (1e9, 1.0)]],
    "beta": [([a, b], st.beta(a, b)) for a, b in [(0.01, 0.02), (0.5, 0.5), (0.3, 4.0), (1.0, 1.0), (2.0, 5.0), (500.0, 0.7), (1000.0, 2000.0)]],
}
floats = []
for name, cases in FLOATS.items():
    for params, law in cases:
        with np.errstate(all="ignore"):
            x = np.unique(law.ppf(PROBS))
        # Not where floats are so sparse that rounding to one of them is seen.
        x = x[np.isfinite(x) & (abs(x) > 1e-300)]
        x = x[x < 1 - 1e-9] if name == "beta" else x
        mean, var = (float(v) for v in law.stats("mv"))
        floats.append([name, params, x.tolist(), law.cdf(x).tolist(), law.sf(x).tolist(), mean, var])

COUNTS = {
    "poisson": [([lam], st.poisson(lam)) for lam in [1e-3, 0.5, 9.9, 10.0, 10.5, 37.0, 1000.0, 1e6]],
    "binomial": [([n, p], st.binom(n, p)) for n, p in [(1, 0.3), (20, 0.25), (20, 0.9), (40, 0.5), (100, 0.1), (100, 0.4), (1000, 0.85),
                 (10**6, 0.5), (10**9, 1e-9), (10**9, 2e-7), (10**9, 0.37)]],
}
counts = []
for name, cases in COUNTS.items():
    for params, law in cases:
        last = np.unique(law.ppf(np.concatenate([[1e-5, 1e-4, 1e-3], np.arange(1, 60) / 60, [1 - 1e-3, 1 - 1e-4, 1 - 1e-5]])))
        last = last[last >= 0].astype(np.int64)
        mean, var = (float(v) for v in law.stats("mv"))
        # Bins end at these numbers, the last one never.
        share = np.diff(np.concatenate([[0.0], law.cdf(last)])).tolist() + [float(law.sf(last[-1]))]
        counts.append([name, params, last.tolist(), share, mean, var])

# Both tails, to their ends.
ends = [w for k in range(64) for w in (2**k, 2**k - 1, 2**64 - 2**k, 2**63 + 2**k & MASK, 2**63 - 2**k)]
inverse = [[str(w), normal(w), exponential(w)] for w in sorted({w & MASK for w in ends} | {0, MASK})]

words = [[seed, counter, [str(w) for w in block(seed, counter)]] for seed in [0, 5, MASK]
         for counter in [[0, 0, 0, 1], [3, 1, 0, 7], [MASK, MASK, 1, 8]]]
with open(__file__.replace("make_random.py", "random.json"), "w") as f:
    json.dump({"words": words, "inverse": inverse, "places": PLACES, "values": values, "numpy": numpy, "floats": floats, "counts": counts}, f)
    f.write("\n")
