"""Makes tests/goldens/meta/*.h5 and tests/goldens/meta.json: every kind of metadata in files of every format that
HDF5 has had, and what h5py says of them.

    pip install h5py==3.16.0 numpy
    python make_meta.py

h5py 3.16 brings HDF5 2.0, which writes the formats of all versions before it.
"""
import json
import os

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5o, h5p, h5r, h5s, h5t

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "meta")
VERSIONS = {
    "earliest": h5f.LIBVER_EARLIEST,
    "v108": h5f.LIBVER_V18,
    "v110": h5f.LIBVER_V110,
    "v112": h5f.LIBVER_V112,
    "v114": h5f.LIBVER_V114,
    "v200": h5f.LIBVER_V200,
}


def changed(base, **how):
    t = base.copy()
    for name, args in how.items():
        getattr(t, name)(*args)
    return t


def strings(size, pad, cset=h5t.CSET_ASCII):
    t = h5t.C_S1.copy()
    t.set_size(size)
    if size != h5t.VARIABLE:
        t.set_strpad(pad)
    t.set_cset(cset)
    return t


def enum(base, **members):
    t = h5t.enum_create(base)
    for name, value in members.items():
        t.enum_insert(name.encode(), value)
    return t


def types(version):
    out = {}
    for kind in ("i1", "u1", "i2", "u4", "i8", "f2", "f4", "f8"):
        for order in "<>":
            out[{"<": "le_", ">": "be_"}[order] + kind] = h5t.py_create(np.dtype(order + kind))
    out["int17"] = changed(h5t.STD_I32LE, set_precision=(17,), set_offset=(3,))
    out["uint11"] = changed(h5t.STD_U16BE, set_precision=(11,), set_offset=(2,))
    out["int24"] = changed(h5t.STD_I32LE, set_precision=(24,), set_size=(3,))
    if version != "earliest":
        out["int50"] = changed(h5t.STD_I64LE, set_precision=(50,), set_size=(16,))
    out["int128"] = changed(h5t.STD_I64LE, set_size=(16,), set_precision=(128,))
    bfloat = h5t.IEEE_F32LE.copy()
    bfloat.set_fields(15, 7, 8, 0, 7)
    bfloat.set_size(2)
    bfloat.set_precision(16)
    out["bfloat16"] = bfloat
    out["long_double"] = h5t.NATIVE_LDOUBLE
    out["bool"] = h5t.py_create(np.dtype("?"), logical=True)
    out["bool_u1"] = enum(h5t.STD_U8LE, FALSE=0, TRUE=1)
    out["bool_i4"] = enum(h5t.STD_I32LE, FALSE=0, TRUE=1)
    out["colours"] = enum(h5t.STD_I16BE, RED=-1, GREEN=300, BLUE=7)
    out["bits"] = h5t.STD_B16LE
    out["text_null"] = strings(7, h5t.STR_NULLTERM)
    out["text_space"] = strings(7, h5t.STR_SPACEPAD, h5t.CSET_UTF8)
    out["text"] = strings(h5t.VARIABLE, None, h5t.CSET_UTF8)
    out["opaque"] = changed(h5t.create(h5t.OPAQUE, 5), set_tag=(b"a tag",))
    fields = [("a", "<i4"), ("b\u00e9", ">f8", (2, 3)), ("c", "S5"), ("d", [("x", "f2"), ("y", "u1")])]
    out["compound"] = h5t.py_create(np.dtype(fields))
    out["wide"] = h5t.py_create(np.dtype([(f"m{i}", "i2") for i in range(20)]))
    out["deep"] = h5t.py_create(np.dtype([("a", [("b", [("c", [("d", [("e", "i4")])])])])]))
    out["array"] = h5t.array_create(h5t.STD_I16BE, (2, 3))
    out["sequence"] = h5t.vlen_create(h5t.IEEE_F32BE)
    out["reference"] = h5t.STD_REF_OBJ
    out["region"] = h5t.STD_REF_DSETREG
    out["time"] = h5t.UNIX_D32LE
    if version == "v200":
        out["complex"] = h5t.COMPLEX_IEEE_F64LE
        out["complex_be"] = h5t.COMPLEX_IEEE_F32BE
    return out


def space(shape):
    if shape is None:
        return h5s.create(h5s.NULL)
    return h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)


PLAIN = (h5t.INTEGER, h5t.FLOAT, h5t.ENUM, h5t.STRING, h5t.BITFIELD, h5t.OPAQUE)


