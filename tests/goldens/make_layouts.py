"""Makes layouts/*.h5 and layouts.json: small HDF5 files of every layout, chunk index, filter, element
type and edge case, and what h5py reads from them.

    python3 make_layouts.py

Needs h5py with HDF5 2.0, hdf5plugin, numpy, and h5dump 1.10.8, which says what that version can read.
The files come out the same at every run with the same versions, but for the time of making in the superblock
extensions of paged.h5, shared.h5 and shared_old.h5, which HDF5 always writes. A row of layouts.json:

    file, path      where it is
    dtype           the element type as chunkwise reads it; null if it has none (an error of kind Type)
    shape, sum      what h5py reads: shape, checksum of little-endian C-order elements
    chunk, index    the chunk shape and the kind of the chunk index, null if it is not chunked
    header          where its object header is, from the end of the user block
    layout          "contiguous", "compact", "chunked"
    big             whether the elements' bytes are in big-endian order
    filters         [number, name, values] in the order of writing
    stock           whether HDF5 1.10.8 without plugins reads the same elements
    chunks          some stored chunks: [address, size, filter mask, [start along each axis]]
    count           how many chunks are stored
"""
import ctypes
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

import h5py
import hdf5plugin
import numpy as np
from h5py import h5d, h5f, h5g, h5p, h5s, h5t

from common import array, checksum

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "layouts")
NONE = h5s.UNLIMITED
NUMERIC = ["bool", *(f"{s}int{b}" for s in ("", "u") for b in (8, 16, 32, 64)), "float16", "float32", "float64"]
INDEX = ["B-tree 1", "single", "implicit", "fixed array", "extensible array", "B-tree 2"]  # as H5D_chunk_index_t
NAMES = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 307: "bzip2",
         32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd",
         32026: "blosc2"}

# What h5py does not wrap, from the library that it has loaded.
with open("/proc/self/maps") as maps:
    LIB = ctypes.CDLL(re.search(r"\S*/libhdf5-\S*", maps.read()).group())
HID = ctypes.c_int64


def call(name, *args):
    if getattr(LIB, name)(*args) < 0:
        sys.exit(f"{name} failed")


def hid(x):
    return HID(x.id)


