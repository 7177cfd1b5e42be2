//! Cumulative sums, products and extremes: against exact arithmetic and NumPy (`tests/goldens/make_cumulative.py`),
//! the same bits however blocks, threads and budgets are, wherever the result goes; and nobody waits for a block
//! that never comes.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::{differs_from, numbers};
use chunkwise::grid::{Chunks, Slab};
use chunkwise::source::{ReadCx, Source};
use chunkwise::{
    Array, ArrayValue, BlockOrder, Cancel, DType, Error, ErrorKind, Index, Over, Plan, PlanOptions, Result,
    Session, Store, StoreOptions, Values,
};
use common::{canonical, dataset, elements, folder, golden, hash, session, to_bytes, write_file};
use ndarray::{Array1, Array2, array};
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use serde_json::Value as Json;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// What is different from the right answer, if anything.
fn differs(session: &Session, array: &Array, expected: &Json) -> Option<String> {
    match session.compute(array) {
        Ok(value) => differs_from(&value, expected),
        Err(e) if expected == "error" && e.kind() == ErrorKind::Overflow => None,
        Err(e) => Some(format!("{e:?}")),
    }
}

fn small_blocks(threads: usize, bytes: u64) -> Session {
    let builder = Session::builder().device(common::device()).threads(threads).memory("64MiB");
    builder.plan_options(PlanOptions::new().block_bytes(bytes)).build().unwrap()
}

fn named(name: &str, x: &Array, over: Over) -> Array {
    match name {
        "cumsum" => x.cumsum_with(over),
        "cumprod" => x.cumprod_with(over),
        "nancumsum" => x.nancumsum_with(over),
        "nancumprod" => x.nancumprod_with(over),
        "cummax" => x.cummax_with(over),
        "cummin" => x.cummin_with(over),
        name => panic!("no test knows {name}"),
    }
}

#[test]
fn each_position_is_the_reduction_of_all_up_to_it() {
    let (folder, sessions) = (folder(), [small_blocks(1, 64), small_blocks(3, 256), small_blocks(2, 4096)]);
    let mut wrong = Vec::new();
    let cases = golden("cumulative.json");
    for (n, case) in cases.as_array().unwrap().iter().enumerate() {
        let x = &case[1];
        let dtype = DType::from_name(x[0].as_str().unwrap()).unwrap();
        let (shape, seed, mode) = (numbers(&x[1]), x[2].as_u64().unwrap(), x[3].as_str().unwrap());
        let path = folder.path().join(format!("{n}.h5"));
        let bytes = to_bytes(&elements(dtype, shape.iter().product(), seed, mode));
        let chunks = numbers(&case[2]);
        let chunks = (!shape.contains(&0)).then_some(&chunks[..]);
        write_file(&path, &[(dataset("x", &shape, dtype, chunks, None), &bytes)]);
        let mut over = case[3].as_i64().map_or(Over::all(), Over::axis);
        if let Some(dtype) = case[4].as_str() {
            over = over.dtype(DType::from_name(dtype).unwrap());
        }
        let arrays = [common::array(dtype, &shape, seed, mode), Array::open(path, "x").unwrap()];
        for x in &arrays {
            let made = named(case[0].as_str().unwrap(), x, over.clone());
            for session in &sessions {
                wrong.extend(differs(session, &made, &case[5]).map(|d| format!("{n} {case}: {d}")));
            }
        }
    }
    assert!(cases.as_array().unwrap().len() > 500);
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

/// Floats of many exponents, all multiples of 2^-UNIT.
fn number(seed: u64, i: u64) -> f64 {
    let h = hash(seed, i);
    let (m, sign) = (((h >> 20) & ((1 << 40) - 1)) as f64, if h & 1 == 1 { -1.0 } else { 1.0 });
    match seed {
        // Uniform, and of many exponents, and so wide that no two float64 hold a piece.
        1 => m * 2f64.powi(-40),
        2 => sign * m * 2f64.powi((h >> 1 & 31) as i32 - 60),
        _ => sign * m * 2f64.powi((h >> 1 & 127) as i32 - 150),
    }
}

const UNIT: i32 = 150;

/// A multiple of 2^-UNIT as such.
fn units(x: f64) -> BigInt {
    let bits = x.to_bits();
    let (field, m) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1) | 1 << 52);
    if x == 0.0 {
        return BigInt::from(0);
    }
    let shift = field - 1075 + UNIT;
    let m = if shift >= 0 { BigInt::from(m) << shift } else { BigInt::from(m >> -shift) };
    if x < 0.0 { -m } else { m }
}

