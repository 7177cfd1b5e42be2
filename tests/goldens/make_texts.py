"""Strings of every kind, enums, and where h5py says that they are equal to texts: texts.h5, texts_other.h5, texts.json; and
netCDF's arrays of characters, as netCDF4 puts them together: texts_chars.nc (classic), texts_chars.nc4.

    python3 make_texts.py
"""

import json
from pathlib import Path

import h5py
import netCDF4
import numpy as np

here = Path(__file__).parent
words = ["ERROR", "WARN", "INFO", "", "ERR", "ERRORS", "grün", "a b"]
asked = [["ERROR"], ["INFO", "grün"], [""], ["ERRORS", "none of them"], ["a b"], ["ERR"], ["longer than all of them"]]
paddings = {"terminated": h5py.h5t.STR_NULLTERM, "padded": h5py.h5t.STR_NULLPAD, "spaced": h5py.h5t.STR_SPACEPAD}


def strings(n, seed):
    return [words[i] for i in np.random.default_rng(seed).integers(0, len(words), n)]


def fixed(padding, size):
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(size)
    kind.set_strpad(paddings[padding])
    kind.set_cset(h5py.h5t.CSET_UTF8)
    return kind


def stored(texts, padding, size):
    """The bytes of each; what follows the end of one that is terminated by a NUL means nothing."""
    out = []
    for i, text in enumerate(texts):
        data = text.encode()
        fill = b" " if padding == "spaced" else b"\0"
        if padding == "terminated" and i % 3 == 0 and len(data) + 1 < size:
            data += b"\0" + b"junk of another string"
        out.append(data[:size].ljust(size, fill))
    return np.array(out, f"V{size}")


def write(group, name, kind, data, shape, chunk=None, deflate=False, compact=False):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if compact:
        plist.set_layout(h5py.h5d.COMPACT)
    if chunk:
        plist.set_chunk(chunk)
    if deflate:
        plist.set_shuffle()
        plist.set_deflate(4)
    space = h5py.h5s.create_simple(shape) if shape else h5py.h5s.create(h5py.h5s.SCALAR)
    dset = h5py.h5d.create(group.id, name.encode(), kind, space, plist)
    dset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(data).reshape(shape), kind)


def read(dset):
    """As Python has them: up to the first NUL, without the spaces at the end where these fill."""
    kind = dset.id.get_type()
    if kind.is_variable_str():
        return np.array(dset.asstr()[()], dtype=object)
    spaced = kind.get_strpad() == h5py.h5t.STR_SPACEPAD
    raw = np.asarray(dset[()])

    def one(b):
        text = bytes(b).split(b"\0")[0]
        return (text.rstrip(b" ") if spaced else text).decode()

    return np.array([one(b) for b in raw.reshape(-1)], dtype=object).reshape(raw.shape)


