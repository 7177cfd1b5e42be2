//! Elements by lists of indices and by masks against NumPy's answers (`tests/goldens/make_take.py`), from memory
//! and from files in chunks; and the work that it is: each chunk that holds a wanted element decoded once.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::{arrays, differs, memory, numbers};
use chunkwise::plan::Plan;
use chunkwise::{Array, DType, ErrorKind, Index, PlanOptions, Session};
use common::{canonical, chunks_of, dataset, elements, folder, golden, session, to_bytes, write_file};
use serde_json::Value as Json;
use std::path::Path;

/// Sessions whose blocks are small, with one thread and with several, and an ordinary one.
fn sessions() -> Vec<Session> {
    let small = [(1, 64), (3, 1024)].map(|(threads, block_bytes)| {
        let builder = Session::builder().device(common::device()).threads(threads).memory("64MiB");
        builder.plan_options(PlanOptions::new().block_bytes(block_bytes)).build().unwrap()
    });
    small.into_iter().chain([session(2, "64MiB")]).collect()
}

fn ints(v: &Json) -> Vec<i64> {
    v.as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect()
}

#[test]
fn what_is_chosen_is_what_numpy_chooses() {
    let (folder, sessions) = (folder(), sessions());
    let golden = golden("take.json");
    let mut wrong = Vec::new();
    for (n, case) in golden.as_array().unwrap().iter().enumerate() {
        for x in arrays(folder.path(), n, &case[1], &case[2]) {
            for session in &sessions {
                let mut check = |array: &Array, expected: &Json| {
                    wrong.extend(differs(session, array, expected).map(|d| format!("{n} {case}\n    {d}")));
                };
                match case[0].as_str().unwrap() {
                    "take" => {
                        let taken = x.take(&ints(&case[4]), case[3].as_i64().unwrap());
                        check(&taken, &case[6]);
                        let steps: Vec<Index> =
                            ints(&case[5]).iter().map(|&step| Index::ALL.step(step)).collect();
                        check(&taken.index(steps), &case[7]);
                        // Of something computed, which lies nowhere.
                        let same = x.maximum(&x).take(&ints(&case[4]), case[3].as_i64().unwrap());
                        check(&same, &case[6]);
                    }
                    "compress" => {
                        let condition: Vec<bool> =
                            case[4].as_array().unwrap().iter().map(|b| b.as_bool().unwrap()).collect();
                        check(&x.compress(&condition, case[3].as_i64().unwrap()), &case[5]);
                    }
                    "mask" => {
                        let mask = memory(&case[3]).greater(case[4].as_f64().unwrap());
                        check(&session.boolean_index(&x, &mask).unwrap(), &case[5]);
                        assert_eq!(session.flatnonzero(&mask).unwrap(), ints(&case[6]), "{case}");
                    }
                    kind => panic!("no case {kind}"),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
    assert!(numbers(&golden[0][2]).len() == 1);
}

const SHAPE: [u64; 2] = [4000, 60];
const CHUNKS: [u64; 2] = [50, 60];

fn stored(folder: &Path) -> Array {
    let path = folder.join("x.h5");
    let data = to_bytes(&elements(DType::F32, SHAPE.iter().product(), 5, "small"));
    write_file(&path, &[(dataset("x", &SHAPE, DType::F32, Some(&CHUNKS), Some(1)), &data)]);
    Array::open(path, "x").unwrap()
}

/// Lists in any order: each chunk with a wanted element is decoded once, no other is, and no more memory is
/// taken than projected.
#[test]
fn a_chunk_is_decoded_once_however_the_list_goes() {
    let folder = folder();
    let x = stored(folder.path());
    let by_memory = common::array(DType::F32, &SHAPE, 5, "small");
    let random = |n: u64| (0..n).map(|i| (common::hash(3, i) % SHAPE[0]) as i64);
    let mut ascending: Vec<i64> = random(300).collect();
    ascending.sort_unstable();
    let descending = ascending.iter().rev().copied().collect();
    // Three of the eighty stretches of chunks.
    let few = vec![60, 61, 99, 1999, 1950, 3999, 3998];
    for list in [ascending, descending, random(3000).collect(), few] {
        let mut touched: Vec<u64> = list.iter().map(|&i| i as u64 / CHUNKS[0]).collect();
        touched.sort_unstable();
        touched.dedup();
        let right = canonical(&session(1, "64MiB").compute(&by_memory.take(&list, 0)).unwrap());
        for threads in [1, 2, 4] {
            for memory in ["2MiB", "64MiB"] {
                for y in [x.clone(), &x * 1.0] {
                    let session = session(threads, memory);
                    let taken = y.take(&list, 0);
                    let explained = session.explain(&[&taken]).unwrap();
                    let ran = session.run(&[&taken]).unwrap();
                    assert_eq!(canonical(ran.values[0].as_array().unwrap()), right);
                    let r = &ran.report;
                    assert_eq!(r.chunks_decoded, touched.len() as u64, "{threads} {memory}\n{explained}");
                    assert!(r.peak_host_bytes <= r.projected_host_bytes, "{r:?}\n{explained}");
                }
            }
        }
    }
    // What is made of it needs it no longer than its stage lasts.
    let list: Vec<i64> = random(3000).collect();
    let ran = session(2, "64MiB").run(&[&x.take(&list, 0).mean()]).unwrap();
    assert_eq!(ran.report.chunks_decoded, chunks_of(&SHAPE, &CHUNKS));
}

/// Points in any order, along any axes: each chunk that holds one is decoded once, and no more memory is taken
/// than projected.
#[test]
fn points_decode_a_chunk_once() {
    let folder = folder();
    let (shape, chunks) = ([60u64, 50, 40], [7u64, 20, 11]);
    let path = folder.path().join("x.h5");
    let data = to_bytes(&elements(DType::F32, shape.iter().product(), 9, "small"));
    write_file(&path, &[(dataset("x", &shape, DType::F32, Some(&chunks), Some(1)), &data)]);
    let x = Array::open(path, "x").unwrap();
    let values: Vec<f32> = data.chunks_exact(4).map(|b| f32::from_ne_bytes(b.try_into().unwrap())).collect();
    let random = |seed: u64, n: u64, d: usize| -> Vec<i64> {
        (0..n).map(|i| (common::hash(seed, i) % shape[d]) as i64).collect()
    };
    let cases: [(&[usize], u64); 4] = [(&[0, 1], 90), (&[0, 2], 9), (&[2, 1, 0], 400), (&[1], 30)];
    for (axes, n) in cases {
        for sorted in [false, true] {
            let mut points: Vec<Vec<i64>> =
                (0..n as usize).map(|i| axes.iter().map(|&d| random(d as u64, n, d)[i]).collect()).collect();
            if sorted {
                points.sort_by_key(|p| {
                    let mut cells: Vec<(usize, i64)> =
                        axes.iter().zip(p).map(|(&d, &i)| (d, i / chunks[d] as i64)).collect();
                    cells.sort_unstable();
                    cells
                });
            }
            let rest: Vec<usize> = (0..3).filter(|d| !axes.contains(d)).collect();
            let mut right = Vec::new();
            let mut touched = std::collections::BTreeSet::new();
            for point in &points {
                let each: u64 = rest.iter().map(|&d| shape[d]).product();
                for k in 0..each {
                    let at = chunkwise::grid::unravel(k, &rest.iter().map(|&d| shape[d]).collect::<Vec<_>>());
                    let mut index = [0u64; 3];
                    axes.iter().zip(point).for_each(|(&d, &i)| index[d] = i as u64);
                    rest.iter().zip(&at).for_each(|(&d, &i)| index[d] = i);
                    right.push(values[((index[0] * shape[1] + index[1]) * shape[2] + index[2]) as usize]);
                    touched.insert([0, 1, 2].map(|d| index[d] / chunks[d]));
                }
            }
            let lists: Vec<Vec<i64>> =
                (0..axes.len()).map(|k| points.iter().map(|p| p[k]).collect()).collect();
            let lists: Vec<&[i64]> = lists.iter().map(Vec::as_slice).collect();
            let named: Vec<i64> = axes.iter().map(|&d| d as i64 - 3).collect();
            for threads in [1, 3] {
                for y in [x.clone(), &x * 1.0] {
                    let session = session(threads, "8MiB");
                    let taken = y.take_points(&named, &lists);
                    let explained = session.explain(&[&taken]).unwrap();
                    let ran = session.run(&[&taken]).unwrap();
                    assert_eq!(
                        ran.values[0].as_array().unwrap().as_slice::<f32>().unwrap(),
                        right,
                        "{axes:?}"
                    );
                    let r = &ran.report;
                    assert_eq!(
                        r.chunks_decoded,
                        touched.len() as u64,
                        "{axes:?} {threads} {sorted}\n{explained}"
                    );
                    assert!(r.peak_host_bytes <= r.projected_host_bytes, "{r:?}\n{explained}");
                }
            }
            // From memory, and of what is computed from elsewhere.
            let memory = common::array(DType::F32, &shape, 9, "small");
            for y in [memory.clone(), memory.maximum(&memory)] {
                let session = session(2, "64MiB");
                let steps = y.take_points(&named, &lists).index([Index::ALL.step(-1)]);
                let got = session.compute(&steps.index([Index::ALL.step(-1)])).unwrap();
                assert_eq!(got.as_slice::<f32>().unwrap(), right, "{axes:?}");
            }
        }
    }
}

#[test]
fn lists_travel_in_plans() {
    let folder = folder();
    let x = stored(folder.path());
    let session = session(2, "64MiB");
    for list in [vec![3i64, 100, 101, 3500], vec![3500, 3, 101, 100, 3]] {
        let plan = session.plan(&[&x.take(&list, 0).sum()]).unwrap();
        let again = Plan::from_json(&plan.to_json().unwrap()).unwrap();
        assert_eq!(plan.fingerprint(), again.fingerprint());
        let value = |plan: &Plan| canonical(session.run_plan(plan).unwrap().values[0].as_array().unwrap());
        assert_eq!(value(&plan), value(&again));
        // An index that is not there is no plan.
        let bad = plan.to_json().unwrap().replacen("\"picks\":[3,", "\"picks\":[4000,", 1);
        assert_eq!(Plan::from_json(&bad).unwrap_err().kind(), ErrorKind::Format);
        let bad = plan.to_json().unwrap().replacen("\"near\":50", "\"near\":0", 1);
        assert_eq!(Plan::from_json(&bad).unwrap_err().kind(), ErrorKind::Format);
    }
}

#[test]
fn what_cannot_be_chosen_is_an_error() {
    let x = Array::arange_int(0, 10, 1).reshape(&[2, 5]);
    for (array, text) in [
        (x.take(&[0, 5], 1), "index 5 is out of bounds for axis 1"),
        (x.take(&[-3], 0), "index -3 is out of bounds for axis 0"),
        (x.take(&[0], 2), "axis 2 is out of bounds"),
        (x.compress(&[false, false, true], 0), "index 2 is out of bounds"),
        (x.take_points(&[0, 1], &[&[0, 1], &[0, 5]]), "index 5 is out of bounds for axis 1"),
        (x.take_points(&[0, 2], &[&[0], &[0]]), "axis 2 is out of bounds"),
        (Array::zeros(&[0], DType::F32).take(&[0], 0), "index 0 is out of bounds"),
    ] {
        let e = array.check().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Index, "{e}");
        assert!(e.to_string().contains(text), "{e}");
    }
    for (array, kind) in [
        (x.take_points(&[0, 0], &[&[0], &[0]]), ErrorKind::Value),
        (x.take_points(&[0, 1], &[&[0], &[0, 1]]), ErrorKind::Shape),
        (x.take_points(&[], &[]), ErrorKind::Shape),
    ] {
        assert_eq!(array.check().unwrap_err().kind(), kind);
    }
    let session = session(1, "1MiB");
    let mask = |shape: &[u64]| Array::ones(shape, DType::Bool);
    let index = |mask: &Array| session.boolean_index(&x, mask).map(drop).unwrap_err();
    assert_eq!(index(&mask(&[5])).kind(), ErrorKind::Index);
    assert_eq!(index(&mask(&[2, 5, 1])).kind(), ErrorKind::Index);
    assert_eq!(index(&mask(&[])).kind(), ErrorKind::Index);
    assert_eq!(index(&x).kind(), ErrorKind::Type);
    // More positions than the budget has room for.
    let e = session.flatnonzero(&mask(&[1 << 20])).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Budget, "{e}");
    assert!(e.to_string().contains("--memory"), "{e}");
}

/// Values in the place of some elements, beside ndarray's assignment to a slice; also where the array is in a file.
#[test]
fn values_are_put_where_a_slice_says() {
    let session = session(2, "64MiB");
    let x = ndarray::Array2::from_shape_fn((7, 9), |(i, j)| (10 * i + j) as i32);
    let mut seen = 0;
    for (start, step, shape) in [
        ([0, 0], [1, 1], [7, 9]),
        ([1, 2], [1, 1], [3, 4]),
        ([0, 1], [3, 4], [3, 2]),
        ([6, 8], [-2, -1], [4, 9]),
        ([-1, -9], [-6, 8], [2, 2]),
        ([2, 0], [1, 1], [0, 9]),
        ([0, 5], [1, 1], [7, 1]),
    ] {
        let values =
            ndarray::Array2::from_shape_fn((shape[0], shape[1]), |(i, j)| -((10 * i + j) as i64) - 1);
        let mut want = x.clone();
        for (i, row) in values.outer_iter().enumerate() {
            for (j, v) in row.iter().enumerate() {
                let at = |d: usize, k: usize| {
                    let n = [7, 9][d];
                    (if start[d] < 0 { start[d] + n } else { start[d] } + step[d] * k as i64) as usize
                };
                want[[at(0, i), at(1, j)]] = *v as i32;
            }
        }
        let got = Array::from(x.clone()).put_slice(&Array::from(values), &start, &step);
        let got = session.compute(&got).unwrap();
        let view: ndarray::ArrayViewD<i32> = (&got).try_into().unwrap();
        assert_eq!(view, want.into_dyn(), "{start:?} {step:?} {shape:?}");
        seen += 1;
    }
    assert_eq!(seen, 7);
    let x = Array::from(x);
    let one = Array::from(vec![1_i32, 2]);
    for (start, step) in [([0, 8], [1, 1]), ([0, 0], [1, -1]), ([7, 0], [1, 1])] {
        assert_eq!(
            x.put_slice(&one, &start, &step).check().unwrap_err().kind(),
            ErrorKind::Index,
            "{start:?}"
        );
    }
    assert_eq!(x.put_slice(&one, &[0], &[1]).check().unwrap_err().kind(), ErrorKind::Shape);
    assert_eq!(x.put_slice(&one, &[0, 0], &[1, 0]).check().unwrap_err().kind(), ErrorKind::Value);
}

#[test]
fn functions_of_one_element_are_named() {
    let session = session(2, "64MiB");
    let x = Array::arange_int(-3, 4, 1);
    let y = x.map("thirds", |v: i64| v as f32 / 3.0);
    let got = session.compute(&y).unwrap();
    let want: Vec<f32> = (-3..4).map(|v| v as f32 / 3.0).collect();
    assert_eq!(got.as_slice::<f32>().unwrap(), want);
    let e = session.compute(&x.map("thirds", |v: f64| v)).unwrap_err();
    assert!(e.kind() == ErrorKind::Type && format!("{e:?}").contains("thirds"), "{e:?}");
    let e =
        session.compute(&x.map("the third", |v: i64| if v == 2 { panic!("no {v}") } else { v })).unwrap_err();
    assert!(format!("{e:?}").contains("the third"), "{e:?}");
    // A result goes on as it is, and is not taken for what it is not.
    let again = Array::from(&got);
    assert_eq!(session.compute(&(again * 3.0)).unwrap().as_slice::<f32>().unwrap()[0], -3.0);
    assert_eq!(ndarray::ArrayViewD::<f64>::try_from(&got).unwrap_err().kind(), ErrorKind::Type);
}