/// The prefix sums along the middle axis of a shape, by long whole numbers.
fn prefixes(values: &[f64], [outer, len, inner]: [usize; 3]) -> Vec<BigInt> {
    let mut out = vec![BigInt::from(0); values.len()];
    for o in 0..outer {
        for i in 0..inner {
            let mut sum = BigInt::from(0);
            for k in 0..len {
                let at = (o * len + k) * inner + i;
                sum += units(values[at]);
                out[at].clone_from(&sum);
            }
        }
    }
    out
}

fn double(sums: &[BigInt]) -> Vec<u64> {
    sums.iter().map(|s| (s.to_f64().unwrap() * 2f64.powi(-UNIT)).to_bits()).collect()
}

fn single(sums: &[BigInt]) -> Vec<u64> {
    // Rounded by hand: 24 bits, ties to even. None is below the normal numbers.
    let one = |s: &BigInt| {
        let (magnitude, drop) = (s.magnitude(), s.bits().saturating_sub(24));
        let mut q = magnitude >> drop;
        let rest = magnitude - (&q << drop);
        let twice = &rest << 1u32;
        let step = num_bigint::BigUint::from(1u32) << drop;
        if drop > 0 && (twice > step || (twice == step && q.bit(0))) {
            q += 1u32;
        }
        let v = (q.to_f64().unwrap() * 2f64.powi(drop as i32 - UNIT)) as f32;
        u64::from((if s.sign() == num_bigint::Sign::Minus { -v } else { v }).to_bits())
    };
    sums.iter().map(one).collect()
}

fn bits(v: &ArrayValue) -> Vec<u64> {
    match v.dtype() {
        DType::F64 => v.as_slice::<f64>().unwrap().iter().map(|x| x.to_bits()).collect(),
        _ => v.as_slice::<f32>().unwrap().iter().map(|x| x.to_bits().into()).collect(),
    }
}

fn file(path: &Path, shape: &[u64], chunks: &[u64], values: &[f64], dtype: DType) -> Array {
    let bytes: Vec<u8> = match dtype {
        DType::F64 => values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
        _ => values.iter().flat_map(|&v| (v as f32).to_ne_bytes()).collect(),
    };
    write_file(path, &[(dataset("x", shape, dtype, Some(chunks), Some(1)), &bytes)]);
    Array::open(path, "x").unwrap()
}

/// Puts the blocks of an array of any shape together.
fn gathered(session: &Session, a: &Array, order: BlockOrder) -> Vec<u8> {
    let shape = a.shape().unwrap().to_vec();
    let size = a.dtype().unwrap().size();
    let mut out = vec![0; shape.iter().product::<u64>() as usize * size];
    for block in session.blocks(a, order).unwrap() {
        let (region, v) = block.unwrap();
        for (i, element) in v.bytes().chunks(size).enumerate() {
            let at = chunkwise::grid::unravel(i as u64, &region.shape);
            let index: Vec<u64> = at.iter().zip(&region.start).map(|(a, s)| a + s).collect();
            let p = chunkwise::grid::ravel(&index, &shape) as usize;
            out[p * size..(p + 1) * size].copy_from_slice(element);
        }
    }
    out
}

