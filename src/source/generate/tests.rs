use super::*;
use crate::grid::Region;
use crate::source::{ReadStats, Scratch};

fn read(s: &dyn Source, slab: &Slab) -> Vec<u8> {
    let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
    let mut out = vec![0; slab.len() as usize * s.dtype().size()];
    s.read_region(slab, &mut out, &mut ReadCx { scratch: &mut scratch, stats: &stats }).unwrap();
    out
}

fn hex(bytes: &[u8], size: usize) -> String {
    let one = |e: &[u8]| {
        let mut e = e.to_vec();
        if cfg!(target_endian = "little") {
            e.reverse();
        }
        e.iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    bytes.chunks(size).map(one).collect::<Vec<_>>().join(" ")
}

fn weak(text: &str) -> Weak {
    text.parse::<i128>().map_or_else(|_| Weak::Float(text.parse().unwrap()), Weak::Int)
}

#[test]
fn numpys_bits() {
    let mut lines = 0;
    for line in include_str!("../../../tests/goldens/generate.txt").lines() {
        let f: Vec<&str> = line.split('|').collect();
        let dtype = DType::from_name(f[1]).unwrap();
        let (s, want) = match f[0] {
            "arange" => (arange(weak(f[2]), weak(f[3]), weak(f[4]), Some(dtype)), f[5]),
            "linspace" => {
                let end = if f[5] == "True" { Endpoint::Included } else { Endpoint::Excluded };
                (
                    linspace(f[2].parse().unwrap(), f[3].parse().unwrap(), f[4].parse().unwrap(), end, dtype),
                    f[6],
                )
            }
            _ => (random(&[37], f[2].parse().unwrap(), dtype), f[3]),
        };
        let s = s.unwrap();
        let all = read(&*s, &Slab::dense(&Region::whole(s.shape())));
        assert_eq!(hex(&all, dtype.size()), want, "{line}");
        lines += 1;
    }
    assert!(lines > 90, "{lines}");
}

#[test]
fn pieces_are_the_whole() {
    for dtype in [DType::F32, DType::F64] {
        let s = random(&[5, 6, 7], 9, dtype).unwrap();
        let size = dtype.size();
        let all = read(&*s, &Slab::dense(&Region::whole(&[5, 6, 7])));
        let slab = Slab {
            start: Dims::from_slice(&[1, 0, 2]),
            count: Dims::from_slice(&[2, 3, 3]),
            step: Dims::from_slice(&[2, 2, 2]),
        };
        let part = read(&*s, &slab);
        let dense = Slab {
            start: Dims::from_slice(&[1, 2, 0]),
            count: Dims::from_slice(&[3, 4, 7]),
            step: Dims::from_slice(&[1, 1, 1]),
        };
        for (slab, got) in [(&slab, part), (&dense, read(&*s, &dense))] {
            for i in 0..slab.len() {
                let x = unravel(i, &slab.count);
                let j =
                    (0..3).fold(0, |n, d| n * [5, 6, 7][d] + slab.start[d] + slab.step[d] * x[d]) as usize;
                let i = i as usize;
                assert_eq!(got[i * size..][..size], all[j * size..][..size]);
            }
        }
        let again = crate::source::open(&s.spec(crate::source::Own).unwrap()).unwrap();
        assert_eq!(read(&*again, &Slab::dense(&Region::whole(&[5, 6, 7]))), all);
    }
    let scalar = random(&[], 1, DType::F64).unwrap();
    assert_eq!(read(&*scalar, &Slab::dense(&Region::whole(&[]))).len(), 8);
}

#[test]
fn what_cannot_be_is_refused() {
    assert!(arange(Weak::Int(0), Weak::Int(5), Weak::Int(0), None).is_err());
    assert!(arange(Weak::Float(0.0), Weak::Float(f64::INFINITY), Weak::Int(1), None).is_err());
    assert!(arange(Weak::Int(0), Weak::Int(300), Weak::Int(299), Some(DType::I8)).is_err());
    assert!(linspace(0.0, 1.0, u64::MAX, Endpoint::Included, DType::F64).is_err());
    assert!(random(&[3], 1, DType::I32).is_err());
    assert!(random(&[u64::MAX, 2], 1, DType::F64).is_err());
    let wrong = SourceSpec::Arange { start: Scalar::I8(0), next: Scalar::F64(1.0), len: 3 };
    assert!(crate::source::open(&wrong).is_err());
}

/// The vectors of Random123 (kat_vectors, philox 4x64 10), and NumPy's blocks at counters of distributions.
#[test]
fn philox_has_its_known_answers() {
    for (counter, key, expected) in [
        ([0; 4], [0; 2], [0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b]),
        (
            [u64::MAX; 4],
            [u64::MAX; 2],
            [0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0],
        ),
        (
            [0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89],
            [0x452821e638d01377, 0xbe5466cf34e90c6c],
            [0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6],
        ),
    ] {
        assert_eq!(philox(key, counter), expected);
    }
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/goldens/random.json")).unwrap();
    let words = golden["words"].as_array().unwrap();
    assert!(words.len() >= 9);
    for case in words {
        let c: Vec<u64> = case[1].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        let stream = philox::Stream { seed: case[0].as_u64().unwrap(), number: c[3] };
        let got = stream.block(c[0], c[1], c[2]).map(|w| w.to_string());
        assert!(case[2].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).eq(got), "{case}");
    }
}

