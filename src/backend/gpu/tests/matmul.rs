//! Products on the adapter, against exact integer arithmetic.

use super::context;
use crate::DType;
use crate::backend::Product;
use crate::backend::cpu::CpuProduct;
use crate::backend::gpu::matmul::{
    Choices, GpuProduct, Matrix, Tile, Tiling, check, device_bytes, product, source, tiles,
};
use crate::backend::gpu::{Abilities, Choice, Context, open, spirv};
use crate::error::ErrorKind;
use std::sync::Arc;

/// Every dtype that a product has.
fn dtypes() -> Vec<DType> {
    DType::ALL.iter().copied().filter(|&d| d != DType::F16).collect()
}

fn everything() -> Abilities {
    Abilities {
        int64: true,
        int64_atomics: true,
        float32: true,
        divide32: true,
        sqrt32: true,
        float64: true,
        subgroups: false,
        workgroup_bytes: 16384,
        binding_bytes: 1 << 27,
        max_groups: 65535,
        off: Vec::new(),
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let x = self.0 ^ (self.0 >> 29);
        x.wrapping_mul(0x9e3779b97f4a7c15) >> 8
    }

    /// Whole numbers that the dtype has, spread over its range; of a float, up to 2^32 or 2^56.
    fn numbers(&mut self, dtype: DType, len: usize) -> Vec<i128> {
        let mut one = || {
            let bits = self.next();
            let sign = if self.next() & 64 == 0 { 1 } else { -1 };
            match dtype {
                DType::Bool => (bits >> 20 & 7 == 0) as i128,
                DType::F32 => (sign * i128::from(bits & 0xff_ffff)) << (bits >> 40 & 7),
                DType::F64 => (sign * i128::from(bits & 0xffff_ffff_ffff)) << (bits >> 48 & 7),
                _ => wrap(dtype, i128::from(bits) * i128::from(self.next())),
            }
        };
        (0..len).map(|_| one()).collect()
    }
}

/// A whole number as an integer dtype keeps it.
fn wrap(dtype: DType, v: i128) -> i128 {
    match dtype {
        DType::Bool => (v != 0) as i128,
        DType::I8 => v as i8 as i128,
        DType::I16 => v as i16 as i128,
        DType::I32 => v as i32 as i128,
        DType::I64 => v as i64 as i128,
        DType::U8 => v as u8 as i128,
        DType::U16 => v as u16 as i128,
        DType::U32 => v as u32 as i128,
        DType::U64 => v as u64 as i128,
        _ => v,
    }
}

fn to_bytes(dtype: DType, numbers: &[i128]) -> Vec<u8> {
    let one = |&v: &i128| match dtype {
        DType::F32 => (v as f32).to_le_bytes().to_vec(),
        DType::F64 => (v as f64).to_le_bytes().to_vec(),
        d => v.to_le_bytes()[..d.size()].to_vec(),
    };
    numbers.iter().flat_map(one).collect()
}

/// The numbers of a float or integer dtype, each exactly.
fn from_bytes(dtype: DType, bytes: &[u8]) -> Vec<i128> {
    let one = |b: &[u8]| {
        let mut wide = [0u8; 16];
        wide[..b.len()].copy_from_slice(b);
        let v = i128::from_le_bytes(wide);
        match dtype {
            DType::F32 => f32::from_bits(v as u32) as i128,
            DType::F64 => f64::from_bits(v as u64) as i128,
            d => wrap(d, v),
        }
    };
    bytes.chunks_exact(dtype.size()).map(one).collect()
}

/// One C with its pieces.
struct Case {
    dtype: DType,
    shape: [usize; 2],
    pieces: Vec<(usize, Vec<i128>, Vec<i128>)>,
}

impl Case {
    fn new(dtype: DType, [m, n]: [usize; 2], depths: &[usize], seed: u64) -> Case {
        let mut random = Random(seed);
        let mut piece = |&k: &usize| (k, random.numbers(dtype, m * k), random.numbers(dtype, k * n));
        Case { dtype, shape: [m, n], pieces: depths.iter().map(&mut piece).collect() }
    }

    fn run(&self, product: &mut dyn Product) -> Vec<u8> {
        let [m, n] = self.shape;
        let mut c = vec![0x5a; m * n * self.dtype.size()];
        product.begin([m, n], &mut c).unwrap();
        for (k, a, b) in &self.pieces {
            product.add(*k, &to_bytes(self.dtype, a), &to_bytes(self.dtype, b), &mut c).unwrap();
        }
        product.finish(&mut c).unwrap();
        c
    }

