//! Slices, whatever they are: no panic, and what a plain model of Python's rules gives.

mod common;

use chunkwise::{Array, ErrorKind, Index, Session};
use common::session;
use proptest::prelude::*;
use std::sync::LazyLock;

static SESSION: LazyLock<Session> = LazyLock::new(|| session(1, "64MiB"));

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => -8i64..8,
        1 => prop_oneof![Just(i64::MIN), Just(i64::MIN + 1), Just(i64::MAX), Just(i64::MAX - 1), Just(1 << 40)],
        1 => any::<i64>(),
    ]
}

fn entry() -> impl Strategy<Value = Index> {
    prop_oneof![
        6 => (prop::option::of(number()), prop::option::of(number()), prop_oneof![4 => -4i64..5, 1 => number()])
            .prop_map(|(start, stop, step)| Index::Slice { start, stop, step }),
        2 => number().prop_map(Index::At),
        1 => Just(Index::NewAxis),
        1 => Just(Index::Ellipsis),
    ]
}

/// The indices that `start:stop:step` takes of `len`, by walking as Python's documentation says;
/// `None` for a step of 0.
fn walk(start: Option<i64>, stop: Option<i64>, step: i64, len: i128) -> Option<Vec<i128>> {
    let step = step as i128;
    if step == 0 {
        return None;
    }
    let place = |v: i64| if v < 0 { v as i128 + len } else { v as i128 };
    // Everything outside is clipped to just outside.
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let mut at = start.map_or(if step > 0 { 0 } else { len - 1 }, |v| place(v).max(low).min(high));
    let end = stop.map_or(if step > 0 { len } else { -1 }, |v| place(v).max(low).min(high));
    let mut out = Vec::new();
    while if step > 0 { at < end } else { at > end } {
        out.push(at);
        at += step;
    }
    Some(out)
}

/// Shape and elements (numbered in C order) of an index; `None` for an error.
fn model(shape: &[u64], index: &[Index]) -> Option<(Vec<u64>, Vec<i64>)> {
    let named = index.iter().filter(|i| matches!(i, Index::Slice { .. } | Index::At(_))).count();
    let dots = index.iter().filter(|i| matches!(i, Index::Ellipsis)).count();
    if named > shape.len() || dots > 1 {
        return None;
    }
    let mut full = index.to_vec();
    if dots == 0 {
        full.push(Index::Ellipsis);
    }
    // Per source axis the indices taken; beside it the shape.
    let (mut taken, mut out): (Vec<Vec<i128>>, Vec<u64>) = (Vec::new(), Vec::new());
    for e in full {
        let d = taken.len();
        match e {
            Index::NewAxis => out.push(1),
            Index::Ellipsis => {
                for &n in &shape[d..d + shape.len() - named] {
                    taken.push((0..n as i128).collect());
                    out.push(n);
                }
            }
            Index::At(i) => {
                let n = shape[d] as i128;
                let i = if i < 0 { i as i128 + n } else { i as i128 };
                if i < 0 || i >= n {
                    return None;
                }
                taken.push(vec![i]);
            }
            Index::Slice { start, stop, step } => {
                let list = walk(start, stop, step, shape[d] as i128)?;
                out.push(list.len() as u64);
                taken.push(list);
            }
            _ => panic!("the model does not know this index"),
        }
    }
    let mut elements = vec![0i64];
    for (list, &n) in taken.iter().zip(shape) {
        elements = elements.iter().flat_map(|e| list.iter().map(move |i| e * n as i64 + *i as i64)).collect();
    }
    Some((out, elements))
}

fn numbered(shape: &[u64]) -> Array {
    Array::arange_int(0, shape.iter().product::<u64>() as i64, 1)
        .reshape(&shape.iter().map(|&n| n as i64).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn an_index_takes_what_python_takes(
        shape in prop::collection::vec(0u64..7, 0..4),
        index in prop::collection::vec(entry(), 0..6),
    ) {
        let x = numbered(&shape).index(&index);
        match model(&shape, &index) {
            None => prop_assert!(matches!(x.check().unwrap_err().kind(), ErrorKind::Index | ErrorKind::Value)),
            Some((out, elements)) => {
                prop_assert_eq!(x.shape().unwrap(), &out[..]);
                let v = SESSION.compute(&x).unwrap();
                prop_assert_eq!(v.as_slice::<i64>().unwrap(), &elements[..]);
            }
        }
    }

    #[test]
    fn an_index_of_an_index_too(
        shape in prop::collection::vec(1u64..7, 1..4),
        first in prop::collection::vec(entry(), 0..4),
        second in prop::collection::vec(entry(), 0..4),
        turned in any::<bool>(),
    ) {
        let Some((middle, numbers)) = model(&shape, &first) else { return Ok(()) };
        let Some((out, positions)) = model(&middle, &second) else { return Ok(()) };
        let x = numbered(&shape).index(&first);
        let x = if turned { x.t().t().index(&second) } else { x.index(&second) };
        prop_assert_eq!(x.shape().unwrap(), &out[..]);
        let elements: Vec<i64> = positions.iter().map(|&p| numbers[p as usize]).collect();
        let v = SESSION.compute(&x).unwrap();
        prop_assert_eq!(v.as_slice::<i64>().unwrap(), &elements[..]);
        // And what reads through it sums the same.
        let sum = SESSION.compute(&x.sum()).unwrap().item::<i64>().unwrap();
        prop_assert_eq!(sum, elements.iter().sum::<i64>());
    }

    /// Arrays as long as lengths can be: still no overflow.
    #[test]
    fn lengths_without_end_do_not_overflow(
        len in prop_oneof![Just(i64::MAX as u64), Just((1u64 << 62) + 3), Just(1u64 << 40)],
        index in prop::collection::vec(entry(), 0..4),
        again in prop::collection::vec(entry(), 0..3),
    ) {
        let x = Array::zeros(&[len], chunkwise::DType::I8).index(&index);
        let y = x.index(&again).t();
        if let Ok(shape) = y.shape() {
            prop_assert!(shape.iter().all(|&n| n <= len));
            let _ = SESSION.explain(&[&y.sum()]);
            let _ = SESSION.explain(&[&y.max()]);
        }
    }
}
