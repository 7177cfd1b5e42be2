//! Random expressions against a naive evaluator, under random chunks, budgets, threads and blocks.
//!
//! Every case is a seed, and the seeds are the same in every run unless `CHUNKWISE_SEED` gives the
//! first one of a run of its own; `CHUNKWISE_CASES` says how many cases there are.

mod common;
#[path = "common/naive.rs"]
mod naive;
#[path = "common/oracle.rs"]
mod oracle;

use chunkwise::{
    Array, BinAxis, BlockOrder, DType, ErrorKind, Index, Over, Plan, PlanOptions, QuantileMethod, Scalar,
    Session, StagePartial, Target, Value, Values, concatenate, stack,
};
use common::{canonical, dataset, elements, exact_text, mix, to_bytes, write_file};
use naive::Nd;
use std::path::Path;
use std::sync::OnceLock;

/// splitmix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
    /// 0 .. n
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize].clone()
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// An array and, as long as it is known, what it must hold.
#[derive(Clone)]
struct Pair {
    array: Array,
    known: Option<Nd>,
    text: String,
}

const LARGEST: u64 = 60_000;

fn leaf(rng: &mut Rng, folder: &Path, n: usize) -> Pair {
    let dtype = rng.pick(&DType::ALL);
    let rank = rng.below(5) as usize;
    let most = [1, 3000, 130, 26, 12][rank];
    let shape: Vec<u64> = (0..rank)
        .map(|_| match rng.below(16) {
            0 => 0,
            1 | 2 => 1,
            3..=6 => 1 + rng.below(4),
            _ => 1 + rng.below(most),
        })
        .collect();
    let mode = rng.pick(&["small", "small", "small", "wide", "nan", "inf"]);
    let seed = rng.below(1 << 20);
    let len = shape.iter().product();
    let data = elements(dtype, len, seed, mode);
    let known = Nd { dtype, shape: shape.clone(), data: data.clone() };
    let text = format!("{dtype} {shape:?} {mode}");
    if len == 0 || rank == 0 || rng.one_in(3) {
        let array = common::array(dtype, &shape, seed, mode);
        return Pair { array, known: Some(known), text: format!("memory({text})") };
    }
    let chunks: Option<Vec<u64>> =
        (!rng.one_in(5)).then(|| shape.iter().map(|&n| 1 + rng.below(n)).collect::<Vec<_>>());
    let count: u64 = chunks.iter().map(|c| common::chunks_of(&shape, c)).sum();
    let chunks = if count > 600 { Some(shape.clone()) } else { chunks };
    let deflate = if chunks.is_some() && rng.one_in(2) { Some(1) } else { None };
    if common::mix(seed).is_multiple_of(3) {
        let (array, lens) = in_files(folder, n, &known, chunks.as_deref(), common::mix(seed + 1));
        return Pair { array, known: Some(known), text: format!("files({text} chunks {chunks:?} {lens})") };
    }
    let path = folder.join(format!("{n}.h5"));
    write_file(&path, &[(dataset("x", &shape, dtype, chunks.as_deref(), deflate), &to_bytes(&data))]);
    let array = Array::open(&path, "x").unwrap();
    Pair { array, known: Some(known), text: format!("file({text} chunks {chunks:?} {deflate:?})") }
}

/// An array cut into files along an axis and joined again; some parts may be empty.
fn in_files(folder: &Path, n: usize, whole: &Nd, chunks: Option<&[u64]>, pick: u64) -> (Array, String) {
    let axis = (pick % whole.shape.len() as u64) as usize;
    let all = whole.shape[axis];
    let mut ends = [pick / 8 % (all + 1), pick / 1024 % (all + 1), all];
    ends.sort_unstable();
    let inner = whole.shape[axis + 1..].iter().product::<u64>();
    let mut start = 0;
    let mut paths = Vec::new();
    for (k, end) in ends.into_iter().enumerate() {
        let inside = |i: &usize| (start..end).contains(&(*i as u64 / inner % all));
        let part: Vec<Scalar> = (0..whole.data.len()).filter(inside).map(|i| whole.data[i]).collect();
        let mut shape = whole.shape.clone();
        shape[axis] = end - start;
        // Now and then a part is not stored as the others are.
        let chunks = chunks.filter(|_| end > start && !(pick >> (20 + k)).is_multiple_of(8));
        let chunks: Option<Vec<u64>> = chunks.map(|c| c.iter().zip(&shape).map(|(c, n)| *c.min(n)).collect());
        let path = folder.join(format!("{n}_{k}.h5"));
        let deflate = chunks.as_ref().and((k == 1).then_some(1));
        write_file(
            &path,
            &[(dataset("x", &shape, whole.dtype, chunks.as_deref(), deflate), &to_bytes(&part))],
        );
        paths.push(path);
        start = end;
    }
    let array = Array::open_many(&paths, "x", chunkwise::Join::Concatenate { axis: axis as i64 }).unwrap();
    (array, format!("ending at {ends:?} along axis {axis}"))
}

fn slice(rng: &mut Rng, n: u64) -> Index {
    let at = |rng: &mut Rng| rng.below(2 * n + 5) as i64 - n as i64 - 2;
    match rng.below(6) {
        0 => Index::ALL,
        1 => Index::ALL.step(-1),
        2 if n > 0 => Index::At(rng.below(2 * n) as i64 - n as i64),
        _ => Index::Slice {
            start: (!rng.one_in(3)).then(|| at(rng)),
            stop: (!rng.one_in(3)).then(|| at(rng)),
            step: rng.pick(&[1, 1, 2, 3, 7, 1000, -1, -2, -5, i64::MAX, i64::MIN]),
        },
    }
}

