"""Makes codecs.json: chunks as HDF5's filters store them, and by which formula their elements come.

Needs h5py and hdf5plugin. Run here: python3 make_codecs.py
"""
import ctypes
import itertools
import json
import os

import h5py
import hdf5plugin
import numpy as np

from common import GOLD, U, mix

KINDS = {
    "constant": lambda k: np.full_like(k, 0x0102030405060708),
    "ramp": lambda k: k * U(3) + U(1000),
    "steps": lambda k: (k // U(16)) * U(5) + k * k % U(4),
    "noise": lambda k: mix((k + U(1)) * GOLD),
    # Noise that comes again after 8800 bytes, too far for the short tokens of some coders.
    "far": lambda k: mix((k % U(1100) + U(1)) * GOLD) * (k % U(1100) < 20),
}


def data(kind, count, size):
    """`count` elements of `size` bytes: byte i is byte i % 8 of the kind's number."""
    with np.errstate(over="ignore"):
        words = KINDS[kind](np.arange(count, dtype=U)).astype("<u8")
    raw = words.view("u1").reshape(count, 8)[:, np.arange(size) % 8]
    dtype = {1: "u1", 2: "<u2", 4: "<u4", 8: "<u8", 16: "<c16"}.get(size, f"V{size}")
    return np.ascontiguousarray(raw).reshape(-1).view(dtype)


rows, skipped = [], []


def case(name, kind, count, size, **how):
    a = data(kind, count, size)
    f = h5py.File("codecs.h5", "w", driver="core", backing_store=False)
    d = f.create_dataset("d", data=a, chunks=a.shape, **how)
    record(name, kind, count, size, a, f)


def record(name, kind, count, size, a, f):
    d = f["d"]
    mask, stored = d.id.read_direct_chunk((0,))
    filters = d.id.get_create_plist()
    number, _, values, _ = filters.get_filter(0)
    assert filters.get_nfilters() == 1 and d[()].tobytes() == a.tobytes()
    f.close()
    name = f"{name} {kind} {count}x{size}"
    if mask:
        skipped.append(name)  # the filter was left out: the chunk is plain
        return
    rows.append({"name": name, "filter": number, "values": [int(v) for v in values], "kind": kind,
                 "count": count, "size": size, "stored": bytes(stored).hex()})


P = hdf5plugin
for cname in ["none", "lz4", "zstd"]:
    for size in [1, 2, 3, 4, 8, 12, 16]:
        for block, (kind, count) in itertools.product(
            [0, 64], [("ramp", 7), ("noise", 13), ("steps", 203), ("constant", 640)]
        ):
            if cname == "none" and count * size > 1700 or count > 20 and block and size in (3, 12):
                continue
            case(f"bitshuffle {cname} block {block}", kind, count, size, **P.Bitshuffle(block, cname))
    for size in [1, 2, 4, 8]:
        if cname != "none":
            case(f"bitshuffle {cname} blocks", "steps", 20000 // size + 5, size, **P.Bitshuffle(0, cname))

for size, (kind, count), block in itertools.product(
    [1, 2, 4, 8], [("ramp", 3), ("noise", 60), ("steps", 900), ("constant", 5000)], [0, 100, 1000]
):
    if block != 100 or count * size < 4000:
        case(f"lz4 block {block}", kind, count, size, **P.LZ4(block))
for size, (kind, count), level in itertools.product(
    [1, 2, 4, 8], [("ramp", 3), ("noise", 60), ("steps", 900), ("constant", 5000)], [1, 9]
):
    case(f"zstd {level}", kind, count, size, **P.Zstd(level))
    case(f"bzip2 {level}", kind, count, size, **P.BZip2(level))
    if level == 1:
        case("lzf", kind, count, size, compression="lzf")
case("lzf", "steps", 9000, 2, compression="lzf")

CODERS = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"]
LIBRARY = ctypes.CDLL(P.get_config().registered_filters["blosc"])


def blosc(cname, level, shuffle, block, split, kind, count, size):
    """`block` 0 leaves the size of a block to Blosc."""
    LIBRARY.blosc_set_splitmode({"NEVER": 2, "FORWARD_COMPAT": 4}[split])
    LIBRARY.blosc_set_blocksize(ctypes.c_size_t(block))
    name = f"blosc {cname} {level} shuffle {shuffle} block {block}"
    case(name, kind, count, size, **P.Blosc(cname, level, shuffle))


def blosc_copied(shuffle, kind, count, size):
    """A chunk that Blosc does not compress, which the filter would leave out: written as it is."""
    a = data(kind, count, size)
    raw = a.tobytes()
    room = ctypes.create_string_buffer(len(raw) + 16)
    n = ctypes.c_size_t
    stored = LIBRARY.blosc_compress_ctx(
        0, shuffle, n(size), n(len(raw)), raw, room, n(len(room)), b"lz4", n(0), 1
    )
    f = h5py.File("codecs.h5", "w", driver="core", backing_store=False)
    d = f.create_dataset("d", shape=a.shape, dtype=a.dtype, chunks=a.shape, **P.Blosc("lz4", 0, shuffle))
    d.id.write_direct_chunk((0,), room.raw[:stored])
    record(f"blosc lz4 0 shuffle {shuffle}", kind, count, size, a, f)


for cname, shuffle, level in itertools.product(CODERS, [0, 1, 2], [1, 5, 9]):
    blosc(cname, level, shuffle, 0, "FORWARD_COMPAT", "steps", 304, 4)
for shuffle, count in itertools.product([0, 1, 2], [1, 40, 127]):
    blosc_copied(shuffle, "noise", count, 4)
for cname, shuffle, size in itertools.product(CODERS, [0, 1, 2], [1, 2, 8, 3, 16, 20]):
    if size < 9 or shuffle == 1:
        blosc(cname, 5, shuffle, 0, "FORWARD_COMPAT", "steps", 203, size)
for cname, shuffle in itertools.product(CODERS, [1, 2]):
    for size in [1, 4, 8]:
        blosc(cname, 5, shuffle, 256, "NEVER", "ramp" if shuffle == 1 else "constant", 203, size)
    if shuffle == 1:  # one block of 64 KiB in 8 streams, and a short one
        blosc(cname, 9, shuffle, 1024, "FORWARD_COMPAT", "constant", 9001, 8)
    blosc(cname, 9, shuffle, 0, "NEVER", "constant", 1, 20)
blosc("zlib", 9, 1, 0, "FORWARD_COMPAT", "noise", 600, 1)
blosc("blosclz", 9, 0, 0, "NEVER", "far", 4000, 8)

with open("codecs.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
print(len(rows), "chunks,", os.path.getsize("codecs.json"), "bytes; left out as the filter did not compress:")
print(*skipped, sep="\n")
