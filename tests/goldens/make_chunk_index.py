"""Makes chunk_index.h5 and chunk_index.json: every kind of chunk index as HDF5 2.0 writes it (layout
version 5 where there are filters, which older libraries cannot read), and where libhdf5 says that each
chunk is. Stored bytes are the chunk's number.

    python3 make_chunk_index.py
"""
import itertools
import json

import h5py

assert h5py.version.hdf5_version_tuple >= (2, 0, 0)
SETS = {
    "single": ((4, 6), (4, 6), (4, 6)),
    "fixed": ((9, 11), (9, 20), (2, 3)),
    # The unlimited axis first: libhdf5 lists the chunks of others at wrong positions.
    "extensible": ((50, 5), (None, 5), (2, 2)),
    "tree 2": ((7, 30), (None, None), (2, 1)),
}
rows = []
with h5py.File("chunk_index.h5", "w", libver=("v200", "v200")) as f:
    for kind, (shape, most, chunk) in SETS.items():
        for filtered in (False, True):
            name = f"{kind} {filtered}"
            d = f.create_dataset(
                name, shape, "<i2", maxshape=most, chunks=chunk, compression=1 if filtered else None
            )
            size = 2 * chunk[0] * chunk[1]
            grid = [range(-(-n // c)) for n, c in zip(shape, chunk)]
            for i, at in enumerate(itertools.product(*grid)):
                if i % 4 == 3:
                    continue
                n = 8 + i % 5 if filtered else size
                stored = i.to_bytes(8, "little")[:n].ljust(n, b"\xee")
                origin = tuple(a * c for a, c in zip(at, chunk))
                d.id.write_direct_chunk(origin, stored, filter_mask=i % 2 if filtered else 0)
with h5py.File("chunk_index.h5") as f:
    for kind, (shape, _, chunk) in SETS.items():
        for filtered in (False, True):
            name = f"{kind} {filtered}"
            d = f[name]
            chunks = []
            grid = [range(-(-n // c)) for n, c in zip(shape, chunk)]
            for i, at in enumerate(itertools.product(*grid)):
                info = d.id.get_chunk_info_by_coord(tuple(a * c for a, c in zip(at, chunk)))
                if info.byte_offset is None:
                    chunks.append(None)
                else:
                    chunks.append([info.byte_offset, info.size, info.filter_mask])
            assert sum(c is None for c in chunks) == len(chunks) // 4, name
            header = h5py.h5o.get_info(d.id).addr
            rows.append(
                {"kind": kind, "filtered": filtered, "header": header, "shape": shape, "chunk": chunk, "chunks": chunks}
            )
with open("chunk_index.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