/// A view of an array.
fn view(rng: &mut Rng, x: &Pair) -> Pair {
    let shape = x.array.shape().unwrap().to_vec();
    let rank = shape.len();
    let known = x.known.as_ref();
    match rng.below(6) {
        0 => {
            let mut index: Vec<Index> = shape.iter().map(|&n| slice(rng, n)).collect();
            if rank < 4 && rng.one_in(4) {
                index.insert(rng.below(rank as u64 + 1) as usize, Index::NewAxis);
            }
            let text = format!("{}{index:?}", x.text);
            Pair { array: x.array.index(&index), known: known.map(|k| k.index(&index)), text }
        }
        1 => {
            let mut order: Vec<usize> = (0..rank).collect();
            for i in (1..rank).rev() {
                order.swap(i, rng.below(i as u64 + 1) as usize);
            }
            let axes: Vec<i64> = order.iter().map(|&a| a as i64).collect();
            Pair {
                array: x.array.transpose(&axes),
                known: known.map(|k| k.transpose(&order)),
                text: format!("{}.T{order:?}", x.text),
            }
        }
        2 if rank < 4 => {
            let mut to: Vec<u64> = shape.iter().map(|&n| if n == 1 { 1 + rng.below(5) } else { n }).collect();
            to.insert(0, rng.below(4));
            if to.iter().product::<u64>() > LARGEST {
                return x.clone();
            }
            Pair {
                array: x.array.broadcast_to(&to),
                known: known.map(|k| k.broadcast(&to)),
                text: format!("{}.broadcast{to:?}", x.text),
            }
        }
        3 if rank < 4 => {
            let at = rng.below(rank as u64 + 1) as usize;
            let mut to = shape.clone();
            to.insert(at, 1);
            Pair {
                array: x.array.expand_dims(at as i64),
                known: known.map(|k| k.reshape(&to)),
                text: format!("{}.expand({at})", x.text),
            }
        }
        4 => {
            let to: Vec<u64> = shape.iter().copied().filter(|&n| n != 1).collect();
            Pair {
                array: x.array.squeeze(&[]),
                known: known.map(|k| k.reshape(&to)),
                text: format!("{}.squeeze()", x.text),
            }
        }
        _ => {
            let total: u64 = shape.iter().product();
            let mut to = vec![];
            let mut left = total;
            while to.len() < 3 && left > 1 {
                let divisors: Vec<u64> = (1..=left.min(64)).filter(|d| left.is_multiple_of(*d)).collect();
                let d = rng.pick(&divisors);
                to.push(d);
                left /= d;
            }
            to.push(left);
            let signed: Vec<i64> = to.iter().map(|&n| n as i64).collect();
            Pair {
                array: x.array.reshape(&signed),
                known: known.map(|k| k.reshape(&to)),
                text: format!("{}.reshape{to:?}", x.text),
            }
        }
    }
}

const BINARY: [&str; 7] = ["add", "subtract", "multiply", "minimum", "maximum", "less", "equal"];

fn binary(rng: &mut Rng, x: &Pair, y: &Pair) -> Pair {
    let shapes = [x.array.shape().unwrap(), y.array.shape().unwrap()];
    let name = rng.pick(&BINARY);
    let both = naive::broadcast(shapes[0], shapes[1]);
    // Bool arithmetic has rules of its own in NumPy; it is tested elsewhere.
    let bool = |p: &Pair| p.array.dtype().unwrap() == DType::Bool;
    let x = if bool(x) && bool(y) { &cast(x, DType::I16) } else { x };
    let (Some(both), true) = (both, both_small(shapes)) else { return x.clone() };
    let op = chunkwise::ops::elementwise::Op::from_name(name).unwrap();
    let known = x.known.as_ref().zip(y.known.as_ref()).and_then(|(a, b)| a.binary(name, b, &both));
    Pair {
        array: Array::elementwise(op, &[(&x.array).into(), (&y.array).into()]),
        known,
        text: format!("{name}({}, {})", x.text, y.text),
    }
}

fn both_small(shapes: [&[u64]; 2]) -> bool {
    naive::broadcast(shapes[0], shapes[1]).is_some_and(|s| s.iter().product::<u64>() <= LARGEST)
}

fn cast(x: &Pair, dtype: DType) -> Pair {
    Pair {
        array: x.array.cast(dtype),
        known: x.known.as_ref().and_then(|k| k.cast(dtype)),
        text: format!("{}.cast({dtype})", x.text),
    }
}

const REDUCTIONS: [&str; 12] =
    ["sum", "mean", "var", "std", "min", "max", "argmin", "argmax", "any", "all", "count_nonzero", "nansum"];

fn reduce(rng: &mut Rng, x: &Pair) -> Pair {
    let rank = x.array.ndim().unwrap();
    let shape = x.array.shape().unwrap().to_vec();
    let name = rng.pick(&REDUCTIONS);
    let mut reduced: Vec<bool> = (0..rank).map(|_| rng.one_in(2)).collect();
    if name.starts_with("arg") {
        let one = rng.below(rank.max(1) as u64) as usize;
        reduced = if rng.one_in(2) { vec![true; rank] } else { (0..rank).map(|d| d == one).collect() };
    }
    let all = reduced.iter().all(|&r| r);
    // An extreme of nothing is an error; that is tested elsewhere.
    let empty = shape.iter().zip(&reduced).any(|(&n, &r)| r && n == 0);
    if empty && (name.starts_with("arg") || matches!(name, "min" | "max")) {
        return x.clone();
    }
    let axes: Vec<i64> = (0..rank as i64).filter(|&d| reduced[d as usize]).collect();
    let mut over = if all { Over::all() } else { Over::axes(axes) };
    let keep = rng.one_in(2);
    if keep {
        over = over.keepdims();
    }
    let mut mask = None;
    if matches!(name, "sum" | "mean" | "var" | "std" | "any" | "all" | "nansum") && rng.one_in(3) {
        let data = elements(DType::Bool, shape.iter().product(), rng.below(1000), "small");
        mask = Some(Nd { dtype: DType::Bool, shape: shape.clone(), data });
        over = over.mask(&mask.as_ref().unwrap().array());
    }
    let row = chunkwise::ops::reduce::Reduction::from_name(name).unwrap();
    Pair {
        array: x.array.reduce(row, over),
        known: x.known.as_ref().and_then(|k| k.reduce(name, &reduced, keep, mask.as_ref())),
        text: format!("{}.{name}({reduced:?}, keep {keep}, where {})", x.text, mask.is_some()),
    }
}

