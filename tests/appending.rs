//! Files that are added to: new datasets, datasets that grow, regions; read by h5py.

mod common;
#[path = "common/python.rs"]
mod python;

use chunkwise::sink::hdf5::Filter;
use chunkwise::{Array, BlockFunction, DType, ErrorKind, Session, Store, StoreOptions};
use std::process::Command;

fn eval(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_chunkwise"))
        .args(["eval", "--device", "cpu", "--memory", "64MiB"])
        .args(args)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn stored(args: &[&str]) {
    let (code, err) = eval(args);
    assert_eq!(code, Some(0), "{args:?}: {err}");
}

/// Many regions and ends, on chunk edges and beside them, of several storages, against the same done in memory.
#[test]
fn what_is_written_into_datasets_is_there_and_nothing_else_changes() {
    let folder = common::folder();
    let path = folder.path().join("a.h5");
    let session = Session::builder().device(common::device()).memory("64MiB").threads(3).build().unwrap();
    let values = |a: &Array| session.compute(a).unwrap().bytes().to_vec();
    let x = Array::random(&[23, 31], 1, DType::F32);
    let other = Array::random(&[7, 9], 2, DType::F64);
    let storages = [
        StoreOptions::new().contiguous(),
        StoreOptions::new().chunks(&[5, 8]),
        StoreOptions::new().chunks(&[5, 8]).deflate(3),
        StoreOptions::new().chunks(&[5, 8]).filters(&[Filter::Deflate(1), Filter::Fletcher32]).fillvalue(7.0),
        StoreOptions::new().chunks(&[23, 31]).deflate(1),
        StoreOptions::new().chunks(&[6, 5]).filters(&[Filter::BitshuffleLz4, Filter::Fletcher32]),
        StoreOptions::new().chunks(&[6, 5]).filters(&[Filter::Shuffle, Filter::Zstd(2)]),
        StoreOptions::new().chunks(&[4, 31]).maxshape(&[None, Some(31)]).deflate(1),
    ];
    let regions: [([u64; 2], [u64; 2]); 7] = [
        ([0, 0], [23, 31]),
        ([5, 8], [10, 16]),
        ([5, 8], [11, 17]),
        ([20, 24], [3, 7]),
        ([3, 2], [9, 21]),
        ([22, 30], [1, 1]),
        ([4, 0], [0, 31]),
    ];
    for (n, options) in storages.iter().enumerate() {
        for (start, shape) in &regions {
            let store = Store::new(&path).dataset_with("g/x", &x, options).dataset("other", &other);
            session.run_with(&[], &[store.attribute("title", "kept")]).unwrap();
            // As halves, which float32 holds.
            let part = Array::random(shape, 9, DType::F32).cast(DType::F16);
            session.run_with(&[], &[Store::new(&path).region("/g/x", &part, start)]).unwrap();
            let mut expected = values(&x);
            let new = values(&part.cast(DType::F32));
            for i in 0..shape[0] {
                for j in 0..shape[1] {
                    let (from, to) = ((i * shape[1] + j) * 4, ((start[0] + i) * 31 + start[1] + j) * 4);
                    expected[to as usize..][..4].copy_from_slice(&new[from as usize..][..4]);
                }
            }
            let case = format!("{n} {start:?} {shape:?}");
            // libhdf5 has no decoder of the others.
            if !(5..=6).contains(&n) {
                let back =
                    hdf5::File::open(&path).unwrap().dataset("g/x").unwrap().read_raw::<f32>().unwrap();
                let is = |i: &usize| back[*i].to_ne_bytes() != expected[i * 4..][..4];
                let wrong: Vec<usize> = (0..713).filter(is).collect();
                assert!(wrong.is_empty(), "{case}: {wrong:?}");
            }
            assert!(values(&Array::open(&path, "g/x").unwrap()) == expected, "{case}");
            assert!(values(&Array::open(&path, "other").unwrap()) == values(&other), "{case}");
            assert!(hdf5::File::open(&path).unwrap().attr("title").is_ok(), "{case}");
        }
    }
    for chunks in [[4, 31], [5, 8], [30, 31]] {
        for (axis, most) in [(0, [None, Some(31)]), (1, [Some(30), None])] {
            let options = StoreOptions::new().chunks(&chunks).maxshape(&most);
            let store = Store::new(&path).dataset_with("x", &x, &options.deflate(1));
            session.run_with(&[], &[store]).unwrap();
            let mut whole = x.clone();
            for (k, len) in [(1u64, 1u64), (2, 5), (3, 0), (4, 12)] {
                let mut shape = [23, 31];
                shape[axis] = len;
                let more = Array::random(&shape, 10 + k, DType::F32);
                session.run_with(&[], &[Store::new(&path).extend("x", &more, axis)]).unwrap();
                whole = chunkwise::concatenate(&[whole, more], axis as i64);
                let back = Array::open(&path, "x").unwrap();
                assert_eq!(back.shape().unwrap(), whole.shape().unwrap());
                assert!(values(&back) == values(&whole), "{chunks:?} {axis} {k}");
            }
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_program_adds_appends_and_replaces_regions() {
    let Some(py) = python::python("the_program_adds_appends_and_replaces_regions") else { return };
    let folder = common::folder();
    let out = folder.path().join("out.nc");
    let out = out.to_str().unwrap();
    // Other programs' files: big-endian, odd filters, links, scales.
    let script = r#"
import sys, h5py, numpy as np
with h5py.File(sys.argv[1], 'w') as f:
    f.attrs['title'] = 'made by h5py'
    x = f.create_dataset('x', (10, 6), '>f4', chunks=(4, 4), maxshape=(None, 6), compression='gzip', shuffle=True)
    x[:] = np.arange(60).reshape(10, 6)
    f['time'] = np.arange(10.0)
    f['lon'] = np.arange(6.0)
    f['time'].make_scale('time'); f['lon'].make_scale('lon')
    x.dims[0].attach_scale(f['time']); x.dims[1].attach_scale(f['lon'])
    f['soft'] = h5py.SoftLink('/x'); f['hard'] = f['x']
    f['text'] = 'unchanged'
    f.create_dataset('lzf', (4,), 'f4', chunks=(2,), compression='lzf')
    f.create_dataset('packed', data=np.arange(4, dtype='i2')).attrs['scale_factor'] = 0.1
    f.create_dataset('compound', data=np.zeros(3, [('a', 'f4')]))
    f.create_dataset('fixed', data=np.zeros(3))
    f.create_dataset('late', (4, 3), '>i4', fillvalue=-1)
    f.create_dataset('sparse', (9, 9), '>i2', chunks=(4, 4), fillvalue=-1, compression='gzip', fletcher32=True)
    small = h5py.h5p.create(h5py.h5p.DATASET_CREATE); small.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(f.id, b'compact', h5py.h5t.NATIVE_INT32, h5py.h5s.create_simple((5,)), small)
"#;
    python::run(&py, script, &[out]);
    stored(&[
        "g/mean=ones((10, 6), float32)*3",
        "more=arange(6)",
        "--output",
        out,
        "--append",
        "--dims",
        "g/mean=time,lon",
        "--dims",
        "more=lon",
        "--filter",
        "shuffle,deflate:2",
        "--attr",
        "@history=added to",
    ]);
    stored(&["x=ones((3, 6), float32)*7", "--output", out, "--append-axis", "x=0"]);
    stored(&["x=full((2, 3), 9, float32)", "--output", out, "--region", "x=1:3,2:5"]);
    stored(&[
        "late=full((2, 2), 8, int32)",
        "sparse=full((5, 5), 8, int16)",
        "compact=full((2,), 8, int32)",
        "--output",
        out,
        "--region",
        "late=1:3,1:",
        "--region",
        "sparse=2:,2:7",
        "--region",
        "compact=3:",
    ]);
    stored(&["y=full((1, 6), 5, int16)", "x=y+1", "--output", out, "--region", "x=12:,:", "--append"]);
    let script = r#"
import sys, h5py, numpy as np
f = h5py.File(sys.argv[1])
x = np.concatenate([np.arange(60).reshape(10, 6), np.full((3, 6), 7)]).astype('f4')
x[1:3, 2:5] = 9; x[12] = 6
assert f['x'].dtype == '>f4' and f['x'].compression == 'gzip' and (f['x'][:] == x).all(), f['x'][:]
assert f.attrs['title'] == 'made by h5py' and f.attrs['history'] == 'added to' and f['text'][()] == b'unchanged'
assert f['hard'] == f['x'] and f.get('soft', getlink=True).path == '/x'
late, sparse = np.full((4, 3), -1), np.full((9, 9), -1)
late[1:3, 1:] = 8; sparse[2:7, 2:7] = 8
assert (f['late'][:] == late).all() and (f['sparse'][:] == sparse).all() and f['sparse'].dtype == '>i2'
assert f['compact'][:].tolist() == [0, 0, 0, 8, 8]
assert (f['g/mean'][:] == 3).all() and f['g/mean'].compression == 'gzip' and (f['y'][:] == 5).all()
for name in ('time', 'lon'):
    users = sorted((f[r].name, int(d)) for r, d in f[name].attrs['REFERENCE_LIST'])
    want = {'time': [('/g/mean', 0), ('/x', 0)], 'lon': [('/g/mean', 1), ('/more', 0), ('/x', 1)]}[name]
    assert sorted((n.replace('/hard', '/x'), d) for n, d in users) == want, users
assert f['g/mean'].dims[0][0] == f['time'] and f['more'].dims[0][0] == f['lon'] and f['x'].dims[0][0] == f['time']
"#;
    python::run(&py, script, &[out]);
    let before = std::fs::read(out).unwrap();
    for (args, says) in [
        (&["x=ones(3)", "--append"][..], "there is a 'x' in the file already"),
        (&["x/y=ones(3)", "--append"], "there is a 'x' in the file already"),
        (&["nix=ones((3, 6), float32)", "--append-axis", "0"], "no dataset 'nix'"),
        (&["x=ones((3, 5), float32)", "--append-axis", "0"], "cannot follow"),
        (&["x=ones((13, 2), float32)", "--append-axis", "1"], "cannot grow"),
        (&["fixed=ones(3)", "--append-axis", "0"], "cannot grow"),
        (&["x=ones((3, 6))", "--append-axis", "0"], "does not hold values of float64"),
        (&["x=ones((3, 6), float32)", "--region", "11:,:"], "leaves the dataset"),
        (&["x=ones((3, 6), float32)", "--region", "1:3,:"], "not that of the region"),
        (&["x=ones((3, 6), float32)", "--region", "1,2"], "slice for each axis"),
        (&["x=ones((3, 6), float32)", "--region", "0:3,:", "--filter", "lz4"], "stays as it is"),
        (&["packed=ones(4, int16)", "--region", "0:4"], "is packed"),
        (&["lzf=ones(4, float32)", "--region", "0:4"], "filter 'lzf' (32000) cannot be written"),
        (&["compound=ones(3)", "--region", "0:3"], "cannot be written"),
        (&["g=ones(3)", "--region", "0:3"], "is no dataset"),
        (&["v=ones((9, 9))", "--append", "--dims", "time,q"], "no dimension of length 9"),
        (&["v=ones(3)", "--append", "--overwrite"], "cannot be used with"),
    ] {
        let args: Vec<&str> = args.iter().copied().chain(["--output", out]).collect();
        let (code, err) = eval(&args);
        assert!(matches!(code, Some(1 | 2)) && err.contains(says), "{args:?}: {err}");
        assert!(std::fs::read(out).unwrap() == before, "{args:?}");
    }
    let input = format!("x={out}:/x");
    let (code, err) = eval(&["-i", &input, "z=x+1", "--output", out, "--append"]);
    assert!(code == Some(2) && err.contains("is an input"), "{err}");
    let (code, err) = eval(&["z=ones(3)", "--output", &format!("{out}.csv"), "--append"]);
    assert!(code == Some(2) && err.contains("only HDF5"), "{err}");
    let (code, err) = eval(&["z=ones(3)", "--output", out]);
    assert!(code == Some(2) && err.contains("--append adds to it"), "{err}");
    // A file that is not there is made, as h5py's mode "a" does.
    let new = folder.path().join("new.h5");
    stored(&["z=ones(3)", "--output", new.to_str().unwrap(), "--append"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// A copy is changed: what another writer did meanwhile is not lost in silence, permissions stay, hard links are left behind.
#[test]
fn a_file_that_another_changed_meanwhile_is_left_alone() {
    let folder = common::folder();
    let path = folder.path().join("a.h5");
    let session = Session::builder().device(common::device()).memory("64MiB").threads(1).build().unwrap();
    let x = Array::random(&[40, 30], 2, DType::F32);
    session.store(&path, &[("x", &x)], &StoreOptions::new()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    let copy = path.clone();
    let meddling = BlockFunction::new("meddling", move |block| {
        // Another process does this while the run computes.
        let mut bytes = std::fs::read(&copy).unwrap();
        bytes.push(0);
        std::fs::write(&copy, bytes).unwrap();
        let x = block.input::<f32>(0)?.to_owned();
        block.output::<f32>()?.assign(&x);
        Ok(())
    });
    let y = x.map_blocks(&meddling);
    let e = session.run_with(&[], &[Store::new(&path).append().dataset("y", &y)]).unwrap_err();
    assert!(e.kind() == ErrorKind::Io && e.to_string().contains("changed by another"), "{e}");
    session.run_with(&[], &[Store::new(&path).append().dataset("z", &x)]).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
