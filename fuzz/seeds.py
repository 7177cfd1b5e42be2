"""Makes corpora to begin with: python fuzz/seeds.py [BINARY] (which writes fuzz/corpus/TARGET/*).

    pip install h5py numpy

They come from tests/goldens, from small files of one feature each that h5py writes here, and, where `CHUNKWISE_DATA`
names the folder of real files, from those of up to 64 KiB. BINARY is the program, which makes the plans.
"""

import hashlib
import itertools
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
GOLDENS = ROOT / "tests" / "goldens"
LONGEST = 64 << 10
SIZES = {"int8": 1, "uint8": 1, "bool": 1, "int16": 2, "uint16": 2, "float16": 2, "int32": 4, "uint32": 4,
         "float32": 4, "int64": 8, "uint64": 8, "float64": 8}
made = {}


def put(target, data):
    data = bytes(data)
    folder = ROOT / "fuzz" / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
    made[target] = made.get(target, 0) + 1


def rows():
    return json.loads((GOLDENS / "layouts.json").read_text())


def features(folder):
    """Files of one feature each."""
    text = h5py.string_dtype()
    dtypes = {
        "bool": "?", "big": ">i4", "half": "f2", "long": np.longdouble, "complex": "c16", "text": text, "fixed": "S5",
        "bytes": "V6", "record": [("a", "i4"), ("b", "f8", (2,)), ("c", [("d", "u1")])],
        "enum": h5py.enum_dtype({"A": 0, "B": 1}, basetype="i2"), "many": h5py.vlen_dtype(np.dtype("i4")), "reference": h5py.ref_dtype,
        "region": h5py.regionref_dtype,
    }
    version = ("earliest", "v108", "v110", "v112", "v114", "latest")
    for v in version:
        low = (v, "latest")

        def file(name, **more):
            path = folder / f"{v}_{name}.h5"
            return path, h5py.File(path, "w", libver=low, **more)

        for name, dtype in dtypes.items():
            path, f = file(name)
            with f:
                f.create_dataset("x", (2,), dtype)
                f.attrs.create("a", f["x"][()], dtype=dtype)
                h5py.h5t.py_create(np.dtype(dtype), logical=True).copy().commit(f.id, b"t")
            yield path
        for name, how in {
            "chunks": {"chunks": (2, 3)}, "deflate": {"chunks": (2, 3), "compression": "gzip", "shuffle": True, "fletcher32": True},
            "grows": {"chunks": (2, 3), "maxshape": (None, 5)}, "grows2": {"chunks": (2, 3), "maxshape": (None, None)},
            "fill": {"fillvalue": 3}, "external": {"external": "raw"}, "scaled": {"chunks": (2, 3), "scaleoffset": 2},
        }.items():
            path, f = file(name)
            with f:
                f.create_dataset("x", (4, 5), "i2", **how)
                if name != "external":
                    f["x"][:] = 1
            yield path
        path, f = file("links", track_order=True)
        with f:
            f["a/b/c"] = np.arange(3)
            f["soft"] = h5py.SoftLink("/a/b")
            f["elsewhere"] = h5py.ExternalLink("other.h5", "/x")
            f["same"] = f["a"]
            f["a/up"] = f["/"]
        yield path
        for n in (9, 40):
            path, f = file(f"dense{n}", track_order=n == 40)
            with f:
                for i in range(n):
                    f.attrs[f"attribute {i}"] = i
                    f[f"group {i}"] = h5py.SoftLink("nowhere")
            yield path
        path, f = file("scales")
        with f:
            f["x"] = np.arange(4)
            f["time"] = np.arange(4.0)
            f["time"].make_scale("time")
            f["x"].dims[0].attach_scale(f["time"])
        yield path
        path, f = file("virtual")
        with f:
            layout = h5py.VirtualLayout((4, 5), "i4", maxshape=(None, 5))
            layout[0:2] = h5py.VirtualSource("part.h5", "x", (2, 5))
            f.create_virtual_dataset("x", layout)
        yield path
        path, f = file("block", userblock_size=512)
        with f:
            f["x"] = 1
        yield path


def metadata(folder):
    for path in itertools.chain(features(folder), GOLDENS.glob("*/*.h5"), GOLDENS.glob("*.h5"), real()):
        if path.stat().st_size <= LONGEST:
            put("metadata", path.read_bytes())
            put("file", path.read_bytes())


def real():
    data = os.environ.get("CHUNKWISE_DATA")
    return (p for p in Path(data).glob("*/*") if p.is_file()) if data else ()