fn matmul(x: &Pair, y: &Pair) -> Option<Pair> {
    let (a, b) = (x.array.shape().unwrap(), y.array.shape().unwrap());
    let fits = a.len() == 2 && b.len() == 2 && a[1] == b[0] && a[0] * b[1] <= LARGEST;
    fits.then(|| Pair {
        array: x.array.matmul(&y.array),
        known: x.known.as_ref().zip(y.known.as_ref()).and_then(|(a, b)| a.matmul(b)),
        text: format!("({} @ {})", x.text, y.text),
    })
}

fn join(rng: &mut Rng, x: &Pair, y: &Pair) -> Option<Pair> {
    let (a, b) = (x.array.shape().unwrap().to_vec(), y.array.shape().unwrap().to_vec());
    let known = || Some(vec![x.known.clone()?, y.known.clone()?, x.known.clone()?]);
    let arrays = [x.array.clone(), y.array.clone(), x.array.clone()];
    let small = 3 * a.iter().product::<u64>() <= LARGEST;
    if a == b && a.len() < 4 && small && rng.one_in(2) {
        let at = rng.below(a.len() as u64 + 1) as usize;
        let mut expanded = a.clone();
        expanded.insert(at, 1);
        let known =
            known().map(|k| Nd::concatenate(&k.iter().map(|n| n.reshape(&expanded)).collect::<Vec<_>>(), at));
        let text = format!("stack{at}({}, {}, same)", x.text, y.text);
        return Some(Pair { array: stack(&arrays, at as i64), known: known.flatten(), text });
    }
    let axes: Vec<usize> = (0..a.len())
        .filter(|&d| a.len() == b.len() && (0..a.len()).all(|k| k == d || a[k] == b[k]))
        .collect();
    if axes.is_empty() || !small || b.iter().product::<u64>() > LARGEST / 2 {
        return None;
    }
    let d = rng.pick(&axes);
    let known = known().and_then(|k| Nd::concatenate(&k, d));
    let text = format!("concatenate{d}({}, {}, same)", x.text, y.text);
    Some(Pair { array: concatenate(&arrays, d as i64), known, text })
}

/// What takes more than one pass, or chooses: lists of indices, masks, medians, quantiles, cumulative sums.
fn recipe(rng: &mut Rng, x: &Pair) -> Pair {
    let shape = x.array.shape().unwrap().to_vec();
    let rank = shape.len();
    let len: u64 = shape.iter().product();
    if rank == 0 || len == 0 {
        return x.clone();
    }
    let axis = rng.below(rank as u64) as usize;
    let known = x.known.as_ref();
    match rng.below(6) {
        0 => {
            let n = shape[axis];
            let mut picks: Vec<u64> = (0..rng.pick(&[0, 1, 3, 20, 90])).map(|_| rng.below(n)).collect();
            match rng.below(3) {
                0 => picks.sort_unstable(),
                1 => picks.sort_unstable_by(|a, b| b.cmp(a)),
                _ => {}
            }
            if len / n * picks.len() as u64 > LARGEST {
                return x.clone();
            }
            let signed: Vec<i64> =
                picks.iter().map(|&p| p as i64 - if p % 3 == 0 { n as i64 } else { 0 }).collect();
            Pair {
                array: x.array.take(&signed, axis as i64),
                known: known.map(|k| k.take(axis, &picks)),
                text: format!("{}.take({signed:?}, {axis})", x.text),
            }
        }
        1 => {
            let data = elements(DType::Bool, len, rng.below(1000), "small");
            let mask = Nd { dtype: DType::Bool, shape: shape.clone(), data };
            Pair {
                array: session(1, 1 << 26, 1 << 20).boolean_index(&x.array, &mask.array()).unwrap(),
                known: known.map(|k| k.select(&mask)),
                text: format!("{}[mask]", x.text),
            }
        }
        2 | 3 => {
            let reduced: Vec<bool> = match rng.one_in(2) {
                true => vec![true; rank],
                false => (0..rank).map(|d| d == axis || rng.one_in(3)).collect(),
            };
            let keep = rng.one_in(2);
            let axes: Vec<i64> = (0..rank as i64).filter(|&d| reduced[d as usize]).collect();
            let over = if keep { Over::axes(axes).keepdims() } else { Over::axes(axes) };
            if rng.one_in(3) {
                let (q, method) = (rng.pick(&[0.0, 0.1, 0.5, 0.99, 1.0]), rng.pick(&QuantileMethod::ALL));
                // Most methods cannot be asked of bools.
                let x = if x.array.dtype().unwrap() == DType::Bool { &cast(x, DType::U8) } else { x };
                let text = format!("{}.quantile({q}, {method:?}, {reduced:?})", x.text);
                return Pair { array: x.array.quantile_with(q, method, over), known: None, text };
            }
            Pair {
                array: x.array.median_with(over),
                known: known.and_then(|k| k.median(&reduced, keep)),
                text: format!("{}.median({reduced:?}, keep {keep})", x.text),
            }
        }
        _ => {
            let over = Over::axis(axis as i64);
            let (name, array) = match rng.below(4) {
                0 => ("max", x.array.cummax_with(over)),
                1 => ("min", x.array.cummin_with(over)),
                _ => ("sum", x.array.cumsum_with(over)),
            };
            Pair {
                array,
                known: known.and_then(|k| k.cumulative(name, axis)),
                text: format!("{}.cum{name}({axis})", x.text),
            }
        }
    }
}

