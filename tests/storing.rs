//! Results in files, read by h5py and NumPy: filters, chunks, dtypes, fill values, attributes, dimensions, groups; and what
//! is refused before anything runs.

mod common;
#[path = "common/python.rs"]
mod python;

use chunkwise::sink::hdf5::Filter;
use chunkwise::{Array, DType, Session, Store, StoreOptions};
use std::path::Path;
use std::process::Command;

struct Ran {
    code: Option<i32>,
    err: String,
}

fn eval(args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_chunkwise"))
        .args(["eval", "--device", "cpu", "--memory", "64MiB"])
        .args(args)
        .output()
        .unwrap();
    Ran { code: output.status.code(), err: String::from_utf8_lossy(&output.stderr).into_owned() }
}

fn stored(args: &[&str]) {
    let ran = eval(args);
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
}

fn at(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_string()
}

#[test]
fn h5py_reads_what_was_stored_as_it_was_asked_for() {
    let Some(py) = python::python("h5py_reads_what_was_stored_as_it_was_asked_for") else { return };
    let folder = common::folder();
    let out = at(folder.path(), "out.nc");
    stored(&[
        "--let",
        "x=reshape(arange(13*29), (13, 29))",
        "packed=x*0.5",
        "deep/er/small=x % 7",
        "time=arange(13)*2.0",
        "flat=x+1",
        "h=histogram(x, bins=5, range=(0, 377), weights=x)",
        "flag=x > 100",
        "scalar=sum(x)",
        "--output",
        &out,
        "--chunks",
        "packed=4,10",
        "--chunks",
        "flat=none",
        "--filter",
        "shuffle,gzip:7,fletcher32",
        "--filter",
        "flat=none",
        "--filter",
        "deep/er/small=fletcher32",
        "--dtype",
        "packed=float32",
        "--dtype",
        "deep/er/small=int16",
        "--fillvalue",
        "packed=-1.5",
        "--fillvalue",
        "deep/er/small=7",
        "--dims",
        "packed=time,x",
        "--dims",
        "deep/er/small=time,x",
        "--dims",
        "time=time",
        "--maxshape",
        "packed=none,29",
        "--attr",
        "made=here µ",
        "--attr",
        "packed@units=K",
        "--attr",
        "packed@limits=[1, 2.5]",
        "--attr",
        "packed@level=3",
        "--attr",
        "packed@text=\"3\"",
        "--attr",
        "@title=All of it",
    ]);
    let script = r#"
import sys, h5py, numpy as np
f = h5py.File(sys.argv[1])
x = np.arange(13*29).reshape(13, 29)
p = f['packed']
assert p.dtype == '<f4' and p.chunks == (4, 10) and p.maxshape == (None, 29), (p.dtype, p.chunks, p.maxshape)
assert (p.shuffle, p.compression, p.compression_opts, p.fletcher32) == (True, 'gzip', 7, True)
assert p.fillvalue == -1.5 and (p[:] == (x * 0.5).astype('f4')).all()
assert dict(made=p.attrs['made'], units=p.attrs['units']) == dict(made='here µ', units='K')
assert p.attrs['limits'].tolist() == [1, 2.5] and p.attrs['level'] == 3 and p.attrs['text'] == '3'
assert p.attrs['level'].dtype == 'i8' and p.attrs['limits'].dtype == 'f8'
s = f['deep/er/small']
assert s.dtype == '<i2' and (s[:] == x % 7).all() and s.fletcher32 and s.compression is None and s.fillvalue == 7
flat = f['flat']
assert flat.chunks is None and (flat[:] == x + 1).all() and flat.attrs['made'] == 'here µ'
flag = f['flag']
assert flag.dtype == bool and (flag[:] == (x > 100)).all() and not flag.shuffle and flag.compression == 'gzip'
assert f['scalar'][()] == x.sum()
counts, edges = np.histogram(x, bins=5, range=(0, 377))
sums, _ = np.histogram(x, bins=5, range=(0, 377), weights=x)
assert (f['h/counts'][:] == counts).all() and (f['h/sums'][:] == sums).all() and (f['h/edges'][:] == edges).all()
assert f['h/counts'].compression == 'gzip'
assert f.attrs['title'] == 'All of it'
# Dimension scales: a coordinate, and a dimension without one.
assert [d.keys()[0] for d in p.dims] == ['time', 'This is a netCDF dimension but not a netCDF variable.        29'], [d.keys() for d in p.dims]
assert p.dims[0][0] == f['time'] and s.dims[0][0] == f['time'] and s.dims[1][0] == f['x'] == p.dims[1][0]
assert all(h5py.h5ds.is_scale(f[n].id) for n in ('time', 'x')) and (f['time'][:] == np.arange(13) * 2.0).all()
users = [(f[r].name, int(d)) for r, d in f['time'].attrs['REFERENCE_LIST']]
assert sorted(users) == [('/deep/er/small', 0), ('/packed', 0)], users
# Growing is the file's own affair.
f.close()
with h5py.File(sys.argv[1], 'r+') as f:
    f['packed'].resize((14, 29))
    assert (f['packed'][13] == -1.5).all()
print('right')
"#;
    assert_eq!(python::run(&py, script, &[&out]), "right\n");
    // By netCDF's own library and xarray, where they are.
    let script = r#"
import sys, numpy as np
x = np.arange(13*29).reshape(13, 29)
try:
    import xarray
except ImportError:
    sys.exit()
for engine in ('h5netcdf', 'netcdf4'):
    with xarray.open_dataset(sys.argv[1], engine=engine) as d:
        assert d.packed.dims == ('time', 'x') and d.packed.shape[1] == 29, (engine, d)
        assert d.packed.attrs['units'] == 'K' and d.attrs['title'] == 'All of it'
        assert 'time' in d.coords and float(d.packed.sel(time=4)[3]) == x[2, 3] / 2
    with xarray.open_dataset(sys.argv[1], engine=engine, group='deep/er') as d:
        assert d.small.dims == ('time', 'x') and (d.small == x % 7).all()
"#;
    let whole = at(folder.path(), "whole.nc");
    stored(&[
        "--let",
        "x=reshape(arange(13*29), (13, 29))",
        "packed=x*0.5",
        "deep/er/small=x % 7",
        "time=arange(13)*2.0",
        "--output",
        &whole,
        "--dims",
        "packed=time,x",
        "--dims",
        "deep/er/small=time,x",
        "--dims",
        "time=time",
        "--attr",
        "packed@units=K",
        "--attr",
        "/@title=All of it",
    ]);
    python::run(&py, script, &[&whole]);
}

