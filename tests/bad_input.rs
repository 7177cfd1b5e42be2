//! What bad input gets: an error that names file, dataset, chunk or operation and says what to do.
//! Never a panic, a hang or an allocation that a file asks for.

mod common;

use chunkwise::source::hdf5::{Node, NodeKind, tree};
use chunkwise::{
    Array, BinAxis, BinAxis::Uniform, Binned, Cancel, DType, Error, ErrorKind, Index, Over, PlanOptions,
    Session, concatenate, stack,
};
use common::{array, child, data_folder, dataset, elements, folder, job, session, to_bytes, write_file};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const SHAPE: [u64; 2] = [300, 200];

fn write(folder: &Path, name: &str, chunks: Option<&[u64]>, deflate: Option<u8>) -> PathBuf {
    let path = folder.join(name);
    let data = to_bytes(&elements(DType::F64, SHAPE.iter().product(), 1, "wide"));
    write_file(&path, &[(dataset("group/x", &SHAPE, DType::F64, chunks, deflate), &data)]);
    path
}

/// An error that names these things and has a hint where one is wanted.
fn says(e: &Error, kind: ErrorKind, words: &[&str]) {
    let text = e.to_string();
    assert_eq!(e.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "'{word}' is not in: {text}");
    }
}

fn mean(path: &Path) -> chunkwise::Result<f64> {
    session(2, "64MiB").compute(&Array::open(path, "group/x")?.mean())?.item()
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let folder = folder();
    let dir = folder.path();
    let missing = dir.join("nowhere.h5");
    says(&mean(&missing).unwrap_err(), ErrorKind::NotFound, &["nowhere.h5"]);
    let path = write(dir, "x.h5", Some(&[30, 200]), Some(1));
    for name in ["y", "/group/y", "group/x/y", "", "/", "group\0x", "../x", "group//y"] {
        let e = Array::open(&path, name).unwrap_err();
        let kind = if name.trim_matches('/').is_empty() { ErrorKind::Type } else { ErrorKind::NotFound };
        assert!(e.kind() == kind || e.kind() == ErrorKind::Type, "{name}: {e:?}");
        says(&e, e.kind(), &["x.h5"]);
    }
    let e = Array::open(&path, "/group").unwrap_err();
    says(&e, e.kind(), &["x.h5", "group", "hint"]);
    assert!(e.to_string().contains("is a group") || e.to_string().contains("a group"), "{e}");
    let text = dir.join("text.h5");
    std::fs::write(&text, "not HDF5 at all\n").unwrap();
    says(&Array::open(&text, "x").unwrap_err(), ErrorKind::Format, &["text.h5"]);
    std::fs::write(&text, "").unwrap();
    says(&Array::open(&text, "x").unwrap_err(), ErrorKind::Format, &["text.h5"]);
    let e = Array::open(dir, "x").unwrap_err();
    assert!(matches!(e.kind(), ErrorKind::Io | ErrorKind::Format | ErrorKind::NotFound), "{e:?}");
}

#[test]
fn datasets_without_a_dtype() {
    let folder = folder();
    let path = folder.path().join("types.h5");
    {
        let file = hdf5::File::create(&path).unwrap();
        let text: hdf5::types::VarLenUnicode = "text".parse().unwrap();
        file.new_dataset::<hdf5::types::VarLenUnicode>().shape([3]).create("text").unwrap();
        file.new_dataset::<hdf5::types::VarLenUnicode>().create("one").unwrap().write_scalar(&text).unwrap();
        file.new_dataset::<hdf5::types::FixedAscii<7>>().shape([3]).create("fixed").unwrap();
        file.new_dataset::<[f32; 3]>().shape([2]).create("vector").unwrap();
    }
    for name in ["text", "one", "fixed"] {
        says(&Array::open(&path, name).unwrap_err(), ErrorKind::Type, &["types.h5", name]);
    }
    // Elements that are arrays are axes, as h5py has them.
    let vector = Array::open(&path, "vector").unwrap();
    assert_eq!((vector.shape().unwrap(), vector.dtype().unwrap()), (&[2, 3][..], DType::F32));
}