/// A shape, the axis, bundles of lines with their length and how many lie side by side, and shapes of chunks.
type Case<'a> = (&'a [u64], i64, [usize; 3], &'a [&'a [u64]]);

/// Every prefix exact and rounded once, for lines that lie one after the other and side by side, in chunks of several
/// shapes, with several threads and budgets, in memory, in files, in blocks and in memory of the caller's.
#[test]
fn no_chunk_thread_or_budget_shows() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let cases: [Case; 5] = [
        (&[20_000], 0, [1, 20_000, 1], &[&[20_000], &[999], &[64]]),
        (&[60, 500], 1, [60, 500, 1], &[&[60, 500], &[7, 90], &[60, 33]]),
        (&[500, 60], 0, [1, 500, 60], &[&[500, 60], &[90, 7], &[33, 60], &[500, 9]]),
        (&[6, 100, 25], -2, [6, 100, 25], &[&[6, 100, 25], &[2, 30, 10], &[6, 9, 25]]),
        (&[1500, 3], 0, [1, 1500, 3], &[&[100, 3], &[1500, 1]]),
    ];
    for (shape, axis, lines, all_chunks) in cases {
        for seed in 1..=3 {
            let len: u64 = shape.iter().product();
            let wide: Vec<f64> = (0..len).map(|i| number(seed, i)).collect();
            let narrow: Vec<f64> = wide.iter().map(|&v| f64::from(v as f32)).collect();
            for (dtype, values) in [(DType::F64, &wide), (DType::F32, &narrow)] {
                let exact = prefixes(values, lines);
                let right = if dtype == DType::F64 { double(&exact) } else { single(&exact) };
                for (n, chunks) in all_chunks.iter().enumerate() {
                    let x = file(&path("x.h5"), shape, chunks, values, dtype);
                    let sum = x.cumsum_with(Over::axis(axis));
                    let case = format!("{shape:?} axis {axis} chunks {chunks:?} {dtype} seed {seed}");
                    for threads in [1, 2, 4] {
                        let s = small_blocks(threads, 1 << 10);
                        let outcome = s.run(&[&sum]).unwrap();
                        let whole = outcome.values[0].as_array().unwrap();
                        assert!(bits(whole) == right, "{case}, {threads} threads");
                        let stored =
                            Array::open(path("x.h5"), "x").unwrap().stored_chunks().unwrap().unwrap().clone();
                        let chunks: u64 = (0..shape.len()).map(|d| stored.count(d, shape[d])).product();
                        assert_eq!(outcome.report.chunks_decoded, chunks, "{case}");
                        if n != 1 {
                            continue;
                        }
                        for order in [BlockOrder::Storage, BlockOrder::Spatial] {
                            assert!(gathered(&s, &sum, order) == whole.bytes(), "{case} in blocks");
                        }
                        let options = StoreOptions::new();
                        s.store(path("out.h5"), &[("sum", &sum)], &options).unwrap();
                        let odd: Vec<u64> = shape.iter().map(|&n| (n / 3).max(1)).collect();
                        s.store(path("odd.h5"), &[("sum", &sum)], &options.chunks(&odd).deflate(1)).unwrap();
                        for name in ["out.h5", "odd.h5"] {
                            let back = s.compute(&Array::open(path(name), "sum").unwrap()).unwrap();
                            assert!(bits(&back) == right, "{case} in {name}");
                        }
                    }
                }
            }
        }
    }
}