fn step(rng: &mut Rng, pool: &[Pair], recipes: bool) -> Pair {
    // Later arrays more often.
    let k = rng.below(pool.len() as u64).max(rng.below(pool.len() as u64));
    let x = pool[k as usize].clone();
    let y = rng.pick(pool);
    let made = match rng.below(14 + 6 * u64::from(recipes)) {
        0..=3 => view(rng, &x),
        4..=6 => binary(rng, &x, &y),
        7 => {
            // x - mean(x, axis): a reduction nested in an expression of its own shape.
            let r = reduce(rng, &x);
            binary(rng, &x, &r)
        }
        8 => {
            let dtype = rng.pick(&DType::ALL);
            cast(&x, dtype)
        }
        9 | 10 => reduce(rng, &x),
        14.. => recipe(rng, &x),
        11 => match matmul(&x, &y) {
            Some(p) => p,
            None => {
                let t = view(rng, &x);
                matmul(&x, &t).unwrap_or(t)
            }
        },
        12 => {
            let y = if rng.one_in(2) { view(rng, &x) } else { y };
            join(rng, &x, &y).unwrap_or(y)
        }
        _ => {
            let scalar =
                Nd { dtype: DType::I16, shape: vec![], data: vec![Scalar::I16(rng.below(9) as i16 - 4)] };
            let p =
                Pair { array: scalar.array(), text: format!("{:?}", scalar.data[0]), known: Some(scalar) };
            binary(rng, &x, &p)
        }
    };
    made.array.check().unwrap_or_else(|e| panic!("{}: {e}", made.text));
    made
}

struct Setting {
    session: Session,
    name: String,
}

fn settings() -> &'static Vec<Setting> {
    static SETTINGS: OnceLock<Vec<Setting>> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let mut out = vec![];
        for threads in [1, 3] {
            for memory in ["16KiB", "60KiB", "150KiB", "300KiB", "500KiB", "1MiB", "3MiB", "64MiB"] {
                for block in [1, 100, 3000, 1 << 14, 1 << 20] {
                    out.push(Setting {
                        session: session(threads, chunkwise::size::parse_size(memory).unwrap(), block),
                        name: format!("{threads} threads, {memory}, blocks of {block}"),
                    });
                }
            }
        }
        out
    })
}

fn session(threads: usize, memory: u64, block_bytes: u64) -> Session {
    Session::builder()
        .device(common::device())
        .threads(threads)
        .memory_bytes(memory)
        .plan_options(PlanOptions::new().block_bytes(block_bytes))
        .build()
        .unwrap()
}

#[derive(Default, Debug)]
struct Seen {
    cases: u64,
    runs: u64,
    refused: u64,
    known: u64,
    windows: u64,
    kept: u64,
    kept_in_part: u64,
    pieces: u64,
    blocks: u64,
    errors: u64,
}

/// Runs targets and checks what always holds of memory. A refusal must name a budget that works.
fn run(session: &Session, name: &str, targets: &[&dyn Target], case: &str, seen: &mut Seen) -> Vec<Value> {
    let plan = session.plan(targets).unwrap();
    let mut small = None;
    let bound = match session.bind(&plan) {
        Ok(bound) => bound,
        Err(e) => {
            seen.refused += 1;
            assert_eq!(e.kind(), ErrorKind::Budget, "{case}\n{name}: {e}");
            let hint = e.hint_text().unwrap_or("").to_string();
            let Some(rest) = hint.strip_prefix("the smallest budget that works is ") else {
                assert!(hint.contains("blocks()"), "{hint}");
                return vec![];
            };
            let bytes: u64 = rest.split(' ').next().unwrap().parse().unwrap();
            assert!(bytes > session.memory(), "{case}\n{name}: {e}");
            let again = self::session(1, bytes, block_of(name));
            let bound = again.bind(&plan).unwrap_or_else(|e| panic!("{case}\n{name}: with {bytes}: {e}"));
            small = Some(again);
            bound
        }
    };
    let session = small.as_ref().unwrap_or(session);
    seen.runs += 1;
    seen.windows += bound.stages.iter().any(|s| s.passes.len() > 1) as u64;
    assert_eq!(bound.explain(&plan), session.bind(&plan).unwrap().explain(&plan));
    let reads = || bound.stages.iter().flat_map(|s| &s.reads);
    let estimate = reads().any(|r| r.estimate);
    let (predicted, exact) = bound.decoded_bytes();
    // A worker that is held up while the others go on can lose chunks that it shares with them to the
    // chunks that come next, and decodes them again: that may be, but not run after run.
    let crowded = bound.stages.iter().any(|s| s.workers > 1 && s.cache_bytes > 0);
    let mut left = if crowded { 10 } else { 1 };
    let outcome = loop {
        let outcome = session.run_plan(&plan).unwrap_or_else(|e| panic!("{case}\n{name}: {e}"));
        left -= 1;
        if left == 0 || estimate || outcome.report.bytes_decoded <= predicted {
            break outcome;
        }
    };
    let r = &outcome.report;
    seen.kept += (r.chunks_kept > 0) as u64;
    seen.kept_in_part += (r.chunks_kept > 0 && bound.kept.iter().any(|k| k.chunks < k.wanted)) as u64;
    let held = r.peak_host_bytes <= r.projected_host_bytes && r.projected_host_bytes <= session.memory();
    assert!(held, "{case}\n{name}: {r:?}\nof {}\n{}\n{bound:?}", session.memory(), bound.explain(&plan));
    let explained = if exact { r.bytes_decoded == predicted } else { r.bytes_decoded <= predicted };
    assert!(estimate || explained, "{case}\n{name}: {r:?}\npredicted {predicted}\n{}", bound.explain(&plan));
    outcome.values
}

fn block_of(name: &str) -> u64 {
    name.rsplit(' ').next().unwrap().parse().unwrap()
}

fn same(value: &Value, known: &Nd, case: &str) {
    let got = canonical(value.as_array().unwrap());
    let want = canonical(session(1, 1 << 28, 1 << 20).compute(&known.array()).as_ref().unwrap());
    assert!(got == want, "{case}\nis\n{got:?}\nand must be\n{want:?}");
}