#[test]
fn a_truncated_file() {
    let folder = folder();
    for (n, (chunks, deflate)) in
        [(Some([30, 200]), Some(1)), (Some([30, 200]), None), (None, None)].into_iter().enumerate()
    {
        let chunks: Option<&[u64]> = chunks.as_ref().map(|c| &c[..]);
        let path = write(folder.path(), &format!("whole{n}.h5"), chunks, deflate);
        let bytes = std::fs::read(&path).unwrap();
        let right = mean(&path).unwrap();
        // libhdf5 itself refuses a file that is shorter than its superblock says, so cut the end off
        // a file that says it is short.
        for part in [0, 1, 7, 100, 512, 2048, bytes.len() / 2, bytes.len() - 4096, bytes.len() - 1] {
            let cut = folder.path().join(format!("cut-{n}-{part}.h5"));
            std::fs::write(&cut, &bytes[..part]).unwrap();
            match mean(&cut) {
                Ok(v) => assert_eq!(v, right, "cut at {part}"),
                Err(e) => {
                    assert!(!matches!(e.kind(), ErrorKind::Internal), "cut at {part}: {e:?}");
                    assert!(e.to_string().contains(&format!("cut-{n}-{part}.h5")), "{e}");
                }
            }
        }
    }
}

/// Where each chunk lies in a file.
fn chunk_places(path: &Path) -> Vec<(u64, u64)> {
    let d = hdf5::File::open(path).unwrap().dataset("group/x").unwrap();
    (0..d.num_chunks().unwrap()).map(|i| d.chunk_info(i).unwrap()).map(|c| (c.addr, c.size)).collect()
}

fn scribble(path: &Path, at: u64, bytes: &[u8]) {
    let mut f = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    f.seek(SeekFrom::Start(at)).unwrap();
    f.write_all(bytes).unwrap();
}

#[test]
fn a_chunk_that_does_not_inflate() {
    let folder = folder();
    let path = write(folder.path(), "damaged.h5", Some(&[30, 200]), Some(1));
    let places = chunk_places(&path);
    assert_eq!(places.len(), 10);
    let (addr, size) = places[4];
    scribble(&path, addr + size / 2, &[0xff; 64]);
    scribble(&path, addr, &[0x00, 0x01, 0x02]);
    for threads in [1, 4] {
        let x = Array::open(&path, "group/x").unwrap();
        let e = session(threads, "64MiB").compute(&(x * 2.0).std()).unwrap_err();
        says(&e, ErrorKind::Filter, &["damaged.h5", "/group/x", "[4, 0]", "deflate", "hint", "std"]);
        assert!(e.to_string().contains("bad_input.rs"), "{e}");
    }
    // The chunks beside it are still there.
    let x = Array::open(&path, "group/x").unwrap();
    session(2, "64MiB").compute(&x.index([Index::from(0..120)]).mean()).unwrap();
    session(2, "64MiB").compute(&x.index([Index::from(150..300)]).mean()).unwrap();
}

/// Bytes of the compressed chunks changed one after the other: an error, or other numbers where the
/// damage inflates (deflate's own checksum catches nearly all).
#[test]
fn damage_anywhere_in_a_chunk_is_an_error_or_numbers() {
    let folder = folder();
    let path = write(folder.path(), "flip.h5", Some(&[30, 200]), Some(4));
    let clean = std::fs::read(&path).unwrap();
    let places = chunk_places(&path);
    let mut errors = 0;
    for k in 0..60u64 {
        let (addr, size) = places[(k % 10) as usize];
        let at = addr + common::hash(9, k) % size;
        let flipped = folder.path().join(format!("flip-{k}.h5"));
        std::fs::write(&flipped, &clean).unwrap();
        scribble(&flipped, at, &[clean[at as usize] ^ (1 << (k % 8))]);
        if let Err(e) = mean(&flipped) {
            says(&e, ErrorKind::Filter, &["/group/x", "chunk"]);
            errors += 1;
        }
        std::fs::remove_file(&flipped).unwrap();
    }
    assert!(errors >= 55, "{errors} of 60");
}