/// A word, and what is made of an array.
type Made = (&'static str, fn(&Array) -> Array);

/// What is turned, cut, backwards, joined or computed is summed in its own order.
#[test]
fn any_array_is_summed_in_its_own_order() {
    let folder = folder();
    let values: Vec<f64> = (0..30 * 40).map(|i| number(2, i)).collect();
    let x = file(&folder.path().join("x.h5"), &[30, 40], &[7, 9], &values, DType::F64);
    let memory = Array::from_ndarray(Array2::from_shape_vec((30, 40), values).unwrap());
    let s = [small_blocks(1, 1 << 20), small_blocks(3, 512)];
    let made: [Made; 9] = [
        ("turned", |x| x.t().cumsum_with(Over::axis(0))),
        ("backwards", |x| x.index([Index::ALL.step(-1), Index::ALL.step(-2)]).cumsum_with(Over::axis(0))),
        ("backwards along", |x| x.index([Index::ALL, Index::ALL.step(-1)]).cumsum_with(Over::axis(1))),
        ("flat", |x| x.cumsum()),
        ("turned and flat", |x| x.t().cumsum()),
        ("computed", |x| (x * 2.0 - x.mean()).cumsum_with(Over::axis(-1))),
        ("joined", |x| chunkwise::concatenate(&[x.clone(), x * 3.0], 1).cumsum_with(Over::axis(1))),
        ("twice", |x| x.cumsum_with(Over::axis(0)).cumsum_with(Over::axis(1))),
        ("used", |x| (x.cummax_with(Over::axis(1)) - x.cumsum_with(Over::axis(0))).sum_with(Over::axis(0))),
    ];
    for (name, make) in made {
        let right = s[0].compute(&make(&memory)).unwrap();
        for s in &s {
            assert_eq!(canonical(&s.compute(&make(&x)).unwrap()), canonical(&right), "{name}");
            for order in [BlockOrder::Storage, BlockOrder::Spatial] {
                assert!(gathered(s, &make(&x), order) == right.bytes(), "{name} in blocks");
            }
            let out = folder.path().join("out.h5");
            s.store(&out, &[("y", &make(&x))], &StoreOptions::new()).unwrap();
            assert_eq!(canonical(&s.compute(&Array::open(&out, "y").unwrap()).unwrap()), canonical(&right));
        }
    }
    // The sums of a reversed array are those of its copy in memory.
    let copy = s[0].compute(&x.index([Index::ALL, Index::ALL.step(-1)])).unwrap();
    let copy = Array2::from_shape_vec((30, 40), copy.as_slice::<f64>().unwrap().to_vec()).unwrap();
    let right = s[0].compute(&Array::from_ndarray(copy).cumsum_with(Over::axis(1))).unwrap();
    let seen = x.index([Index::ALL, Index::ALL.step(-1)]).cumsum_with(Over::axis(1));
    assert_eq!(s[1].compute(&seen).unwrap().bytes(), right.bytes());
}

/// Several of them, sums and plain results in one run share its reads; results go to files and to the caller.
#[test]
fn one_run_makes_many() {
    let folder = folder();
    let values: Vec<f64> = (0..90 * 50).map(|i| number(1, i)).collect();
    let x = file(&folder.path().join("x.h5"), &[90, 50], &[11, 50], &values, DType::F64);
    let (down, along, total) =
        (x.cumsum_with(Over::axis(0)), x.cumsum_with(Over::axis(1)), x.sum_with(Over::axis(0)));
    let top = x.cummax_with(Over::axis(0));
    for threads in [1, 3] {
        let s = small_blocks(threads, 1 << 10);
        let out = folder.path().join("out.h5");
        let store = Store::new(&out).dataset("down", &down).dataset("twice", &(&down * 2.0));
        let outcome = s.run_with(&[&down, &along, &total, &top, &x], &[store]).unwrap();
        let array = |n: usize| outcome.values[n].as_array().unwrap();
        assert_eq!(array(0).as_slice::<f64>().unwrap()[89 * 50..], *array(2).as_slice::<f64>().unwrap());
        for (n, alone) in [&down, &along, &total, &top].into_iter().enumerate() {
            assert_eq!(s.compute(alone).unwrap().bytes(), array(n).bytes());
        }
        let back = |name: &str| s.compute(&Array::open(&out, name).unwrap()).unwrap();
        assert_eq!(back("down").bytes(), array(0).bytes());
        assert_eq!(back("twice").as_slice::<f64>().unwrap()[7], 2.0 * array(0).as_slice::<f64>().unwrap()[7]);
        let mut mine = Array2::<f64>::ones((90, 50));
        s.compute_into(&down, mine.view_mut()).unwrap();
        assert_eq!(mine.as_slice().unwrap(), array(0).as_slice::<f64>().unwrap());
    }
}

#[test]
fn special_values_stay() {
    let s = [session(1, "16MiB"), small_blocks(2, 16)];
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let sums: [(&[f64], &[f64]); 7] = [
        (&[1.0, nan, 2.0, inf], &[1.0, nan, nan, nan]),
        (&[1.0, inf, 2.0, -inf, 1.0], &[1.0, inf, inf, nan, nan]),
        (&[-inf, 5.0], &[-inf, -inf]),
        (&[-0.0, -0.0, 1.0, -1.0], &[0.0, 0.0, 1.0, 0.0]),
        // Beyond the largest float and back, for nothing was rounded.
        (&[f64::MAX, f64::MAX, -f64::MAX, -f64::MAX], &[f64::MAX, inf, f64::MAX, 0.0]),
        (&[1e16, 1.0, 1.0, -1e16], &[1e16, 1e16, 1e16 + 2.0, 2.0]),
        (&[5e-324, 5e-324, -1.0], &[5e-324, 1e-323, -1.0]),
    ];
    for (values, right) in sums {
        let x = Array::from_ndarray(Array1::from(values.to_vec()));
        for s in &s {
            let sum = s.compute(&x.cumsum()).unwrap();
            let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            let got = sum.as_slice::<f64>().unwrap();
            assert!(got.iter().zip(right).all(same), "{values:?}: {got:?}");
        }
    }
    let x = Array::from_ndarray(array![1.0f32, f32::NAN, 3.0, 2.0]);
    let of = |a: &Array| s[1].compute(a).unwrap();
    assert_eq!(of(&x.nancumsum()).as_slice::<f32>().unwrap(), [1.0, 1.0, 4.0, 6.0]);
    assert_eq!(of(&x.nancumprod()).as_slice::<f32>().unwrap(), [1.0, 1.0, 3.0, 6.0]);
    assert_eq!(of(&x.index([Index::from(2..4)]).cummax()).as_slice::<f32>().unwrap(), [3.0, 3.0]);
    assert!(of(&x.cummin()).as_slice::<f32>().unwrap()[1..].iter().all(|v| v.is_nan()));
    // As NumPy: a scalar is an axis of one, bools in bools are any and all.
    let b = Array::from_ndarray(array![true, false, true]);
    assert_eq!(of(&b.cumsum()).as_slice::<i64>().unwrap(), [1, 1, 2]);
    let over = || Over::all().dtype(DType::Bool);
    assert_eq!(of(&b.cumsum_with(over())).as_slice::<bool>().unwrap(), [true, true, true]);
    assert_eq!(of(&b.cumprod_with(over())).as_slice::<bool>().unwrap(), [true, false, false]);
    assert_eq!(of(&b.cummin()).as_slice::<bool>().unwrap(), [true, false, false]);
    for one in [Array::scalar(5.0).cumsum(), Array::scalar(5.0).cumsum_with(Over::axis(-1))] {
        assert_eq!((of(&one).shape(), of(&one).as_slice::<f64>().unwrap()), (&[1][..], &[5.0][..]));
    }
    let three = Array::arange_int(1, 4, 1);
    let initial = of(&three.cumulative_sum(Over::all(), true));
    assert_eq!(initial.as_slice::<i64>().unwrap(), [0, 1, 3, 6]);
    let initial = of(&three.cumulative_prod(Over::all().dtype(DType::F64), true));
    assert_eq!(initial.as_slice::<f64>().unwrap(), [1.0, 1.0, 2.0, 6.0]);
    let flat = Array::ones(&[2, 2], DType::F64).cumulative_sum(Over::axis(0), true);
    assert_eq!(of(&flat).as_slice::<f64>().unwrap(), [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
}

#[test]
fn what_cannot_be_is_an_error() {
    let s = small_blocks(3, 64);
    let x = Array::ones(&[2, 3], DType::F32);
    for (array, kind, says) in [
        (x.cumsum_with(Over::axis(2)), ErrorKind::Index, "axis 2"),
        (x.cumsum_with(Over::axes([0, 1])), ErrorKind::Value, "one axis or none"),
        (x.cumsum_with(Over::axis(0).keepdims()), ErrorKind::Value, "takes no keepdims="),
        (x.cumsum_with(Over::axis(0).mask(&x.greater(0.0))), ErrorKind::Value, "takes no where="),
        (x.cummax_with(Over::axis(0).dtype(DType::F64)), ErrorKind::Value, "takes no dtype="),
        (x.cumulative_sum(Over::all(), false), ErrorKind::Value, "needs the axis"),
    ] {
        let e = array.check().unwrap_err();
        assert!(e.kind() == kind && e.to_string().contains(says), "{e}");
    }
    // In some block, of several that are under way.
    let mut values = vec![1i64; 500];
    values[300] = i64::MAX;
    let x = Array::from_ndarray(Array1::from(values));
    let e = s.compute(&x.cumsum()).unwrap_err();
    assert!(e.kind() == ErrorKind::Overflow && e.to_string().contains("out of bounds for int64"), "{e}");
    let e = s.compute(&(&x + 1).cumprod()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Overflow, "{e}");
    let small = Array::ones(&[200], DType::I8).cumsum_with(Over::all().dtype(DType::I8));
    assert_eq!(s.compute(&small).unwrap_err().kind(), ErrorKind::Overflow);
    // Nothing is too large before a zero makes it nothing, but everything after it is.
    let zero = Array::from_ndarray(array![3i64, 0, i64::MAX, i64::MAX]).cumprod();
    assert_eq!(s.compute(&zero).unwrap().as_slice::<i64>().unwrap(), [3, 0, 0, 0]);
}

/// Ones, of which a chunk cannot be read, or whose reading panics; the others take their time.
#[derive(Debug)]
struct Breaks {
    chunks: Chunks,
    at: u64,
    panics: bool,
}

const ROWS: u64 = 600;

impl Source for Breaks {
    fn shape(&self) -> &[u64] {
        &[ROWS, 4]
    }
    fn dtype(&self) -> DType {
        DType::F64
    }
    fn chunks(&self) -> Option<&Chunks> {
        Some(&self.chunks)
    }
    fn describe(&self) -> String {
        "a source that breaks".into()
    }
    fn scratch_bytes(&self) -> u64 {
        0
    }
    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        self.read_region(&Slab::dense(&self.chunks.region(chunk)), out, cx)
    }
    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
        let chunk = slab.start[0] / 10;
        if (slab.start[0]..slab.start[0] + slab.count[0]).contains(&(10 * self.at)) {
            // Those that come after it wait meanwhile.
            std::thread::sleep(Duration::from_millis(20));
            assert!(!self.panics, "it breaks");
            return Err(Error::new(ErrorKind::Io, "it breaks"));
        }
        std::thread::sleep(Duration::from_micros(hash(1, chunk) % 300));
        out.chunks_exact_mut(8).for_each(|c| c.copy_from_slice(&1f64.to_ne_bytes()));
        Ok(())
    }
}

/// Does something that must end, panics of it included.
fn ends<T: Send + 'static>(what: &str, f: impl FnOnce() -> T + Send + 'static) -> std::thread::Result<T> {
    let (done, wait) = channel();
    std::thread::spawn(move || {
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        let _ = done.send(made);
    });
    wait.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("{what} hangs"))
}