def make(file, seed, size):
    layouts = {
        "compact": ((30,), dict(compact=True)),
        "contiguous": ((41,), {}),
        "chunked": ((50,), dict(chunk=(7,))),
        "deflated": ((9, 13), dict(chunk=(4, 5), deflate=True)),
        "one": ((), {}),
    }
    want = {}
    for layout, (shape, how) in layouts.items():
        texts = strings(int(np.prod(shape)), seed)
        for padding in paddings:
            group = file.require_group(f"{padding}")
            write(group, layout, fixed(padding, size), stored(texts, padding, size), shape, **how)
            want[f"/{padding}/{layout}"] = texts
        chunks = dict(chunks=how["chunk"]) if "chunk" in how else {}
        group = file.require_group("variable")
        group.create_dataset(
            layout,
            data=np.array(texts, object).reshape(shape),
            dtype=h5py.string_dtype(),
            compression=4 if how.get("deflate") else None,
            **chunks,
        )
        want[f"/variable/{layout}"] = texts
    # Never written: empty strings.
    file.create_dataset("variable/unwritten", (12,), h5py.string_dtype(), chunks=(5,))
    want["/variable/unwritten"] = [""] * 12
    file.create_dataset("padded/unwritten", (12,), "S9", chunks=(5,))
    want["/padded/unwritten"] = [""] * 12
    for name, texts in want.items():
        assert read(file[name]).reshape(-1).tolist() == texts, name
    # A table, as log files have them.
    severity = h5py.enum_dtype({"DEBUG": -1, "INFO": 0, "ERROR": 300}, basetype="<i2")
    table = np.zeros(60, [("id", "<i4"), ("sev", severity), ("name", "S9"), ("long", h5py.string_dtype()), ("two", "S5", (2,))])
    rng = np.random.default_rng(seed + 1)
    table["id"] = np.arange(60)
    table["sev"] = rng.choice([-1, 0, 300], 60)
    table["name"] = [w.encode() for w in strings(60, seed + 2)]
    table["long"] = strings(60, seed + 3)
    table["two"] = np.array([w.encode()[:5] for w in strings(120, seed + 4)]).reshape(60, 2)
    for layout, how in {"table": {}, "chunks": dict(chunks=(11,), compression=4)}.items():
        dset = file.create_dataset(layout, data=table, **how)
        for field in ["name", "two"]:
            want[f"/{layout}/{field}"] = [b.decode() for b in dset[field].reshape(-1)]
        want[f"/{layout}/long"] = [b.decode() for b in dset["long"]]
    names = {value: name for name, value in h5py.check_enum_dtype(table.dtype["sev"]).items()}
    assert names == {-1: "DEBUG", 0: "INFO", 300: "ERROR"}
    enums = {"/table/sev": [names[v] for v in table["sev"].tolist()], "/chunks/sev": [names[v] for v in table["sev"].tolist()]}
    return want, enums, table["id"].tolist()


def masks(texts):
    return [[i for i, t in enumerate(texts) if t in ask] for ask in asked]


out = {"asked": asked, "files": {}}
for name, seed, size in [("texts.h5", 1, 9), ("texts_other.h5", 2, 12)]:
    with h5py.File(here / name, "w", libver=("earliest", "v110")) as file:
        file.attrs["size"] = size
        file.attrs["run"] = f"run {seed}"
        file.attrs["box"] = [seed * 1.0, 2.5]
        file.attrs["same"] = "always"
        want, enums, ids = make(file, seed, size)
        shapes = {path: list(file[path].shape) if path in file else None for path in want}
        for path in want:
            if shapes[path] is None:
                shapes[path] = [60, 2] if path.endswith("two") else [60]
        out["files"][name] = {
            "strings": {path: [shapes[path], masks(texts), texts] for path, texts in want.items()},
            "enums": {path: texts for path, texts in enums.items()},
        }
for name, form in [("texts_chars.nc", "NETCDF3_CLASSIC"), ("texts_chars.nc4", "NETCDF4")]:
    with netCDF4.Dataset(here / name, "w", format=form) as nc:
        nc.createDimension("station", 30)
        nc.createDimension("name_strlen", 8)
        nc.createDimension("part", 2)
        texts = strings(60, 9)
        chars = np.array([w.encode() for w in texts], "S8")
        nc.createVariable("name", "S1", ("station", "name_strlen"))[:] = chars[:30].view("S1").reshape(30, 8)
        spaced = np.array([w.encode().ljust(8) for w in texts], "S8")
        nc.createVariable("pair", "S1", ("station", "part", "name_strlen"))[:] = spaced.view("S1").reshape(30, 2, 8)
    with netCDF4.Dataset(here / name) as nc:
        nc.set_auto_chartostring(False)
        want = {}
        for variable in ["name", "pair"]:
            read = netCDF4.chartostring(nc[variable][:], encoding="utf-8")
            texts = [t.rstrip(" ") for t in read.reshape(-1).tolist()]
            want[f"/{variable}"] = [list(read.shape), masks(texts), texts]
        out["files"][name] = {"strings": want}
(here / "texts.json").write_text(json.dumps(out))
