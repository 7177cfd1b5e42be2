//! Copies of files that h5py made, held beside the originals by h5py: values, types, attributes, links, dimension scales.

mod common;
#[path = "common/python.rs"]
mod python;

use std::path::Path;
use std::process::Command;

fn copy(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_chunkwise"))
        .args(["copy", "--device", "cpu", "--memory", "32MiB"])
        .args(args)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn copied(args: &[&str]) -> String {
    let (code, err) = copy(args);
    assert_eq!(code, Some(0), "{args:?}: {err}");
    err
}

/// What compares two files, or an object and its copy, but for storage.
const SAME: &str = r#"
import sys, h5py, numpy as np
def value(v):
    return v.tobytes() if isinstance(v, np.ndarray) and v.dtype.kind not in 'O' else repr(v)
def same_attributes(a, b, name, left):
    assert sorted(set(a.attrs) - set(left)) == sorted(b.attrs), (name, list(a.attrs), list(b.attrs))
    for k in b.attrs:
        x, y = a.attrs[k], b.attrs[k]
        if k == 'DIMENSION_LIST':
            x, y = [[a.file[r].name for r in axis] for axis in x], [[b.file[r].name for r in axis] for axis in y]
        elif k in ('REFERENCE_LIST', 'refs'):
            of = lambda f, v: [(f[e[0]].name, e[1]) for e in v] if k == 'REFERENCE_LIST' else [f[e].name for e in v]
            x, y = of(a.file, x), of(b.file, y)
        assert value(x) == value(y), (name, k, x, y)
        assert a.attrs.get_id(k).dtype == b.attrs.get_id(k).dtype and a.attrs.get_id(k).shape == b.attrs.get_id(k).shape, (name, k)
def same(a, b, left=()):
    seen, rest = {}, [(a, b)]
    while rest:
        a, b = rest.pop()
        assert type(a) is type(b), (a, b)
        same_attributes(a, b, a.name, left)
        if isinstance(a, h5py.Datatype):
            assert a.dtype == b.dtype
        elif isinstance(a, h5py.Dataset):
            assert a.dtype == b.dtype and a.id.get_type() == b.id.get_type() and a.shape == b.shape and a.maxshape == b.maxshape, a.name
            assert value(a[()]) == value(b[()]), a.name
            # h5py 3.7 crashes on that of texts.
            assert a.dtype.kind == 'O' or value(a.fillvalue) == value(b.fillvalue), a.name
        else:
            assert list(a) == list(b), (list(a), list(b))
            for k in a:
                x, y = a.get(k, getlink=True), b.get(k, getlink=True)
                assert type(x) is type(y), k
                if isinstance(x, h5py.SoftLink): assert x.path == y.path
                elif isinstance(x, h5py.ExternalLink): assert (x.path, x.filename) == (y.path, y.filename)
                else:
                    key = h5py.h5o.get_info(a[k].id).addr
                    if key in seen: assert seen[key] == b[k], k
                    else:
                        seen[key] = b[k]
                        rest.append((a[k], b[k]))
"#;

const MAKE: &str = r#"
import sys, h5py, numpy as np
rng = np.random.default_rng(1)
with h5py.File(sys.argv[1], 'w', userblock_size=512) as f:
    f.attrs['title'] = 'all of it µ'
    x = f.create_dataset('g/x', data=np.cumsum(rng.normal(size=(60, 70)), 1).astype('f4'), chunks=(7, 11), compression='gzip', shuffle=True, maxshape=(None, 70))
    x.attrs['units'] = 'K'; x.attrs['list'] = ['a', 'bc']; x.attrs['numbers'] = np.arange(6, dtype='>i2').reshape(2, 3)
    x.attrs['empty'] = h5py.Empty('f8'); x.attrs['none'] = np.zeros(0)
    f['g/x2'] = x                                 # one object, two names
    f['soft'] = h5py.SoftLink('/g/x'); f['dangling'] = h5py.SoftLink('/nowhere')
    f['outside'] = h5py.ExternalLink('other.h5', '/there')
    f['g/loop'] = f['g']
    f['time'] = np.arange(60.0); f['lon'] = np.arange(70.0)
    f['time'].make_scale('time'); f['lon'].make_scale()
    x.dims[0].attach_scale(f['time']); x.dims[1].attach_scale(f['lon']); x.dims[0].label = 'time'
    f.attrs['refs'] = np.array([x.ref, f['g'].ref], dtype=h5py.ref_dtype)
    f['big'] = rng.integers(0, 9, (300, 400)).astype('>i4')
    f['nan'] = np.array([np.nan, -0.0, np.inf] * 400)
    f['nan'][0:1] = np.array([0x7ff8000000000123], 'u8').view('f8')
    f['flags'] = rng.random(5000) < 0.5
    f['enum'] = np.zeros(3, h5py.enum_dtype({'a': 0, 'b': 7}, basetype='i2'))
    t = np.dtype([('id', 'i8'), ('pos', 'f4', (3,)), ('name', 'S5')])
    c = np.zeros(3000, t); c['id'] = np.arange(3000); c['name'] = b'abc'
    f.create_dataset('table', data=c, chunks=(700,), fillvalue=np.array((3, (1, 2, 3), b'f'), t)[()])
    f['text'] = ['one', 'two', 'threeeeee']
    f['fixed'] = np.array([b'a', b'bcd'] * 600)
    f['complex'] = (rng.normal(size=900) + 1j)
    f['scalar'] = 3.5; f['zero'] = np.zeros((0, 3)); f['null'] = h5py.Empty('f4')
    f['type'] = np.dtype('>u2'); f.create_dataset('typed', data=np.arange(900), dtype=f['type'])
    f.create_dataset('half', data=np.arange(2000).astype('f2'), chunks=(300,), compression='lzf')
    f.create_dataset('packed', data=np.arange(2000, dtype='i2'), chunks=(300,)).attrs['scale_factor'] = 0.5
    o = f.create_group('ordered', track_order=True)
    for k in ('z', 'a', 'm'): o[k] = np.arange(3)
    deep = f
    for k in range(60): deep = deep.create_group('d')
    deep['leaf'] = 1
"#;

#[test]
fn everything_is_copied_whatever_the_storage_becomes() {
    let Some(py) = python::python("everything_is_copied_whatever_the_storage_becomes") else { return };
    let folder = common::folder();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (old, new) = (at("old.h5"), at("new.h5"));
    python::run(&py, MAKE, &[&old]);
    {
        use std::io::Write;
        let mut file = std::fs::File::options().write(true).open(&old).unwrap();
        file.write_all(b"user block").unwrap();
    }
    let compare = format!(
        "{SAME}\nsame(h5py.File(sys.argv[1]), h5py.File(sys.argv[2]))\nprint(open(sys.argv[2], 'rb').read(10))"
    );
    for options in [
        &[][..],
        &["--filter", "shuffle,deflate:4"],
        &["--chunks", "auto", "--filter", "shuffle,deflate:2,fletcher32"],
        &["--chunks", "16,33", "--filter", "deflate:1"],
        &["--chunks", "500", "--filter", "none"],
        &["--chunks", "none", "--filter", "none"],
    ] {
        let args = [&[old.as_str(), new.as_str(), "--overwrite"][..], options].concat();
        let said = copied(&args);
        assert_eq!(python::run(&py, &compare, &[&old, &new]), "b'user block'\n", "{options:?}");
        match options {
            [] => assert_eq!(said, "note: /typed has a type of its own, no longer the one with a name\n"),
            [_, shape, ..] if shape.contains("33") => {
                assert!(
                    said.contains("note: /time keeps its chunks: chunks of shape (16, 33) do not fit"),
                    "{said}"
                )
            }
            _ => {}
        }
        assert!(options.is_empty() || said.contains("note: /text keeps its storage"), "{options:?}: {said}");
    }
    let stored = r#"
import sys, h5py
f = h5py.File(sys.argv[1])
for name in ('g/x', 'big', 'table', 'fixed', 'complex', 'flags', 'half', 'typed', 'packed'):
    d = f[name]
    assert d.compression == 'gzip' and d.compression_opts == 3 and d.chunks is not None, (name, d.compression, d.chunks)
assert f['g/x'].chunks == (20, 35) and f['big'].chunks == (20, 35) and f['table'].chunks == (700,), f['big'].chunks
assert f['scalar'].chunks is None and f['scalar'].compression is None
"#;
    copied(&[&old, &new, "--overwrite", "--chunks", "20,35", "--filter", "shuffle,deflate:3"]);
    python::run(&py, stored, &[&new]);

    // One object, into a file that is there, under another name; what leads elsewhere is told.
    let said = copied(&[
        &format!("{old}:/g/x"),
        &format!("{new}:/far/away"),
        "--append",
        "--chunks",
        "60,10",
        "--filter",
        "deflate:5",
    ]);
    assert!(
        said.contains("/g/x is without its attribute DIMENSION_LIST, which refers to what is not copied"),
        "{said}"
    );
    let script = format!(
        "{SAME}
a, b = h5py.File(sys.argv[1]), h5py.File(sys.argv[2])
same(a['g/x'], b['far/away'], ['DIMENSION_LIST'])
assert b['far/away'].chunks == (60, 10) and b['far/away'].compression_opts == 5 and b['big'].shape == (300, 400)"
    );
    python::run(&py, &script, &[&old, &new]);
    let one = at("one.nc");
    copied(&[&format!("{old}:/soft"), &format!("{one}:/x")]);
    copied(&[&format!("{old}:/ordered"), &one, "--append"]);
    let script = format!(
        "{SAME}
a, b = h5py.File(sys.argv[1]), h5py.File(sys.argv[2])
assert list(b) == ['ordered', 'x'] and list(b['ordered']) == ['z', 'a', 'm']
same(a['ordered'], b['ordered']); same(a['g/x'], b['x'], ['DIMENSION_LIST'])"
    );
    python::run(&py, &script, &[&old, &one]);
}

#[test]
fn what_cannot_be_copied_is_refused_by_name() {
    let Some(py) = python::python("what_cannot_be_copied_is_refused_by_name") else { return };
    let folder = common::folder();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let script = r#"
import sys, h5py, numpy as np
at = lambda n: sys.argv[1] + '/' + n
with h5py.File(at('plain.h5'), 'w') as f: f['x'] = np.arange(100.0)
with h5py.File(at('virtual.h5'), 'w') as f:
    layout = h5py.VirtualLayout((100,), 'f8'); layout[:] = h5py.VirtualSource('plain.h5', 'x', (100,))
    f.create_virtual_dataset('g/v', layout)
with h5py.File(at('external.h5'), 'w') as f:
    f.create_dataset('e', (10,), 'f8', external=[('raw.bin', 0, 80)])
with h5py.File(at('references.h5'), 'w') as f:
    f['x'] = 1; f['r'] = np.array([f['x'].ref], dtype=h5py.ref_dtype)
with h5py.File(at('regions.h5'), 'w') as f:
    f['x'] = np.arange(5); f['x'].attrs['region'] = f['x'].regionref[1:3]
with h5py.File(at('link.h5'), 'w') as f: f['out'] = h5py.ExternalLink('plain.h5', '/x')
with h5py.File(at('lzf.h5'), 'w') as f: f.create_dataset('l', (10, 10), chunks=(5, 5), compression='lzf')
"#;
    python::run(&py, script, &[folder.path().to_str().unwrap()]);
    std::fs::write(at("not.h5"), "no HDF5").unwrap();
    let before = names(folder.path());
    for (from, options, says) in [
        ("virtual.h5", &[][..], "/g/v"),
        ("virtual.h5", &["--chunks", "auto"], "lie in other files"),
        ("external.h5", &[], "lie in other files"),
        ("references.h5", &[], "data are references"),
        ("references.h5", &[], "/r"),
        ("regions.h5", &[], "attribute: region"),
        ("link.h5:/out", &[], "link into another file"),
        ("lzf.h5:/l", &["--chunks", "3,3"], "filter 'lzf' (32000)"),
        ("plain.h5:/x", &["--chunks", "3,3"], "do not fit"),
        ("plain.h5:/x", &["--chunks", "101"], "do not fit"),
        ("plain.h5:/nix", &[], "/nix"),
        ("plain.h5", &["--filter", "deflate:11"], "no level 11"),
        ("plain.h5", &["--chunks", "a"], "lengths with commas"),
        ("not.h5", &[], "not"),
        ("nowhere.h5", &[], "nowhere.h5"),
    ] {
        let out = at("out.h5");
        let (code, err) = copy(&[&[at(from).as_str(), &out][..], options].concat());
        assert!(matches!(code, Some(1 | 2)) && err.contains(says), "{from} {options:?}: {err}");
        assert_eq!(names(folder.path()), before, "{from} {options:?}");
    }
    let plain = at("plain.h5");
    std::fs::hard_link(&plain, at("same.h5")).unwrap();
    for (to, more, says) in [
        ("plain.h5", &["--overwrite"][..], "is an input"),
        ("same.h5", &["--overwrite"], "is an input"),
        ("same.h5", &["--append"], "is an input"),
        ("lzf.h5", &[], "exists already"),
        ("out.npz", &[], "copies are HDF5 files"),
        ("out.txt", &[], "cannot be stored as '.txt'"),
    ] {
        let (code, err) = copy(&[&[plain.as_str(), &at(to)][..], more].concat());
        assert!(matches!(code, Some(1 | 2)) && err.contains(says), "{to} {more:?}: {err}");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}
