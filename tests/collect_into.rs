//! Results in memory of the caller's, and results that are written where they belong as they are computed:
//! every element in its place, nothing beside it, whatever the blocks; and what a run holds meanwhile.

mod common;

use chunkwise::grid::{Chunks, Slab, ravel, unravel};
use chunkwise::source::{ReadCx, Source};
use chunkwise::{
    Array, BinAxis, Cancel, DType, Element, ErrorKind, Index, Out, Over, PlanOptions, Scalar, Session,
};
use common::{dataset, elements, folder, to_bytes, write_file};
use half::f16;
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn, ShapeBuilder, s};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn session(threads: usize, memory: &str, block_bytes: u64) -> Session {
    let options = PlanOptions::new().block_bytes(block_bytes);
    let builder = Session::builder().device(common::device()).plan_options(options);
    builder.threads(threads).memory(memory).build().unwrap()
}

/// Many small blocks and few large ones; one thread and many.
fn sessions() -> Vec<Session> {
    [(1, "64MiB", 1 << 20), (1, "2MiB", 48), (2, "4MiB", 100), (8, "16MiB", 1)]
        .map(|(threads, memory, block)| session(threads, memory, block))
        .into()
}

fn dims(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&n| n as usize).collect()
}

/// A typed element of a scalar of that dtype.
trait FromScalar: Element {
    fn from_scalar(s: Scalar) -> Self;
    /// What no result here is.
    const OTHER: Self;
}
macro_rules! from_scalar {
    ($($ty:ty, $variant:ident, $other:expr;)*) => {$(
        impl FromScalar for $ty {
            fn from_scalar(s: Scalar) -> Self {
                match s { Scalar::$variant(v) => v, s => panic!("{s:?} is not {}", stringify!($ty)) }
            }
            const OTHER: Self = $other;
        }
    )*};
}
from_scalar! {
    bool, Bool, true; i8, I8, 99; i16, I16, 99; i32, I32, 99; i64, I64, 99;
    u8, U8, 99; u16, U16, 99; u32, U32, 99; u64, U64, 99;
    f16, F16, f16::MAX; f32, F32, 99.0; f64, F64, 99.0;
}

/// The position of an index of a view in its base.
type Place<'a> = Box<dyn Fn(&[u64]) -> Vec<u64> + 'a>;

/// A view of an array by hand: the shape, and the position in the base of each index of it.
struct Seen<'a> {
    name: &'static str,
    shape: Vec<u64>,
    array: Array,
    at: Place<'a>,
}

/// The array itself, turned, backwards along its last axis, every second row, and a part.
fn views<'a>(x: &Array, shape: &'a [u64]) -> Vec<Seen<'a>> {
    let rank = shape.len();
    let mut out = vec![
        Seen { name: "all", shape: shape.to_vec(), array: x.clone(), at: Box::new(|i| i.to_vec()) },
        Seen {
            name: "turned",
            shape: shape.iter().rev().copied().collect(),
            array: x.t(),
            at: Box::new(|i| i.iter().rev().copied().collect()),
        },
    ];
    if rank == 0 {
        return out;
    }
    let mut back = vec![Index::ALL; rank];
    back[rank - 1] = Index::ALL.step(-1);
    out.push(Seen {
        name: "backwards",
        shape: shape.to_vec(),
        array: x.index(&back),
        at: Box::new(move |i| {
            let mut i = i.to_vec();
            i[rank - 1] = shape[rank - 1] - 1 - i[rank - 1];
            i
        }),
    });
    let mut half = shape.to_vec();
    half[0] = shape[0].div_ceil(2);
    out.push(Seen {
        name: "every second",
        shape: half,
        array: x.index([Index::ALL.step(2)]),
        at: Box::new(|i| {
            let mut i = i.to_vec();
            i[0] *= 2;
            i
        }),
    });
    let part: Vec<Index> = shape.iter().map(|&n| Index::from((n / 4) as i64..(n - n / 5) as i64)).collect();
    out.push(Seen {
        name: "part",
        shape: shape.iter().map(|&n| n - n / 5 - n / 4).collect(),
        array: x.index(&part),
        at: Box::new(move |i| i.iter().zip(shape).map(|(&i, &n)| i + n / 4).collect()),
    });
    out
}

