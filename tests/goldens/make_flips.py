"""Makes tests/goldens/flips/*.h5 and tests/goldens/flips.json: a small file for each kind of chunk index, and what
h5py gives for its dataset when any one bit of the index, or of the message that leads to it, is flipped.

    pip install h5py==3.16.0 numpy
    python make_flips.py

h5py 3.16 brings HDF5 2.0. It reads in a process of its own, for some flips crash it or keep it busy. Structures with
a checksum are flipped twice: as they are, and with the checksum put right again, since nothing but that tells most of
their damage.

In flips.json each file has its dataset, the bytes that are flipped (as pairs of first byte and length, with the
bytes that a checksum in the four bytes behind is of, if there is one), and for each way one letter per bit, runs of
a letter being shortened to the letter and a number: `=` the values of the whole file, `e` an error, `c` a crash,
`h` more than a few seconds, `x` other values. Six hexadecimal digits of the checksum of each of these follow in order.
"""
import ctypes
import json
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time

import h5py
import numpy as np
from common import checksum
from h5py import h5d, h5f, h5p, h5s, h5t

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "flips")
PATIENCE = 5.0
EARLIEST = (h5f.LIBVER_EARLIEST, h5f.LIBVER_V18)
LATEST = (h5f.LIBVER_V110, h5f.LIBVER_V110)
# h5py's own libhdf5, for what it has no names for.
with open("/proc/self/maps") as maps:
    LIB = ctypes.CDLL(re.search(r"\S*/libhdf5-\S*", maps.read()).group())
LIB.H5_checksum_lookup3.restype = ctypes.c_uint32