def attribute(group, name, t, shape, rng):
    a = h5a.create(group.id, name.encode(), t, space(shape))
    if shape is None or t.get_class() not in PLAIN:
        return
    n = int(np.prod(shape))
    if t.get_class() == h5t.STRING and t.is_variable_str():
        a.write(np.array(["\u00e9%d" % i * (i % 5) for i in range(n)], dtype=h5py.string_dtype()).reshape(shape))
        return
    low, high = (32, 127) if t.get_class() == h5t.STRING else (0, 256)
    raw = rng.integers(low, high, n * t.get_size(), dtype="u1").tobytes()
    a.write(np.frombuffer(raw, dtype="V%d" % t.get_size()).reshape(shape), mtype=t)


def build(name, version, userblock=0, sizes=None, order=False):
    rng = np.random.default_rng(5)
    fcpl, fapl = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
    fcpl.set_userblock(userblock)
    if sizes:
        fcpl.set_sizes(*sizes)
    if order:
        fcpl.set_link_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
        fcpl.set_attr_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
    high = h5f.LIBVER_V110 if version == "earliest" else VERSIONS[version]
    fapl.set_libver_bounds(VERSIONS[version], high)
    path = os.path.join(OUT, name)
    f = h5py.File(h5f.create(path.encode(), h5f.ACC_TRUNC, fcpl, fapl))

    attrs, named = f.create_group("attributes"), f.create_group("types")
    for key, t in types(version).items():
        attribute(attrs, key, t, (), rng)
        if key in ("be_f4", "int17", "bool", "text", "text_space", "compound"):
            attribute(attrs, key + "_2d", t, (2, 3), rng)
    attribute(attrs, "none", h5t.STD_I32LE, None, rng)
    attribute(attrs, "no_elements", h5t.STD_I32LE, (0,), rng)
    attribute(attrs, "many", h5t.STD_I32LE, (100,), rng)
    for key in ("be_i2", "text", "compound"):
        t = types(version)[key].copy()
        t.commit(named.id, key.encode())
        d = h5d.create(named.id, b"of_" + key.encode(), t, space((2,)))
        h5a.create(d, b"shared", t, space(()))

    data = f.create_group("data")
    values = np.arange(60, dtype="<i4").reshape(6, 10)
    for key, how in {
        "contiguous": {},
        "chunked": dict(chunks=(4, 3)),
        "deflated": dict(chunks=(4, 3), compression="gzip", shuffle=True, fletcher32=True),
        "lzf": dict(chunks=(4, 3), compression="lzf"),
        "growing": dict(chunks=(4, 3), maxshape=(None, 10)),
        "growing_deflated": dict(chunks=(2, 2), maxshape=(None, None), compression="gzip"),
        "single": dict(chunks=(6, 10), compression="gzip"),
        "filled": dict(chunks=(4, 3), fillvalue=7),
    }.items():
        data.create_dataset(key, data=values, **how)
    data.create_dataset("nothing", shape=(6, 10), dtype=">f4", fillvalue=2.5)
    data.create_dataset("no_chunks", shape=(6, 10), dtype="f4", chunks=(4, 3))
    data.create_dataset("empty", shape=(0, 5), maxshape=(None, 5), dtype="f8")
    data.create_dataset("null", data=h5py.Empty("f4"))
    data.create_dataset("sparse", shape=(300,), chunks=(5,), maxshape=(None,), dtype="i1")[277] = 3
    compact = h5p.create(h5p.DATASET_CREATE)
    compact.set_layout(h5d.COMPACT)
    d = h5d.create(data.id, b"compact", h5t.STD_I32BE, space((5,)), compact)
    d.write(h5s.ALL, h5s.ALL, np.arange(5, dtype="i4"))
    external = h5p.create(h5p.DATASET_CREATE)
    external.set_external(b"elsewhere.bin", 0, h5f.UNLIMITED)
    h5d.create(data.id, b"external", h5t.STD_I32LE, space((5,)), external)
    if version not in ("earliest", "v108"):
        virtual = h5py.VirtualLayout(shape=(10,), dtype="i4")
        virtual[:] = h5py.VirtualSource("other.h5", "d", shape=(10,))
        data.create_virtual_dataset("virtual", virtual)

    links = f.create_group("links")
    links["hard"] = f["data/chunked"]
    links["soft"] = h5py.SoftLink("/data/contiguous")
    links["relative"] = h5py.SoftLink("hard")
    links["dangling"] = h5py.SoftLink("nowhere/at all")
    links["external"] = h5py.ExternalLink("other.h5", "/a/b")
    links["loop"] = f["/links"]
    links["one"], links["two"] = h5py.SoftLink("two"), h5py.SoftLink("one")
    links["\u00e9 \u00fc"] = h5py.SoftLink("/\u00e9")
    links["a" * 300] = h5py.SoftLink("b" * 600)
    many = f.create_group("many")
    for i in range(20):
        many[f"n{i}"] = h5py.SoftLink(f"x{i}")
        many.attrs[f"a{i}"] = i if i % 2 else f"text {i}"
    if version != "earliest" and not sizes:
        # Too long for a block of the heap.
        for i in range(9):
            f.create_group("long", track_order=False) if i == 0 else None
            f["long"][f"{i}" + "x" * (5000 if i == 4 else 20)] = h5py.SoftLink("t")

    scales = f.create_group("scales")
    x = scales.create_dataset("x", data=np.arange(4.0))
    y = scales.create_dataset("y", data=np.arange(3))
    z = scales.create_dataset("z", data=np.zeros((4, 3)))
    x.make_scale("x")
    y.make_scale("yy")
    z.dims[0].attach_scale(x)
    z.dims[1].attach_scale(y)
    z.dims[0].label = "X"
    f.close()
    return path