fn check<T: FromScalar>(session: &Session, what: &str, values: &[Scalar], shape: &[u64], seen: &Seen) {
    let len = seen.shape.iter().product::<u64>();
    let expected: Vec<T> = (0..len)
        .map(|i| (seen.at)(&unravel(i, &seen.shape)))
        .map(|at| T::from_scalar(values[ravel(&at, shape) as usize]))
        .collect();
    let what = format!("{what} {} {:?} {}", T::DTYPE, seen.shape, seen.name);
    // The output lies between elements that are not its own.
    let mut memory = vec![T::OTHER; len as usize + 10];
    let view = ndarray::ArrayViewMut::from_shape(dims(&seen.shape), &mut memory[5..][..len as usize]);
    let report = session.compute_into(&seen.array, view.unwrap()).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(report.peak_host_bytes <= report.projected_host_bytes, "{what}: {report:?}");
    assert!(report.projected_host_bytes <= session.memory(), "{what}: {report:?}");
    assert!(memory[5..][..len as usize] == expected[..], "{what}");
    let (before, after) = (&memory[..5], &memory[len as usize + 5..]);
    assert!(before.iter().chain(after).all(|&v| v == T::OTHER), "{what}: written beside the output");
    // Into fresh memory the same way.
    let fresh = session.compute(&seen.array).unwrap();
    assert!(fresh.as_slice::<T>().unwrap() == expected, "{what}: fresh");
}

#[test]
fn every_element_is_in_its_place() {
    let shapes: [&[u64]; 10] = [
        &[],
        &[1],
        &[300],
        &[0],
        &[17, 23],
        &[40, 1],
        &[3, 0, 2],
        &[7, 11, 13],
        &[1, 30, 1, 4],
        &[3, 5, 7, 6],
    ];
    let sessions = sessions();
    for dtype in DType::ALL {
        for (n, shape) in shapes.iter().enumerate() {
            let seed = n as u64 + 7;
            let values = elements(dtype, shape.iter().product(), seed, "small");
            let x = common::array(dtype, shape, seed, "small");
            for session in &sessions {
                for seen in views(&x, shape) {
                    macro_rules! typed {
                        ($($variant:ident $ty:ty),*) => {
                            match dtype { $(DType::$variant =>
                                check::<$ty>(session, "memory", &values, shape, &seen),)*
                                _ => panic!("no test knows {dtype}") }
                        };
                    }
                    typed!(Bool bool, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64,
                           F16 f16, F32 f32, F64 f64);
                }
            }
        }
    }
}

/// Chunks, and so blocks, that cut the inner axes: their rows are short and lie apart in the result.
#[test]
fn chunks_that_cut_inner_axes_land_in_their_places() {
    let folder = folder();
    let files: [(&[u64], &[u64]); 6] = [
        (&[40, 50], &[40, 7]),
        (&[40, 50], &[9, 50]),
        (&[31, 33], &[8, 8]),
        (&[12, 13, 14], &[5, 13, 3]),
        (&[12, 13, 14], &[12, 4, 14]),
        (&[4, 9, 5, 8], &[3, 4, 5, 3]),
    ];
    for (n, (shape, chunks)) in files.iter().enumerate() {
        let path = folder.path().join(format!("{n}.h5"));
        let values = elements(DType::F32, shape.iter().product(), n as u64, "small");
        let deflate = (n % 2 == 0).then_some(1);
        let data = to_bytes(&values);
        write_file(&path, &[(dataset("x", shape, DType::F32, Some(chunks), deflate), &data)]);
        let x = Array::open(&path, "x").unwrap();
        for session in sessions() {
            for seen in views(&x, shape) {
                check::<f32>(&session, "file", &values, shape, &seen);
            }
        }
    }
}

/// The same output for one computation after the other, with nothing of the last one left in it.
#[test]
fn an_output_is_used_again() {
    let n = 100_000;
    let x = Array::from_ndarray(Array1::from_iter((0..n).map(|i| i as f32)));
    let mut out = Array2::<f32>::from_elem((3, n), f32::NAN);
    for threads in [1, 2] {
        let session = session(threads, "64MiB", 1 << 16);
        for k in 1..4 {
            let y = &x * k + k;
            // A row of a larger array; the others stay what they are.
            out.fill(-1.0);
            session.compute_into(&y, out.row_mut(1)).unwrap();
            let row = |i: usize| (i * k + k) as f32;
            assert!(out.row(1).iter().enumerate().all(|(i, &v)| v == row(i)), "{threads} {k}");
            assert!(out.row(0).iter().chain(out.row(2)).all(|&v| v == -1.0), "{threads} {k}");
        }
    }
}