#[test]
fn nobody_waits_for_a_block_that_never_comes() {
    for (at, threads, axis) in [(0, 3, 0), (1, 2, 0), (17, 4, 0), (59, 3, 0), (30, 2, 1), (20, 1, 0)] {
        for panics in [false, true] {
            let case = format!("chunk {at}, {threads} threads, axis {axis}, panics: {panics}");
            let source = Breaks { chunks: Chunks::from(&[10u64, 4][..]), at, panics };
            let x = Array::new(Arc::new(source)).cumsum_with(Over::axis(axis));
            let y = x.clone();
            let computed = ends(&case, move || small_blocks(threads, 64).compute(&y).map(drop));
            match computed {
                Ok(made) => {
                    let e = made.unwrap_err();
                    assert!(
                        !panics && e.kind() == ErrorKind::Io && e.to_string().contains("it breaks"),
                        "{case}: {e}"
                    );
                }
                Err(_) => assert!(panics, "{case}"),
            }
            let y = x.clone();
            let stored = ends(&case, move || {
                let folder = folder();
                let path = folder.path().join("out.h5");
                small_blocks(threads, 64).store(&path, &[("y", &y)], &StoreOptions::new()).map(drop)
            });
            assert!(stored.map_or(panics, |made| !panics && made.is_err()), "{case}");
            // Of blocks all that come before the broken one are there.
            let walked = ends(&case, move || {
                let s = small_blocks(threads, 64);
                let mut rows = 0;
                for block in s.blocks(&x, BlockOrder::Spatial).unwrap() {
                    match block {
                        Ok((region, v)) => {
                            assert_eq!(region.start[0], rows);
                            let last = *v.as_slice::<f64>().unwrap().last().unwrap();
                            rows += region.shape[0];
                            assert_eq!(last, if axis == 0 { rows as f64 } else { 4.0 });
                        }
                        Err(e) => return (rows, e.kind()),
                    }
                }
                panic!("it never broke");
            });
            match walked {
                Ok((rows, kind)) => {
                    assert_eq!((rows, kind, panics), (10 * at, ErrorKind::Io, false), "{case}")
                }
                Err(_) => assert!(panics, "{case}"),
            }
        }
    }
}