def described(t, depth=0):
    """The type in words, its dtype, and where its bits are if they are not all."""
    c, size = t.get_class(), t.get_size()
    inner = lambda: described(t.get_super(), depth + 1)
    if c in (h5t.INTEGER, h5t.FLOAT):
        for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"):
            for order in "<>":
                if t.equal(h5t.py_create(np.dtype(order + kind))):
                    return ("|" if size == 1 else order) + kind, np.dtype(order + kind), None
        bits = t.get_precision()
        if c == h5t.INTEGER and bits <= 64:
            signed = t.get_sign() != h5t.SGN_NONE
            width = next(n for n in (1, 2, 4, 8) if bits <= 8 * n)
            place = (t.get_offset(), bits, signed, t.get_order() == h5t.ORDER_BE)
            text = f"{'int' if signed else 'uint'}{bits} in {size} bytes"
            return text, np.dtype(("i" if signed else "u") + str(width)), place
        text = f"a number of {bits} bits in {size} bytes that is not an IEEE float of 16, 32 or 64 bits"
        return text, None, None
    if c == h5t.ENUM:
        members = {t.get_member_name(i): t.get_member_value(i) for i in range(t.get_nmembers())}
        if members == {b"FALSE": 0, b"TRUE": 1} and size == 1:
            return "bool", np.dtype("?"), None
        text, dtype, place = inner()
        return "enum of " + text, None if place else dtype, None
    if c == h5t.COMPOUND:
        n = t.get_nmembers()
        member = lambda i: described(t.get_member_type(i), depth + 1)[0] if depth < 4 else "\u2026"
        listed = [t.get_member_name(i).decode() + ": " + member(i) for i in range(min(n, 16))]
        return "compound {" + ", ".join(listed) + (", \u2026}" if n > 16 else "}"), None, None
    if c == h5t.STRING:
        return "string" if t.is_variable_str() else f"string of {size} bytes", None, None
    if c == h5t.BITFIELD:
        # As unsigned integers, which h5py makes of them.
        order = ">" if t.get_order() == h5t.ORDER_BE else "<"
        return f"bitfield of {size} bytes", np.dtype(f"{order}u{size}"), None
    if c == h5t.OPAQUE:
        return f"opaque of {size} bytes", None, None
    if c in (h5t.REFERENCE, h5t.TIME):
        return "reference" if c == h5t.REFERENCE else "time", None, None
    return {h5t.VLEN: "variable-length ", h5t.ARRAY: "array of ", h5t.COMPLEX: "complex of "}[c] + inner()[0], None, None


def name(dtype):
    return None if dtype is None else "bool" if dtype == np.dtype("?") else dtype.newbyteorder("=").name


def numbers(raw, size, dtype, place):
    if place:
        offset, bits, signed, big = place
        out = []
        for i in range(0, len(raw), size):
            v = int.from_bytes(raw[i : i + size], "big" if big else "little") >> offset & ((1 << bits) - 1)
            out.append(v - (1 << bits) if signed and v >> (bits - 1) else v)
        return out
    if dtype == np.dtype("?"):
        return [b != 0 for b in raw]
    return np.frombuffer(raw, dtype=dtype).tolist()


