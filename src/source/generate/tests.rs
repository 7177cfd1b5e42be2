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