/// The array in blocks: every element once, the same elements.
fn in_blocks(session: &Session, array: &Array, whole: &Value, order: BlockOrder, case: &str) {
    let whole = whole.as_array().unwrap();
    let shape = whole.shape().to_vec();
    let size = whole.dtype().size();
    let mut out = vec![0u8; whole.bytes().len()];
    let mut filled = vec![false; whole.bytes().len() / size];
    for block in session.blocks(array, order).unwrap_or_else(|e| panic!("{case}: {e}")) {
        let (region, block) = block.unwrap_or_else(|e| panic!("{case}: {e}"));
        assert_eq!(block.shape(), region.shape.as_slice());
        for (i, e) in block.bytes().chunks_exact(size).enumerate() {
            let at = chunkwise::grid::unravel(i as u64, &region.shape);
            let at: Vec<u64> = at.iter().zip(&region.start).map(|(a, b)| a + b).collect();
            let at = chunkwise::grid::ravel(&at, &shape) as usize;
            assert!(!std::mem::replace(&mut filled[at], true), "{case}: an element comes twice");
            out[at * size..][..size].copy_from_slice(e);
        }
    }
    assert!(filled.iter().all(|&f| f), "{case}: blocks leave elements out");
    assert!(out == whole.bytes(), "{case}: blocks are not the array");
}

/// A plan in pieces, through JSON where it can travel.
fn in_pieces(
    rng: &mut Rng,
    session: &Session,
    targets: &[&dyn Target],
    whole: &[String],
    case: &str,
) -> bool {
    let mut plan = session.plan(targets).unwrap();
    if session.bind(&plan).is_err() {
        return false;
    }
    if let Ok(json) = plan.to_json() {
        plan = Plan::from_json(&json).unwrap_or_else(|e| panic!("{case}: {e}"));
        assert_eq!(plan.to_json().unwrap(), json);
    }
    let mut values = Values::new();
    for (n, stage) in plan.stages().iter().enumerate() {
        let tasks = stage.grid.blocks();
        let cut = rng.below(tasks + 1);
        let part = |range: std::ops::Range<u64>| -> Option<StagePartial> {
            let p = match session.run_tasks(&plan, n, range, &values) {
                Ok(p) => p,
                Err(e) if e.kind() == ErrorKind::Budget => return None,
                Err(e) => panic!("{case}: {e}"),
            };
            serde_json::from_str(&serde_json::to_string(&p).unwrap()).unwrap()
        };
        // What goes on from block to block is one piece.
        let goes_on = stage.outputs.iter().any(|o| o.fold.carries().is_some());
        let cut = if goes_on { 0 } else { cut };
        let ranges = [cut..tasks, 0..cut].into_iter().filter(|r| !goes_on || *r == (0..tasks));
        let Some(parts) = ranges.map(part).collect::<Option<Vec<_>>>() else { return false };
        let merged = session.merge_tasks(&plan, n, parts, &values);
        values = merged.unwrap_or_else(|e| panic!("{case}: {e}")).values;
    }
    let got: Vec<String> = plan.results().iter().map(|r| exact_text(&values[r])).collect();
    assert_eq!(got, whole, "{case}: in pieces");
    true
}

fn case(seed: u64, recipes: bool, folder: &Path, seen: &mut Seen) {
    let mut rng = Rng(seed);
    let mut pool: Vec<Pair> = (0..1 + rng.below(3) as usize).map(|n| leaf(&mut rng, folder, n)).collect();
    for _ in 0..1 + rng.below(8) {
        let made = step(&mut rng, &pool, recipes);
        if made.array.shape().unwrap().iter().product::<u64>() <= LARGEST {
            pool.push(made);
        }
    }
    let mut chosen = vec![pool.last().unwrap().clone()];
    for _ in 0..rng.below(3) {
        chosen.push(rng.pick(&pool));
    }
    let text: Vec<&str> = chosen.iter().map(|p| p.text.as_str()).collect();
    let case = format!("CHUNKWISE_SEED={seed}: {text:#?}");
    let edges = vec![-2.0, -1.0, 0.0, 0.5, 2.5];
    let mut targets: Vec<Box<dyn Target>> =
        chosen.iter().map(|p| Box::new(p.array.clone()) as Box<dyn Target>).collect();
    let binned = rng.one_in(4).then(|| {
        let p = rng.pick(&pool);
        targets.push(Box::new(p.array.histogram(BinAxis::Edges(edges.clone()))));
        p
    });
    let list: Vec<&dyn Target> = targets.iter().map(|t| t.as_ref()).collect();
    seen.cases += 1;
    let reference = session(1, 1 << 30, 1 << 20);
    let first = match reference.run(&list) {
        Ok(outcome) => outcome.values,
        Err(e) => {
            // Sums of integers that overflow and the like are errors everywhere.
            assert!(matches!(e.kind(), ErrorKind::Overflow | ErrorKind::Value), "{case}: {e}");
            seen.errors += 1;
            return;
        }
    };
    for (value, pair) in first.iter().zip(&chosen) {
        if let Some(known) = &pair.known {
            seen.known += 1;
            same(value, known, &format!("CHUNKWISE_SEED={seed}: {}", pair.text));
        }
    }
    if let (Some(Nd { data, .. }), Some(h)) = (binned.and_then(|p| p.known), first.last()) {
        let v: Vec<f64> = data.iter().map(|v| v.to_f64()).collect();
        let count = |f: &dyn Fn(f64) -> bool| v.iter().filter(|v| f(**v)).count() as u64;
        let h = h.as_histogram().unwrap();
        for b in 0..4 {
            let want = count(&|v| v >= edges[b] && (v < edges[b + 1] || (b == 3 && v == edges[4])));
            assert_eq!(h.counts()[b], want, "{case}");
        }
        assert_eq!(h.underflow(), count(&|v| v < -2.0), "{case}");
        assert_eq!(h.overflow(), count(&|v| v > 2.5), "{case}");
        assert_eq!(h.nan(), count(&|v| v.is_nan()), "{case}");
    }
    let first_text: Vec<String> = first.iter().map(exact_text).collect();
    for _ in 0..4 {
        let s = &settings()[rng.below(settings().len() as u64) as usize];
        let plan = s.session.plan(&list).unwrap();
        if plan.tasks() > 3000 {
            continue;
        }
        let values = run(&s.session, &s.name, &list, &case, seen);
        if !values.is_empty() {
            let got: Vec<String> = values.iter().map(exact_text).collect();
            assert!(got == first_text, "{case}\n{}:\n{got:#?}\nnot\n{first_text:#?}", s.name);
        }
    }
    let memory = rng.pick(&[1 << 26, 1 << 26, 1 << 18]);
    let s = rng.pick(&[session(1, memory, 1000), session(3, memory, 5000)]);
    if s.plan(&list).unwrap().tasks() < 500 {
        if memory == 1 << 26 && rng.one_in(3) {
            seen.blocks += 1;
            let order = rng.pick(&[BlockOrder::Storage, BlockOrder::Spatial]);
            in_blocks(&s, &chosen[0].array, &first[0], order, &case);
        }
        if rng.one_in(3) {
            seen.pieces += in_pieces(&mut rng, &s, &list, &first_text, &case) as u64;
        }
    }
}