    /// Holds a result against exact sums: integers bit by bit, floats by the bound. Nothing here
    /// underflows: all floats are whole numbers.
    fn check(&self, bytes: &[u8], what: &str) {
        let [m, n] = self.shape;
        let got = from_bytes(self.dtype, bytes);
        assert_eq!(got.len(), m * n);
        let terms: usize = self.pieces.iter().map(|p| p.0).sum();
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let (mut sum, mut size) = (0i128, 0f64);
            for (k, a, b) in &self.pieces {
                for p in 0..*k {
                    // Its low 64 bits are right even where it overflows.
                    let term = a[i * k + p].wrapping_mul(b[p * n + j]);
                    match self.dtype {
                        DType::Bool => sum |= term,
                        DType::F32 | DType::F64 => sum += term,
                        d => sum = wrap(d, sum + wrap(d, term)),
                    }
                    size += term.unsigned_abs() as f64;
                }
            }
            let (error, place) =
                ((got[i * n + j] - sum).unsigned_abs() as f64, format!("{what} at {i}, {j}"));
            let unit = match self.dtype {
                DType::F32 => 2f64.powi(-24),
                DType::F64 => 2f64.powi(-53),
                _ => {
                    assert_eq!(got[i * n + j], sum, "{place}");
                    continue;
                }
            };
            let gamma = terms as f64 * unit / (1.0 - terms as f64 * unit);
            // `size` and the comparison are float64: a part in 10^12 for them.
            let bound = gamma * size * (1.0 + 1e-12);
            assert!(error <= bound, "{place}: error {error:e}, bound {bound:e}");
        }
    }
}

fn made(context: &Arc<Context>, dtype: DType, tiling: Tiling) -> GpuProduct {
    let choices = Arc::new(Choices::at(None));
    GpuProduct::new(context, dtype, [2048, 1024, 2048], &context.abilities(), tiling, choices).unwrap()
}

fn usable(context: &Context) -> Vec<DType> {
    let abilities = context.abilities();
    dtypes().into_iter().filter(|&d| check(d, [64; 3], &abilities).is_ok()).collect()
}

#[test]
fn shaders_are_valid() {
    for dtype in dtypes() {
        let tiles = tiles(dtype.size().max(4), &everything());
        assert!(tiles.len() >= 3, "{dtype}");
        for tile in tiles {
            for quads in [[true, true], [true, false], [false, true], [false, false]] {
                let label = format!("{dtype} {} {quads:?}", tile.name());
                let (module, info) = spirv::parse(&label, &source(dtype, tile, quads)).unwrap();
                spirv::words(&label, &module, &info, Default::default()).unwrap();
                let bound = module.global_variables.iter().filter_map(|(_, v)| v.binding.as_ref());
                let mut numbers: Vec<u32> = bound.map(|b| b.binding).collect();
                numbers.sort_unstable();
                assert!(numbers.iter().copied().eq(0..numbers.len() as u32), "{label}: {numbers:?}");
            }
        }
    }
}

#[test]
fn every_dtype_and_shape_is_right() {
    let Some(context) = context() else { return };
    let cases: [([usize; 2], &[usize]); 9] = [
        ([1, 1], &[1]),
        ([3, 7], &[5]),
        ([64, 64], &[64]),
        ([65, 65], &[65]),
        ([127, 33], &[129]),
        ([1, 130], &[200]),
        ([130, 1], &[17]),
        ([5, 6], &[1024, 1024, 3, 1]),
        ([2, 3], &[]),
    ];
    for dtype in usable(&context) {
        let mut product = made(&context, dtype, Tiling::Auto);
        // One product for all of them, which grow and shrink.
        for (seed, (shape, depths)) in cases.iter().enumerate() {
            let case = Case::new(dtype, *shape, depths, seed as u64);
            let what = format!("{dtype} {shape:?} {depths:?}");
            let bytes = case.run(&mut product);
            case.check(&bytes, &what);
            if !matches!(dtype, DType::F32 | DType::F64) {
                assert_eq!(bytes, case.run(&mut CpuProduct::new(dtype)), "{what}");
            }
        }
        let mut none = Vec::new();
        product.begin([0, 4], &mut none).unwrap();
        product.add(2, &[], &vec![0; 8 * dtype.size()], &mut none).unwrap();
        product.finish(&mut none).unwrap();
    }
}