def index():
    """The head that `fuzz_targets/index.rs` describes, and a file."""
    for row in rows():
        path = GOLDENS / "layouts" / row["file"]
        if row["chunk"] and path.stat().st_size <= LONGEST and row["dtype"] and len(row["shape"]) <= 3 and row["header"] < 1 << 16:
            size = SIZES[row["dtype"]].bit_length() - 1
            head = struct.pack("<B", len(row["shape"]) | size << 2 | bool(row["filters"]) << 4)
            head += b"".join(struct.pack("<HH", n, c) for n, c in zip(row["shape"], row["chunk"]))
            put("index", head + struct.pack("<H", row["header"]) + path.read_bytes())
    for path in sorted((GOLDENS / "flips").glob("*.h5")):
        with h5py.File(path) as f:
            x = f["x"]
            head = struct.pack("<B", x.ndim | (x.dtype.itemsize.bit_length() - 1) << 2 | (x.id.get_create_plist().get_nfilters() > 0) << 4)
            head += b"".join(struct.pack("<HH", n, c) for n, c in zip(x.shape, x.chunks))
            header = h5py.h5o.get_info(x.id).addr
        put("index", head + struct.pack("<H", header) + path.read_bytes())


def chunk():
    """The form that `chunkwise::fuzzing::chunk` describes."""
    seen = {}
    for row in rows():
        filters = row["filters"]
        key = (json.dumps(filters), row["dtype"])
        if not row["chunk"] or not filters or len(filters) > 4 or not row["dtype"] or seen.get(key, 0) > 1:
            continue
        data = (GOLDENS / "layouts" / row["file"]).read_bytes()
        size = SIZES[row["dtype"]]
        for at, n, mask, _ in [c for c in row["chunks"] if c[1] < 4096][:1]:
            seen[key] = seen.get(key, 0) + 1
            out = struct.pack("<BBHI", len(filters), size.bit_length() - 1 | (row["big"] and size > 1) << 2, mask,
                              int(np.prod(row["chunk"])) * size)
            for number, _, values in filters:
                out += struct.pack("<HB", number, len(values)) + b"".join(struct.pack("<I", v & 0xFFFFFFFF) for v in values)
            put("chunk", out + data[at : at + n])


def expression():
    for text in json.loads((GOLDENS / "functions.json").read_text()):
        put("expression", text.encode())
    for row in json.loads((GOLDENS / "expressions.json").read_text())["expressions"]:
        put("expression", row["expression"].encode())
    for line in (GOLDENS / "expr_precedence.tsv").read_text().splitlines()[:400]:
        put("expression", line.split("\t")[0].encode())


def plan(binary, folder):
    x = f"x={GOLDENS}/layouts/shared.h5"
    with h5py.File(GOLDENS / "layouts" / "shared.h5") as f:
        name = next(n for n, d in f.items() if isinstance(d, h5py.Dataset) and d.ndim == 2)
    wanted = [["sum(x)"], ["mean(x,axis=0)"], ["std(x - mean(x, axis=0))"], ["max(x[::-2].T, axis=1)"], ["x.T @ x"],
              ["histogram(x, bins=5)"], ["median(x)"], ["cumsum(x, axis=1).max()"], ["where(x > 2, x, nan)"],
              ["sum(random((300, 40), seed=7))", "argmax(arange(300))"], ["concatenate([x, x])"], ["take(x, [1, 0], axis=0)"],
              ["reshape(x, (-1,))[3:9]"], ["percentile(x, [10, 50], axis=0)"], ["sort(x, axis=0)"], ["unique(x)"]]
    for i, texts in enumerate(wanted):
        out = folder / f"{i}.json"
        ran = subprocess.run([binary, "plan", "--device", "cpu", "--memory", "64MiB", "-i", f"{x}:/{name}", *texts, "--output", out],
                             capture_output=True, text=True)
        if ran.returncode == 0:
            put("plan", out.read_bytes())
        else:
            print(texts, ran.stderr.splitlines()[:1], file=sys.stderr)


def main():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        metadata(folder)
        index()
        chunk()
        expression()
        for path in (GOLDENS / "netcdf").glob("*.nc"):
            put("netcdf", path.read_bytes())
            put("file", path.read_bytes())
        if len(sys.argv) > 1:
            plan(sys.argv[1], folder)
    for target, n in made.items():
        folder = ROOT / "fuzz" / "corpus" / target
        print(target, len(list(folder.iterdir())), "files,", sum(p.stat().st_size for p in folder.iterdir()), "bytes")


main()
