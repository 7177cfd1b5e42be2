"""Goldens for reductions: what NumPy answers, by row, dtype, data and options.

Writes reduce.json beside itself: the data sets, then one case a line:
[row, dtype, data, {options}, result dtype, bits] or [row, dtype, data, {options}, "error", name].
Left out, because the library differs on purpose: min and max with where= (NumPy wants initial=),
zeros of both signs in min, max and sum, integer overflow, integer dtype= for means."""
import json, os, warnings
import numpy as np

warnings.simplefilter("ignore")
DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64"]
ROWS = ["sum", "mean", "var", "std", "average", "min", "max", "argmin", "argmax", "prod", "any", "all",
        "count_nonzero", "nansum", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanargmin",
        "nanargmax", "nanprod"]
nan, inf = np.nan, np.inf

def data(d):
    if d == "bool":
        return {"a": [1, 0, 1, 1, 0], "one": [1], "no": [0, 0, 0], "e": []}
    if d.startswith("u"):
        return {"a": [3, 7, 1, 7, 1, 2, 5], "one": [9], "no": [0, 0], "e": []}
    if d.startswith("i"):
        return {"a": [3, -7, 1, -7, 2, 1, -1], "one": [-9], "no": [0, 0], "e": []}
    return {"a": [3.5, -7.25, 1, -7.25, 2, 8, 8], "one": [-0.375], "no": [0, 0], "e": [],
            "nan": [1.5, nan, -2, nan, 4, 4], "allnan": [nan, nan], "inf": [1, inf, 2], "infs": [inf, -inf, 1],
            "neg": [-inf, 2, nan], "infzero": [inf, 0, -1]}

def bits(x):
    x = np.atleast_1d(x)
    return [f"{v:x}" for v in x.view(f"u{x.dtype.itemsize}").tolist()]

def fits(a, row, t):
    """Whether the cast is defined and the exact integer result fits, so that NumPy does not wrap."""
    if t is None or t == "bool" or t.startswith("float"):
        return True
    if a.dtype.kind == "f" and (t.startswith("u") or np.isnan(a).any()):
        return False
    c = [int(x) for x in a.astype(t)]
    r = sum(c) if row.endswith("sum") else np.prod(np.array(c, dtype=object))
    return np.iinfo(t).min <= r <= np.iinfo(t).max

sets, cases = {}, []
for d in DTYPES:
    for key, v in data(d).items():
        a = np.array(v, dtype=d)
        sets[f"{d} {key}"] = bits(a)
        for row in ROWS:
            f = getattr(np, row)
            floaty = row.removeprefix("nan") in ("mean", "var", "std")
            todo = [{}]
            if row.removeprefix("nan") in ("var", "std"):
                todo += [{"ddof": 1}, {"ddof": 1.5}, {"ddof": len(v)}, {"ddof": len(v) + 2}]
            if (floaty or row.removeprefix("nan") in ("sum", "prod")) and key in ("a", "nan"):
                todo += [{"dtype": t} for t in (["float16", "float32", "float64"] if floaty else DTYPES)]
            todo = [o for o in todo if fits(a, row, o.get("dtype"))]
            where = floaty or row.removeprefix("nan") in ("sum", "prod") or row in ("any", "all")
            if where and len(v) > 2:
                todo += [{"where": [i % 3 != 1 for i in range(len(v))]}, {"where": [False] * len(v)}]
            if row == "average":
                todo = [{"weights": [1 + i % 3 for i in range(len(v))], "wdtype": t}
                        for t in ("float32", d, "int64")] if len(v) else []
            for o in todo:
                o = dict(o)
                k = {n: v2 for n, v2 in o.items() if n != "wdtype"}
                if "where" in k:
                    k["where"] = np.array(k["where"])
                if "weights" in k:
                    k["weights"] = np.array(k["weights"]).astype(o["wdtype"])
                    o["weights"] = bits(k["weights"])
                try:
                    r = np.asarray(f(a, **k))
                    cases.append([row, d, key, o, str(r.dtype), bits(r)[0]])
                except Exception as e:
                    kind = "TypeError" if isinstance(e, TypeError) else type(e).__name__
                    cases.append([row, d, key, o, "error", kind])

with open(os.path.join(os.path.dirname(__file__), "reduce.json"), "w") as f:
    f.write('{"sets": ' + json.dumps(sets) + ',\n"cases": [\n')
    f.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n")
print(len(cases))