#[test]
fn a_cancelled_run_ends() {
    for threads in [1, 2, 4] {
        let cancel = Cancel::new();
        let (token, seen) = (cancel.clone(), std::sync::atomic::AtomicU64::new(0));
        let builder = Session::builder().device(common::device()).threads(threads).memory("16MiB");
        let s = builder
            .plan_options(PlanOptions::new().block_bytes(64))
            .cancel(&cancel)
            .on_progress(move |p| {
                if p.done >= 20 && seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                    token.cancel();
                }
            })
            .build()
            .unwrap();
        let source = Breaks { chunks: Chunks::from(&[10u64, 4][..]), at: u64::MAX / 100, panics: false };
        let x = Array::new(Arc::new(source)).cumsum_with(Over::axis(0));
        let e = ends("a cancelled run", move || s.compute(&x).map(drop)).unwrap().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Cancelled, "{e}");
    }
}

/// What blocks hand on is counted: more than the budget is summed within it, and a refusal names one that works.
#[test]
fn the_budget_holds() {
    let folder = folder();
    let (rows, columns) = (256u64, 4096u64);
    let values: Vec<f64> = (0..rows * columns).map(|i| number(1, i)).collect();
    let x = file(&folder.path().join("x.h5"), &[rows, columns], &[32, 256], &values, DType::F64);
    drop(values);
    let out = folder.path().join("out.h5");
    let right = session(2, "64MiB").compute(&x.cumsum_with(Over::axis(0))).unwrap().bytes().to_vec();
    let within = |threads: usize, memory: &str| {
        let builder = Session::builder().device(common::device()).threads(threads).memory(memory);
        builder.plan_options(PlanOptions::new().block_bytes(64 << 10)).build().unwrap()
    };
    for threads in [1, 2, 4] {
        // 8 MiB of elements, and accumulators of 2.3 MiB if all lines were open at once.
        let s = within(threads, "2MiB");
        let sum = x.cumsum_with(Over::axis(0));
        let report = s.store(&out, &[("y", &sum)], &StoreOptions::new()).unwrap();
        assert!(report.peak_host_bytes <= 2 << 20, "{}", report.peak_host_bytes);
        assert!(report.peak_host_bytes <= report.projected_host_bytes);
        let back = session(2, "64MiB").compute(&Array::open(&out, "y").unwrap()).unwrap();
        assert!(back.bytes() == right);
        let e = within(threads, "100KiB").store(&out, &[("y", &sum)], &StoreOptions::new()).unwrap_err();
        let needed = e.needed().unwrap();
        let s = within(threads, &needed.to_string());
        let report = s.store(&out, &[("y", &sum)], &StoreOptions::new()).unwrap();
        assert!(report.peak_host_bytes <= needed, "{} of {needed}", report.peak_host_bytes);
        for order in [BlockOrder::Spatial, BlockOrder::Storage] {
            let s = within(threads, "6MiB");
            let mut blocks = s.blocks(&x.t().cumsum_with(Over::axis(1)), order).unwrap();
            assert!(blocks.by_ref().all(|b| b.is_ok()));
            let report = blocks.report();
            assert!(report.peak_host_bytes <= 6 << 20, "{}", report.peak_host_bytes);
        }
    }
}