#[test]
fn outputs_that_do_not_fit_are_refused_and_left_alone() {
    let session = session(2, "64MiB", 1 << 10);
    let x = Array::from_ndarray(ArrayD::from_shape_fn(IxDyn(&[4, 6]), |i| (i[0] * 6 + i[1]) as f32));
    let refused = |r: chunkwise::Result<chunkwise::Report>, kind, text: &str| {
        let e = r.unwrap_err();
        assert!(e.kind() == kind && e.to_string().contains(text), "{text}: {e}");
    };
    let mut out = Array2::<f32>::from_elem((6, 4), 5.0);
    refused(session.compute_into(&x, out.view_mut()), ErrorKind::Shape, "(6, 4)");
    refused(session.compute_into(&x, out.view_mut().reversed_axes()), ErrorKind::Shape, "C order");
    let mut wide = Array2::<f32>::from_elem((4, 12), 5.0);
    refused(session.compute_into(&x, wide.slice_mut(s![.., ..;2])), ErrorKind::Shape, "C order");
    refused(session.compute_into(&x, wide.slice_mut(s![.., 3..9])), ErrorKind::Shape, "C order");
    let mut reversed = Array2::<f32>::from_elem((4, 6), 5.0);
    reversed.invert_axis(Axis(0));
    refused(session.compute_into(&x, reversed.view_mut()), ErrorKind::Shape, "C order");
    let mut columns = Array2::<f32>::from_elem((4, 6).f(), 5.0);
    refused(session.compute_into(&x, columns.view_mut()), ErrorKind::Shape, "C order");
    let mut flat = Array1::<f32>::from_elem(24, 5.0);
    refused(session.compute_into(&x, flat.view_mut()), ErrorKind::Shape, "(24,)");
    let mut doubles = Array2::<f64>::from_elem((4, 6), 5.0);
    refused(session.compute_into(&x, doubles.view_mut()), ErrorKind::Type, "float64");
    let mut ints = Array2::<u32>::from_elem((4, 6), 5);
    refused(session.compute_into(&x, ints.view_mut()), ErrorKind::Type, "uint32");
    // An error from when the array was built.
    let mut right = Array2::<f32>::from_elem((4, 6), 5.0);
    let wrong = &x + Array::zeros(&[5], DType::F32);
    assert_eq!(session.compute_into(&wrong, right.view_mut()).unwrap_err().kind(), ErrorKind::Shape);
    let bins = x.histogram(BinAxis::Uniform { bins: 24, low: 0.0, high: 24.0 });
    let mut counts = Array1::<u64>::from_elem(24, 5);
    let run = session.run_into(&[&bins], [Out::new(counts.view_mut()).unwrap()]);
    refused(run, ErrorKind::Type, "histogram");
    let run = session.run_into(&[&x, &x], [Out::new(right.view_mut()).unwrap()]);
    refused(run, ErrorKind::Value, "2 targets");
    let all = [&out, &wide, &reversed, &columns, &right].into_iter().flat_map(|a| a.iter());
    assert!(all.chain(&flat).all(|&v| v == 5.0));
    assert!(doubles.iter().all(|&v| v == 5.0) && ints.iter().all(|&v| v == 5));
    assert!(counts.iter().all(|&v| v == 5));
    // It would have fitted.
    session.compute_into(&x, right.view_mut()).unwrap();
    assert!(right.iter().enumerate().all(|(i, &v)| v == i as f32));
}