#[test]
fn no_tile_changes_the_bits() {
    let Some(context) = context() else { return };
    let abilities = context.abilities();
    for dtype in [DType::F32, DType::F64, DType::U16, DType::I64] {
        if check(dtype, [64; 3], &abilities).is_err() {
            continue;
        }
        let case = Case::new(dtype, [131, 135], &[50, 19], 7);
        let first = case.run(&mut made(&context, dtype, Tiling::Auto));
        case.check(&first, dtype.name());
        for tile in tiles(dtype.size().max(4), &abilities) {
            let bytes = case.run(&mut made(&context, dtype, Tiling::Fixed(tile)));
            assert_eq!(bytes, first, "{dtype} {}", tile.name());
        }
    }
}

#[test]
fn the_fastest_tile_is_measured_once_and_remembered() {
    let Some(context) = context() else { return };
    let abilities = context.abilities();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("matmul.json");
    let case = Case::new(DType::F32, [40, 70], &[30, 20], 8);
    let expected = case.run(&mut made(&context, DType::F32, Tiling::Auto));
    let most = [64; 3];
    let new = |tiling| {
        let choices = Arc::new(Choices::at(Some(path.clone())));
        GpuProduct::new(&context, DType::F32, most, &abilities, tiling, choices).unwrap()
    };
    // Too small to be worth it.
    assert_eq!(case.run(&mut new(Tiling::Auto)), expected);
    assert!(!path.exists());
    let mut product = new(Tiling::Measure);
    assert_eq!(case.run(&mut product), expected);
    assert_eq!(case.run(&mut product), expected);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("float32 64x64x128").count(), 1, "{text}");
    assert!(tiles(4, &abilities).iter().any(|t| text.contains(&t.name())), "{text}");
    // What is remembered is believed, as far as it is a tile.
    let key = text.split('"').nth(1).unwrap();
    for name in ["128x64x8", "1000000x1x1"] {
        let wrong = serde_json::to_string(&serde_json::json!({ key: name })).unwrap();
        std::fs::write(&path, &wrong).unwrap();
        assert_eq!(case.run(&mut new(Tiling::Measure)), expected);
        assert_eq!(std::fs::read_to_string(&path).unwrap() == wrong, name == "128x64x8");
    }
}

#[test]
fn transposed_and_strided_operands_need_no_copy() {
    let Some(context) = context() else { return };
    let ([m, n], k) = ([70, 37], 29);
    for dtype in usable(&context) {
        let case = Case::new(dtype, [m, n], &[k], 3);
        let (_, a, b) = &case.pieces[0];
        let expected = case.run(&mut made(&context, dtype, Tiling::Auto));
        case.check(&expected, dtype.name());
        // Rows and columns swapped, and wide rows that begin at a multiple of four or not.
        let laid = |v: &[i128], [rows, columns]: [usize; 2], [r, s]: [usize; 2]| {
            let mut out = vec![1i128; (rows - 1) * r + (columns - 1) * s + 1];
            for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                out[i * r + j * s] = v[i * columns + j];
            }
            to_bytes(dtype, &out)
        };
        let wide = if dtype.size() == 4 { 4 } else { 1 };
        for (x, y) in [([1, m], [1, k]), ([40, 1], [40, 1]), ([41, 1], [1, k + 3]), ([2, 2 * m], [2 * n, 2])]
            [..wide]
            .iter()
        {
            let tile = tiles(dtype.size().max(4), &context.abilities()).pop().unwrap();
            for tiling in [Tiling::Auto, Tiling::Fixed(tile)] {
                let mut product = made(&context, dtype, tiling);
                let mut c = vec![0; m * n * dtype.size()];
                product.begin([m, n], &mut c).unwrap();
                let (left, right) = (laid(a, [m, k], *x), laid(b, [k, n], *y));
                let operand = |bytes, strides: &[usize; 2]| Matrix { bytes, strides: *strides };
                product.add_strided(k, operand(&left, x), operand(&right, y)).unwrap();
                let short = operand(&left[..left.len() - 1], x);
                let e = product.add_strided(k, short, operand(&right, y)).unwrap_err();
                assert_eq!(e.kind(), ErrorKind::Internal);
                product.finish(&mut c).unwrap();
                assert_eq!(c, expected, "{dtype} {x:?} {y:?} {tiling:?}");
            }
        }
    }
}

