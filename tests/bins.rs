//! The bins that rules choose against NumPy's (`tests/goldens/make_bins.py`), from memory and from files in chunks;
//! what a rule reads, and what is an error.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::{arrays, numbers};
use chunkwise::{Array, BinAxis, BinRule, DType, ErrorKind};
use common::{folder, golden, session};

#[test]
fn rules_choose_as_numpys_do() {
    let (folder, sessions) = (folder(), [session(1, "64MiB"), session(3, "256MiB")]);
    let golden = golden("bins.json");
    let (mut wrong, mut right) = (Vec::new(), 0);
    for (n, case) in golden.as_array().unwrap().iter().enumerate() {
        let rule = BinRule::from_name(case[0].as_str().unwrap()).unwrap();
        let range = case[3].as_array().map(|r| (r[0].as_f64().unwrap(), r[1].as_f64().unwrap()));
        let of = |case: &serde_json::Value| match numbers(&case[1][1]).contains(&0) {
            true => vec![cases::memory(&case[1])],
            false => arrays(folder.path(), n, &case[1], &case[2]).into(),
        };
        for (x, session) in of(case).iter().zip(&sessions) {
            let mask = case[4].as_f64().map(|above| x.greater(above));
            let got = session.bin_axis(x, rule, range, mask.as_ref());
            let wanted = BinAxis::Uniform {
                bins: case[5].as_u64().unwrap(),
                low: case[6].as_f64().unwrap(),
                high: case[7].as_f64().unwrap(),
            };
            match got {
                Ok(got) if got == wanted => right += 1,
                got => wrong.push(format!("{n} {case}: {got:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong[..wrong.len().min(30)].join("\n"));
    assert!(right > 1000);
}

#[test]
fn chunks_threads_and_budget_do_not_show() {
    let x = Array::random(&[400, 300], 7, DType::F64).log();
    let mut seen = std::collections::BTreeSet::new();
    for (threads, memory) in [(1, "16MiB"), (2, "64MiB"), (3, "256MiB")] {
        let session = session(threads, memory);
        let all: Vec<String> = BinRule::ALL
            .iter()
            .map(|&rule| format!("{:?}", session.bin_axis(&x, rule, None, None).unwrap()))
            .collect();
        seen.insert(all);
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[test]
fn errors_say_what_to_do() {
    let session = session(2, "64MiB");
    let x = Array::random(&[500], 1, DType::F64);
    let infinite = &x / 0.0;
    let far =
        (&x * 1e-300).maximum(Array::arange(0.0, 500.0, 1.0).greater(498.0).select(Array::scalar(1.0), 0.0));
    let many = Array::random(&[1_100_000], 1, DType::F32);
    for (got, kind, says) in [
        (session.bin_axis(&infinite, BinRule::Sqrt, None, None), ErrorKind::Value, "infinities"),
        (session.bin_axis(&x, BinRule::Sqrt, Some((2.0, 1.0)), None), ErrorKind::Value, "upside down"),
        (session.bin_axis(&x, BinRule::Sqrt, Some((0.0, f64::NAN)), None), ErrorKind::Value, "not finite"),
        (session.bin_axis(&far, BinRule::Fd, None, None), ErrorKind::Value, "'fd' wants"),
        (session.bin_axis(&many, BinRule::Stone, None, None), ErrorKind::Unsupported, "1048"),
        (session.bin_axis(&x, BinRule::Auto, None, Some(&many.greater(0.5))), ErrorKind::Shape, "broadcast"),
    ] {
        let e = got.unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        assert!(e.to_string().contains(says), "{e}");
    }
    // Infinities beyond the range have no say.
    assert!(session.bin_axis(&infinite, BinRule::Auto, Some((0.0, 1.0)), None).is_ok());
    assert_eq!(BinRule::from_name("knuth"), None);
}