/// Several targets in one run: reductions, a value that a later stage reads, the same target twice, and a
/// product, all in outputs of their own.
#[test]
fn several_targets_have_their_outputs() {
    let (m, n) = (60, 50);
    let value = |i: usize, j: usize| (i * n + j) as f64;
    let x = Array::from_ndarray(Array2::from_shape_fn((m, n), |(i, j)| value(i, j)));
    let mean = x.mean_with(Over::axis(0));
    let targets: [&Array; 7] = [
        &mean,
        &(&x - &mean),
        &x.max(),
        &x.sum_with(Over::axis(1).keepdims()),
        &(&x * 2),
        &(&x * 2),
        &x.argmin_with(Over::axis(1)),
    ];
    for session in [session(1, "64MiB", 1 << 20), session(2, "2MiB", 100), session(8, "8MiB", 1 << 10)] {
        let (mut a, mut b) = (Array1::<f64>::zeros(n), Array2::<f64>::zeros((m, n)));
        let mut d = Array2::<f64>::zeros((m, 1));
        let (mut e, mut f) = (Array2::<f64>::zeros((m, n)), Array2::<f64>::zeros((m, n)));
        let (mut c, mut g) = (ndarray::arr0(0.0f64), Array1::<i64>::from_elem(m, -1));
        let outs = [
            Out::new(a.view_mut()),
            Out::new(b.view_mut()),
            Out::new(c.view_mut()),
            Out::new(d.view_mut()),
            Out::new(e.view_mut()),
            Out::new(f.view_mut()),
            Out::new(g.view_mut()),
        ];
        let targets = targets.map(|t| t as &dyn chunkwise::Target);
        let report = session.run_into(&targets, outs.map(Result::unwrap)).unwrap();
        assert!(report.peak_host_bytes <= report.projected_host_bytes, "{report:?}");
        // The mean of a column of equally spaced values is the one in the middle.
        let middle = |j: usize| (value(0, j) + value(m - 1, j)) / 2.0;
        assert!(a.iter().enumerate().all(|(j, &v)| v == middle(j)));
        assert!(b.indexed_iter().all(|((i, j), &v)| v == value(i, j) - middle(j)));
        assert_eq!(c[()], value(m - 1, n - 1));
        assert!(d.indexed_iter().all(|((i, _), &v)| v == (0..n).map(|j| value(i, j)).sum::<f64>()));
        assert!(e.indexed_iter().all(|((i, j), &v)| v == 2.0 * value(i, j)));
        assert_eq!(e, f);
        assert!(g.iter().all(|&v| v == 0));
    }
    // Small whole numbers, whose products are exact in any order.
    let (p, q) = (Array::ones(&[30, 40], DType::F32), Array::full(&[40, 20], 3.0f32));
    let mut product = Array2::<f32>::zeros((30, 20));
    session(2, "64MiB", 1 << 20).compute_into(&p.matmul(&q), product.view_mut()).unwrap();
    assert!(product.iter().all(|&v| v == 120.0));
}

/// What the caller holds does not count, and no block of the result is held on its way there.
#[test]
fn a_result_larger_than_the_budget_fits_where_the_caller_has_room() {
    let n = 4 << 20;
    let x = Array::from_ndarray(Array1::from_iter((0..n).map(|i| (i % 1000) as f32)));
    let y = (&x * &x).sqrt();
    let bytes = 4 * n as u64;
    let small = session(2, "1MiB", 1 << 20);
    assert_eq!(small.compute(&y).unwrap_err().kind(), ErrorKind::Budget);
    let mut out = Array1::<f32>::zeros(n);
    let report = small.compute_into(&y, out.view_mut()).unwrap();
    assert!(out.iter().enumerate().all(|(i, &v)| v == (i % 1000) as f32));
    assert!(report.tasks.cpu + report.tasks.gpu > 4, "{report:?}");
    assert!(report.peak_host_bytes <= report.projected_host_bytes, "{report:?}");
    if common::device() == chunkwise::Device::Cpu {
        // A block is 1 MiB: two of them would show.
        assert!(report.projected_host_bytes < 200 << 10, "{report:?}");
        let report = session(2, "64MiB", 1 << 20).run(&[&y]).unwrap().report;
        assert!(report.peak_host_bytes >= bytes && report.projected_host_bytes < bytes + (200 << 10));
    }
}

