"""Goldens for decoding: what xarray makes of packed and masked numbers, and netCDF4 of valid ranges.

Writes decoded.json beside itself, one case a line: name, dtype, stored numbers, attributes as
[name, dtype, values] (a string has the dtype "str"), dtype and bits of what comes out ("nan" for any NaN).
Values and dtypes are xarray's. Where there is a valid range, which xarray leaves alone, what is missing is
what netCDF4 masks, and the dtype xarray's as if there were a fill value.
Left out, because the library differs on purpose (the documentation of Array::open_decoded): integer
scale_factor alone, missing_value beside _Unsigned, 8-byte integers beyond 2^53 beside missing values."""
import json, os, tempfile, warnings
import netCDF4
import numpy as np
import xarray as xr

warnings.simplefilter("ignore")
nan, inf = np.nan, np.inf
f4, f8 = np.float32, np.float64
INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64"]
PACKINGS = {
    "scale4": {"scale_factor": f4(0.01)},
    "scale8": {"scale_factor": f8(0.0023746899988156)},
    "offset4": {"add_offset": f4(273.15)},
    "offset8": {"add_offset": f8(273.15)},
    "both4": {"scale_factor": f4(0.0036361285), "add_offset": f4(-65.47139)},
    "both8": {"scale_factor": f8(0.0019), "add_offset": f8(281.5)},
    "mixed48": {"scale_factor": f4(0.3052037), "add_offset": f8(1 / 3)},
    "mixed84": {"scale_factor": f8(1 / 3), "add_offset": f4(0.1)},
    "one": {"scale_factor": f8(1), "add_offset": f8(0)},
    "integers": {"scale_factor": np.int32(3), "add_offset": np.int32(-7)},
}

def numbers(d):
    if d in FLOATS:
        return [0, -0.0, 1.5, -2.25, 1e4, 3.14159, nan, inf, -999, 7]
    info = np.iinfo(d)
    top = min(info.max, 2**53)
    return [0, 1, 2, 7, 100, top, top // 3, max(info.min, -(2**53)), max(info.min, -999) if info.min else 9]

def bits(x):
    return ["nan" if v != v else f"{b:x}" for v, b in zip(x.tolist(), x.view(f"u{x.dtype.itemsize}").tolist())]

def row(name, data, attrs, want):
    def told(v):
        if isinstance(v, str):
            return ["str", [v]]
        v = np.atleast_1d(v)
        return [v.dtype.name, bits(v)]
    return [name, data.dtype.name, bits(data), [[k, *told(v)] for k, v in attrs.items()], want.dtype.name, bits(want)]

def decoded(data, attrs):
    v = xr.conventions.decode_cf_variable("v", xr.Variable(("x",), data, dict(attrs)), decode_times=False)
    return np.ascontiguousarray(v.values)

cases = []
def case(name, data, attrs):
    cases.append(row(name, data, attrs, decoded(data, attrs)))

for d in INTS + FLOATS:
    data = np.array(numbers(d), dtype=d)
    t = data.dtype.type
    masks = {"plain": {}, "fill": {"_FillValue": t(7)}, "missing": {"missing_value": t(0)},
             "both": {"_FillValue": t(7), "missing_value": t(100 if d in INTS else 1.5)},
             "list": {"missing_value": np.array([1 if d in INTS else -999, 7], dtype=d)}}
    if d in FLOATS:
        masks["nan"] = {"_FillValue": t(nan)}
        masks["nan and more"] = {"_FillValue": t(nan), "missing_value": t(7)}
    else:
        masks["no such number"] = {"missing_value": f8(1e300)}
        masks["a float"] = {"missing_value": f8(7)}
        masks["a nan"] = {"_FillValue": f4(nan)}
    for mask, m in masks.items():
        case(f"{d} {mask}", data, m)
        for packing, p in PACKINGS.items():
            case(f"{d} {mask} {packing}", data, {**m, **p})

for size in (1, 2, 4, 8):
    for kind, text in (("i", "true"), ("u", "false")):
        # Numbers of the other sign that floats tell apart, in which xarray compares.
        top = 1 << (8 * size - 1)
        high = np.array([top, top + top // 2, top + top // 4], dtype=f"u{size}").view(f"{kind}{size}")
        data = np.concatenate([np.array([0, 1, 7, 100], dtype=f"{kind}{size}"), high])
        for fill in (None, data[4]):
            for packing, p in {"": {}, **PACKINGS}.items():
                attrs = {"_Unsigned": text, **({} if fill is None else {"_FillValue": fill}), **p}
                case(f"{data.dtype} unsigned {text} {fill} {packing}", data, attrs)
case("bool of xarray", np.array([0, 1, 5, -1], "int8"), {"dtype": "bool"})

# Valid ranges. netCDF4 compares in the stored dtype, so these have it.
folder = tempfile.TemporaryDirectory()
def ranged(name, data, attrs):
    attrs = dict(attrs)
    path = os.path.join(folder.name, "a.nc")
    with netCDF4.Dataset(path, "w") as nc:
        nc.createDimension("x", len(data))
        v = nc.createVariable("v", data.dtype, ("x",), fill_value=attrs.get("_FillValue"))
        v.set_auto_maskandscale(False)
        v.setncatts({k: a for k, a in attrs.items() if k != "_FillValue"})
        v[:] = data
    with netCDF4.Dataset(path) as nc:
        hidden = np.ma.getmaskarray(nc["v"][:])
    ranges = ("valid_range", "valid_min", "valid_max")
    like = decoded(data, {k: a for k, a in attrs.items() if k not in ranges} | {"_FillValue": attrs.get("_FillValue", data[0])})
    plain = decoded(data, {k: a for k, a in attrs.items() if k not in (*ranges, "_FillValue", "missing_value")})
    want = plain.astype(like.dtype) if "scale_factor" not in attrs else plain
    assert want.dtype == like.dtype, name
    want[hidden] = nan
    cases.append(row(name, data, attrs, want))

for d in INTS[:3] + INTS[4:7] + FLOATS[1:]:
    data = np.array([0, 1, 2, 7, 99, 100, 101, 9], dtype=d)
    a = lambda *v: np.array(v, dtype=d)
    for name, r in {"range": {"valid_range": a(1, 100)}, "low": {"valid_min": a(2)[0]}, "high": {"valid_max": a(99)[0]},
                    "ends": {"valid_min": a(2)[0], "valid_max": a(100)[0]}}.items():
        ranged(f"{d} {name}", data, r)
        ranged(f"{d} {name} fill", data, {"_FillValue": a(9)[0], **r})
        ranged(f"{d} {name} packed", data, {"scale_factor": f4(0.01), "add_offset": f4(5), **r})
ranged("GOES", np.array([0, 1, -1, -6, -5, 32767, -32768], "int16"),
       {"_Unsigned": "true", "_FillValue": np.int16(-1), "valid_range": np.array([0, -6], "int16"),
        "scale_factor": f4(0.3052037), "add_offset": f4(0)})

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "decoded.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
print(len(cases), "cases")