/// Inversion of words at both ends and everywhere between, against mpmath.
#[test]
fn inversion_reaches_into_both_tails() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/goldens/random.json")).unwrap();
    let words = golden["inverse"].as_array().unwrap();
    assert!(words.len() > 200);
    let mut most = [0.0f64; 2];
    for case in words {
        let word: u64 = case[0].as_str().unwrap().parse().unwrap();
        let pairs = [(inverse::normal(word), &case[1]), (inverse::exponential(word), &case[2])];
        for (k, (got, expected)) in pairs.into_iter().enumerate() {
            let expected = expected.as_f64().unwrap();
            most[k] = most[k].max((got - expected).abs() / (expected.abs() * f64::EPSILON));
            assert!(got.is_finite(), "{case}");
        }
        assert_eq!(inverse::normal(word ^ 1 << 63), -inverse::normal(word));
    }
    assert!(most[0] <= 4.0 && most[1] <= 2.0, "{most:?}");
}

/// The words of an element are those of its counters, one after the other without an end.
#[test]
fn an_element_has_words_of_its_own() {
    let stream = philox::Stream { seed: 3, number: 5 };
    let mut own = stream.own(77);
    let words: Vec<u64> = (0..11).map(|_| own.word()).collect();
    let blocks: Vec<u64> = (1..4).flat_map(|k| stream.block(77, k, 0)).collect();
    assert_eq!(words, blocks[..11]);
    for (first, step) in [(0, 1), (3, 1), (2, 3), (1, 9)] {
        stream.each_word(first, step, 9, |k, i, word| {
            assert_eq!((i, word), (first + step * k as u64, stream.block(i / 4, 0, 0)[(i % 4) as usize]));
        });
    }
}

#[test]
fn distributions_from_elsewhere_are_checked() {
    let wrong = |distribution, shape: &[u64]| {
        let spec = SourceSpec::Drawn { distribution, seed: 0, shape: shape.into() };
        crate::source::open(&spec).unwrap_err().kind()
    };
    use crate::source::generate::Distribution as D;
    assert_eq!(wrong(D::Poisson { lam: Scalar::F32(1.0) }, &[3]), ErrorKind::Type);
    assert_eq!(wrong(D::Binomial { n: u64::MAX, p: Scalar::F64(0.5) }, &[3]), ErrorKind::Value);
    assert_eq!(wrong(D::Integers { low: Scalar::I8(1), last: Scalar::I8(0) }, &[3]), ErrorKind::Value);
    assert_eq!(wrong(D::Integers { low: Scalar::I8(0), last: Scalar::I16(0) }, &[3]), ErrorKind::Type);
    assert_eq!(wrong(D::Integers { low: Scalar::F64(0.0), last: Scalar::F64(1.0) }, &[3]), ErrorKind::Type);
    assert_eq!(wrong(D::Permutation, &[3, 3]), ErrorKind::Shape);
    assert_eq!(wrong(D::StandardNormal, &[u64::MAX, 3]), ErrorKind::Shape);
}
