"""Files of compound, complex and bitfield data by h5py, and what h5py reads of each field.

Writes compound.h5, its sources compound_source.h5, and compound.json beside itself, one field a line:
path, dtype, shape, bits of its numbers."""
import json, os
import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

here = os.path.dirname(os.path.abspath(__file__))
at = lambda name: os.path.join(here, name)
rng = np.random.default_rng(7)
rows = []

def bits(a):
    a = np.ascontiguousarray(a)
    a = a.astype(a.dtype.newbyteorder("="))
    return [f"{v:x}" for v in a.ravel().view(f"u{a.dtype.itemsize}").tolist()]

def told(path, a):
    rows.append([path, "bool" if a.dtype == bool else a.dtype.newbyteorder("=").name, list(a.shape), bits(a)])

def fields(path, a, names=()):
    """Every field that is numbers, those inside of fields too."""
    for name in a.dtype.names:
        f = a[name]
        if f.dtype.names:
            fields(f"{path}/{name}", f)
        elif f.dtype.kind in "iufb":
            told(f"{path}/{name}", f)

def filled(shape, dtype):
    raw = rng.integers(0, 256, int(np.prod(shape)) * dtype.itemsize, dtype="u1")
    a = raw.view(dtype).reshape(shape).copy()
    def numbers(a):
        for name in a.dtype.names:
            f = a[name]
            if f.dtype.names:
                numbers(f)
            elif f.dtype.kind == "f":
                f[...] = rng.integers(-999, 999, f.shape) / 8
            elif f.dtype.kind == "b":
                f[...] = rng.integers(0, 2, f.shape)
    numbers(a)
    return a

plain = np.dtype({"names": ["fpga_count", "ctime"], "formats": ["<u4", "<f8"], "offsets": [0, 8], "itemsize": 16})
packed = np.dtype([("a", "i1"), ("b", ">i4"), ("c", "<f2"), ("flag", "?"), ("text", "S5"), ("d", ">f8")])
nested = np.dtype([("id", "<i8"), ("pos", [("x", "<f4"), ("y", ">f4"), ("w", "<u2", (2, 3))]), ("v", "<f4", (3,))])
inner = np.dtype([("hit", [("t", "<u2"), ("q", "<f4")], (2,)), ("n", "u1")])

with h5py.File(at("compound.h5"), "w", libver="earliest") as f:
    for name, dtype in {"plain": plain, "packed": packed, "nested": nested, "inner": inner}.items():
        a = filled((23,), dtype)
        for layout, how in {"contiguous": {}, "chunked": {"chunks": (7,)}, "deflated": {"chunks": (7,), "compression": "gzip", "shuffle": True},
                            "checked": {"chunks": (40,), "maxshape": (None,), "fletcher32": True}}.items():
            f.create_dataset(f"{name}/{layout}", data=a, **how)
            fields(f"/{name}/{layout}", a)
        space, dcpl = h5s.create_simple((23,)), h5p.create(h5p.DATASET_CREATE)
        dcpl.set_layout(h5d.COMPACT)
        d = h5d.create(f.id, f"{name}/compact".encode(), h5t.py_create(dtype, logical=True), space, dcpl)
        d.write(h5s.ALL, h5s.ALL, a)
        fields(f"/{name}/compact", f[f"{name}/compact"][:])
    a = filled((9, 5), nested)
    f.create_dataset("two", data=a, chunks=(4, 2), compression="gzip")
    fields("/two", a)
    fill = np.array((7, 2.5), plain)
    d = f.create_dataset("partly", (20,), plain, chunks=(6,), fillvalue=fill)
    d[7:9] = filled((2,), plain)
    fields("/partly", d[:])
    fields("/never", f.create_dataset("never", (5,), plain, fillvalue=fill)[:])
    fields("/one", f.create_dataset("one", data=filled((), nested))[()][None][0])
    fields("/empty", f.create_dataset("empty", (0,), nested, maxshape=(None,), chunks=(4,))[:])
    # Elements that are arrays.
    t = h5t.array_create(h5t.IEEE_F32BE, (2, 3))
    for name, chunk in {"arrays": None, "arrays_chunked": (4,)}.items():
        dcpl = h5p.create(h5p.DATASET_CREATE)
        if chunk:
            dcpl.set_chunk(chunk)
        d = h5d.create(f.id, name.encode(), t, h5s.create_simple((6,)), dcpl)
        d.write(h5s.ALL, h5s.ALL, np.arange(36, dtype=">f4").reshape(6, 2, 3), mtype=t)
        told(f"/{name}", f[name][:])
    # Complex numbers, as h5py writes them, and as HDF5 2.0 does.
    z = (rng.integers(-99, 99, 11) + 1j * rng.integers(-99, 99, 11)) / 4
    for name, t in {"c8": "<c8", "c16": ">c16"}.items():
        f.create_dataset(f"complex/{name}", data=z.astype(t), chunks=(4,), shuffle=True, compression="gzip")
        told(f"/complex/{name}/r", z.astype(t).real)
        told(f"/complex/{name}/i", z.astype(t).imag)
    # Bits, and bools by other names.
    a = rng.integers(0, 2, 9).astype("u1")
    for name, t in {"b8": h5t.STD_B8LE, "b16": h5t.STD_B16BE, "b32": h5t.STD_B32LE, "b64": h5t.STD_B64BE}.items():
        d = h5d.create(f.id, f"bits_{name}".encode(), t, h5s.create_simple((9,)))
        d.write(h5s.ALL, h5s.ALL, a.astype(f"u{t.get_size()}") * 3, mtype={1: h5t.NATIVE_B8, 2: h5t.NATIVE_B16, 4: h5t.NATIVE_B32, 8: h5t.NATIVE_B64}[t.get_size()])
        told(f"/bits_{name}", a.astype(f"u{t.get_size()}") * 3)
    t = h5t.enum_create(h5t.STD_I8LE)
    t.enum_insert(b"true", 1)
    t.enum_insert(b"false", 0)
    d = h5d.create(f.id, b"small_letters", t, h5s.create_simple((9,)))
    d.write(h5s.ALL, h5s.ALL, a.astype("i1"), mtype=t)
    told("/small_letters", a.astype(bool))

with h5py.File(at("compound_source.h5"), "w", libver="latest") as f:
    a = filled((10,), nested)
    f.create_dataset("s", data=a, chunks=(4,))
    layout = h5py.VirtualLayout((20,), nested)
    layout[:10] = h5py.VirtualSource(f["s"])
    layout[10:] = h5py.VirtualSource(f["s"])
    f.create_virtual_dataset("v", layout)
    fields("/v", np.concatenate([a, a]))
    fields("/s", a)
    # HDF5 2.0 has complex numbers.
    d = h5d.create(f.id, b"z", h5t.COMPLEX_IEEE_F64BE, h5s.create_simple((11,)))
    d.write(h5s.ALL, h5s.ALL, z.astype("<c16"), mtype=h5t.COMPLEX_IEEE_F64LE)
    told("/z/r", z.real)
    told("/z/i", z.imag)

with open(at("compound.json"), "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
print(len(rows), "fields")
