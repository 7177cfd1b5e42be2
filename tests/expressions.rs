//! NumPy's answers to expressions that mean the same in both languages, from `tests/goldens/make_expressions.py`: dtype,
//! shape and elements.

mod common;

use chunkwise::expr::{Expression, Scope};
use chunkwise::{ArrayValue, Scalar, Value};
use common::{golden, session};
use serde_json::Value as Json;

/// The names that expressions use, made of the same texts as NumPy's.
fn names(golden: &Json) -> Scope {
    let mut scope = Scope::new();
    for (name, text) in golden["names"].as_object().unwrap() {
        let array = Expression::parse(text.as_str().unwrap()).and_then(|e| e.array(&Scope::new()));
        scope.define(name, array.unwrap_or_else(|e| panic!("{name}: {e}")));
    }
    scope
}

fn number(v: &Json) -> f64 {
    match v {
        Json::Bool(b) => f64::from(u8::from(*b)),
        Json::Number(n) => n.as_f64().unwrap(),
        v => v.as_str().unwrap().parse().unwrap(),
    }
}

/// What is wrong with a value, if anything is.
fn differs(got: &ArrayValue, right: &Json) -> Option<String> {
    let shape: Vec<u64> = right["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    if got.dtype().name() != right["dtype"] || got.shape() != shape {
        let text = format!("{} of shape {:?}", got.dtype(), got.shape());
        return Some(format!("{text}, where NumPy has {} of shape {shape:?}", right["dtype"]));
    }
    let right_values: Vec<f64> = right["elements"].as_array().unwrap().iter().map(number).collect();
    let largest = right_values.iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
    let near = right["ulps"].as_f64().unwrap() * f64::EPSILON * largest;
    let wrong = |(i, right): (usize, &f64)| {
        let value = got.scalar(i).unwrap_or(Scalar::Bool(false)).to_f64();
        let same = value == *right && value.is_sign_negative() == right.is_sign_negative();
        let fits = same || (value.is_nan() && right.is_nan()) || (value - right).abs() <= near && near > 0.0;
        (!fits).then(|| format!("element {i} is {value:?}, where NumPy has {right:?}"))
    };
    right_values.iter().enumerate().find_map(wrong)
}

#[test]
fn expressions_have_numpys_values() {
    let golden = golden("expressions.json");
    let scope = names(&golden);
    let session = session(2, "256MiB");
    let mut wrong = Vec::new();
    let all = golden["expressions"].as_array().unwrap();
    for right in all {
        let text = right["expression"].as_str().unwrap();
        let output = Expression::parse(text).and_then(|e| e.output(&scope));
        let value = output.and_then(|output| session.run(&[&output]));
        match value.map(|mut outcome| outcome.values.remove(0)) {
            Ok(Value::Array(got)) => wrong.extend(differs(&got, right).map(|what| format!("{text}: {what}"))),
            Ok(_) => wrong.push(format!("{text}: no array")),
            Err(e) => wrong.push(format!("{text}: {e}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    assert!(all.len() > 150);
}

/// One element of what was chosen by a list, a mask or points: the axis along which they were chosen is gone.
#[test]
fn one_element_of_what_was_chosen() {
    let folder = common::folder();
    let path = folder.path().join("x.h5");
    let all: Vec<u8> = (0..24i64).flat_map(i64::to_ne_bytes).collect();
    common::write_file(
        &path,
        &[(common::dataset("x", &[4, 6], chunkwise::DType::I64, Some(&[2, 4]), None), &all)],
    );
    let mut scope = Scope::new();
    scope.define("x", chunkwise::Array::open(&path, "/x").unwrap());
    scope.define("m", chunkwise::Array::arange_int(0, 24, 1).reshape(&[4, 6]));
    let session = session(2, "64MiB");
    for (text, wanted) in [
        ("X[X > 7][0]", 8),
        ("X[X > 7][-1]", 23),
        ("X[X > 7][3] + 1", 12),
        ("X[X[:, 0] > 5][0, 1]", 7),
        ("X[[3, 1]][0, 2]", 20),
        ("X[:, [5, 0]][2, 0]", 17),
        ("X[argmax(X[:, 0]), argmin(X[0])]", 18),
        ("X[[0, 2], [1, 3]][1]", 15),
        ("X[0, argmin(abs(X[0] - 4))]", 4),
        ("take(X, [9, 2])[0]", 9),
        ("X[X[:, 0] > 5].T[1, 0]", 7),
    ] {
        for name in ["x", "m"] {
            let text = text.replace('X', name);
            let array =
                Expression::parse(&text).and_then(|e| e.array(&scope)).unwrap_or_else(|e| panic!("{e}"));
            let got = session.compute(&array).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(got.scalar(0).unwrap().to_i128(), Some(wanted), "{text}");
        }
    }
}

/// What NumPy raises for is an error with a sentence, not an answer.
#[test]
fn what_numpy_refuses_is_refused() {
    let golden = golden("expressions.json");
    let scope = names(&golden);
    for text in [
        "swapaxes(x, 0, 2)",
        "moveaxis(x, (0, 0), (1, 0))",
        "moveaxis(x, 0, (0, 1))",
        "flip(x, axis=2)",
        "flip(x, axis=(0, 0))",
        "rot90(x, 1, axes=(0, 0))",
        "roll(x, (1, 2), axis=(0, 1, 1))",
        "repeat(v, [1, 2])",
        "repeat(v, -1)",
        "delete(v, 7)",
        "insert(v, 8, 1.0)",
        "insert(x, 1, v, axis=0)",
        "split(v, 2)",
        "split(v, 0)",
        "array_split(v, 0)",
        "hstack((x, v))",
        "vstack((x, v))",
        "diff(v, n=-1)",
        "diff(v, axis=1)",
        "tril(3.0)",
        "diagonal(v)",
        "diagonal(x, 0, 1, 1)",
        "diag(i)",
        "inner(v, x)",
        "vdot(v, x)",
        "cross(x, x)",
        "tensordot(x, x, axes=1)",
        "tensordot(x, x, axes=((0, 0), (0, 0)))",
        "einsum('ij', v)",
        "einsum('ij,jk', x, x)",
        "einsum('ij->ijk', x)",
        "einsum('ij->ii', x)",
        "einsum('i1', x)",
        "einsum('ij', x, x)",
        "cov(i)",
        "sort(v, axis=1)",
        "sliding_window_view(v, 8)",
        "unravel_index(v, (3, 3))",
        "broadcast_arrays(v, x)[0]",
        "select([v > 0], [v, n])",
        "norm(x, 3)",
    ] {
        let computed = Expression::parse(text)
            .and_then(|e| e.output(&scope))
            .and_then(|o| session(2, "256MiB").run(&[&o]));
        let e = computed.err().unwrap_or_else(|| panic!("{text} is answered"));
        assert!(!e.to_string().is_empty());
    }
}