def make(name, versions, shape, chunk, most=None, filters=(), half=None, early=False, without=(), dtype="<i2"):
    """Writes a file with one dataset `x`; chunks whose number is in `without` are not stored."""
    path = os.path.join(OUT, name + ".h5")
    fapl, fcpl, dcpl = h5p.create(h5p.FILE_ACCESS), h5p.create(h5p.FILE_CREATE), h5p.create(h5p.DATASET_CREATE)
    fapl.set_libver_bounds(*versions)
    if half:
        assert LIB.H5Pset_istore_k(ctypes.c_int64(fcpl.id), ctypes.c_uint(half)) >= 0
    dcpl.set_chunk(chunk)
    dcpl.set_fill_value(np.array(-7, dtype))
    dcpl.set_obj_track_times(False)
    if early:
        dcpl.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    for add in filters:
        {"deflate": lambda: dcpl.set_deflate(6), "fletcher": dcpl.set_fletcher32}[add]()
    file = h5f.create(path.encode(), h5f.ACC_TRUNC, fcpl=fcpl, fapl=fapl)
    space = h5s.create_simple(shape, most or shape)
    data = h5py.Dataset(h5d.create(file, b"x", h5t.py_create(np.dtype(dtype)), space, dcpl))
    values = (np.arange(np.prod(shape)) * 37 % 1009).astype(dtype).reshape(shape)
    grid = [-(-n // c) for n, c in zip(shape, chunk)]
    for i in range(int(np.prod(grid))):
        if i not in without:
            at = tuple(slice(k * c, (k + 1) * c) for k, c in zip(np.unravel_index(i, grid), chunk))
            data[at] = values[at]
    header = h5py.h5o.get_info(data.id).addr
    file.close()
    return path, header


def subjects():
    """Name and how it is made, one for each kind of index."""
    two = {"shape": (18, 11), "chunk": (4, 3)}
    N = h5s.UNLIMITED
    yield "tree1", dict(versions=EARLIEST, without=(3, 4, 11), **two)
    yield "tree1_whole", dict(versions=EARLIEST, **two)
    yield "tree1_filtered", dict(versions=EARLIEST, without=(3, 4, 11), filters=("deflate",), **two)
    yield "tree1_deep", dict(versions=EARLIEST, half=2, shape=(70,), chunk=(4,), without=(0, 5, 9, 10))
    yield "tree1_unlimited", dict(versions=EARLIEST, half=3, most=(N, N), filters=("fletcher",), **two)
    yield "single", dict(versions=LATEST, shape=(5, 6), chunk=(5, 6))
    yield "single_filtered", dict(versions=LATEST, shape=(5, 6), chunk=(5, 6), filters=("deflate",))
    yield "implicit", dict(versions=LATEST, early=True, **two)
    yield "fixed", dict(versions=LATEST, without=(3, 4, 11), **two)
    yield "fixed_filtered", dict(versions=LATEST, without=(3, 4, 11), filters=("deflate",), **two)
    yield "fixed_paged", dict(versions=LATEST, shape=(2100,), chunk=(2,), without=(3, 700), dtype="<i1")
    yield "extensible", dict(versions=LATEST, shape=(400,), chunk=(2,), most=(N,), without=(3, 4, 150))
    yield "extensible_filtered", dict(versions=LATEST, most=(N, 11), filters=("deflate",), without=(3, 4, 11), **two)
    yield "tree2", dict(versions=LATEST, shape=(40, 22), chunk=(2, 3), most=(N, N), without=(3, 4, 11))
    yield "tree2_filtered", dict(versions=LATEST, most=(N, N), filters=("deflate",), without=(3, 4, 11), **two)


def lookup3(data):
    """The checksum of HDF5's structures."""
    return LIB.H5_checksum_lookup3(bytes(data), ctypes.c_size_t(len(data)), 0)


def number(data, at, n):
    return int.from_bytes(data[at : at + n], "little")


def layout(data, header):
    """First byte and length of the layout message, and of what is checked with it."""
    if data[header : header + 4] == b"OHDR":
        flags = data[header + 5]
        at = header + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        end = at + width + number(data, at, width)
        at += width
        while at < end:
            kind, size = data[at], number(data, at + 1, 2)
            at += 4 + (2 if flags & 4 else 0)
            if kind == 8:
                return at, size, (header, end)
            at += size
    at, end = header + 16, header + 16 + number(data, header + 8, 4)
    while at < end:
        kind, size = number(data, at, 2), number(data, at + 2, 2)
        if kind == 8:
            return at + 8, size, None
        at += 8 + size
    raise AssertionError("no layout")


def spans(data, header):
    """What is flipped: first byte, length, and first byte and end of what a checksum is of."""
    at, size, checked = layout(data, header)
    out = [(at, size, checked)]
    for found in re.finditer(b"TREE\\x01|FAHD|FADB|EAHD|EAIB|EASB|EADB|BTHD|BTIN|BTLF", data):
        at = found.start()
        if data[at : at + 4] == b"TREE":
            # Rank and element size of all subjects follow from the first key: zeros, but for its size.
            rank = RANK[0] + 1
            size = 24 + number(data, at + 6, 2) * (8 + 8 * rank + 8) + 8 + 8 * rank
            out.append((at, size, None))
            continue
        ends = (n for n in range(6, len(data) - at - 3) if lookup3(data[at : at + n]) == number(data, at + n, 4))
        size = next(ends)
        out.append((at, size + 4, (at, at + size)))
        # Pages of a data block follow it, each with a checksum of its own.
        at += size + 4
        while data[found.start() : found.start() + 4] == b"FADB" and RANK[1] and at < len(data):
            n = next((n for n in (8192, 208) if lookup3(data[at : at + n]) == number(data, at + n, 4)), None)
            if n is None:
                break
            out.append((at, n + 4, (at, at + n)))
            at += n + 4
    return out


RANK = [0, False]


def read(path):
    with h5py.File(path, "r") as file:
        data = file["x"]
        if data.shape != SHAPE[0] or data.dtype != SHAPE[1]:
            return None
        return checksum(data[()].tobytes())


SHAPE = [None, None]


def flipped(data, flips, n):
    """The file with flip `n`: a byte, a bit, and what is to be checked again, if that is to be put right."""
    at, bit, repair = flips[n]
    out = bytearray(data)
    out[at] ^= 1 << bit
    if repair:
        first, end = repair
        out[end : end + 4] = lookup3(bytes(out[first:end])).to_bytes(4, "little")
    return bytes(out)


def work(data, flips, first, whole, letters, sums, folder):
    """Reads flip after flip. What was found is in memory that outlives this process."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    path = os.path.join(folder, "x.h5")
    for n in range(first, len(flips)):
        letters[n] = b"?"
        with open(path, "wb") as file:
            file.write(flipped(data, flips, n))
        try:
            found = read(path)
            letters[n] = b"e" if found is None else b"=" if found == whole else b"x"
            sums[n] = found or 0
        except Exception:
            letters[n] = b"e"


def verdicts(data, flips, whole):
    letters, sums = multiprocessing.RawArray(ctypes.c_char, len(flips)), multiprocessing.RawArray(ctypes.c_uint64, len(flips))
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        first = 0
        while first < len(flips):
            child = multiprocessing.Process(target=work, args=(data, flips, first, whole, letters, sums, folder))
            child.start()
            seen, since = None, time.monotonic()
            while child.is_alive():
                child.join(0.2)
                now = letters.raw.rstrip(b"\0")
                if (len(now), now[-1:]) != seen:
                    seen, since = (len(now), now[-1:]), time.monotonic()
                elif time.monotonic() - since > PATIENCE:
                    letters[len(now) - 1] = b"h"
                    child.kill()
                    child.join()
            first = len(letters.raw.rstrip(b"\0"))
            if letters[first - 1] == b"?":
                letters[first - 1] = b"c"
    raw = letters.raw.decode()
    return raw, [sums[n] for n, letter in enumerate(raw) if letter == "x"]


def short(letters):
    return re.sub(r"(.)\1+", lambda run: f"{run[1]}{len(run[0])}", letters)


def main():
    os.makedirs(OUT, exist_ok=True)
    only = sys.argv[1:]
    rows = []
    for name, how in subjects():
        if only and name not in only:
            continue
        path, header = make(name, **how)
        data = open(path, "rb").read()
        RANK[:] = [len(how["shape"]), name == "fixed_paged"]
        SHAPE[:] = [how["shape"], np.dtype(how.get("dtype", "<i2"))]
        whole = read(path)
        found = spans(data, header)
        row = {"file": name + ".h5", "whole": f"{whole:016x}", "spans": [list(s[:2]) + [list(s[2]) if s[2] else None] for s in found]}
        for way in ("plain", "repaired"):
            flips = [(at + i, bit, checked if way == "repaired" else None)
                     for at, size, checked in found for i in range(size) for bit in range(8)
                     if way == "plain" or (checked and not checked[1] <= at + i < checked[1] + 4)]
            start = time.time()
            letters, sums = verdicts(data, flips, whole)
            row[way] = {"bits": short(letters), "others": "".join(f"{s & 0xFFFFFF:06x}" for s in sums)}
            print(name, way, len(data), "bytes,", len(flips), "flips:", {k: letters.count(k) for k in "=echx"}, f"{time.time() - start:.0f} s", flush=True)
        rows.append(row)
    with open(os.path.join(HERE, "flips.json"), "w") as file:
        json.dump(rows, file, indent=0)


main()