#[test]
fn nan_and_infinities_stay_in_their_rows_and_columns() {
    let Some(context) = context() else { return };
    for dtype in [DType::F32, DType::F64] {
        if check(dtype, [64; 3], &context.abilities()).is_err() {
            continue;
        }
        let [m, k, n] = [9, 21, 11];
        let bytes = |v: Vec<f64>| -> Vec<u8> {
            let one = |v: f64| match dtype {
                DType::F32 => (v as f32).to_le_bytes().to_vec(),
                _ => v.to_le_bytes().to_vec(),
            };
            v.into_iter().flat_map(one).collect()
        };
        let mut a = vec![1.0; m * k];
        let mut b = vec![-1.0; k * n];
        a[2 * k + 20] = f64::NAN;
        a[4 * k + 3] = f64::INFINITY;
        b[7 * n + 5] = f64::NEG_INFINITY;
        b[n + 8] = f64::NAN;
        let mut product = made(&context, dtype, Tiling::Auto);
        let mut c = vec![0; m * n * dtype.size()];
        product.begin([m, n], &mut c).unwrap();
        product.add(k, &bytes(a), &bytes(b), &mut c).unwrap();
        // A second piece changes none of them.
        product.add(1, &bytes(vec![0.5; m]), &bytes(vec![2.0; n]), &mut c).unwrap();
        product.finish(&mut c).unwrap();
        let value = |p: usize| match dtype {
            DType::F32 => bytemuck::pod_collect_to_vec::<u8, f32>(&c)[p] as f64,
            _ => bytemuck::pod_collect_to_vec::<u8, f64>(&c)[p],
        };
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let got = value(i * n + j);
            match (i, j) {
                (2, _) | (_, 8) => assert!(got.is_nan(), "{i}, {j}: {got}"),
                (4, _) | (_, 5) => assert_eq!(got, f64::NEG_INFINITY, "{i}, {j}"),
                _ => assert_eq!(got, -20.0, "{i}, {j}"),
            }
        }
    }
}

/// A context of its own, with a small budget.
fn small(budget: u64) -> Option<Arc<Context>> {
    context()?;
    Some(Arc::new(open(&Choice::Fastest, budget).unwrap()))
}

#[test]
fn memory_is_what_was_said_and_too_little_is_an_error() {
    let Some(context) = small(1 << 18) else { return };
    let case = Case::new(DType::F32, [30, 50], &[33, 33], 1);
    let mut product = made(&context, DType::F32, Tiling::Auto);
    let expected = case.run(&mut product);
    case.check(&expected, "within the budget");
    assert_eq!(context.memory.used(), device_bytes(DType::F32, [30, 33, 50]));
    let (a, b) = (vec![0; 4 * 200 * 200], vec![0; 4 * 200 * 200]);
    let mut c = vec![0; 4 * 200 * 200];
    product.begin([200, 200], &mut c).unwrap();
    let e = product.add(200, &a, &b, &mut c).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Device, "{e}");
    drop(product);
    assert_eq!(context.memory.used(), 0);
    assert_eq!(case.run(&mut made(&context, DType::F32, Tiling::Auto)), expected);
}

#[test]
fn a_lost_device_is_an_error() {
    let Some(context) = small(1 << 24) else { return };
    let mut product = made(&context, DType::F32, Tiling::Auto);
    let (a, b, mut c) = ([0; 16], [0; 16], [0; 16]);
    product.begin([2, 2], &mut c).unwrap();
    product.add(2, &a, &b, &mut c).unwrap();
    context.lose();
    let lost = product.add(2, &a, &b, &mut c).and_then(|()| product.finish(&mut c));
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::Device);
}

#[test]
fn what_an_adapter_lacks_is_a_reason() {
    let most = [1024; 3];
    let all = everything();
    assert!(dtypes().iter().all(|&d| check(d, most, &all).is_ok()));
    let why = |dtype, most, abilities: &Abilities| check(dtype, most, abilities).unwrap_err();
    assert!(why(DType::F16, most, &all).contains("float16"));
    assert!(why(DType::F64, most, &Abilities { float64: false, ..all.clone() }).contains("float64"));
    assert!(why(DType::I64, most, &Abilities { int64: false, ..all.clone() }).contains("int64"));
    assert!(why(DType::I8, most, &Abilities { workgroup_bytes: 4096, ..all.clone() }).contains("workgroup"));
    assert!(why(DType::F32, [1 << 16, 1024, 1], &all).contains("binding"));
    assert!(why(DType::U8, [1 << 23, 1, 1], &all).contains("binding"));
    let half = Abilities { workgroup_bytes: 12288, ..all };
    assert!(tiles(4, &half).iter().all(|t: &Tile| t.depth == 8));
    let Some(context) = context() else { return };
    assert!(product(&context, DType::F16, most, &context.abilities()).is_err());
    let mut product = product(&context, DType::I8, most, &context.abilities()).unwrap();
    product.begin([2, 2], &mut [0; 4]).unwrap();
    assert_eq!(product.add(2, &[0; 3], &[0; 4], &mut [0; 4]).unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(product.finish(&mut [0; 5]).unwrap_err().kind(), ErrorKind::Internal);
}