#[test]
fn a_file_that_shrinks() {
    let folder = folder();
    for (n, chunks) in [Some([30, 200]), None].into_iter().enumerate() {
        let chunks: Option<&[u64]> = chunks.as_ref().map(|c| &c[..]);
        // After it was opened.
        let path = write(folder.path(), &format!("after{n}.h5"), chunks, None);
        let x = Array::open(&path, "group/x").unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(100_000).unwrap();
        let e = session(2, "64MiB").compute(&x.mean()).unwrap_err();
        says(&e, ErrorKind::Changed, &[&format!("after{n}.h5"), "/group/x", "hint"]);

        // While it is read.
        for threads in [1, 3] {
            let path = write(folder.path(), &format!("while{n}-{threads}.h5"), chunks, None);
            let x = Array::open(&path, "group/x").unwrap();
            let shrink = path.clone();
            let session = Session::builder()
                .threads(threads)
                .memory("64MiB")
                .plan_options(PlanOptions::new().block_bytes(40_000))
                .on_progress(move |p| {
                    if p.done == 2 {
                        let file = std::fs::OpenOptions::new().write(true).open(&shrink).unwrap();
                        file.set_len(60_000).unwrap();
                    }
                })
                .build()
                .unwrap();
            let e = session.compute(&x.sum()).unwrap_err();
            assert!(matches!(e.kind(), ErrorKind::Changed | ErrorKind::Io | ErrorKind::Format), "{e:?}");
            says(&e, e.kind(), &["while", "/group/x"]);
        }
    }
}