/// What is handed on costs some time for each line, so blocks are long.
#[test]
fn blocks_are_long_along_the_axis() {
    let x = Array::from_ndarray(Array2::<f64>::zeros((2000, 3000)));
    let blocks = |y: Array| session(1, "64MiB").plan(&[&y]).unwrap().stages()[0].grid.largest().to_vec();
    assert_eq!(blocks(x.cumsum_with(Over::axis(0))), [1024, 128]);
    assert_eq!(blocks(x.cumsum_with(Over::axis(1))), [43, 3000]);
}

/// Pieces for other machines are whole stages: what is cut there cannot go on from what came before.
#[test]
fn a_stage_that_goes_on_is_one_piece() {
    let folder = folder();
    let values: Vec<f64> = (0..1000).map(|i| number(2, i)).collect();
    let x = file(&folder.path().join("x.h5"), &[1000], &[64], &values, DType::F64);
    let s = session(2, "16MiB");
    let target = x.cumsum() - x.mean();
    let plan = small_blocks(2, 64).plan(&[&target]).unwrap();
    let plan = Plan::from_json(&plan.to_json().unwrap()).unwrap();
    let mut values = Values::new();
    for (n, stage) in plan.stages().iter().enumerate() {
        let tasks = stage.grid.blocks();
        let goes_on = stage.outputs.iter().any(|o| o.fold.carries().is_some());
        if goes_on {
            for range in [0..1, 1..tasks, 0..0, tasks - 1..tasks] {
                let e = s.run_tasks(&plan, n, range, &values).unwrap_err();
                assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains("cumsum"), "{e}");
            }
        }
        let all = s.run_tasks(&plan, n, 0..tasks, &values).unwrap();
        let all = s.combine_tasks(&plan, n, [all], &values).unwrap();
        values = s.merge_tasks(&plan, n, [all], &values).unwrap().values;
    }
    let made = values[&plan.results()[0]].as_array().unwrap();
    assert_eq!(made.bytes(), s.compute(&target).unwrap().bytes());
    // A damaged plan is refused.
    let json = plan.to_json().unwrap();
    let damaged = json.replacen("\"axis\":0", "\"axis\":1", 1);
    assert_ne!(json, damaged);
    assert_eq!(Plan::from_json(&damaged).unwrap_err().kind(), ErrorKind::Format);
}