def value(o, key):
    """Shape, kind and value of an attribute, as chunkwise has them."""
    a = h5a.open(o.id, key.encode())
    t = a.get_type()
    text, dtype, place = described(t)
    if a.get_space().get_simple_extent_type() == h5s.NULL:
        return [0], "other", "empty"
    shape = list(a.shape)
    raw = np.empty(shape, dtype="V%d" % t.get_size())
    if dtype is not None:
        if raw.size:
            a.read(raw, mtype=t)
        v = numbers(raw.tobytes(), t.get_size(), dtype, place)[:64]
        # As text, for NaN and its friends.
        return shape, "numbers", [repr(x) for x in v]
    if t.get_class() == h5t.STRING and t.is_variable_str():
        v = np.asarray(o.attrs[key], dtype=object).ravel()
        return shape, "strings", [str(s) for s in v][:64]
    if t.get_class() == h5t.STRING:
        a.read(raw, mtype=t)
        size, raw = t.get_size(), raw.tobytes()
        v = [raw[i : i + size].split(b"\0")[0] for i in range(0, len(raw), size)]
        v = [s.rstrip(b" ") if t.get_strpad() == h5t.STR_SPACEPAD else s for s in v]
        return shape, "strings", [s.decode("utf8", "replace") for s in v]
    return shape, "other", text


def dataset(d):
    text, dtype, place = described(d.id.get_type())
    p = d.id.get_create_plist()
    layout = {h5d.COMPACT: "compact", h5d.CONTIGUOUS: "contiguous", h5d.CHUNKED: "chunked", h5d.VIRTUAL: "virtual"}
    layout = layout[p.get_layout()]
    known = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf (32000)"}
    filters = []
    for i in range(p.get_nfilters() if layout == "chunked" else 0):
        number, _, values, _ = p.get_filter(i)
        filters.append(known[number] + (f" {values[0]}" if number == 1 else ""))
    fill = None
    if dtype is not None:
        v = np.zeros((), dtype)
        if p.fill_value_defined() == h5d.FILL_VALUE_USER_DEFINED:
            p.get_fill_value(v)
        fill = repr(v.item())
    null = d.id.get_space().get_simple_extent_type() == h5s.NULL
    lists = d.attrs["DIMENSION_LIST"] if "DIMENSION_LIST" in d.attrs else []
    return {
        "shape": None if null else list(d.shape),
        "stored": text,
        "dtype": name(dtype),
        "layout": layout,
        "chunks": list(d.chunks) if layout == "chunked" else None,
        "filters": filters,
        "storage_bytes": 0 if layout == "virtual" else d.id.get_storage_size(),
        "fill": fill,
        "external_files": 0 if layout == "virtual" else p.get_external_count(),
        "scale": d.attrs.get("CLASS") == b"DIMENSION_SCALE",
        "scales": [[h5r.get_name(r, d.id).decode() for r in refs] for refs in lists],
    }


def walk(f, path, seen, rows):
    o = f[path]
    key = h5o.get_info(o.id).addr
    if key in seen:
        rows.append([path, "same_as", seen[key], {}])
        return
    seen[key] = path
    keys = [k for k in o.attrs.keys() if k != "DIMENSION_LIST"]
    attributes = {k: value(o, k) for k in keys}
    if isinstance(o, h5py.Dataset):
        rows.append([path, "dataset", dataset(o), attributes])
        return
    if isinstance(o, h5py.Datatype):
        rows.append([path, "type", described(o.id)[0], attributes])
        return
    rows.append([path, "group", None, attributes])
    for k in sorted(o.keys(), key=lambda k: k.encode()):
        link, full = o.get(k, getlink=True), path.rstrip("/") + "/" + k
        if isinstance(link, h5py.SoftLink):
            rows.append([full, "soft_link", link.path, {}])
        elif isinstance(link, h5py.ExternalLink):
            rows.append([full, "external_link", [link.filename, link.path], {}])
        else:
            walk(f, full, seen, rows)


def main():
    os.makedirs(OUT, exist_ok=True)
    files = {f"{v}.h5": build(f"{v}.h5", v) for v in ("earliest", "v114", "v200")}
    files["v108.h5"] = build("v108.h5", "v108", userblock=512, order=True)
    files["narrow.h5"] = build("narrow.h5", "earliest", sizes=(4, 4))
    out = {}
    for key, path in files.items():
        rows = []
        with h5py.File(path) as f:
            walk(f, "/", {}, rows)
        out[key] = rows
    with open(os.path.join(HERE, "meta.json"), "w") as f:
        json.dump(out, f, separators=(",", ":"))
        f.write("\n")


main()