#[test]
fn mistakes_made_while_building_name_operation_shapes_and_line() {
    let a = Array::zeros(&[3, 4], DType::F32);
    let b = Array::zeros(&[3, 5], DType::F32);
    let m = Array::zeros(&[4, 3], DType::Bool);
    let s = session(1, "64MiB");
    let line = line!() + 1;
    let sum = &a + &b;
    says(
        &sum.check().unwrap_err(),
        ErrorKind::Shape,
        &["(3, 4)", "(3, 5)", "add", &format!("bad_input.rs:{line}")],
    );
    // What is built on it keeps the first mistake.
    let built_on = (sum * 2.0).index([Index::At(0)]).sum();
    let e = s.compute(&built_on).unwrap_err();
    says(&e, ErrorKind::Shape, &["(3, 4)", "(3, 5)", "add", &format!("bad_input.rs:{line}"), "hint"]);
    let e = s.run(&[&built_on.histogram(BinAxis::Auto(3))]).unwrap_err();
    says(&e, ErrorKind::Shape, &["(3, 4)", &format!("bad_input.rs:{line}")]);
    says(&s.explain(&[&built_on]).unwrap_err(), ErrorKind::Shape, &["(3, 4)"]);

    let here = |a: &Array, kind: ErrorKind, words: &[&str]| {
        let e = s.compute(a).unwrap_err();
        says(&e, kind, words);
        says(&e, kind, &["bad_input.rs:"]);
    };
    here(&a.sum_with(Over::axis(2)), ErrorKind::Index, &["axis 2", "2 axes", "sum"]);
    here(&a.sum_with(Over::axis(-3)), ErrorKind::Index, &["axis -3"]);
    here(&a.sum_with(Over::axis(i64::MIN)), ErrorKind::Index, &["out of bounds"]);
    here(&a.sum_with(Over::axes([0, -2])), ErrorKind::Value, &["twice"]);
    here(&a.argmax_with(Over::axes([0, 1])), ErrorKind::Value, &["argmax"]);
    here(&a.max_with(Over::axis(0).dtype(DType::F64)), ErrorKind::Type, &["max"]);
    here(&a.var_with(Over::all().ddof(f64::NAN)), ErrorKind::Value, &["ddof"]);
    here(&a.mean_with(Over::all().mask(&m)), ErrorKind::Shape, &["(4, 3)", "(3, 4)", "mask"]);
    here(&a.sum_with(Over::all().weights(&b)), ErrorKind::Value, &["weights"]);
    here(
        &a.average_with(Over::axis(1).weights(&Array::ones(&[3], DType::F32))),
        ErrorKind::Shape,
        &["weights", "3", "4"],
    );
    here(&a.index([Index::At(3)]), ErrorKind::Index, &["index 3", "axis 0"]);
    here(&a.index([Index::ALL, Index::At(-5)]), ErrorKind::Index, &["index -5", "axis 1"]);
    here(&a.index([Index::ALL.step(0)]), ErrorKind::Value, &["step"]);
    here(&a.index([Index::At(0); 3]), ErrorKind::Index, &["3 indices", "(3, 4)"]);
    here(&a.index([Index::Ellipsis, Index::Ellipsis]), ErrorKind::Index, &["..."]);
    here(&a.reshape(&[5, -1]), ErrorKind::Shape, &["(3, 4)", "reshape"]);
    here(&a.reshape(&[-1, -1]), ErrorKind::Shape, &["(3, 4)"]);
    here(&a.transpose(&[0, 0]), ErrorKind::Value, &["permutation"]);
    here(&a.squeeze(&[0]), ErrorKind::Shape, &["squeeze", "(3, 4)"]);
    here(&a.expand_dims(4), ErrorKind::Index, &["axis 4"]);
    here(&a.broadcast_to(&[3, 5]), ErrorKind::Shape, &["(3, 4)", "(3, 5)"]);
    here(&a.matmul(&b), ErrorKind::Shape, &["(3, 4)", "(3, 5)", "matmul"]);
    here(&a.matmul(&Array::zeros(&[5], DType::F32)), ErrorKind::Shape, &["(5,)", "4", "5"]);
    here(&a.take(&[4], 1), ErrorKind::Index, &["index 4", "axis 1", "(3, 4)", "take"]);
    here(&a.quantile(1.5), ErrorKind::Value, &["1.5", "quantile"]);
    here(&a.cumsum_with(Over::axis(2)), ErrorKind::Index, &["axis 2", "cumsum"]);
    here(&concatenate(&[a.clone(), m.clone()], 0), ErrorKind::Shape, &["(3, 4)", "(4, 3)"]);
    here(&stack(&[a.clone(), b.clone()], 0), ErrorKind::Shape, &["(3, 4)", "(3, 5)"]);
    here(&concatenate(&[], 0), ErrorKind::Value, &["no arrays"]);
    here(&a.bitwise_and(1), ErrorKind::Type, &["bitwise_and", "float32"]);
    here(&(&a.cast(DType::I8) + 1000), ErrorKind::Overflow, &["1000", "int8", "hint"]);
    here(&Array::zeros(&[1 << 40, 1 << 40], DType::I8), ErrorKind::Shape, &["too large"]);
    here(&a.broadcast_to(&[1; 40]), ErrorKind::Shape, &[]);
    here(&Array::random(&[3], 1, DType::I32), ErrorKind::Type, &["random"]);
    here(&Array::zeros(&[0], DType::F32).max(), ErrorKind::Value, &["max"]);
    here(&Array::arange(0.0, 1.0, 0.0), ErrorKind::Value, &["arange"]);

    let uniform = |bins, low, high| Uniform { bins, low, high };
    let binned = |h: &Binned, kind: ErrorKind, words: &[&str]| {
        let e = s.compute_histogram(h).unwrap_err();
        says(&e, kind, words);
        says(&e, kind, &["histogram"]);
    };
    binned(&a.histogram(uniform(0, 0.0, 1.0)), ErrorKind::Value, &["bin"]);
    binned(&a.histogram(uniform(5, 1.0, 0.0)), ErrorKind::Value, &[]);
    binned(&a.histogram(uniform(5, f64::NAN, 1.0)), ErrorKind::Value, &[]);
    binned(&a.histogram(BinAxis::Log { bins: 3, low: 0.0, high: 1.0 }), ErrorKind::Value, &[]);
    binned(&a.histogram(BinAxis::Edges(vec![])), ErrorKind::Value, &["edge"]);
    binned(&a.histogram(BinAxis::Edges(vec![1.0, 0.0])), ErrorKind::Value, &["edge"]);
    binned(&a.histogram(uniform(3, 0.0, 1.0)).weights(&b), ErrorKind::Shape, &["(3, 4)", "(3, 5)"]);
    binned(&Binned::new([]), ErrorKind::Value, &["dimensions"]);
    let infinite = array(DType::F64, &[50], 3, "inf");
    let e = s.compute_histogram(&infinite.histogram(BinAxis::Auto(4))).unwrap_err();
    says(&e, ErrorKind::Value, &["infinit", "hint"]);
    let e = s.compute_histogram(&a.histogram(uniform(u64::MAX, 0.0, 1.0))).unwrap_err();
    assert!(matches!(e.kind(), ErrorKind::Budget | ErrorKind::Value), "{e:?}");
}