/// A smaller part of the budget is not enough for tasks whose blocks are gathered for another process.
#[test]
fn gathered_blocks_still_count() {
    let n = 1 << 20;
    let x = Array::from_ndarray(Array1::from_iter((0..n).map(|i| i as f32)));
    let y = &x + 1;
    let session = session(1, "64MiB", 1 << 20);
    let plan = session.plan(&[&y]).unwrap();
    let none = Default::default();
    let parts: Vec<_> = [0..2, 2..4].map(|r| session.run_tasks(&plan, 0, r, &none).unwrap()).into();
    let merged = session.merge_tasks(&plan, 0, parts, &none).unwrap();
    let made = merged[&plan.results()[0]].as_array().unwrap();
    assert!(made.as_slice::<f32>().unwrap().iter().enumerate().all(|(i, &v)| v == i as f32 + 1.0));
    // The blocks that are kept, and the one that is made: 5 MiB.
    let least = Session::builder().device(chunkwise::Device::Cpu).threads(1);
    let tight =
        least.memory("4600KiB").plan_options(PlanOptions::new().block_bytes(1 << 20)).build().unwrap();
    let all = tight.run_tasks(&plan, 0, 0..4, &none);
    assert_eq!(all.err().map(|e| e.kind()), Some(ErrorKind::Budget));
    assert!(tight.run_tasks(&plan, 0, 0..2, &none).is_ok());
}

/// When a run has failed, nobody writes into the output any more.
#[test]
fn a_cancelled_run_leaves_the_output_alone_afterwards() {
    let n = 1 << 20;
    let x = Array::from_ndarray(Array1::from_iter((0..n).map(|i| i as f32)));
    let y = (&x * 2).sqrt().exp();
    let mut out = Array1::<f32>::zeros(n);
    for threads in [1, 4] {
        let cancel = Cancel::new();
        let stop = cancel.clone();
        let options = PlanOptions::new().block_bytes(1 << 12);
        let session = Session::builder()
            .device(common::device())
            .threads(threads)
            .plan_options(options)
            .cancel(&cancel)
            .on_progress(move |p| {
                if p.done >= 20 {
                    stop.cancel()
                }
            })
            .build()
            .unwrap();
        let e = session.compute_into(&y, out.view_mut()).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Cancelled);
        out.fill(-1.0);
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert!(out.iter().all(|&v| v == -1.0));
    }
}

/// A source that fails after some chunks, and whose bools are not 0 and 1.
#[derive(Debug)]
struct Odd {
    dtype: DType,
    chunks: Chunks,
    left: AtomicU64,
}

impl Source for Odd {
    fn shape(&self) -> &[u64] {
        &[64, 64]
    }
    fn dtype(&self) -> DType {
        self.dtype
    }
    fn chunks(&self) -> Option<&Chunks> {
        Some(&self.chunks)
    }
    fn describe(&self) -> String {
        "odd".into()
    }
    fn scratch_bytes(&self) -> u64 {
        0
    }
    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> chunkwise::Result<()> {
        self.read_region(&Slab::dense(&self.chunks.region(chunk)), out, cx)
    }
    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> chunkwise::Result<()> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        left.map_err(|_| chunkwise::Error::new(ErrorKind::Io, "the source is used up"))?;
        for (i, v) in out.iter_mut().enumerate() {
            *v = if slab.start[0] == 0 { 0 } else { (i % 3 * 40) as u8 };
        }
        Ok(())
    }
}

fn odd(dtype: DType, left: u64) -> Array {
    let chunks = Chunks::from(&[8, 8][..]);
    Array::new(Arc::new(Odd { dtype, chunks, left: AtomicU64::new(left) }))
}

#[test]
fn a_bool_is_written_as_0_or_1_and_a_failure_is_told() {
    for threads in [1, 4] {
        let session = session(threads, "1MiB", 1);
        let mut out = Array2::from_elem((64, 64), false);
        session.compute_into(&odd(DType::Bool, u64::MAX), out.view_mut()).unwrap();
        // Read as bytes: that is how another value would show.
        let bytes: Vec<u8> = out.iter().map(|&b| b as u8).collect();
        assert!(bytes.iter().all(|&b| b <= 1));
        assert!(out.slice(s![..8, ..]).iter().all(|&b| !b));
        let expected = |i: usize, j: usize| !(i % 8 * 8 + j % 8).is_multiple_of(3);
        assert!(out.indexed_iter().all(|((i, j), &v)| i < 8 || v == expected(i, j)));
        let fresh = session.compute(&odd(DType::Bool, u64::MAX)).unwrap();
        assert!(fresh.as_slice::<bool>().unwrap() == out.as_slice().unwrap());
        let e = session.compute_into(&odd(DType::Bool, 20), out.view_mut()).unwrap_err();
        assert!(e.kind() == ErrorKind::Io && e.to_string().contains("used up"), "{e}");
    }
}
