//! NumPy's answers to thousands of small expressions, from `tests/goldens/make_numpy.py`: shapes,
//! dtypes and bits, and errors where NumPy raises (or where exactness forbids its wrap-around).

mod common;

use chunkwise::ops::elementwise::Op;
use chunkwise::ops::reduce::Reduction;
use chunkwise::{Array, ArrayOperand, BinAxis, Binned, DType, Index, Over, Weak, concatenate, stack};
use common::{array, canonical, checksum, golden, session};
use serde_json::Value as Json;

fn ints(v: &Json) -> Vec<i64> {
    v.as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect()
}

fn dims(v: &Json) -> Vec<u64> {
    v.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

fn dtype(v: &Json) -> DType {
    DType::from_name(v.as_str().unwrap()).unwrap()
}

fn index(v: &Json) -> Index {
    match v {
        Json::Null => Index::NewAxis,
        Json::String(_) => Index::Ellipsis,
        Json::Number(n) => Index::At(n.as_i64().unwrap()),
        v => {
            let s = v["s"].as_array().unwrap();
            Index::Slice { start: s[0].as_i64(), stop: s[1].as_i64(), step: s[2].as_i64().unwrap_or(1) }
        }
    }
}

fn operand(t: &Json) -> ArrayOperand {
    match t {
        Json::Bool(b) => ArrayOperand::Weak(Weak::Bool(*b)),
        Json::Number(n) => ArrayOperand::Weak(match n.as_i64() {
            Some(i) => Weak::Int(i as i128),
            None => Weak::Float(n.as_f64().unwrap()),
        }),
        Json::Object(_) => ArrayOperand::Weak(Weak::Float(t["weak"].as_str().unwrap().parse().unwrap())),
        t => build(t).into(),
    }
}

fn elementwise(name: &str, operands: &[ArrayOperand]) -> Array {
    let name = if name == "abs" { "absolute" } else { name };
    Array::elementwise(Op::from_name(name).unwrap_or_else(|| panic!("no row {name}")), operands)
}

/// The array of a tree.
fn build(t: &Json) -> Array {
    let rest = &t.as_array().unwrap()[1..];
    let arrays = |v: &Json| v.as_array().unwrap().iter().map(build).collect::<Vec<_>>();
    match t[0].as_str().unwrap() {
        "data" => {
            array(dtype(&rest[0]), &dims(&rest[1]), rest[2].as_u64().unwrap(), rest[3].as_str().unwrap())
        }
        "ew" => elementwise(rest[0].as_str().unwrap(), &rest[1..].iter().map(operand).collect::<Vec<_>>()),
        "index" => build(&rest[0]).index(rest[1].as_array().unwrap().iter().map(index).collect::<Vec<_>>()),
        "t" => build(&rest[0]).t(),
        "transpose" => build(&rest[0]).transpose(&ints(&rest[1])),
        "reshape" => build(&rest[0]).reshape(&ints(&rest[1])),
        "concatenate" => concatenate(&arrays(&rest[0]), rest[1].as_i64().unwrap()),
        "stack" => stack(&arrays(&rest[0]), rest[1].as_i64().unwrap()),
        "squeeze" => build(&rest[0]).squeeze(&ints(&rest[1])),
        "expand_dims" => build(&rest[0]).expand_dims(rest[1].as_i64().unwrap()),
        "broadcast_to" => build(&rest[0]).broadcast_to(&dims(&rest[1])),
        "cast" => build(&rest[0]).cast(dtype(&rest[1])),
        "matmul" => build(&rest[0]).matmul(&build(&rest[1])),
        "dot" => build(&rest[0]).dot(&build(&rest[1])),
        "reduce" => {
            let kw = &rest[2];
            let mut over = match &kw["axis"] {
                Json::Null => Over::all(),
                Json::Number(n) => Over::axis(n.as_i64().unwrap()),
                list => Over::axes(ints(list)),
            };
            if kw["keepdims"] == Json::Bool(true) {
                over = over.keepdims();
            }
            if kw["dtype"].is_string() {
                over = over.dtype(dtype(&kw["dtype"]));
            }
            if let Some(ddof) = kw["ddof"].as_f64() {
                over = over.ddof(ddof);
            }
            if kw["where"].is_array() {
                over = over.mask(&build(&kw["where"]));
            }
            if kw["weights"].is_array() {
                over = over.weights(&build(&kw["weights"]));
            }
            build(&rest[1]).reduce(Reduction::from_name(rest[0].as_str().unwrap()).unwrap(), over)
        }
        op => panic!("unknown {op}"),
    }
}

#[test]
fn expressions_answer_as_numpy_does() {
    let golden = golden("numpy.json");
    let session = session(1, "64MiB");
    let mut wrong = Vec::new();
    let cases = golden["cases"].as_array().unwrap();
    for case in cases {
        let answer = session.compute(&build(&case[0]));
        let problem = match answer {
            Err(e) if case[1] == "error" => {
                (e.kind() == chunkwise::ErrorKind::Internal).then(|| format!("an internal error: {e}"))
            }
            Err(e) => Some(format!("{e:?}")),
            Ok(v) if case[1] == "error" => Some(format!("no error but {} {:?}", v.dtype(), v.shape())),
            Ok(v) => {
                let (dtype, shape, bytes) = canonical(&v);
                let data = match bytes.len() {
                    0..=32 => bytes.iter().map(|b| format!("{b:02x}")).collect(),
                    _ => format!("{:016x}", checksum(&bytes)),
                };
                let same = dtype.name() == case[1] && shape == dims(&case[2]) && case[3] == data;
                (!same).then(|| format!("{dtype} {shape:?} {data}: {:?}", shown(&v)))
            }
        };
        if let Some(problem) = problem {
            wrong.push(format!(
                "{}\n   NumPy: {} {} {}\n   chunkwise: {problem}",
                case[0], case[1], case[2], case[3]
            ));
        }
    }
    let shown = wrong.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{shown}", wrong.len(), cases.len());
    assert!(cases.len() > 3000);
}

fn shown(v: &chunkwise::ArrayValue) -> Vec<String> {
    (0..8).filter_map(|i| v.scalar(i)).map(|s| s.to_string()).collect()
}

#[test]
fn densities_answer_as_numpy_does() {
    let golden = golden("numpy.json");
    let session = session(2, "64MiB");
    let cases = golden["densities"].as_array().unwrap();
    assert!(cases.len() > 40);
    for case in cases {
        let bins = || match &case[1] {
            Json::Number(n) => BinAxis::Auto(n.as_u64().unwrap()),
            list => BinAxis::Edges(list.as_array().unwrap().iter().map(|e| e.as_f64().unwrap()).collect()),
        };
        let axes: Vec<Array> =
            [0, 3].iter().filter(|&&i| case[i].is_array()).map(|&i| build(&case[i])).collect();
        let mut binned = Binned::new(axes.iter().map(|a| (a, bins())));
        if case[2].is_array() {
            binned = binned.weights(&build(&case[2]));
        }
        let found = session.compute(&binned.density()).unwrap_or_else(|e| panic!("{case}: {e}"));
        let (_, shape, bytes) = canonical(&found);
        assert_eq!(shape.len(), axes.len());
        let bits: Vec<u64> = bytes.chunks(8).map(|b| u64::from_ne_bytes(b.try_into().unwrap())).collect();
        let canonical = |b: u64| if f64::from_bits(b).is_nan() { f64::NAN.to_bits() } else { b };
        let wanted: Vec<u64> = dims(&case[4]).into_iter().map(canonical).collect();
        assert_eq!(bits, wanted, "{case}");
    }
}

#[test]
fn histograms_answer_as_numpy_does() {
    let golden = golden("numpy.json");
    let session = session(2, "64MiB");
    for case in golden["histograms"].as_array().unwrap() {
        let bins = match &case[1] {
            Json::Number(n) => BinAxis::Auto(n.as_u64().unwrap()),
            list => BinAxis::Edges(list.as_array().unwrap().iter().map(|e| e.as_f64().unwrap()).collect()),
        };
        let answer = session.compute_histogram(&build(&case[0]).histogram(bins));
        if case[2] == "error" {
            assert!(answer.is_err(), "{case}");
            continue;
        }
        let h = answer.unwrap_or_else(|e| panic!("{case}: {e}"));
        let edges: Vec<u64> = h.edges()[0].iter().map(|e| e.to_bits()).collect();
        assert_eq!(edges, dims(&case[2]), "{case}");
        assert_eq!(h.counts(), dims(&case[3]), "{case}");
        let rest = [h.underflow(), h.overflow(), h.nan()];
        assert_eq!(rest, [4, 5, 6].map(|i| case[i].as_u64().unwrap()), "{case}");
    }
}