/// The smallest budget that an error names.
fn named_budget(e: &Error) -> u64 {
    let text = e.to_string();
    let rest = text.split("smallest budget that works is ").nth(1).unwrap_or_else(|| panic!("{text}"));
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn a_budget_that_is_too_small_is_refused_with_the_one_that_works() {
    let folder = folder();
    let path = write(folder.path(), "x.h5", Some(&[150, 200]), Some(1));
    let x = Array::open(&path, "group/x").unwrap();
    let w = Array::open(&path, "group/x").unwrap().t().reshape(&[300, 200]);
    let roomy = session(1, "1GiB");
    let cases: Vec<(&str, Array)> = vec![
        ("mean", x.mean()),
        ("axis", x.var_with(Over::axis(0))),
        ("axis 1", x.var_with(Over::axis(1))),
        ("expression", ((&x - x.mean()) * 2.0).max()),
        ("argmin", x.argmin_with(Over::axis(0))),
        ("elements", x.index([Index::ALL.step(50)])),
        ("reshape", w.sum_with(Over::axis(1))),
        ("matmul", x.matmul(&x.t()).index([Index::At(0)]).sum()),
    ];
    for (name, a) in cases {
        let right = roomy.compute(&a).unwrap();
        let with = |bytes: u64| Session::builder().threads(2).memory_bytes(bytes).build().unwrap();
        let e = with(20_000).compute(&a).unwrap_err();
        says(&e, ErrorKind::Budget, &["hint"]);
        let mut smallest = named_budget(&e);
        // Where a plan has several stages, the next one may name more.
        let mut tries = 0;
        let answer = loop {
            match with(smallest).compute(&a) {
                Ok(v) => break v,
                Err(e) => {
                    says(&e, ErrorKind::Budget, &["hint"]);
                    assert!(named_budget(&e) > smallest, "{name}: {e}");
                    smallest = named_budget(&e);
                }
            }
            tries += 1;
            assert!(tries < 5, "{name}");
        };
        assert_eq!(answer.bytes(), right.bytes(), "{name}");
        assert_eq!(with(smallest - 1).compute(&a).unwrap_err().kind(), ErrorKind::Budget, "{name}");
        println!("{name}: {smallest} bytes, after {tries} refusals");
        assert_eq!(tries, 0, "{name}: the first refusal did not name the smallest budget that works");
    }
}

#[test]
fn a_result_larger_than_the_budget_is_refused() {
    let s = session(2, "16MiB");
    let e = s.compute(&(Array::zeros(&[100_000, 1000], DType::F64) + 1.0)).unwrap_err();
    says(&e, ErrorKind::Budget, &["762.9 MiB", "16.0 MiB", "hint", "blocks()"]);
    let e = s.compute(&Array::zeros(&[1 << 31, 1 << 31], DType::I8).cast(DType::F64)).unwrap_err();
    says(&e, ErrorKind::Budget, &["hint"]);
    for bad in ["", "12 apples", "-1", "1e99GiB", "0x10"] {
        assert!(Session::builder().memory(bad).build().is_err(), "{bad}");
    }
    assert!(Session::builder().threads(0).build().is_err());
    assert!(Session::builder().threads(usize::MAX).build().is_err());
}

#[test]
fn a_run_can_be_cancelled() {
    let folder = folder();
    let path = write(folder.path(), "x.h5", Some(&[3, 200]), Some(1));
    let x = Array::open(&path, "group/x").unwrap();
    for threads in [1, 4] {
        let cancel = Cancel::new();
        let inner = cancel.clone();
        let session = Session::builder()
            .threads(threads)
            .memory("64MiB")
            .plan_options(PlanOptions::new().block_bytes(4800))
            .cancel(&cancel)
            .on_progress(move |p| {
                if p.done >= 5 {
                    inner.cancel();
                }
                assert!(p.done < 40, "it went on after it was cancelled");
            })
            .build()
            .unwrap();
        says(&session.compute(&x.std()).unwrap_err(), ErrorKind::Cancelled, &["cancelled"]);
        assert!(cancel.is_cancelled());
        says(&session.compute(&x.std()).unwrap_err(), ErrorKind::Cancelled, &[]);
    }
}

/// Every dataset below a node.
fn datasets(node: &Node, out: &mut Vec<String>) {
    match &node.kind {
        NodeKind::Group { members, .. } => members.iter().for_each(|m| datasets(m, out)),
        NodeKind::Dataset(_) => out.push(node.path.clone()),
        _ => {}
    }
}

/// Not a test of its own: reads all that one hostile file lists, in a process of its own.
#[test]
fn hostile_worker() {
    let Some(path) = job() else { return };
    // An allocation that a file asks for would fail here and end the process.
    let limit = libc::rlimit { rlim_cur: 3 << 30, rlim_max: 3 << 30 };
    // SAFETY: a plain call with a live struct.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
    let session = session(2, "64MiB");
    let mut names = Vec::new();
    match tree(&path, "/") {
        Ok(node) => datasets(&node, &mut names),
        Err(e) => println!("HOSTILE tree: {e}"),
    }
    for name in names {
        match Array::open(&path, &name).and_then(|x| session.compute(&x.sum()).map(drop)) {
            Ok(()) => println!("HOSTILE read {name}"),
            Err(e) => {
                assert_ne!(e.kind(), ErrorKind::Internal, "{e}");
                println!("HOSTILE refused {name}: {e}");
            }
        }
    }
    println!("HOSTILE done");
}

#[test]
fn hostile_files_do_no_harm() {
    if job().is_some() {
        return;
    }
    let Some(data) = data_folder("hostile_files_do_no_harm") else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(data.join("hostile")).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 50);
    let (mut fine, mut killed, mut bad) = (0, Vec::new(), Vec::new());
    for path in &files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let out = limited(path);
        let Some((status, text)) = out else {
            bad.push(format!("{name}: still running after 20 s"));
            continue;
        };
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            (Some(0), _) => fine += 1,
            (None, Some(signal)) => killed.push(format!("{name} (signal {signal})\n{text}")),
            _ => bad.push(format!("{name}: {status}\n{text}")),
        }
    }
    let _ = writeln!(std::io::stderr(), "hostile files: {fine} of {} read or refused", files.len(),);
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(killed.is_empty(), "{}", killed.join("\n"));
}

/// Runs the worker over a file for at most 20 s: how it ended and what it said.
fn limited(path: &Path) -> Option<(std::process::ExitStatus, String)> {
    let dir = folder();
    let log = dir.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let mut run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["hostile_worker", "--exact", "--nocapture", "--test-threads=1"])
        .env("CHUNKWISE_CHILD", path)
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    for _ in 0..4000 {
        if let Some(status) = run.try_wait().unwrap() {
            let mut text = Vec::new();
            std::fs::File::open(&log).unwrap().read_to_end(&mut text).unwrap();
            return Some((status, String::from_utf8_lossy(&text).into_owned()));
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let _ = run.kill();
    let _ = run.wait();
    None
}

#[test]
fn the_helpers_child_is_not_left_out() {
    // `child` runs a test of this binary by its name; a name that is gone would pass silently.
    let out = child("hostile_worker", "/nowhere.h5");
    assert!(String::from_utf8_lossy(&out.stdout).contains("HOSTILE tree"), "{out:?}");
}
