use super::number::shortest_f16;
use super::*;
use half::f16;
use std::io;

const GOLDEN: &str = include_str!("../../../tests/goldens/render.txt");

fn bytes_of(hex: &str) -> Vec<u8> {
    let digit = |c: u8| (c as char).to_digit(16).unwrap() as u8;
    hex.as_bytes().chunks_exact(2).map(|p| digit(p[0]) << 4 | digit(p[1])).collect()
}

fn ramp(dtype: DType, n: u64) -> Vec<u8> {
    let value = |i: u64| i as f64 * 0.5 - 3.0;
    let bytes = |i| match dtype {
        DType::F64 => Scalar::F64(value(i)).to_bytes(),
        DType::F32 => Scalar::F32(value(i) as f32).to_bytes(),
        DType::F16 => Scalar::F16(f16::from_f64(value(i))).to_bytes(),
        _ => Scalar::I32(value(i) as i32).to_bytes(),
    };
    (0..n).flat_map(bytes).collect()
}

fn text(dtype: DType, shape: &[u64], bytes: &[u8]) -> String {
    let mut out = Vec::new();
    json(&mut out, dtype, shape, bytes).unwrap();
    String::from_utf8(out).unwrap()
}

fn flatten<'a>(v: &'a serde_json::Value, out: &mut Vec<&'a serde_json::Value>) {
    match v.as_array() {
        Some(items) => items.iter().for_each(|i| flatten(i, out)),
        None => out.push(v),
    }
}

/// One value read from JSON, as bytes of its dtype.
fn read(dtype: DType, v: &serde_json::Value) -> Vec<u8> {
    let float = || match v.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => v.as_f64().unwrap(),
    };
    let i = || v.as_i64().map_or_else(|| v.as_u64().unwrap() as i128, |i| i as i128);
    match dtype {
        DType::Bool => vec![v.as_bool().unwrap() as u8],
        DType::F64 => float().to_ne_bytes().to_vec(),
        // From the digits, as a reader of float32 does.
        DType::F32 if v.is_number() => v.to_string().parse::<f32>().unwrap().to_ne_bytes().to_vec(),
        DType::F32 => (float() as f32).to_ne_bytes().to_vec(),
        DType::F16 => f16::from_f64(float()).to_ne_bytes().to_vec(),
        _ => i().to_le_bytes()[..dtype.size()].to_vec(),
    }
}

fn same(dtype: DType, a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (Scalar::from_bytes(dtype, a).unwrap(), Scalar::from_bytes(dtype, b).unwrap());
    a == b || (a.to_f64().is_nan() && b.to_f64().is_nan())
}

#[test]
#[cfg(target_endian = "little")]
fn prints_as_numpy_and_json_reads_back() {
    let mut count = 0;
    for record in GOLDEN.split("== ").skip(1) {
        let (head, wanted) = record.split_once('\n').unwrap();
        let parts: Vec<&str> = head.split(' ').collect();
        let dtype = DType::from_name(parts[0]).unwrap();
        let shape: Vec<u64> = match parts[1] {
            "-" => vec![],
            dims => dims.split(',').map(|n| n.parse().unwrap()).collect(),
        };
        let bytes = match parts[2] {
            "ramp" => ramp(dtype, shape.iter().product()),
            "-" => vec![],
            hex => bytes_of(hex),
        };
        assert_eq!(human(dtype, &shape, &bytes).unwrap(), wanted.trim_end_matches('\n'), "{head}");

        let json = text(dtype, &shape, &bytes);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["kind"], "array");
        assert_eq!(value["dtype"], parts[0]);
        assert_eq!(value["shape"], serde_json::json!(shape));
        let mut flat = Vec::new();
        flatten(&value["data"], &mut flat);
        assert_eq!(flat.len() * dtype.size(), bytes.len());
        for (v, b) in flat.iter().zip(bytes.chunks_exact(dtype.size())) {
            assert!(same(dtype, &read(dtype, v), b), "{dtype} {v} {b:?}");
        }
        count += 1;
    }
    assert!(count > 300, "{count}");
}

#[test]
fn json_has_the_stated_form() {
    let f64s = |v: &[f64]| v.iter().flat_map(|x| x.to_ne_bytes()).collect::<Vec<u8>>();
    assert_eq!(
        text(DType::F64, &[2], &f64s(&[1.5, f64::NAN])),
        r#"{"kind":"array","dtype":"float64","shape":[2],"data":[1.5,"NaN"]}"#
    );
    assert_eq!(
        text(DType::F64, &[], &f64s(&[-0.0])),
        r#"{"kind":"array","dtype":"float64","shape":[],"data":-0.0}"#
    );
    assert!(
        text(DType::F64, &[2, 1], &f64s(&[f64::INFINITY, f64::NEG_INFINITY]))
            .ends_with(r#""data":[["Infinity"],["-Infinity"]]}"#)
    );
    assert!(text(DType::Bool, &[3], &[0, 1, 7]).ends_with(r#""data":[false,true,true]}"#));
    assert!(text(DType::U64, &[1], &u64::MAX.to_ne_bytes()).ends_with(r#""data":[18446744073709551615]}"#));
    assert!(text(DType::F32, &[1], &0.1f32.to_ne_bytes()).ends_with(r#""data":[0.1]}"#));
    assert!(text(DType::F16, &[1], &f16::from_f64(0.1).to_ne_bytes()).ends_with(r#""data":[0.1]}"#));
    assert!(text(DType::F32, &[2, 0], &[]).ends_with(r#""data":[[],[]]}"#));
    assert!(text(DType::F32, &[1 << 40, 0], &[]).ends_with(r#""data":[]}"#));
}

#[test]
fn every_float16_has_its_shortest_digits() {
    for bits in 0..=u16::MAX {
        let v = f16::from_bits(bits);
        if v.is_finite() {
            let text = shortest_f16(v);
            assert_eq!(f16::from_f64(text.parse().unwrap()).to_bits(), bits, "{text}");
        }
    }
}

struct Closed(usize);
impl io::Write for Closed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0 -= 1;
        Ok(buf.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn failures_come_back_as_errors() {
    let bytes = vec![1u8; 1 << 20];
    for writes in [0, 1, 5] {
        let e = json(Closed(writes), DType::U8, &[1 << 20], &bytes).unwrap_err();
        assert_eq!(e.kind(), io::ErrorKind::BrokenPipe);
    }
    for shape in [&[3u64][..], &[], &[u64::MAX, 2], &[u64::MAX, 0, 3]] {
        assert_eq!(human(DType::U8, shape, &[1, 2]).unwrap_err().kind(), ErrorKind::Internal);
        assert_eq!(
            json(io::sink(), DType::U8, shape, &[1, 2]).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