fn many(first: u64, cases: u64, recipes: bool) -> Seen {
    let mut seen = Seen::default();
    let mut failed = vec![];
    for seed in first..first + cases {
        let folder = common::folder();
        let ran = std::panic::AssertUnwindSafe(|| case(seed, recipes, folder.path(), &mut seen));
        if std::panic::catch_unwind(ran).is_err() {
            failed.push(seed);
        }
    }
    println!("from seed {first}: {seen:?}");
    assert!(failed.is_empty(), "the seeds {failed:?} failed");
    seen
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_expressions_have_one_right_answer() {
    let seen = many(1, number("CHUNKWISE_CASES").unwrap_or(150), false);
    assert!(
        seen.known > seen.cases / 2 && seen.windows.min(seen.kept) > 0 && seen.errors < seen.cases / 2,
        "{seen:?}"
    );
    // Found to fail once: two views of one source whose chunks cross blocks differently.
    many(number("CHUNKWISE_SEED").unwrap_or(7012900346762222), 50, false);
}

#[test]
fn random_recipes_have_one_right_answer() {
    let first = number("CHUNKWISE_SEED").unwrap_or(5_000);
    let seen = many(first, number("CHUNKWISE_CASES").unwrap_or(120), true);
    assert!(seen.known > seen.cases / 3 && seen.errors < seen.cases / 2, "{seen:?}");
}

/// Nothing that a caller can build panics, hangs or takes memory without bounds.
#[test]
fn hostile_shapes_are_answers_or_errors() {
    let s = session(1, 1 << 26, 1 << 20);
    let ones = |shape: &[u64]| Array::ones(shape, DType::U8);
    let fails = |a: &Array, kind: ErrorKind| {
        let e = s.compute(a).map(drop).unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
    };
    // Empty arrays with long axes: refused, as in NumPy, where their strides do not fit.
    fails(&ones(&[0, 1 << 40, 1 << 40]), ErrorKind::Shape);
    fails(&ones(&[1 << 40, 1 << 40, 0]).sum_with(Over::axis(1)), ErrorKind::Shape);
    let empty = ones(&[1 << 40, 0, 1 << 20]);
    assert_eq!(s.compute(&empty.sum()).unwrap().item::<u64>().unwrap(), 0);
    assert_eq!(s.compute(&empty).unwrap().bytes().len(), 0);
    fails(&empty.sum_with(Over::axis(1)), ErrorKind::Budget);
    // A value between stages that no budget holds is refused where windows of it do not do, and they are never listed.
    let long = ones(&[1 << 40, 4]);
    fails(&long.sum_with(Over::axis(1)).cumsum().max(), ErrorKind::Budget);
    let windows = s.bind(&s.plan(&[&long.sum_with(Over::axis(1)).max()]).unwrap()).unwrap();
    assert!(windows.stages[0].passes.len() > 1 << 10);
    fails(&long, ErrorKind::Budget);
    let huge = ones(&[1 << 62]);
    for index in [
        vec![Index::ALL.step(i64::MIN)],
        vec![Index::ALL.step(i64::MAX)],
        vec![Index::Slice { start: Some(i64::MIN), stop: Some(i64::MIN + 3), step: 1 }],
        vec![Index::Slice { start: Some(-3), stop: None, step: 1 }],
        vec![Index::ALL.step(-(1 << 60))],
    ] {
        let x = huge.index(&index).index([Index::ALL.step(-1)]);
        let len = x.shape().unwrap()[0];
        assert_eq!(s.compute(&x.sum()).unwrap().item::<u64>().unwrap(), len);
    }
    let far = Array::random(&[1 << 50], 1, DType::F64).index([Index::ALL.step(-(1 << 48))]);
    assert_eq!(s.compute(&far).unwrap().shape(), [4]);
    // A budget beyond what any machine has.
    let rich = session(1, u64::MAX, 1 << 20);
    let e = rich.compute(&ones(&[1 << 60])).map(drop).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Budget, "{e}");
    // Rank 32 and one more.
    let deep = ones(&[2]).reshape(&[[1i64; 31].as_slice(), &[2]].concat());
    assert_eq!(
        s.compute(&deep.sum_with(Over::axis(0)).t()).unwrap().bytes(),
        [1u64, 1].map(u64::to_ne_bytes).concat()
    );
    fails(&deep.expand_dims(0), ErrorKind::Shape);
    fails(&stack(&[deep.clone(), deep], 0), ErrorKind::Shape);
}

