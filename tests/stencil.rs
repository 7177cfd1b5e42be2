//! Padded arrays, gradients and convolutions against NumPy's answers (`tests/goldens/make_stencil.py`), from
//! memory and from files in chunks; and the work that stencils do: each chunk decoded once.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::{arrays, differs, dtype, numbers};
use chunkwise::plan::Plan;
use chunkwise::{Array, Boundary, ConvolveMode, DType, ErrorKind, Index, Scalar, Target};
use common::{canonical, chunks_of, dataset, elements, folder, golden, session, to_bytes, write_file};
use serde_json::Value as Json;
use std::path::Path;

fn boundary(name: &Json, fill: Scalar) -> Boundary {
    match name.as_str().unwrap() {
        "constant" => Boundary::Constant(fill),
        "nearest" => Boundary::Nearest,
        "reflect" => Boundary::Reflect,
        "mirror" => Boundary::Mirror,
        "periodic" => Boundary::Periodic,
        name => panic!("no boundary {name}"),
    }
}

#[test]
fn stencils_answer_as_numpy_does() {
    let folder = folder();
    let sessions = [session(1, "64MiB"), session(3, "64MiB")];
    let golden = golden("stencil.json");
    let cases = golden.as_array().unwrap();
    let mut wrong = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        let made = arrays(folder.path(), n, &case[1], &case[2]);
        for (x, session) in made.iter().zip(&sessions) {
            let list = |v: &Json| v.as_array().unwrap().clone();
            let mut check = |array: &Array, expected: &Json| {
                if let Some(problem) = differs(session, array, expected) {
                    wrong.push(format!("{case}\n    {problem}"));
                }
            };
            match case[0].as_str().unwrap() {
                "pad" => {
                    let widths: Vec<(u64, u64)> =
                        list(&case[3]).iter().map(numbers).map(|w| (w[0], w[1])).collect();
                    let fill = Scalar::I64(case[5].as_i64().unwrap());
                    let modes: Vec<_> = list(&case[4]).iter().map(|m| boundary(m, fill)).collect();
                    let padded = x.pad(&widths, &modes);
                    check(&padded, &case[7]);
                    // Backwards from the end, as the golden's maker has it.
                    let entry = |v: &Json| match v[1].as_i64().unwrap() {
                        step @ 1.. => Index::Slice { start: v[0].as_i64(), stop: None, step },
                        step => Index::Slice { start: None, stop: None, step },
                    };
                    check(&padded.index(list(&case[6]).iter().map(entry).collect::<Vec<_>>()), &case[8]);
                }
                "gradient" => {
                    let (axis, order) = (case[3].as_i64().unwrap(), case[5].as_u64().unwrap() as u32);
                    check(&x.gradient(axis, case[4].as_f64().unwrap(), order), &case[6]);
                }
                _ => {
                    let mode = match case[5].as_str().unwrap() {
                        "full" => ConvolveMode::Full,
                        "same" => ConvolveMode::Same,
                        _ => ConvolveMode::Valid,
                    };
                    let v = &case[3];
                    let seed = v[2].as_u64().unwrap();
                    let v = common::array(dtype(&v[0]), &numbers(&v[1]), seed, v[3].as_str().unwrap());
                    let [a, v] = [(x, &case[4][0]), (&v, &case[4][1])].map(|(x, d)| x.cast(dtype(d)));
                    let made = a.convolve(&v, mode);
                    // The sign of a zero depends on the order of the sum.
                    let made = if made.dtype().unwrap().is_float() { made + 0.0 } else { made };
                    check(&made, &case[6]);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(cases.len() >= 500);
}

const SHAPE: [u64; 2] = [900, 700];

fn stored(folder: &Path, chunks: &[u64]) -> Array {
    let path = folder.join(format!("{}x{}.h5", chunks[0], chunks[1]));
    let data = to_bytes(&elements(DType::F64, SHAPE.iter().product(), 7, "small"));
    write_file(&path, &[(dataset("x", &SHAPE, DType::F64, Some(chunks), Some(1)), &data)]);
    Array::open(path, "x").unwrap()
}

/// `p[a : a + len]` along both axes.
fn part(p: &Array, a: [i64; 2], len: [u64; 2]) -> Array {
    p.index([Index::from(a[0]..a[0] + len[0] as i64), Index::from(a[1]..a[1] + len[1] as i64)])
}

/// The sum over neighbours `depth` away, which is a sum of whole eighths: exact in any order.
fn cross(p: &Array, depth: i64) -> Array {
    let d = depth;
    [[0, d], [2 * d, d], [d, 0], [d, 2 * d]]
        .iter()
        .fold(part(p, [d, d], SHAPE) * -4.0, |sum, &a| sum + part(p, a, SHAPE))
}

#[test]
fn a_halo_decodes_each_chunk_once_within_the_peak_that_was_projected() {
    let folder = folder();
    let all = [Boundary::Nearest, Boundary::Reflect, Boundary::Mirror, Boundary::Constant(Scalar::F64(0.0))];
    // Some millions of bytes, so that there are several blocks.
    let chunkings = [[64, 32], [900, 700], [1, 700], [7, 9], [900, 3], [150, 200], [400, 128]];
    for (n, chunks) in chunkings.into_iter().enumerate() {
        let x = stored(folder.path(), &chunks);
        let memory = common::array(DType::F64, &SHAPE, 7, "small");
        for boundary in [all[n % 4], all[(n + 1) % 4]] {
            let stencil = |x: &Array| cross(&x.pad(&[(3, 3)], &[boundary]), 3).abs().sum();
            let right = canonical(&session(1, "64MiB").compute(&stencil(&memory)).unwrap());
            for threads in [1, 2, 4] {
                let session = session(threads, "64MiB");
                let target = stencil(&x);
                let ran = session.run(&[&target as &dyn Target]).unwrap();
                let r = &ran.report;
                let explained = session.explain(&[&target]).unwrap();
                assert_eq!(canonical(ran.values[0].as_array().unwrap()), right, "{chunks:?}");
                let n = chunks_of(&SHAPE, &chunks);
                assert_eq!(r.chunks_decoded, n, "{chunks:?} {boundary:?} {threads} threads\n{explained}");
                assert!(r.peak_host_bytes <= r.projected_host_bytes, "{r:?}\n{explained}");
            }
        }
    }
}

/// Of a long file only a band of chunks is kept, and still none is decoded twice.
#[test]
fn a_band_of_chunks_is_enough() {
    const LONG: [u64; 2] = [6000, 512];
    let folder = folder();
    let path = folder.path().join("long.h5");
    let data = to_bytes(&elements(DType::F32, LONG.iter().product(), 3, "small"));
    write_file(&path, &[(dataset("x", &LONG, DType::F32, Some(&[64, 128]), Some(1)), &data)]);
    let x = Array::open(path, "x").unwrap();
    let p = x.pad(&[(2, 2)], &[Boundary::Nearest]);
    let around = [[0, 2], [4, 2], [2, 0], [2, 4]];
    let target = around.iter().fold(part(&p, [2, 2], LONG), |sum, &a| sum + part(&p, a, LONG)).max();
    for threads in [1, 2] {
        let session = session(threads, "64MiB");
        let plan = session.plan(&[&target]).unwrap();
        let cache = session.bind(&plan).unwrap().stages[0].cache_bytes;
        assert!(cache < data.len() as u64 * 3 / 4, "{cache}");
        let r = session.run_plan(&plan).unwrap().report;
        assert_eq!(r.chunks_decoded, chunks_of(&LONG, &[64, 128]), "{threads} threads");
        assert!(r.peak_host_bytes <= r.projected_host_bytes, "{r:?}");
    }
}

/// Slices of the array itself, without any border.
#[test]
fn a_stencil_of_slices_decodes_each_chunk_once() {
    let folder = folder();
    let inner = [SHAPE[0] - 6, SHAPE[1] - 6];
    let memory = common::array(DType::F64, &SHAPE, 7, "small");
    let stencil = |x: &Array| {
        let around = [[0, 3], [6, 3], [3, 0], [3, 6]];
        around.iter().fold(part(x, [3, 3], inner) * -4.0, |sum, &a| sum + part(x, a, inner)).abs().sum()
    };
    let right = canonical(&session(1, "64MiB").compute(&stencil(&memory)).unwrap());
    for chunks in [[64, 32], [900, 700], [1, 700], [150, 200]] {
        let x = stored(folder.path(), &chunks);
        for threads in [1, 2, 4] {
            let session = session(threads, "64MiB");
            let target = stencil(&x);
            let ran = session.run(&[&target]).unwrap();
            assert_eq!(canonical(ran.values[0].as_array().unwrap()), right, "{chunks:?}");
            let r = &ran.report;
            assert_eq!(r.chunks_decoded, chunks_of(&SHAPE, &chunks), "{chunks:?} {threads} threads");
            assert!(r.peak_host_bytes <= r.projected_host_bytes, "{r:?}");
        }
    }
}

/// A halo of something computed, of a halo, and beside the array itself; through JSON too.
#[test]
fn halos_nest_and_travel() {
    let folder = folder();
    let x = stored(folder.path(), &[40, 50]);
    let memory = common::array(DType::F64, &SHAPE, 7, "small");
    let twice = |x: &Array| {
        let once = cross(&(x * 2.0 + 1.0).pad(&[(1, 1)], &[Boundary::Periodic]), 1);
        x + cross(&once.pad(&[(2, 2)], &[Boundary::Mirror]), 2)
    };
    let right = canonical(&session(1, "64MiB").compute(&twice(&memory)).unwrap());
    for threads in [1, 3] {
        let session = session(threads, "64MiB");
        assert_eq!(canonical(&session.compute(&twice(&x)).unwrap()), right);
        let text = session.plan(&[&twice(&x)]).unwrap().to_json().unwrap();
        let ran = session.run_plan(&Plan::from_json(&text).unwrap()).unwrap();
        assert_eq!(canonical(ran.values[0].as_array().unwrap()), right);
        // Another feed's name is an error that says who wrote it.
        let e = Plan::from_json(&text.replace("\"halo\"", "\"aura\"")).unwrap_err();
        let text = format!("{e:?}");
        assert_eq!(e.kind(), ErrorKind::Format);
        assert!(text.contains("'aura'") && text.contains(env!("CARGO_PKG_VERSION")), "{text}");
    }
}

#[test]
fn what_cannot_be_padded_is_an_error() {
    let kind = |a: Array| a.check().unwrap_err().kind();
    let x = Array::zeros(&[3, 0], DType::I32);
    assert_eq!(kind(x.pad(&[(1, 1)], &[Boundary::Nearest])), ErrorKind::Value);
    assert_eq!(kind(x.pad(&[(1, 1); 3], &[Boundary::Nearest])), ErrorKind::Value);
    let zero = Boundary::Constant(Scalar::I64(0));
    assert_eq!(x.pad(&[(1, 2)], &[zero]).shape().unwrap(), [6, 3]);
    assert_eq!(x.pad(&[(1, 2)], &[Boundary::None]).shape().unwrap(), [3, 0]);
    assert_eq!(kind(x.pad(&[(1, 1)], &[Boundary::Constant(Scalar::F64(0.5))])), ErrorKind::Type);
    assert_eq!(kind(x.pad(&[(u64::MAX, 1)], &[zero])), ErrorKind::Shape);
    let different = [zero, Boundary::Constant(Scalar::I64(1))];
    assert_eq!(kind(x.pad(&[(1, 1)], &different)), ErrorKind::Value);
    let y = Array::arange(0.0, 2.0, 1.0);
    assert_eq!(kind(y.gradient(0, 1.0, 2)), ErrorKind::Shape);
    assert_eq!(kind(y.gradient(0, 1.0, 3)), ErrorKind::Value);
    assert_eq!(kind(y.gradient(1, 1.0, 1)), ErrorKind::Index);
    assert_eq!(kind(y.convolve(&Array::zeros(&[0], DType::F64), ConvolveMode::Full)), ErrorKind::Shape);
    let long = Array::zeros(&[1000], DType::F64);
    assert_eq!(kind(long.convolve(&long, ConvolveMode::Full)), ErrorKind::Unsupported);
}
