"""Goldens for szip, scale-offset and n-bit: stored chunks made by h5py's own HDF5, the filter's values and the
bytes that come out, in the file's byte order. What is lossless is known by construction; D-scaling is what HDF5
reads. Run: python tests/goldens/make_bits.py > tests/goldens/bits.json"""

import base64
import json
import sys

import h5py
import numpy as np
from h5py import h5d, h5f, h5p, h5s, h5t, h5z

rng = np.random.default_rng(20240611)
ORDERS = {"<": h5t.ORDER_LE, ">": h5t.ORDER_BE}
rows = []


def text(b):
    return base64.b64encode(bytes(b)).decode()


def row(name, dtype, shape, data, pipeline, precision=None, offset=0, lossy=False):
    """`data`: what goes in, of `dtype`. With a precision, values whose bits are put where they belong."""
    dtype = np.dtype(dtype)
    t = h5t.py_create(dtype)
    raw = data.astype(dtype)
    if precision:
        t = t.copy()
        t.set_precision(precision)
        t.set_offset(offset)
        bits = data.astype(np.int64).view(np.uint64) & np.uint64((1 << precision) - 1)
        raw = (bits << np.uint64(offset)).astype(dtype)
    f = h5f.create(b"x.h5", h5f.ACC_TRUNC, fapl=core())
    dcpl = h5p.create(h5p.DATASET_CREATE)
    dcpl.set_chunk(shape)
    pipeline(dcpl)
    d = h5d.create(f, b"d", t, h5s.create_simple(shape), dcpl)
    raw = np.ascontiguousarray(raw.reshape(shape))
    d.write(h5s.ALL, h5s.ALL, raw, t)
    mask, stored = d.read_direct_chunk((0,) * len(shape))
    if mask:  # szip gave up: the chunk would have grown
        print("not packed:", name, file=sys.stderr)
        return
    want = np.empty_like(raw)
    d.read(h5s.ALL, h5s.ALL, want, t)
    if not lossy:
        assert want.tobytes() == raw.tobytes(), name
        want = raw
    (number, _, values, _) = d.get_create_plist().get_filter(0)
    rows.append({"name": name, "filter": number, "values": list(values), "stored": text(stored), "want": text(want)})


def core():
    fapl = h5p.create(h5p.FILE_ACCESS)
    fapl.set_fapl_core(backing_store=False)
    return fapl


def smooth(n, scale):
    return np.cumsum(rng.normal(0, scale, n)).astype(np.int64)


def szip(option, block):
    return lambda p: p.set_szip(option, block)


def scaleoffset(kind, factor, fill=None):
    def setup(p):
        if fill is not None:
            p.set_fill_value(np.array(fill))
        # H5Pset_scaleoffset takes no negative exponents, the filter does.
        p.set_filter(h5z.FILTER_SCALEOFFSET, h5z.FLAG_OPTIONAL, (kind, factor & 0xFFFFFFFF))

    return setup


def nbit(p):
    p.set_filter(h5z.FILTER_NBIT, h5z.FLAG_OPTIONAL, ())


NN, EC = h5z.SZIP_NN_OPTION_MASK, h5z.SZIP_EC_OPTION_MASK
for o in "<>":
    for dtype in ["i1", "u2", "i4", "u8", "f4"]:
        size = int(dtype[1])
        for option, block, shape in [(NN, 8, (9, 13)), (NN, 32, (3, 40)), (EC, 4, (2, 50)), (NN, 16, (90,))]:
            v = smooth(int(np.prod(shape)), 3) / (8 if dtype[0] == "f" else 1)
            if dtype[0] == "u":
                v = np.abs(v)
            name = f"szip {o}{dtype} {'NN' if option == NN else 'EC'} {block} {shape}"
            row(name, o + dtype, shape, v, szip(option, block))
    for precision in [1, 3, 8, 9, 12, 16, 17, 20, 24]:
        size = 1 if precision <= 8 else 2 if precision <= 16 else 4
        v = np.abs(smooth(150, 2)) % (1 << precision)
        for option in [NN, EC]:
            name = f"szip {o}u{size} of {precision} bits {option}"
            row(name, f"{o}u{size}", (5, 30), v, szip(option, 10), precision)
    # Long runs of zeros, blocks of ones, noise: every coding option.
    v = np.concatenate([np.zeros(1100), np.arange(40) % 2, rng.integers(0, 65536, 40), np.full(70, 65535)])
    row(f"szip {o}u2 of all options", o + "u2", (1250,), v, szip(NN, 4))
    row(f"szip {o}u2 of all options EC", o + "u2", (150,), v[1100:], szip(EC, 4))

    for dtype in ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]:
        info = np.iinfo(dtype)
        v = rng.integers(-50, 50, 50) if info.min < 0 else rng.integers(50, 150, 50)
        row(f"scaleoffset {o}{dtype}", o + dtype, (50,), v, scaleoffset(h5z.SO_INT, 0))
        fill = np.array(-1 if info.min < 0 else 7, dtype)
        w = np.where(np.arange(50) % 5 == 0, fill.astype(np.int64), v)
        row(f"scaleoffset {o}{dtype} fill", o + dtype, (50,), w, scaleoffset(h5z.SO_INT, 0, fill))
        full = np.frombuffer(rng.bytes(50 * info.bits // 8), dtype).copy()
        full[:2] = info.min, info.max
        row(f"scaleoffset {o}{dtype} full", o + dtype, (50,), full, scaleoffset(h5z.SO_INT, 0))
        row(f"scaleoffset {o}{dtype} asked full", o + dtype, (50,), full, scaleoffset(h5z.SO_INT, info.bits))
        row(f"scaleoffset {o}{dtype} same", o + dtype, (50,), np.full(50, 9), scaleoffset(h5z.SO_INT, 0))
    for dtype in ["f4", "f8"]:
        v = rng.normal(10, 40, 50)
        for factor in [-2, 0, 1, 3, 5]:
            name = f"scaleoffset {o}{dtype} D {factor}"
            row(name, o + dtype, (50,), v, scaleoffset(h5z.SO_FLOAT_DSCALE, factor), lossy=True)
        fill = np.array(-999.5, dtype)
        w = np.where(np.arange(50) % 5 == 0, float(fill), v)
        row(f"scaleoffset {o}{dtype} D fill", o + dtype, (50,), w, scaleoffset(h5z.SO_FLOAT_DSCALE, 2, fill), lossy=True)
        wide = v * 1e12
        row(f"scaleoffset {o}{dtype} D full", o + dtype, (50,), wide, scaleoffset(h5z.SO_FLOAT_DSCALE, 9), lossy=True)

    for dtype, precision, offset in [
        ("i1", 3, 2), ("i1", 7, 0), ("u1", 8, 0), ("i2", 5, 9), ("u2", 12, 0), ("i2", 11, 3), ("i4", 17, 1),
        ("u4", 31, 1), ("i4", 9, 20), ("i8", 33, 7), ("u8", 59, 0), ("i8", 62, 2), ("i8", 64, 0),
    ]:
        v = rng.integers(-(2**31), 2**31, 77) >> max(0, 32 - precision)
        row(f"nbit {o}{dtype} {precision} {offset}", o + dtype, (7, 11), v, nbit, precision, offset)
    row(f"nbit {o}f4", o + "f4", (7, 11), rng.normal(0, 1, 77), nbit)

lines = ",\n".join(json.dumps(r) for r in rows)
print(f'{{"hdf5": "{h5py.version.hdf5_version}", "rows": [\n{lines}\n]}}')