/// Every chain of filters, over dtypes and chunk shapes with cut edges; what h5py has no codec for is read by this crate's
/// decoders, which other programs' files are the test of, and by the codecs' own libraries where hdf5plugin is there.
#[test]
fn every_chain_of_filters_reads_back() {
    let py = python::python("every_chain_of_filters_reads_back");
    let folder = common::folder();
    let session = Session::builder().device(common::device()).memory("64MiB").threads(2).build().unwrap();
    let x = Array::random(&[61, 203], 9, DType::F64);
    let arrays = [
        ("noise", x.clone()),
        ("smooth", (&x * 0.01 + 5.0).cast(DType::F32)),
        ("short", (&x * 300.0).cast(DType::I16)),
        ("bytes", (&x * 5.0).cast(DType::U8)),
        ("bools", x.greater(0.5)),
        ("halves", x.cast(DType::F16)),
        ("big", (&x * 1e6).cast(DType::U64)),
        ("row", x.index([chunkwise::Index::At(3)])),
    ];
    let chains = [
        "none",
        "shuffle",
        "fletcher32",
        "deflate:0",
        "deflate:9",
        "shuffle,deflate:1",
        "shuffle,deflate:4,fletcher32",
        "fletcher32,deflate:6",
        "lz4",
        "shuffle,lz4",
        "zstd",
        "shuffle,zstd:9,fletcher32",
        "zstd:22",
        "bitshuffle",
        "bitshuffle:lz4",
        "bitshuffle,deflate:3",
        "bitshuffle,zstd:3",
    ];
    let mut files = Vec::new();
    for (n, chain) in chains.iter().enumerate() {
        let path = folder.path().join(format!("{n}.h5"));
        let filters = Filter::list(chain).unwrap();
        let store = arrays.iter().fold(Store::new(&path), |store, (name, array)| {
            let shape = array.shape().unwrap();
            let chunk: Vec<u64> = if shape.len() == 1 { vec![100] } else { vec![17 + n as u64, 50] };
            store.dataset_with(name, array, &StoreOptions::new().chunks(&chunk).filters(&filters))
        });
        session.run_with(&[], &[store]).unwrap();
        for (name, array) in &arrays {
            let back = session.compute(&Array::open(&path, name).unwrap()).unwrap();
            assert!(back.bytes() == session.compute(array).unwrap().bytes(), "{chain} {name}");
        }
        files.push(path.to_str().unwrap().to_string());
    }
    let Some(py) = py else { return };
    // All files hold the same, the first of them without filters.
    let script = r#"
import sys, h5py
try:
    import hdf5plugin
except ImportError:
    hdf5plugin = None
first = h5py.File(sys.argv[1])
for path in sys.argv[2:]:
    f = h5py.File(path)
    for name in first:
        plist = f[name].id.get_create_plist()
        ids = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
        if max(ids, default=0) > 256 and hdf5plugin is None:
            continue
        assert (f[name][:] == first[name][:]).all(), (path, name, ids)
"#;
    python::run(&py, script, &files.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn what_makes_no_sense_is_refused_before_the_run() {
    let folder = common::folder();
    let out = at(folder.path(), "out.h5");
    // Too much to compute: a refusal comes first.
    let big = "y=sin(random((40000, 100000), seed=1))";
    for (option, value, says) in [
        ("--chunks", "40001,5", "larger than the array"),
        ("--chunks", "64", "chunks of shape (64,)"),
        ("--chunks", "64,0", "64,64, or auto"),
        ("--chunks", "z=64,64", "no result is called 'z'"),
        ("--chunks", "40000,100000", "4 GiB"),
        ("--filter", "deflate:10", "no level 10"),
        ("--filter", "gzip:x", "no level 'x'"),
        ("--filter", "zstd:0", "no level 0"),
        ("--filter", "szip", "no filter 'szip' to write"),
        ("--filter", "deflate,shuffle", "no elements to put in order"),
        ("--filter", "deflate,lz4", "compress what is compressed"),
        ("--filter", "shuffle,shuffle", "twice"),
        ("--dtype", "float31", "no dtype 'float31'"),
        ("--fillvalue", "abc", "is no number"),
        ("--maxshape", "10,none", "cannot grow"),
        ("--dims", "a,b,c", "3 dimension names"),
        ("--dims", "a,a", "twice"),
        ("--dims", "y,b", "no coordinate"),
        ("--attr", "units", "has a value"),
        ("--attr", "z@units=K", "no result is called 'z'"),
    ] {
        let ran = eval(&[big, "--output", &out, option, value]);
        assert!(matches!(ran.code, Some(1 | 2)) && ran.err.contains(says), "{option} {value}: {}", ran.err);
        assert!(
            ran.err.contains("hint: ") || option == "--fillvalue" || option == "--chunks",
            "{option} {value}: {}",
            ran.err
        );
    }
    let ran = eval(&["y=ones((4, 4), int8)", "--output", &out, "--fillvalue", "300"]);
    assert!(ran.code == Some(1) && ran.err.contains("out of bounds for int8"), "{}", ran.err);
    let ran = eval(&["y=ones((4, 4))", "--output", &out, "--chunks", "none", "--filter", "deflate"]);
    assert!(ran.code == Some(1) && ran.err.contains("only chunked data"), "{}", ran.err);
    for (a, b) in [("y=ones(3)", "y/z=ones(3)"), ("a/y=ones(3)", "a/y=ones(3)")] {
        let ran = eval(&[a, b, "--output", &out]);
        assert!(ran.code == Some(1) && ran.err.contains("there twice"), "{}", ran.err);
    }
    // Options of storing have no meaning without a file.
    let ran = eval(&["y=ones(3)", "--filter", "deflate"]);
    assert!(ran.code == Some(2) && ran.err.contains("--output"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn numpy_reads_npy_and_npz_and_tables_are_text() {
    let Some(py) = python::python("numpy_reads_npy_and_npz_and_tables_are_text") else { return };
    let folder = common::folder();
    let f = |name: &str| at(folder.path(), name);
    for (name, dtype) in [
        ("a.npy", "float32"),
        ("b.npy", "bool"),
        ("c.npy", "uint16"),
        ("d.npy", "float16"),
        ("e.NPY", "int64"),
    ] {
        let x = format!("y=astype(reshape(arange(7*11*300), (7, 11, 300)) % 200, {dtype})");
        stored(&[&x, "--output", &f(name)]);
    }
    stored(&["y=arange(5.0)", "--output", &f("one.npy")]);
    stored(&["y=sum(arange(5.0))", "--output", &f("none.npy")]);
    stored(&["y=zeros((0, 3))", "--output", &f("empty.npy")]);
    stored(&[
        "g/y=random((500, 300), seed=3)",
        "n=arange(9)",
        "h=histogram(arange(100), bins=4)",
        "s=sum(arange(9))",
        "--output",
        &f("many.npz"),
        "--dtype",
        "n=float32",
    ]);
    stored(&["x=arange(4)", "y=arange(4)/3", "ok=arange(4) > 1", "--output", &f("t.csv")]);
    stored(&["m=reshape(arange(6.0), (2, 3))", "--output", &f("m.csv")]);
    stored(&["h=histogram(arange(10.0), bins=2, weights=arange(10.0))", "--output", &f("h.csv")]);
    stored(&["a=sum(arange(4))", "b=sqrt(2.0)", "c=log(-1.0)", "--output", &f("s.csv")]);
    stored(&["y=random((500, 300), seed=3)", "--output", &f("y.h5")]);
    let script = r#"
import sys, numpy as np, h5py, zipfile
at = lambda n: sys.argv[1] + '/' + n
x = np.arange(7*11*300).reshape(7, 11, 300) % 200
for name, dtype in [('a.npy', 'f4'), ('b.npy', '?'), ('c.npy', 'u2'), ('d.npy', 'f2'), ('e.NPY', 'i8')]:
    y = np.load(at(name))
    assert y.dtype == dtype and y.shape == x.shape and (y == x.astype(dtype)).all(), name
assert (np.load(at('one.npy')) == np.arange(5.0)).all() and np.load(at('none.npy')) == 10 and np.load(at('none.npy')).shape == ()
assert np.load(at('empty.npy')).shape == (0, 3)
assert zipfile.ZipFile(at('many.npz')).testzip() is None
z = np.load(at('many.npz'))
assert sorted(z.files) == ['g/y', 'h/counts', 'h/edges', 'n', 's'], z.files
assert (z['g/y'] == h5py.File(at('y.h5'))['y'][:]).all()
assert z['n'].dtype == 'f4' and (z['n'] == np.arange(9)).all() and z['s'] == 36
assert (z['h/counts'] == 25).all() and z['h/edges'].tolist() == np.histogram(np.arange(100), 4)[1].tolist()
t = np.genfromtxt(at('t.csv'), delimiter=',', names=True, dtype=None, encoding='utf8')
assert t['y'].tolist() == (np.arange(4) / 3).tolist() and t['ok'].tolist() == [False, False, True, True]
assert open(at('m.csv')).read() == 'm_0,m_1,m_2\n0.0,1.0,2.0\n3.0,4.0,5.0\n'
assert open(at('h.csv')).read() == 'h_from,h_to,h_count,h_sum\n0.0,4.5,5,10.0\n4.5,9.0,5,35.0\n', open(at('h.csv')).read()
assert open(at('s.csv')).read() == 'a,b,c\n6,1.4142135623730951,nan\n'
"#;
    python::run(&py, script, &[folder.path().to_str().unwrap()]);
}

#[test]
fn no_format_is_written_under_a_foreign_name() {
    let folder = common::folder();
    let f = |name: &str| at(folder.path(), name);
    let big = "y=sin(random((40000, 100000), seed=1))";
    for name in ["y.zarr", "y.txt", "y.tif", "y.parquet", "y.h55", "y.png", "y.fits"] {
        let ran = eval(&[big, "--output", &f(name)]);
        assert!(
            ran.code == Some(2)
                && ran.err.contains("cannot be stored as '.")
                && ran.err.contains("hint: HDF5 is .h5"),
            "{}",
            ran.err
        );
    }
    for (args, says) in [
        (&["a=ones(3)", "b=ones(3)", "--output", "y.npy"][..], "one array"),
        (&["a=ones((3, 3))", "b=ones(3)", "--output", "y.csv"], "2 axes"),
        (&["a=ones(3)", "b=ones(4)", "--output", "y.csv"], "3 and 4 rows"),
        (&["a=ones((3, 3, 3))", "--output", "y.csv"], "3 axes"),
        (&["a=ones(3)", "--output", "y.csv", "--filter", "deflate"], "no chunks"),
        (&["a=ones(3)", "--output", "y.npz", "--filter", "deflate"], "no chunks"),
        (&["a=ones(3)", "--output", "y.npy", "--chunks", "2"], "no chunks"),
        (&["a=ones(3)", "--output", "y.npz", "--attr", "units=K"], "no chunks"),
    ] {
        let args: Vec<String> =
            args.iter().map(|a| if a.starts_with("y.") { f(a) } else { a.to_string() }).collect();
        let ran = eval(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(
            matches!(ran.code, Some(1 | 2)) && ran.err.contains(says) && ran.err.contains("hint: "),
            "{args:?}: {}",
            ran.err
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // Tables and NumPy's files replace only what they may, too.
    for name in ["t.csv", "t.npy", "t.npz"] {
        std::fs::write(f(name), "precious").unwrap();
        let ran = eval(&["y=ones(3)", "--output", &f(name)]);
        assert!(ran.code == Some(2) && ran.err.contains("exists already"), "{}", ran.err);
        assert_eq!(std::fs::read(f(name)).unwrap(), b"precious");
        stored(&["y=ones(3)", "--output", &f(name), "--overwrite"]);
        assert_ne!(std::fs::read(f(name)).unwrap(), b"precious");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

/// What nobody wrote is the fill value, however the data lie.
#[test]
fn what_nobody_wrote_is_the_fill_value() {
    use chunkwise::sink::hdf5::{DatasetSpec, Hdf5Writer};
    let folder = common::folder();
    let path = folder.path().join("a.h5");
    let spec = |name: &str, chunks: Option<Vec<u64>>, fill: Option<f64>| DatasetSpec {
        chunks,
        fillvalue: fill.map(Into::into),
        ..DatasetSpec::new(name, &[700], DType::F64)
    };
    let specs = [
        spec("zero", None, None),
        spec("fill", None, Some(-1.5)),
        spec("chunks", Some(vec![100]), Some(-1.5)),
        spec("plain", Some(vec![100]), None),
    ];
    Hdf5Writer::create(&path, &specs).and_then(Hdf5Writer::finish).unwrap();
    let file = hdf5::File::open(&path).unwrap();
    for (name, value) in [("zero", 0.0), ("fill", -1.5), ("chunks", -1.5), ("plain", 0.0)] {
        assert_eq!(file.dataset(name).unwrap().read_raw::<f64>().unwrap(), vec![value; 700], "{name}");
    }
}

/// What the library is told, and what arrays say of themselves.
#[test]
fn units_are_kept_and_growing_datasets_have_chunks() {
    let folder = common::folder();
    let path = folder.path().join("a.h5");
    let session = Session::builder().device(common::device()).memory("64MiB").threads(1).build().unwrap();
    let x = Array::random(&[40, 30], 2, DType::F32).annotate("units", "m").annotate("long_name", "height");
    let options = StoreOptions::new().maxshape(&[None, Some(30)]).attribute("units", "km").fillvalue(-9i64);
    let none = x.index([chunkwise::Index::from(0..0)]);
    let store = Store::new(&path).options(&options).dataset("x", &x).dataset("g/none", &none);
    session.run_with(&[], &[store]).unwrap();
    let file = hdf5::File::open(&path).unwrap();
    let text = |name: &str| {
        file.dataset("x")
            .unwrap()
            .attr(name)
            .unwrap()
            .read_scalar::<hdf5::types::VarLenUnicode>()
            .unwrap()
            .to_string()
    };
    assert_eq!((text("units"), text("long_name")), ("km".to_string(), "height".to_string()));
    for name in ["x", "g/none"] {
        let d = file.dataset(name).unwrap();
        assert!(d.is_resizable() && d.is_chunked(), "{name}");
        assert_eq!(
            d.create_plist().unwrap().fill_value_defined(),
            hdf5::plist::dataset_create::FillValue::UserDefined
        );
    }
}
