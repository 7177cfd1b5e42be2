//! Right answers pass; the answers of other data, and such as are off by a little, do not.

use super::super::data::Manifest;
use super::super::run::{Place, Timing};
use super::super::works::works;
use super::*;
use chunkwise::{Array, Cancel, Device, Session};

fn small(seed: u64) -> Manifest {
    let mut manifest = Manifest::new(seed, true, 70);
    for (set, n) in manifest.sets.iter_mut().zip([20_000, 10_001]) {
        set.elements = n;
        set.file_elements = n + 300;
        set.chunk = 1000;
        set.matrix = 40;
        (set.square, set.tile) = (50, 16);
    }
    manifest
}

fn cpu() -> Session {
    Session::builder().device(Device::Cpu).threads(2).memory("64MiB").build().unwrap()
}

/// Every work's answer, as numbers, over data of this seed.
fn timing<R>(manifest: &Manifest, f: impl FnOnce(&Timing) -> R) -> R {
    let folder = tempfile::tempdir().unwrap();
    let cancel = Cancel::new();
    manifest.make(folder.path(), 2, &cancel, &|_| ()).unwrap();
    assert_eq!(Manifest::load(folder.path()).unwrap().as_ref(), Some(manifest));
    f(&Timing {
        manifest,
        folder: folder.path(),
        threads: 2,
        rounds: 2,
        memory: None,
        check: true,
        limits: true,
        cancel: &cancel,
        told: &|_| (),
    })
}

#[test]
fn every_work_is_right_and_is_timed_with_its_limit() {
    timing(&small(5), |t| {
        for set in &t.manifest.sets {
            let all = t.works(set, &[]);
            let rows = t.run(set, &all, &[Place::cpu()]).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(rows.len(), all.len());
            for (row, work) in rows.iter().zip(&all) {
                assert_eq!((row.work.as_str(), row.seconds.len()), (work.key.as_str(), 2));
                let bins = match work.key.split('.').next() {
                    Some("hist" | "file_hist") => 100,
                    Some("hist_log2d") => 64 * 64,
                    Some(
                        "expr_sqrt" | "expr_explog" | "matmul" | "topk" | "cumsum" | "group_sum" | "profile",
                    ) => TOLD,
                    _ => 1,
                };
                assert_eq!(row.answer.len(), bins, "{}", row.work);
                let turns = matches!(work.storage(), "deflate" | "plain" | "contiguous")
                    || matches!(work.key.as_str(), "sum_f32" | "sum_f64" | "ptp" | "topk");
                let timed = row.bound.as_ref().map_or(0, |b| b.seconds.len());
                assert_eq!(timed, if turns { 2 } else { 0 }, "{}", row.work);
            }
        }
    });
}

#[test]
fn answers_of_other_data_are_wrong() {
    let other = small(6);
    timing(&small(5), |t| {
        for (set, other_set) in t.manifest.sets.iter().zip(&other.sets) {
            let mine = Inputs::new(t.manifest, set, t.folder, 2);
            let theirs = Inputs::new(&other, other_set, t.folder, 2);
            for work in
                works(t.manifest, set, true).iter().filter(|w| !matches!(w.key.as_str(), "tasks" | "matmul"))
            {
                let value = ask(&mine, work);
                let answer = Answer::Value(&value);
                assert_eq!((work.check)(&mine, work.storage(), &answer).unwrap(), Ok(()), "{}", work.key);
                let verdict = (work.check)(&theirs, work.storage(), &answer).unwrap();
                assert!(verdict.is_err(), "{} takes another seed's answer", work.key);
            }
        }
    });
}

fn ask(inputs: &Inputs, work: &super::super::works::Work) -> Value {
    use super::super::works::Question;
    match (work.ask)(inputs, work.storage()).unwrap() {
        Question::Array(a) | Question::Into(a) | Question::IntoWide(a) => {
            cpu().run(&[&a]).unwrap().values.remove(0)
        }
        Question::Bins(b) => cpu().run(&[&b]).unwrap().values.remove(0),
    }
}

#[test]
fn sums_are_wrong_by_the_last_bit_and_products_by_an_element() {
    timing(&small(9), |t| {
        for set in &t.manifest.sets {
            let inputs = Inputs::new(t.manifest, set, t.folder, 2);
            for work in works(t.manifest, set, true) {
                let exact = matches!(
                    work.key.split('.').next(),
                    Some("sum_f32" | "mean" | "expr" | "expr1" | "std" | "std_f32")
                );
                if exact {
                    let value: f32 = ask(&inputs, &work).as_array().unwrap().item().unwrap();
                    for off in [value.next_up().next_up(), value.next_down().next_down()] {
                        let off = cpu().run(&[&Array::scalar(off)]).unwrap().values.remove(0);
                        let verdict = (work.check)(&inputs, work.storage(), &Answer::Value(&off)).unwrap();
                        assert!(verdict.is_err(), "{} takes an answer off by two units", work.key);
                    }
                }
                if work.key == "cumsum" {
                    let value = ask(&inputs, &work);
                    let mut sums = value.as_array().unwrap().as_slice::<f64>().unwrap().to_vec();
                    assert_eq!((work.check)(&inputs, "", &Answer::Wide(&sums)).unwrap(), Ok(()));
                    let at = sums.len() / 3;
                    sums[at] = sums[at].next_up();
                    assert!((work.check)(&inputs, "", &Answer::Wide(&sums)).unwrap().is_err());
                }
                if work.key == "matmul" || work.key == "expr_sqrt" || work.key == "expr_explog" {
                    let value = ask(&inputs, &work);
                    let mut elements = value.as_array().unwrap().as_slice::<f32>().unwrap().to_vec();
                    let right = (work.check)(&inputs, "", &Answer::Elements(&elements)).unwrap();
                    assert_eq!(right, Ok(()), "{}", work.key);
                    let at = elements.len() / 3;
                    elements[at] = elements[at] * 1.01 + 0.01;
                    let verdict = (work.check)(&inputs, "", &Answer::Elements(&elements)).unwrap();
                    assert!(verdict.is_err(), "{} takes a wrong element", work.key);
                }
            }
        }
    });
}

#[test]
fn whole_sums_are_rounded_once_to_even() {
    let one = 1i128 << 75;
    for (sum, n, wanted) in [
        (one * 3, 2, 1.5),
        (-one * 3, 2, -1.5),
        // 2^24 + 1 is a tie between its neighbours; a bit more is not.
        (one * ((1 << 24) + 1), 1, 16_777_216.0),
        (one * ((1 << 24) + 1) + 1, 1, 16_777_218.0),
        (-(one * ((1 << 24) + 1) + 1), 1, -16_777_218.0),
        (one * ((1 << 24) + 3), 1, 16_777_220.0),
    ] {
        assert_eq!(rounded(sum, n), wanted);
    }
}