#[test]
fn long_chains_and_deep_joins_do_not_overflow_anything() {
    let s = session(1, 1 << 28, 1 << 20);
    let x = Array::arange_int(0, 10, 1);
    let mut y = x.clone();
    for _ in 0..50_000 {
        y = &y + 1;
    }
    assert_eq!(s.compute(&y.sum()).unwrap().item::<i64>().unwrap(), 45 + 500_000);
    let mut y = x.clone();
    for _ in 0..20_000 {
        y = y.index([Index::ALL.step(-1)]).expand_dims(0).squeeze(&[]);
    }
    assert_eq!(s.compute(&y).unwrap().bytes(), s.compute(&x).unwrap().bytes());
    let mut y = x.clone();
    for _ in 0..10_000 {
        y = concatenate(&[y, x.clone()], 0);
    }
    assert_eq!(s.compute(&y).map(drop).unwrap_err().kind(), ErrorKind::Unsupported);
    // Joined with itself again and again, what would be planned doubles every time.
    let mut y = x.clone();
    for _ in 0..40 {
        y = concatenate(&[y.clone(), y], 0);
    }
    assert_eq!(s.compute(&y.sum()).map(drop).unwrap_err().kind(), ErrorKind::Unsupported);
    let mut y = x.reshape(&[2, 5]).matmul(&x.reshape(&[5, 2]));
    for _ in 0..40 {
        y = y.matmul(&y);
    }
    // Each is held for the next one, or is computed again for each tile of it.
    assert_eq!(s.compute(&y).unwrap().shape(), [2, 2]);
    let none = PlanOptions::new().hold_bytes(0);
    let none = Session::builder().memory_bytes(1 << 28).plan_options(none).build().unwrap();
    assert_eq!(none.compute(&y).map(drop).unwrap_err().kind(), ErrorKind::Unsupported);
    // Many pieces at once are fine.
    let many = concatenate(&vec![x.clone(); 10_000], 0);
    assert_eq!(s.compute(&many.sum()).unwrap().item::<i64>().unwrap(), 450_000);
}

/// A stage that needs values of others is not run without them, nor with others.
#[test]
fn values_that_are_missing_or_wrong_are_noticed() {
    let s = session(1, 1 << 26, 1 << 20);
    let x = Array::arange(0.0, 100.0, 1.0);
    let plan = s.plan(&[&x.histogram(BinAxis::Auto(5))]).unwrap();
    let last = plan.stages().len() - 1;
    let e = s.run_tasks(&plan, last, 0..1, &Values::new()).map(drop).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Value, "{e}");
    let plan = s.plan(&[&(&x - x.mean_with(Over::all().keepdims()))]).unwrap();
    let last = plan.stages().len() - 1;
    let wrong = s.run(&[&Array::arange_int(0, 3, 1)]).unwrap().values.remove(0);
    for wrong in [Values::new(), (0..3).map(|v| (v, wrong.clone())).collect()] {
        let e = s.run_tasks(&plan, last, 0..1, &wrong).map(drop).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Value, "{e}");
    }
}

/// One change to a JSON value somewhere.
fn mutate(rng: &mut Rng, v: &mut serde_json::Value) {
    use serde_json::{Value as Json, json};
    let inside = !rng.one_in(6);
    match v {
        Json::Array(list) if !list.is_empty() && inside => {
            let k = rng.below(list.len() as u64) as usize;
            mutate(rng, &mut list[k]);
        }
        Json::Object(map) if !map.is_empty() && inside => {
            let k = rng.below(map.len() as u64) as usize;
            if let Some(v) = map.values_mut().nth(k) {
                mutate(rng, v);
            }
        }
        Json::Array(list) => match (rng.below(4), list.len() as u64) {
            (0, n) if n > 0 => drop(list.remove(rng.below(n) as usize)),
            (1, n) if n > 0 => list.push(list[rng.below(n) as usize].clone()),
            (2, n) if n > 1 => list.swap(0, rng.below(n) as usize),
            _ => list.clear(),
        },
        Json::Number(_) => {
            let old = v.as_i64().unwrap_or(7);
            *v = rng.pick(&[
                json!(0),
                json!(1),
                json!(2),
                json!(-1),
                json!(old.wrapping_add(1)),
                json!(old.wrapping_sub(1)),
                json!(old.wrapping_mul(3)),
                json!(i64::MIN),
                json!(i64::MAX),
                json!(u64::MAX),
                json!(1u64 << 40),
            ]);
        }
        Json::Bool(b) => *b = !*b,
        Json::String(s) => {
            let dtypes = ["bool", "int8", "uint64", "float16", "float32", "float64"];
            let rows = ["sum", "mean", "argmin", "add", "sqrt", "less"];
            *s = rng.pick(&[&dtypes[..], &rows[..]].concat()).to_string();
        }
        _ => *v = rng.pick(&[Json::Null, json!(0), json!([]), json!({})]),
    }
}

