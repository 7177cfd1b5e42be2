//! Goldens that are cases: the arrays that they are about, in memory and in files in chunks, and what differs
//! from the right answer.
#![allow(dead_code)]

use super::common::{self, canonical, checksum, dataset, elements, to_bytes, write_file};
use chunkwise::{Array, ArrayValue, DType, Session};
use serde_json::Value as Json;
use std::path::Path;

pub fn numbers(v: &Json) -> Vec<u64> {
    v.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

pub fn dtype(v: &Json) -> DType {
    DType::from_name(v.as_str().unwrap()).unwrap()
}

/// The array of a case (dtype, shape, seed, mode) in memory.
pub fn memory(x: &Json) -> Array {
    common::array(dtype(&x[0]), &numbers(&x[1]), x[2].as_u64().unwrap(), x[3].as_str().unwrap())
}

/// The elements of a case as an array in memory, and as one in a file in chunks.
pub fn arrays(folder: &Path, n: usize, x: &Json, chunks: &Json) -> [Array; 2] {
    let (dtype, shape) = (dtype(&x[0]), numbers(&x[1]));
    let path = folder.join(format!("{n}.h5"));
    let bytes =
        to_bytes(&elements(dtype, shape.iter().product(), x[2].as_u64().unwrap(), x[3].as_str().unwrap()));
    write_file(&path, &[(dataset("x", &shape, dtype, Some(&numbers(chunks)), Some(1)), &bytes)]);
    [memory(x), Array::open(path, "x").unwrap()]
}

/// What is different from the right answer, if anything.
pub fn differs(session: &Session, array: &Array, expected: &Json) -> Option<String> {
    match session.compute(array) {
        Ok(value) => differs_from(&value, expected),
        Err(_) if expected == "error" => None,
        Err(e) => Some(format!("{e:?}")),
    }
}

/// A value as goldens have it: its bytes where they are few, else their checksum.
pub fn answer(value: &ArrayValue) -> (DType, Vec<u64>, String) {
    let (dtype, shape, bytes) = canonical(value);
    let data = match bytes.len() {
        0..=32 => bytes.iter().map(|b| format!("{b:02x}")).collect(),
        _ => format!("{:016x}", checksum(&bytes)),
    };
    (dtype, shape, data)
}

/// As [`differs`], of a value.
pub fn differs_from(value: &ArrayValue, expected: &Json) -> Option<String> {
    let (dtype, shape, data) = answer(value);
    let same = dtype.name() == expected[0] && shape == numbers(&expected[1]) && expected[2] == data;
    let shown: Vec<_> = (0..8).filter_map(|i| value.scalar(i)).map(|s| s.to_string()).collect();
    (!same).then(|| format!("{dtype} {shape:?} {data} {shown:?}, right: {expected}"))
}