def soft(dtype, shape, seed):
    """Elements in short runs, so that every codec finds something to do."""
    n = int(np.prod(shape, dtype=int))
    return np.repeat(array(dtype, (n // 5 + 1,), seed, "inf" if dtype[0] == "f" else "small"), 5)[:n].reshape(shape)


def noise(dtype, shape, seed):
    """Elements that do not compress."""
    return array(dtype, shape, seed, "wide")


def file_type(dtype, big):
    t = h5t.py_create(np.dtype(dtype).newbyteorder(">" if big else "<"), logical=True)
    return t


class File:
    """A file in the making."""
    rows = []
    written = {}

    def __init__(self, name, low=h5f.LIBVER_EARLIEST, high=h5f.LIBVER_V110, setup=lambda fcpl: None):
        self.name = name
        fcpl, fapl = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
        call("H5Pset_obj_track_times", hid(fcpl), ctypes.c_bool(False))
        setup(fcpl)
        fapl.set_libver_bounds(low, high)
        self.f = h5py.File(h5f.create(os.path.join(FOLDER, name).encode(), h5f.ACC_TRUNC, fcpl, fapl))
        self.seed = sum(map(ord, name))

    def group(self, name):
        gcpl = h5p.create(h5p.GROUP_CREATE)
        call("H5Pset_obj_track_times", hid(gcpl), ctypes.c_bool(False))
        h5g.create(self.f.id, name.encode(), gcpl=gcpl)

    def add(self, path, dtype="int32", shape=(13, 11), big=False, chunk=None, filters=(), most=None, data=soft,
            fill=None, setup=lambda dcpl: None, ty=None, space=None, parts=None):
        """Makes a dataset and writes data(dtype, shape, seed), or only the slices `parts` of it."""
        dcpl = h5p.create(h5p.DATASET_CREATE)
        dcpl.set_obj_track_times(False)
        if chunk:
            dcpl.set_chunk(chunk)
        for fid, *values in filters:
            # Optional, as most are: a chunk that does not shrink may be stored as it is.
            if fid == 4:
                dcpl.set_szip(*values)
            elif fid == 6:
                dcpl.set_scaleoffset(*values)
            else:
                optional = fid not in (2, 3, 5)
                dcpl.set_filter(fid, int(optional), tuple(values))
        if fill is not None:
            dcpl.set_fill_value(np.array(fill, dtype))
        setup(dcpl)
        if space is None:
            space = h5s.create_simple(shape, most) if shape != () else h5s.create(h5s.SCALAR)
        d = h5d.create(self.f.id, path.encode(), ty or file_type(dtype, big), space, dcpl)
        self.seed += 1
        File.rows.append((self.name, path))
        values = data(dtype, shape, self.seed) if data else None
        d = h5py.Dataset(d)
        if data and parts is None:
            File.written[self.name, path] = values
            if d.shape == ():
                d.id.write(h5s.ALL, h5s.ALL, np.asarray(values))
            else:
                d.id.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(values), h5t.py_create(np.dtype(dtype), logical=True))
        for part in parts or ():
            d[part] = values[part]
        try:
            d.flush()  # the filters run here
        except RuntimeError as e:
            sys.exit(f"{self.name} {path}: {e}")
        return d

    def close(self):
        self.f.close()


def rotate():
    """dtype and byte order, in turn."""
    while True:
        for dtype in NUMERIC:
            for big in (False, True):
                if not (big and np.dtype(dtype).itemsize == 1):
                    yield dtype, big


TURN = rotate()
PLAIN = {
    "bare": [],
    "deflate": [(1, 4)],
    "three": [(2,), (1, 6), (3,)],
}


def early(dcpl):
    dcpl.set_alloc_time(h5d.ALLOC_TIME_EARLY)


def bare_edges(dcpl):
    call("H5Pset_chunk_opts", hid(dcpl), ctypes.c_uint(2))


def compact(dcpl):
    dcpl.set_layout(h5d.COMPACT)


def common_layouts(f):
    """What every version of the format has."""
    for dtype in NUMERIC:
        for big in (False, True):
            if big and np.dtype(dtype).itemsize == 1:
                continue
            end = f"{dtype}_{'be' if big else 'le'}"
            f.add(f"contiguous_{end}", dtype, (7, 9), big, data=noise)
            f.add(f"compact_{end}", dtype, (7, 5), big, setup=compact)
            f.add(f"chunked_{end}", dtype, (13, 11), big, (5, 4), PLAIN["three"])
            f.add(f"unwritten_{end}", dtype, (5, 4), big, data=None, fill=1)
    for dtype, big in (("float64", True), ("uint16", False), ("bool", False)):
        f.add(f"scalar_{dtype}", dtype, (), big)
        f.add(f"scalar_compact_{dtype}", dtype, (), big, setup=compact)
    f.add("scalar_unwritten", "int64", (), True, data=None, fill=-77)
    f.add("null", space=h5s.create(h5s.NULL), data=None)
    f.add("empty", "float32", (0,))
    f.add("empty_middle", "float32", (3, 0, 2), True)
    f.add("empty_chunked", "int16", (0, 3), chunk=(2, 3), most=(NONE, 3))
    f.add("empty_deflate", "int16", (4, 0), chunk=(2, 3), most=(4, NONE), filters=PLAIN["deflate"])
    for rank in range(1, 6):
        shape = (29, 11, 6, 5, 4)[:rank]
        f.add(f"rank{rank}", *args(shape), chunk=(7, 4, 4, 2, 3)[:rank], filters=PLAIN["deflate"])
        f.add(f"rank{rank}_contiguous", *args(shape))
    many = (2, 1, 3) + (1,) * 28 + (5,)
    f.add("rank32", "int16", many, True, (1, 1, 2) + (1,) * 28 + (2,), PLAIN["three"])
    f.add("rank32_contiguous", "int16", many)
    f.add("larger", "float32", (13, 11), True, (64, 32), PLAIN["three"], most=(NONE, NONE))
    f.add("larger_bare", "float32", (13, 11), False, (64, 32), most=(NONE, NONE))
    f.add("larger_than_one_axis", "uint32", (13, 11), False, (5, 64), PLAIN["deflate"], most=(13, NONE))
    for big in (False, True):
        end = "be" if big else "le"
        f.add(f"sparse_{end}", "int32", (23, 17), big, (5, 4), fill=0x12345678, parts=[np.s_[6:9, 5:7], np.s_[22:, 16:]])
        f.add(f"sparse_three_{end}", "float64", (23, 17), big, (5, 4), PLAIN["three"], fill=-2.5,
              parts=[np.s_[:5, :4], np.s_[10:, 9:10]])
        f.add(f"sparse_nan_{end}", "float32", (40,), big, (7,), PLAIN["deflate"], fill=np.nan, parts=[np.s_[14:21]])
    f.add("sparse_zero", "uint8", (40, 3), chunk=(7, 3), parts=[np.s_[14:21]])
    f.add("sparse_bool", "bool", (40,), chunk=(7,), parts=[np.s_[14:22]], fill=True)
    f.add("unwritten_chunks", "uint64", (40,), True, (7,), PLAIN["three"], data=None, fill=2**63 + 5)
    f.add("no_fill", "int32", (40,), False, (8,), setup=lambda p: p.set_fill_time(h5d.FILL_TIME_NEVER))
    f.add("early_deflate", "int32", (13, 11), True, (5, 4), PLAIN["deflate"], setup=early, fill=9, parts=[np.s_[2:4, 2:4]])
    for name, filters in PLAIN.items():
        for kind, most in (("fixed", (60, 40)), ("one", (NONE, 40)), ("other", (60, NONE)), ("both", (NONE, NONE))):
            d = f.add(f"shrunk_{name}_{kind}", *args((31, 17)), (7, 4), filters, most, fill=1)
            d.resize((16, 9))
            d = f.add(f"shrunk_grown_{name}_{kind}", *args((31, 17)), (7, 4), filters, most, fill=1)
            d.resize((16, 9))
            d.resize((33, 18))
            d = f.add(f"grown_{name}_{kind}", *args((13, 11)), (7, 4), filters, most, fill=1)
            d.resize((31, 19))
            d[25:29, 3:] = 1
    masks(f)


def args(shape):
    dtype, big = next(TURN)
    return dtype, shape, big


def fletcher32(data):
    a = b = 0
    for i in range(0, len(data), 2):
        a += data[i] << 8 | (data[i + 1] if i + 1 < len(data) else 0)
        a = (a & 0xFFFF) + (a >> 16)
        b += a
        b = (b & 0xFFFF) + (b >> 16)
    return b << 16 | a


def masks(f):
    """Chunks for which some of the filters were skipped, each combination once."""
    def stored(values, mask):
        raw = values.tobytes()
        if not mask & 1:
            raw = np.frombuffer(raw, np.uint8).reshape(-1, values.itemsize).T.tobytes()
        if not mask & 2:
            raw = zlib.compress(raw, 6)
        if not mask & 4:
            raw += struct.pack("<I", fletcher32(raw))
        return raw

    for most in (None, (NONE,)):
        d = f.add(f"masks{'_unlimited' if most else ''}", "float64", (96,), False, (12,), PLAIN["three"], most, data=None)
        values = soft("float64", (96,), 5)
        for mask in range(8):
            d.id.write_direct_chunk((mask * 12,), stored(values[mask * 12:][:12], mask), mask)
    d = f.add("masks_all", "int32", (3, 8), False, (1, 8), PLAIN["deflate"], data=None)
    for i in range(3):
        d.id.write_direct_chunk((i, 0), soft("int32", (8,), i).tobytes(), 1)


def old():
    """The format of 1.0 to 1.6: version 1 object headers, B-trees of version 1."""
    f = File("earliest.h5")
    common_layouts(f)
    for name, filters in PLAIN.items():
        f.add(f"tree1_{name}", *args((40, 25)), (5, 2), filters)  # 104 chunks: two levels
        f.add(f"tree1_sparse_{name}", *args((200, 40)), (2, 2), filters, fill=3,
              parts=[np.s_[:6, :], np.s_[77:80, 3:30], np.s_[198:, 38:]])
    f.add("tree1_deep", "uint8", (4200,), chunk=(1,))  # three levels
    f.add("tree1_3d", "int16", (9, 10, 11), True, (4, 3, 2), PLAIN["three"])
    f.add("extended", "int32", (20,), False, (4,), most=(NONE,))
    many = f.add("many_attributes", "float32", (13, 11), True, (5, 4), PLAIN["three"])
    for i in range(70):
        many.attrs[f"attribute number {i}"] = np.arange(i % 7, dtype="i4")
    f.group("group")
    f.group("group/inner")
    f.add("group/inner/x", "int64", (13, 11), False, (5, 4), PLAIN["deflate"])
    f.f["soft"] = h5py.SoftLink("/group/inner/x")
    f.f["group/hard"] = f.f["contiguous_int16_be"]
    File.rows += [(f.name, "soft"), (f.name, "group/hard")]
    f.close()
    # Few children a node: superblock version 1, many levels.
    f = File("small_nodes.h5", setup=lambda p: call("H5Pset_istore_k", hid(p), ctypes.c_uint(2)))
    for name, filters in PLAIN.items():
        f.add(f"deep_{name}", *args((40, 25)), (5, 2), filters)
        f.add(f"deep_sparse_{name}", *args((100, 20)), (2, 2), filters, fill=3, parts=[np.s_[:6], np.s_[77:80, 3:16]])
    f.close()
    f = File("offsets4.h5", setup=lambda p: p.set_sizes(4, 4))
    some(f)
    f.close()
    for block in (512, 1024):
        f = File(f"userblock{block}.h5", setup=lambda p: p.set_userblock(block))
        some(f)
        f.close()
        with open(os.path.join(FOLDER, f.name), "r+b") as raw:
            raw.write((b"what comes before the file " * 40)[:block])


def some(f):
    """A little of everything."""
    f.add("contiguous", "float32", (7, 9), True)
    f.add("compact", "int16", (7, 9), False, setup=compact)
    f.add("unwritten", "int16", (7, 9), True, data=None, fill=-3)
    indexes(f, small=True)


def indexes(f, small=False):
    """Every chunk index of the newer format (in an older file: B-trees), each with and without filters."""
    for name, filters in PLAIN.items():
        f.add(f"single_{name}", *args((13, 11)), (13, 11), filters)
        if not filters:
            f.add("implicit", *args((13, 11)), (5, 4), setup=early)
            f.add("implicit_3d", *args((5, 6, 7)), (2, 4, 3), setup=early, fill=4, parts=[np.s_[1:2, 2:5, 3]])
            f.add("implicit_larger", *args((5, 6)), (3, 4), most=(20, 10), setup=early)
        f.add(f"fixed_{name}", *args((13, 11)), (5, 4), filters)
        f.add(f"fixed_sparse_{name}", *args((23, 17)), (5, 4), filters, fill=6, parts=[np.s_[6:9, 5:7], np.s_[22:, 16:]])
        f.add(f"fixed_room_{name}", *args((13, 11)), (5, 4), filters, (40, 50))
        f.add(f"fixed_3d_{name}", *args((5, 6, 7)), (2, 4, 3), filters, (5, 16, 9))
        f.add(f"extensible_{name}", *args((13, 11)), (5, 4), filters, (NONE, 11))
        f.add(f"extensible_last_{name}", *args((13, 11)), (5, 4), filters, (13, NONE))
        f.add(f"extensible_middle_{name}", *args((5, 16, 7)), (2, 2, 3), filters, (9, NONE, 20))
        f.add(f"extensible_sparse_{name}", *args((900,)), (3,), filters, (NONE,), fill=6,
              parts=[np.s_[100:130], np.s_[800:805]])
        f.add(f"tree2_{name}", *args((13, 11)), (5, 4), filters, (NONE, NONE))
        f.add(f"tree2_sparse_{name}", *args((23, 17)), (5, 4), filters, (NONE, NONE), fill=6,
              parts=[np.s_[6:9, 5:7], np.s_[22:, 16:]])
        if small:
            continue
        f.add(f"fixed_paged_{name}", *args((2500,)), (1,), filters, parts=[np.s_[:40], np.s_[2100:2108]], fill=1)
        f.add(f"fixed_paged_2d_{name}", *args((60, 40)), (2, 1), filters, (200, 50), data=soft)
        f.add(f"extensible_many_{name}", *args((700, 2)), (1, 2), filters, (NONE, 2))
        # From position 131,060 on, data blocks have pages.
        f.add(f"extensible_paged_{name}", "uint8", (131200,), False, (1,), filters, (NONE,), fill=7,
              parts=[np.s_[:2], np.s_[131055:131062], np.s_[131190:131192]])
        f.add(f"tree2_many_{name}", *args((60, 4)), (1, 2), filters, (NONE, NONE))
        deep = (30, 4, 2, 2, 2, 1, 1, 1, 1, 1)
        f.add(f"tree2_deep_{name}", "uint16", deep, True, (1,) * 10, filters, (NONE, NONE) + deep[2:])
        f.add(f"tree2_backwards_{name}", *args((300, 1)), (1, 1), filters, (NONE, NONE),
              parts=[np.s_[i:i + 1] for i in range(299, -1, -3)], fill=2)
    if not small:
        f.add("tree2_32", "uint8", (3, 3) + (1,) * 30, False, (1,) * 32, most=(NONE, NONE) + (1,) * 30)
        f.add("extensible_full", "int8", (40, 40), False, (1, 1), most=(NONE, 40))
    if f.name in ("v18.h5", "offsets4.h5"):
        return  # these need the layout message of 1.10, and lengths of 8 bytes to say "unlimited"
    for kind, most in (("fixed", None), ("extensible", (NONE, 11)), ("tree2", (NONE, NONE))):
        f.add(f"bare_edges_{kind}", *args((13, 11)), (5, 4), PLAIN["three"], most, setup=bare_edges)
    f.add("bare_edges_single", *args((13, 11)), (16, 16), PLAIN["three"], (NONE, NONE), setup=bare_edges)
    d = f.add("bare_edges_grown", *args((13, 11)), (5, 4), PLAIN["deflate"], (NONE, 11), setup=bare_edges, fill=1)
    d.resize((17, 11))


def new():
    """The format of 1.8 and 1.10."""
    f = File("v18.h5", h5f.LIBVER_V18, h5f.LIBVER_V18)
    some(f)
    f.close()
    f = File("v110.h5", h5f.LIBVER_V110)
    common_layouts(f)
    f.close()
    f = File("indexes.h5", h5f.LIBVER_V110)
    indexes(f)
    f.close()

    def order(dcpl):
        dcpl.set_attr_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)

    def in_header(dcpl):
        dcpl.set_attr_phase_change(200, 100)

    f = File("headers.h5", h5f.LIBVER_V110)
    for name, setup in (("dense", lambda p: None), ("ordered", order), ("continued", in_header)):
        d = f.add(name, "float32", (13, 11), True, (5, 4), PLAIN["three"], setup=setup)
        for i in range(50):
            d.attrs[f"attribute number {i}"] = np.arange(i % 7, dtype="i4")
        f.add(f"after_{name}", "int8", (5,), setup=setup).attrs["one"] = 1
    t = file_type("uint32", True)
    LIB.H5Pcreate.restype = HID
    tcpl = HID(LIB.H5Pcreate(HID.in_dll(LIB, "H5P_CLS_DATATYPE_CREATE_ID_g")))
    call("H5Pset_obj_track_times", tcpl, ctypes.c_bool(False))
    call("H5Tcommit2", hid(f.f.id), b"named type", hid(t), HID(0), tcpl, HID(0))
    f.add("of_named_type", "uint32", (13, 11), True, (5, 4), PLAIN["three"], ty=t)
    f.close()

    def shared(fcpl):
        call("H5Pset_shared_mesg_nindexes", hid(fcpl), ctypes.c_uint(1))
        call("H5Pset_shared_mesg_index", hid(fcpl), ctypes.c_uint(0), ctypes.c_uint(0x1F), ctypes.c_uint(8))

    for low, name in ((h5f.LIBVER_EARLIEST, "shared_old.h5"), (h5f.LIBVER_V110, "shared.h5")):
        f = File(name, low, setup=shared)
        for i in range(3):
            f.add(f"x{i}", "float32", (13, 11), True, (5, 4), PLAIN["three"], fill=2)
            f.add(f"y{i}", "int16", (13, 11), False, fill=3)
        f.close()
    f = File("paged.h5", h5f.LIBVER_V110, setup=lambda p: p.set_file_space_strategy(h5f.FSPACE_STRATEGY_PAGE, True, 1))
    some(f)
    f.close()
    f = File("offsets4_new.h5", h5f.LIBVER_V110, setup=lambda p: p.set_sizes(4, 8))
    some(f)
    f.close()
    f = File("latest.h5", h5f.LIBVER_LATEST, h5f.LIBVER_LATEST)
    some(f)
    f.close()


def many_filters():
    """Pipelines by name."""
    plug = hdf5plugin
    out = {
        "deflate1": [(1, 1)], "deflate9": [(1, 9)], "shuffle": [(2,)], "fletcher32": [(3,)],
        "deflate_fletcher32": [(1, 4), (3,)], "fletcher32_deflate": [(3,), (1, 4)],
        "shuffle_deflate": [(2,), (1, 4)], "deflate_shuffle": [(1, 4), (2,)],
        "shuffle_fletcher32_deflate": [(2,), (3,), (1, 4)], "fletcher32_shuffle_deflate": [(3,), (2,), (1, 4)],
        "fletcher32_deflate_fletcher32": [(3,), (1, 4), (3,)], "deflate_deflate": [(1, 4), (1, 4)],
        "lzf": [(32000,)], "shuffle_lzf_fletcher32": [(2,), (32000,), (3,)],
        "fletcher32_lzf": [(3,), (32000,)],
        "bzip2": [(307, 9)], "shuffle_bzip2": [(2,), (307, 1)],
        "zstd": [(32015, 3)], "shuffle_zstd_fletcher32": [(2,), (32015, 19), (3,)], "zstd_fast": [(32015, 1)],
        "lz4": [(32004, 0)], "lz4_blocks": [(32004, 100)], "shuffle_lz4_fletcher32": [(2,), (32004, 0), (3,)],
        "fletcher32_lz4": [(3,), (32004, 64)],
        "szip_nn": [(4, 32, 16)], "szip_ec": [(4, 4, 8)], "shuffle_szip": [(2,), (4, 32, 8)],
    }
    for cname in ("none", "lz4", "zstd"):
        for nelems in (0, 64):
            b = plug.Bitshuffle(nelems=nelems, cname=cname)
            out[f"bitshuffle_{cname}_{nelems}"] = [(b.filter_id, *b.filter_options)]
    b = plug.Bitshuffle(cname="none")
    out["bitshuffle_none_deflate"] = [(b.filter_id, *b.filter_options), (1, 4)]
    b = plug.Bitshuffle(cname="lz4")
    out["bitshuffle_lz4_fletcher32"] = [(b.filter_id, *b.filter_options), (3,)]
    for cname in ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"):
        for how, shuffle in (("", 0), ("_shuffle", 1), ("_bitshuffle", 2)):
            b = plug.Blosc(cname=cname, clevel=5, shuffle=shuffle)
            out[f"blosc_{cname}{how}"] = [(b.filter_id, *b.filter_options)]
    for clevel in (0, 1, 9):
        b = plug.Blosc(cname="lz4", clevel=clevel)
        out[f"blosc_level{clevel}"] = [(b.filter_id, *b.filter_options)]
    b = plug.Blosc(cname="zstd", shuffle=1)
    out["shuffle_blosc_fletcher32"] = [(2,), (b.filter_id, *b.filter_options), (3,)]
    return out


def filters():
    """Every filter over elements of several sizes that compress or do not, in chunks of 40 B to 64 KiB."""
    f = File("filters.h5", h5f.LIBVER_V110)
    for name, pipeline in many_filters().items():
        f.add(f"{name}_a", *args((13, 11)), (5, 4), pipeline)
        f.add(f"{name}_b", *args((13, 11)), (6, 11), pipeline, (NONE, 11))
        f.add(f"{name}_noise", *args((40, 17)), (21, 17), pipeline, data=noise)
        f.add(f"{name}_large", *args((96, 100)), (90, 90), pipeline, (NONE, NONE))
        f.add(f"{name}_u8", "uint8", (1000,), False, (300,), pipeline, data=noise)
    for name in ("lz4", "bitshuffle_lz4_0", "bitshuffle_zstd_0", "blosc_zstd_shuffle", "zstd", "lzf", "bzip2", "blosc_blosclz"):
        pipeline = many_filters()[name]
        f.add(f"{name}_huge", "float64", (300, 200), name < "c", (200, 150), pipeline, most=(NONE, NONE),
              data=lambda t, s, k: np.floor(np.add.outer(np.arange(s[0]) // 7, np.arange(s[1]) // 11)).astype(t))
        f.add(f"{name}_sparse", *args((23, 17)), (5, 4), pipeline, fill=3, parts=[np.s_[6:9, 5:7], np.s_[22:, 16:]])
        d = f.add(f"{name}_masked", "int32", (3, 8), False, (1, 8), pipeline, (NONE, 8))
        d.id.write_direct_chunk((1, 0), soft("int32", (8,), 1).tobytes(), 1)
    f.add("lzf_btree1", "float32", (13, 11), True, (5, 4), [(32000,)])
    for big in (False, True):
        end = "be" if big else "le"
        for dtype in NUMERIC[1:9]:
            # Minimal bits found by the filter, with and without a fill value in the data.
            f.add(f"scaleoffset_{dtype}_{end}", dtype, (13, 11), big, (5, 4), [(6, h5py.h5z.SO_INT, 0)], fill=3)
            f.add(f"nbit_{dtype}_{end}", dtype, (13, 11), big, (5, 4), [(5,)])
        for dtype in ("float32", "float64"):
            f.add(f"scaleoffset_{dtype}_{end}", dtype, (13, 11), big, (5, 4), [(6, h5py.h5z.SO_FLOAT_DSCALE, 2)],
                  data=lambda t, s, k: array(t, s, k, "small"))
            f.add(f"nbit_{dtype}_{end}", dtype, (13, 11), big, (5, 4), [(5,)])
    f.add("scaleoffset_bits", "int32", (13, 11), False, (5, 4), [(6, h5py.h5z.SO_INT, 7)], most=(NONE, 11))
    f.add("scaleoffset_wide", "int64", (13, 11), False, (5, 4), [(6, h5py.h5z.SO_INT, 0)], data=noise)
    f.add("scaleoffset_deflate", "uint16", (13, 11), True, (5, 4), [(6, h5py.h5z.SO_INT, 0), (1, 4), (3,)])
    f.add("shuffle_nbit", "uint16", (13, 11), True, (5, 4), [(5,), (1, 4)])
    for name, filter_ in (("zfp", hdf5plugin.Zfp(reversible=True)), ("blosc2", hdf5plugin.Blosc2())):
        pipeline = [(filter_.filter_id, *filter_.filter_options)]
        f.add(name, "float32", (13, 11), False, (5, 4), pipeline)
        f.add(f"{name}_after_shuffle", "float64", (13, 11), False, (5, 4), [(2,), *pipeline] if name == "blosc2" else pipeline)
    f.close()
    f = File("filters_old.h5")
    for name, pipeline in many_filters().items():
        f.add(name, *args((13, 11)), (5, 4), pipeline)
    f.close()


def integer(size, precision, offset, signed, big):
    t = (h5t.STD_I64LE if signed else h5t.STD_U64LE).copy()
    t.set_order(h5t.ORDER_BE if big else h5t.ORDER_LE)
    t.set_precision(precision)
    t.set_size(size)
    t.set_offset(offset)
    return t


def dtypes():
    """Element types that are not one of the twelve as they lie."""
    f = File("dtypes.h5", h5f.LIBVER_V110)
    for size, precision, offset in ((2, 12, 0), (2, 12, 3), (4, 24, 0), (4, 17, 8), (8, 40, 0), (1, 5, 1), (2, 7, 4)):
        for signed in (False, True):
            for big in (False, True):
                name = f"{'i' if signed else 'u'}{precision}_in_{size}_at_{offset}_{'be' if big else 'le'}"
                t = integer(size, precision, offset, signed, big)
                read_as = f"{'' if signed else 'u'}int{max(8, 1 << (precision - 1).bit_length())}"
                f.add(name, read_as, (13, 11), ty=t)
                f.add(f"{name}_chunked", read_as, (13, 11), chunk=(5, 4), filters=PLAIN["three"], ty=t, fill=2,
                      parts=[np.s_[:9, :7]])
                f.add(f"{name}_nbit", read_as, (13, 11), chunk=(5, 4), filters=[(5,)], ty=t)
    for name, base in (("enum_i16_be", h5t.STD_I16BE), ("enum_u8", h5t.STD_U8LE)):
        t = h5t.enum_create(base)
        for i, member in enumerate((b"RED", b"GREEN", b"BLUE")):
            t.enum_insert(member, i)
        dtype = "int16" if "16" in name else "uint8"
        f.add(name, dtype, (30,), data=None, ty=t, chunk=(7,), fill=None).id.write(
            h5s.ALL, h5s.ALL, (np.arange(30) % 3).astype(base.dtype), t)
    # Floats of other formats: no dtype.
    t = h5t.IEEE_F32LE.copy()
    t.set_fields(23, 15, 8, 7, 8)
    t.set_offset(7)
    t.set_precision(17)
    f.add("float17", "float32", (7,), ty=t, data=None)
    t = h5t.IEEE_F32LE.copy()
    t.set_fields(15, 7, 8, 0, 7)
    t.set_size(2)
    t.set_ebias(127)
    f.add("bfloat16", "float32", (7,), ty=t, data=None)
    f.add("long_double", "float64", (7,), ty=h5t.NATIVE_LDOUBLE, data=None)
    f.add("bits", "uint8", (7,), ty=h5t.STD_B8LE, data=None)
    f.close()


def dtype_of(t):
    """The dtype that an element type is read as, None if it has none, and in which type HDF5 gives it."""
    if t.get_class() == h5t.ENUM:
        names = sorted(t.get_member_name(i) for i in range(t.get_nmembers()))
        if names == [b"FALSE", b"TRUE"]:
            return "bool", h5t.py_create(np.dtype(bool), logical=True)
        dtype = dtype_of(t.get_super())[0]
        native = h5t.enum_create(h5t.py_create(np.dtype(dtype)))
        for i in range(t.get_nmembers()):
            native.enum_insert(t.get_member_name(i), t.get_member_value(i))
        return dtype, native
    if t.get_class() == h5t.INTEGER:
        bits = next(b for b in (8, 16, 32, 64) if t.get_precision() <= b)
        dtype = f"{'' if t.get_sign() == h5t.SGN_2 else 'u'}int{bits}"
        return dtype, h5t.py_create(np.dtype(dtype))
    if t.get_class() == h5t.BITFIELD:
        dtype = f"uint{8 * t.get_size()}"
        return dtype, h5t.py_create(np.dtype(dtype))
    if t.get_class() == h5t.FLOAT:
        for dtype in ("float16", "float32", "float64"):
            for order in "<>":
                if t.equal(h5t.py_create(np.dtype(dtype).newbyteorder(order))):
                    return dtype, h5t.py_create(np.dtype(dtype))
    return None, None


def stock(file, path, expected):
    """Whether h5dump 1.10.8 without plugins gives these bytes (if it gives any)."""
    with tempfile.NamedTemporaryFile() as out:
        run = subprocess.run(["h5dump", "-d", "/" + path, "-b", "LE", "-o", out.name, os.path.join(FOLDER, file)],
                             capture_output=True, env={**os.environ, "HDF5_PLUGIN_PATH": "/nonexistent"})
        if run.returncode != 0 or b"unable to" in run.stderr:
            return False
        return expected is None or out.read() == expected


def describe(file, path):
    f = h5py.File(os.path.join(FOLDER, file), "r")
    try:
        d = f[path].id
    except KeyError as e:
        sys.exit(f"{file} {path}: {e}")
    dcpl, t = d.get_create_plist(), d.get_type()
    layout = {h5d.CONTIGUOUS: "contiguous", h5d.COMPACT: "compact", h5d.CHUNKED: "chunked"}[dcpl.get_layout()]
    dtype, memory = dtype_of(t)
    null = d.get_space().get_simple_extent_type() == h5s.NULL
    shape = (0,) if null else d.get_space().get_simple_extent_dims()
    row = {"file": file, "path": path, "dtype": dtype, "shape": list(shape), "sum": None,
           "header": h5py.h5o.get_info(d).addr, "layout": layout,
           "chunk": None, "index": None,
           "big": getattr(t.get_super() if t.get_class() == h5t.ENUM else t, "get_order", int)() == h5t.ORDER_BE,
           "filters": [[f[0], NAMES[f[0]], list(f[2])] for f in map(dcpl.get_filter, range(dcpl.get_nfilters()))]}
    expected, differs = None, False
    if dtype:
        v = np.zeros(shape, dtype)
        if v.size and not null:
            d.read(h5s.ALL, h5s.ALL, v, memory)
        if re.fullmatch(r"i\d+_in_\d_at_0_be_nbit", path) and not np.array_equal(v, File.written[file, path]):
            # libhdf5 forgets the sign of big-endian integers at bit 0 if the bits above them are not filled
            # with it, and n-bit does not keep those. The elements are those that were written.
            v, differs = File.written[file, path], True
        raw = v.astype(v.dtype.newbyteorder("<")).tobytes()
        row["sum"] = format(checksum(raw), "016x")
        # h5dump's binary form has no bools, halves, odd precisions or 32 axes: there, that it reads has to do.
        plain = t.get_class() == h5t.FLOAT and dtype != "float16" or t.get_class() == h5t.INTEGER and (
            t.get_size() * 8 == t.get_precision())
        expected = raw if plain and len(shape) < 32 else None
    row["stock"] = not differs and stock(file, path, expected)
    if layout == "chunked":
        row["chunk"] = list(dcpl.get_chunk())
        kind = ctypes.c_int(-9)
        call("H5Dget_chunk_index_type", HID(d.id), ctypes.byref(kind))
        row["index"] = INDEX[kind.value]
        row["count"] = 0 if 0 in shape else d.get_num_chunks()
        with open(os.path.join(FOLDER, file), "rb") as stored:
            raw = stored.read()
        assert raw[f.userblock_size + row["header"]:].startswith((b"OHDR\2", b"\1\0")), (file, path)
        row["chunks"] = some_chunks(d, shape, row["chunk"], raw) if row["count"] else []
    return row


def some_chunks(d, shape, chunk, raw):
    """Up to five stored chunks. HDF5's list has wrong positions where the unlimited axis is not the first, so
    position and address are brought together by what is stored there (if there is only one such chunk)."""
    places = {}
    d.chunk_iter(lambda c: places.setdefault((c.filter_mask, raw[c.byte_offset:][:c.size]), []).append(c.byte_offset))
    grid = [-(-s // c) for s, c in zip(shape, chunk)]
    n, found = int(np.prod(grid, dtype=int)), []
    for i in sorted({k * (n - 1) // 200 for k in range(201)}):
        start = tuple(int(k) * c for k, c in zip(np.unravel_index(i, grid), chunk))
        try:
            mask, stored = d.read_direct_chunk(start)
        except (RuntimeError, OSError):
            continue
        addresses = places[mask, bytes(stored)]
        if len(addresses) == 1:
            found.append([addresses[0], len(stored), mask, list(start)])
    return [found[k] for k in sorted({len(found) * k // 4 for k in range(4)} | {len(found) - 1}) if 0 <= k < len(found)]


def check(rows):
    """That the files hold what they are for."""
    def has(file, pattern, message):
        with open(os.path.join(FOLDER, file), "rb") as f:
            assert re.search(pattern, f.read(), re.S), f"{file}: {message}"

    kinds = {(r["index"], bool(r["filters"])) for r in rows if r["index"]}
    wanted = {(k, b) for k in ("B-tree 1", "single", "fixed array", "extensible array", "B-tree 2") for b in (False, True)}
    assert kinds == wanted | {("implicit", False)}, kinds ^ wanted
    has("earliest.h5", rb"TREE\x01\x02", "a B-tree of three levels")
    has("small_nodes.h5", rb"TREE\x01[\x03-\x09]", "a B-tree of four levels")
    for kind in (b"\x0a", b"\x0b"):
        has("indexes.h5", rb"BTHD\0" + kind + rb".{6}[\x02-\x09]\0", "a B-tree 2 of three levels")
    for block in (b"EASB", b"EADB", b"FADB"):
        for filtered in (b"\0", b"\1"):
            has("indexes.h5", block + rb"\0" + filtered, f"{block} of {filtered}")
    has("headers.h5", rb"OCHK", "an object header in pieces")
    has("headers.h5", rb"FRHP", "dense attributes")
    has("shared.h5", rb"SMTB", "shared messages")


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name in os.listdir(FOLDER):
        os.remove(os.path.join(FOLDER, name))
    old()
    new()
    filters()
    dtypes()
    rows = [describe(*row) for row in File.rows]
    check(rows)
    with open(os.path.join(HERE, "layouts.json"), "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
    print(len(rows), "datasets,", sum(r["stock"] for r in rows), "of them for 1.10.8")


if __name__ == "__main__":
    main()