/// Plans whose JSON was changed anywhere, and partials too: errors or answers, never a panic.
#[test]
fn damaged_plans_and_partials_are_errors_and_no_panics() {
    let folder = common::folder();
    let path = folder.path().join("x.h5");
    let data = to_bytes(&elements(DType::F32, 20 * 15, 3, "nan"));
    write_file(&path, &[(dataset("x", &[20, 15], DType::F32, Some(&[6, 7]), Some(1)), &data)]);
    let s = session(1, 1 << 26, 200);
    let x = Array::open(&path, "x").unwrap();
    let i = x.cast(DType::I32);
    let targets: Vec<Box<dyn Target>> = vec![
        Box::new(x.index([Index::ALL.step(-3), Index::from(1..9)]).t() + 1.0f32),
        Box::new((&x - x.nanmean_with(Over::axis(0))).var_with(Over::axis(1))),
        Box::new(concatenate(&[i.clone(), i.index([Index::from(2..9)])], 0).max_with(Over::axis(0))),
        Box::new(x.reshape(&[50, 6]).matmul(&x.index([Index::from(0..6)]))),
        Box::new(x.histogram(BinAxis::Auto(4)).weights(&i)),
    ];
    let list: Vec<&dyn Target> = targets.iter().map(|t| t.as_ref()).collect();
    let mut rng = Rng(number("CHUNKWISE_SEED").unwrap_or(5));
    let rounds = number("CHUNKWISE_CASES").unwrap_or(150) * 10;
    let (mut accepted, mut ran) = (0, 0);
    for k in 0..rounds {
        let plan = s.plan(&[list[k as usize % list.len()]]).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
        (0..1 + rng.below(2)).for_each(|_| mutate(&mut rng, &mut json));
        let Ok(plan) = Plan::from_json(&json.to_string()) else { continue };
        accepted += 1;
        let Ok(bound) = s.bind(&plan) else { continue };
        bound.explain(&plan);
        if plan.tasks() < 2000 {
            ran += s.run_plan(&plan).is_ok() as u64;
        }
    }
    println!("{rounds} plans, {accepted} accepted, {ran} ran");
    let plan = s.plan(&list).unwrap();
    let mut values = Values::new();
    let (mut merged, mut tried) = (0, 0);
    for (n, stage) in plan.stages().iter().enumerate() {
        let tasks = stage.grid.blocks();
        let parts = || [0..tasks / 2, tasks / 2..tasks].map(|r| s.run_tasks(&plan, n, r, &values).unwrap());
        for _ in 0..rounds / 8 {
            let [a, b] = parts();
            let mut json = serde_json::to_value(&a).unwrap();
            mutate(&mut rng, &mut json);
            let Ok(a) = serde_json::from_value::<StagePartial>(json) else { continue };
            tried += 1;
            merged += s.merge_tasks(&plan, n, vec![a, b], &values).is_ok() as u64;
        }
        values = s.merge_tasks(&plan, n, parts().to_vec(), &values).unwrap().values;
        // Values of another process, damaged.
        for _ in 0..rounds / 20 {
            let mut json = serde_json::to_value(&values).unwrap();
            mutate(&mut rng, &mut json);
            let Ok(damaged) = serde_json::from_value::<Values>(json) else { continue };
            if n + 1 < plan.stages().len() {
                let _ = s.run_tasks(&plan, n + 1, 0..1, &damaged);
            }
        }
    }
    println!("{tried} partials, {merged} merged");
}

/// A chunked source in which one chunk cannot be read, and which counts what is read at a time.
#[derive(Debug)]
struct Broken {
    bad: Vec<u64>,
    chunks: chunkwise::grid::Chunks,
    reads: std::sync::atomic::AtomicU64,
}

impl chunkwise::source::Source for Broken {
    fn shape(&self) -> &[u64] {
        &[60, 70]
    }
    fn dtype(&self) -> DType {
        DType::I32
    }
    fn chunks(&self) -> Option<&chunkwise::grid::Chunks> {
        Some(&self.chunks)
    }
    fn describe(&self) -> String {
        "broken".into()
    }
    fn scratch_bytes(&self) -> u64 {
        9 * 8 * 4
    }
    fn read_chunk(
        &self,
        chunk: &[u64],
        out: &mut [u8],
        _: &mut chunkwise::source::ReadCx,
    ) -> chunkwise::Result<()> {
        self.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // Long enough that others come to wait for the same chunk.
        std::thread::sleep(std::time::Duration::from_micros(200));
        if chunk == self.bad {
            return Err(chunkwise::Error::new(ErrorKind::Filter, "this chunk is damaged"));
        }
        out.fill(1);
        Ok(())
    }
    fn read_region(
        &self,
        slab: &chunkwise::grid::Slab,
        out: &mut [u8],
        cx: &mut chunkwise::source::ReadCx,
    ) -> chunkwise::Result<()> {
        let bad = (0..2).all(|d| {
            let (a, b) = (self.bad[d] * [9, 8][d], (self.bad[d] + 1) * [9, 8][d]);
            (0..slab.count[d]).any(|i| (a..b).contains(&(slab.start[d] + i * slab.step[d])))
        });
        match bad {
            true => self.read_chunk(&self.bad.clone(), out, cx),
            false => {
                out.fill(1);
                Ok(())
            }
        }
    }
}

/// One worker fails or the run is cancelled while others wait for the chunk that is being read:
/// everybody stops, and the session can be used again.
#[test]
fn a_failure_in_one_worker_stops_all() {
    let source = |bad: &[u64]| {
        let chunks = chunkwise::grid::Chunks::from(&[9, 8][..]);
        Array::new(std::sync::Arc::new(Broken { bad: bad.to_vec(), chunks, reads: 0.into() }))
    };
    for (threads, memory) in [(1, 1 << 26), (8, 1 << 26), (8, 200_000), (8, 100_000)] {
        let s = session(threads, memory, 64);
        // Blocks of columns cross the chunks, so they share them.
        let x = source(&[3, 4]);
        let y = &x.index([Index::from(2..50), Index::from(1..60)])
            + &x.index([Index::from(1..49), Index::from(5..64)]);
        for target in [y.sum(), y.sum_with(Over::axis(0)), y.clone()] {
            match s.compute(&target) {
                Err(e) if e.kind() == ErrorKind::Budget => {}
                Err(e) => assert_eq!(e.kind(), ErrorKind::Filter, "{e}"),
                Ok(_) => panic!("a damaged chunk went unnoticed"),
            }
        }
        let mut blocks = s.blocks(&y, BlockOrder::Storage).unwrap();
        assert!(blocks.any(|b| b.is_err()));
        assert!(blocks.next().is_none());
        let whole = source(&[99, 99]);
        assert_eq!(s.compute(&whole.max()).unwrap().item::<i32>().unwrap(), 0x0101_0101);
    }
    let cancel = chunkwise::Cancel::new();
    let stop = cancel.clone();
    let s = Session::builder()
        .threads(4)
        .plan_options(PlanOptions::new().block_bytes(64))
        .cancel(&cancel)
        .on_progress(move |p| {
            if p.done == 3 {
                stop.cancel()
            }
        })
        .build()
        .unwrap();
    let e = s.compute(&source(&[99, 99]).t().sum()).map(drop).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Cancelled, "{e}");
}
