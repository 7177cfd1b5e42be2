//! One body of tests for all folds: over every set of axes, on both devices, whatever the blocks and the order of
//! merges, written and read back, with everything masked, nothing there, NaN everywhere: the same bits, within
//! the bytes that the fold promised.

mod common;

use chunkwise::backend::cpu::Cpu;
use chunkwise::backend::gpu::{Choice, Gpu};
use chunkwise::backend::{Backend, Runner};
use chunkwise::grid::{Region, c_strides};
use chunkwise::ops::fold::{
    Block, By, Collect, Cumulative, EdgesFold, FOLDS, First, Given, Grouped, HistogramFold, Landing, Made,
    Ranks, Reduce, Role, Scan, Select, SharedFold, Sorted, Splat, State, Through, Top, Wanted, Window,
    written_bytes,
};
use chunkwise::ops::histogram::{Bins, Edges};
use chunkwise::ops::kernel::{Kernel, Operand, Terminal};
use chunkwise::ops::program::{Program, Step};
use chunkwise::ops::quantiles::{Asked, Method};
use chunkwise::ops::reduce::{ReduceSpec, Reduction};
use chunkwise::ops::simd::Simd;
use chunkwise::ops::sph::Kernel as Smooth;
use chunkwise::view::Placement;
use chunkwise::{DType, Labels};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which knows how much each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
}

fn count(bytes: i64) {
    // A thread that ends has no counter any more.
    let _ = HELD.try_with(|h| h.set(h.get() + bytes));
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        count(len as i64 - layout.size() as i64);
        unsafe { System.realloc(ptr, layout, len) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes of a state that are not in its promise: the box itself, and what the allocator's callers round up.
const SLACK: i64 = 4096;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 16
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

/// What the columns hold.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Data {
    /// Numbers of many exponents, with ties, zeros of both signs, NaN and infinities now and then.
    Any,
    /// Small whole numbers.
    Tame,
    Nan,
    /// The mask is false everywhere.
    Masked,
}

fn element(rng: &mut Rng, role: Role, dtype: DType, data: Data) -> Vec<u8> {
    let small = rng.below(7) as i64 - 2;
    let value = match (role, data) {
        (Role::Mask, Data::Masked) => return vec![0],
        (Role::Mask, _) => return vec![(rng.below(3) > 0) as u8],
        (Role::Labels, Data::Nan) if dtype.is_float() => f64::NAN,
        (Role::Labels | Role::Coordinate, _) => small as f64,
        (Role::Weights, _) => 1.0 + rng.below(5) as f64,
        (_, Data::Nan) if dtype.is_float() => f64::NAN,
        (_, Data::Any) if dtype.is_float() => match rng.below(20) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -0.0,
            3 => 0.0,
            _ => small as f64 * 2f64.powi(rng.below(30) as i32 - 15) + small as f64,
        },
        _ => small as f64,
    };
    match dtype {
        DType::Bool => vec![(small & 1 != 0) as u8],
        DType::F16 => half::f16::from_f64(value).to_ne_bytes().to_vec(),
        DType::F32 => (value as f32).to_ne_bytes().to_vec(),
        DType::F64 => value.to_ne_bytes().to_vec(),
        DType::I8 => (small as i8).to_ne_bytes().to_vec(),
        DType::U8 => (small as u8).to_ne_bytes().to_vec(),
        DType::I16 => (small as i16).to_ne_bytes().to_vec(),
        DType::U16 => (small as u16).to_ne_bytes().to_vec(),
        DType::I32 => (small as i32).to_ne_bytes().to_vec(),
        DType::U32 => (small as u32).to_ne_bytes().to_vec(),
        DType::I64 => (small << 40).to_ne_bytes().to_vec(),
        DType::U64 => ((small as u64) << 40).to_ne_bytes().to_vec(),
        _ => panic!("no test knows {dtype}"),
    }
}

/// Folds of every row of the list over these axes, with a word for each.
fn folds(reduced: &[bool]) -> Vec<SharedFold> {
    let landing = Landing::over(reduced);
    let mut out = Vec::new();
    let dtypes = [DType::F16, DType::F32, DType::F64, DType::I16, DType::I64, DType::U8, DType::Bool];
    for dtype in dtypes {
        for row in Reduction::all() {
            let plain = ReduceSpec::new(row, &vec![dtype; row.row().inputs]).unwrap();
            let masked = plain.clone().with_mask().ok();
            for spec in [Some(plain), masked].into_iter().flatten() {
                out.push(SharedFold::new(Reduce::new(spec.clone(), reduced)));
                // 2^40 times small numbers and plain ones: labels of a table, sorted ones, floats, a range.
                let labels: [(DType, Labels); 4] = [
                    (DType::I32, Labels::integers(&[3, -1, 0, 2]).unwrap()),
                    (DType::I64, Labels::integers(&[0, 1 << 40, 3 << 40]).unwrap()),
                    (DType::F32, Labels::floats(&[1.0, -2.0, 0.0]).unwrap()),
                    (DType::U8, Labels::range(4).unwrap()),
                ];
                let (label, expected) = labels[out.len() % 4].clone();
                let by = By::Labels { expected, dtype: label };
                out.push(SharedFold::new(Grouped::new(spec.clone(), by, landing.clone()).unwrap()));
                if dtype == DType::F32 {
                    let bins = vec![
                        Bins::Edges(Edges::uniform(-1.5, 3.0, 5).unwrap()),
                        Bins::Edges(Edges::explicit(vec![-2.0, 0.0, 1.0, 4.0]).unwrap()),
                    ];
                    let by = By::Bins { bins, dtypes: vec![DType::F64, DType::I16] };
                    out.push(SharedFold::new(Grouped::new(spec, by, landing.clone()).unwrap()));
                }
            }
        }
        for (k, first) in
            [(1, First::Largest), (3, First::Smallest), (4, First::Largest), (0, First::Largest)]
        {
            for wanted in [Wanted::Values, Wanted::Positions] {
                let elements: u64 = SHAPE.iter().zip(reduced).filter(|(_, r)| **r).map(|(&n, _)| n).product();
                let k = u64::min(k, elements);
                out.push(SharedFold::new(Top::new(dtype, k, first, wanted, landing.clone())));
            }
        }
        let elements = SHAPE.iter().zip(reduced).filter(|(_, r)| **r).map(|(&n, _)| n).product();
        out.push(SharedFold::new(Select::sort(dtype, elements, landing.clone())));
        let several: Vec<f64> = (0..=20).map(|i| f64::from(i) / 20.0).collect();
        let asked = [
            Asked::median(dtype, false),
            Asked::median(dtype, true),
            Asked::quantiles(dtype, Method::Nearest, &[0.25, 0.9], false, false).unwrap(),
            Asked::quantiles(dtype, Method::Lower, &several, false, true).unwrap(),
        ];
        for asked in asked {
            let elements = SHAPE.iter().zip(reduced).filter(|(_, r)| **r).map(|(&n, _)| n).product();
            out.push(SharedFold::new(Select::new(asked.clone(), elements, landing.clone())));
            out.push(SharedFold::new(Select::new(asked.clone(), elements, landing.clone()).with_mask()));
            let sorted = || Sorted::new(asked.clone(), elements, landing.clone());
            let expected = Labels::integers(&[3, -1, 0, 2]).unwrap();
            out.push(SharedFold::new(sorted().with_groups(expected.clone(), DType::I32)));
            out.push(SharedFold::new(sorted().with_mask().with_groups(expected, DType::I8)));
            let passes = if reduced.contains(&false) { 0 } else { Ranks::passes(&asked) };
            out.extend(
                (0..passes).map(|pass| SharedFold::new(Ranks::new(asked.clone(), pass, reduced.len()))),
            );
            out.extend(
                (0..passes)
                    .map(|pass| SharedFold::new(Ranks::new(asked.clone(), pass, reduced.len()).with_mask())),
            );
        }
        for skips in [false, true] {
            let asked = Asked::quantiles(dtype, Method::InvertedCdf, &[0.0, 0.3, 1.0], false, skips).unwrap();
            let elements = SHAPE.iter().zip(reduced).filter(|(_, r)| **r).map(|(&n, _)| n).product();
            let sorted = Sorted::new(asked, elements, landing.clone()).with_weights().unwrap();
            out.push(SharedFold::new(sorted.clone()));
            out.push(SharedFold::new(sorted.with_mask().with_groups(Labels::range(3).unwrap(), DType::U8)));
        }
        if !reduced.contains(&true) {
            out.push(SharedFold::new(Collect::new(dtype, reduced.len())));
            for axis in 0..reduced.len() {
                for of in [Cumulative::Sum, Cumulative::Prod, Cumulative::Max, Cumulative::Min] {
                    // Sums and products of bools are their extremes.
                    let scan = Scan::new(of, dtype, axis, reduced.len());
                    out.extend(scan.ok().map(SharedFold::new));
                }
            }
        }
        if !reduced.contains(&false) && dtype == DType::F64 {
            for (through, period, values) in
                [(Through::Line, 0.0, 1), (Through::Point, 6.5, 3), (Through::Cell, 6.5, 2)]
            {
                let (left, pixel) = ([-1.5, -2.0], [0.5, 0.75]);
                let window = Window { left, pixel, pixels: [9, 5], rows: [1, 5], period: [period; 2] };
                let splat = Splat::new(Smooth::Wendland2, through, window, values, reduced.len());
                out.push(SharedFold::new(splat.unwrap()));
            }
        }
        if !reduced.contains(&false) {
            let bins = Bins::Edges(Edges::explicit(vec![-2.0, 0.0, 1.0, 4.0]).unwrap());
            out.push(SharedFold::new(EdgesFold::new(bins, reduced.len())));
            for weights in [None, Some(DType::F32), Some(DType::F64), Some(DType::I64)] {
                let bins = vec![Bins::Edges(Edges::uniform(-1.5, 3.0, 5).unwrap())];
                let fold = HistogramFold::new(bins, vec![dtype], weights, weights.is_some(), reduced.len());
                out.push(SharedFold::new(fold.unwrap()));
            }
        }
    }
    out
}

const SHAPE: [u64; 3] = [5, 4, 13];

fn kernel(fold: &SharedFold) -> Kernel {
    let inputs: Vec<DType> = fold.ports().iter().map(|p| p.dtype).collect();
    let all: Vec<u32> = (0..inputs.len() as u32).collect();
    let program = Program { inputs, steps: all.iter().map(|&i| Step::Input(i)).collect(), outputs: all };
    let ports = (0..program.outputs.len()).collect();
    // Of a later pass of a search: all that is wanted has the digits of the smallest number that is not negative.
    let params = fold.params();
    let told: Vec<Vec<u8>> = params.iter().map(|p| told(fold, p.shape[0])).collect();
    let given: Vec<Given> =
        params.iter().zip(&told).map(|(p, bytes)| Given { dtype: p.dtype, shape: &p.shape, bytes }).collect();
    let terminal =
        Terminal { fold: fold.clone(), ready: fold.ready(Some(&given)).unwrap(), ports, narrow: false };
    Kernel { program, terminals: vec![terminal] }
}

/// What the pass before one of `ranks` tells it: so many numbers, no NaN, then a prefix and a rank for each.
fn told(fold: &SharedFold, len: u64) -> Vec<u8> {
    if fold.name() == "splat" {
        // The sum of all magnitudes, at least.
        return (0..len).flat_map(|_| 1e9f64.to_ne_bytes()).collect();
    }
    let data = fold.data();
    let pass = data["pass"].as_u64().unwrap() as u32;
    let wide = fold.ports()[0].dtype.size() as u32 * 8 - 16;
    // Passes of equal digits behind the first.
    let passes =
        (pass..8).find(|&n| serde_json::from_value::<SharedFold>(with_pass(fold, n + 1)).is_err()).unwrap();
    let before = 16 + wide / passes * (pass - 1);
    let pairs = (0..len / 2 - 1).flat_map(|i| [(1u64 << (before - 1)) | (i % 3), i % 2]);
    [100, 0].into_iter().chain(pairs).flat_map(u64::to_ne_bytes).collect()
}

fn with_pass(fold: &SharedFold, pass: u32) -> serde_json::Value {
    let mut value = serde_json::to_value(fold).unwrap();
    value["pass"] = pass.into();
    value
}

/// Columns of a domain, one per port.
struct Columns {
    domain: Vec<u64>,
    bytes: Vec<Vec<u8>>,
    sizes: Vec<usize>,
}

impl Columns {
    fn new(rng: &mut Rng, fold: &SharedFold, domain: &[u64], data: Data) -> Columns {
        let len: u64 = domain.iter().product();
        let ports = fold.ports();
        let column = |p: &chunkwise::ops::fold::Port, rng: &mut Rng| {
            (0..len).flat_map(|_| element(rng, p.role, p.dtype, data)).collect()
        };
        Columns {
            domain: domain.to_vec(),
            bytes: ports.iter().map(|p| column(p, rng)).collect(),
            sizes: ports.iter().map(|p| p.dtype.size()).collect(),
        }
    }

    /// Adds a part of the domain to a state.
    fn add(&self, runner: &mut dyn Runner, region: &Region, states: &mut [Box<dyn State>]) {
        let strides = c_strides(&self.domain);
        let offset = region.start.iter().zip(&strides).map(|(&s, &t)| s as i64 * t).sum();
        let operands: Vec<Operand> = self
            .bytes
            .iter()
            .zip(&self.sizes)
            .map(|(bytes, _)| Operand::plain(bytes, Placement { offset, strides: strides.clone() }))
            .collect();
        let block = Block { region, domain: &self.domain };
        let events = runner.run(&block, &operands, states).unwrap() | runner.flush(states).unwrap();
        events.check().unwrap();
    }
}

type Finished = Result<(Vec<u8>, Vec<(&'static str, u64)>), String>;

fn finish(state: Box<dyn State>) -> Finished {
    let (made, notes) = state.finish().map_err(|e| e.to_string())?;
    let notes = notes.iter().map(|n| (n.text, n.count)).collect();
    match made {
        Made::Elements(bytes) => Ok((bytes.to_vec(), notes)),
        Made::Histogram(h) => Ok((serde_json::to_vec(&*h).unwrap(), notes)),
        _ => panic!("nothing has a place here"),
    }
}

/// A block cut along its reduced axes into parts.
fn parts(rng: &mut Rng, block: &Region, landing: &Landing) -> Vec<Region> {
    let mut out = vec![block.clone()];
    for _ in 0..rng.below(6) {
        let at = rng.below(out.len() as u64) as usize;
        let cuttable: Vec<usize> =
            (0..landing.rank()).filter(|&d| !landing.keeps(d) && out[at].shape[d] > 1).collect();
        let Some(&d) = cuttable.get(rng.below(cuttable.len() as u64) as usize) else { continue };
        let mut rest = out[at].clone();
        let n = 1 + rng.below(rest.shape[d] - 1);
        out[at].shape[d] = n;
        (rest.start[d], rest.shape[d]) = (rest.start[d] + n, rest.shape[d] - n);
        out.push(rest);
    }
    out
}

/// The state of a block, in parts that are merged in any order, some of them narrow, some written and read back.
/// `measured` says that its bytes are held against what the fold promised.
fn in_parts(
    rng: &mut Rng,
    fold: &SharedFold,
    columns: &Columns,
    block: &Region,
    runner: &mut dyn Runner,
    measured: bool,
) -> Box<dyn State> {
    let narrow = in_forms(rng, fold, columns, block, runner, measured, true);
    let state = narrow.or_else(|| in_forms(rng, fold, columns, block, runner, measured, false));
    state.unwrap()
}

/// As [`in_parts`]; nothing if narrow states, which may be among the parts, do not do.
fn in_forms(
    rng: &mut Rng,
    fold: &SharedFold,
    columns: &Columns,
    block: &Region,
    runner: &mut dyn Runner,
    measured: bool,
    narrow: bool,
) -> Option<Box<dyn State>> {
    let kernel = kernel(fold);
    let terminal = &kernel.terminals[0];
    let mut states: Vec<Box<dyn State>> = Vec::new();
    // What the runner makes for itself, to gather elements that do not lie together, grows with what it is given:
    // no part is more than these.
    for d in (0..block.shape.len()).filter(|&d| measured && block.shape[d] > 1) {
        let mut most = block.clone();
        (most.start[d], most.shape[d]) = (block.start[d] + 1, block.shape[d] - 1);
        columns.add(runner, &most, &mut [terminal.state(&block.shape).unwrap()]);
    }
    for part in parts(rng, block, fold.landing()) {
        let before = HELD.get();
        let small = narrow && rng.below(2) == 0 && fold.narrow_bytes(&block.shape).is_some();
        let state = match terminal.ready.narrow_state(&block.shape).unwrap().filter(|_| small) {
            Some(state) => state,
            None => terminal.state(&block.shape).unwrap(),
        };
        let mut one = [state];
        columns.add(runner, &part, &mut one);
        let [state] = one;
        if state.exceeded() {
            return None;
        }
        let held = HELD.get() - before;
        let promised =
            if small { fold.narrow_bytes(&block.shape).unwrap() } else { fold.bytes(&block.shape).state };
        let promised = promised as i64 + SLACK;
        // What the runner made for itself counts too, once; a device's slots come when they are needed.
        let scratch = if states.is_empty() { 1 << 20 } else { 0 };
        assert!(!measured || held <= promised + scratch, "{fold:?}: {held} bytes, {promised} promised");
        let promised = written_bytes(fold.bytes(&block.shape).state);
        states.push(match rng.below(2) {
            0 => state,
            _ => {
                let written = state.write().unwrap();
                assert!(written.len() as u64 <= promised, "{fold:?}: {} bytes, {promised}", written.len());
                terminal.ready.read(&block.shape, &written).unwrap()
            }
        });
    }
    while states.len() > 1 {
        let from = states.swap_remove(rng.below(states.len() as u64) as usize);
        let to = rng.below(states.len() as u64) as usize;
        states[to].merge(&*from).unwrap();
        if states[to].exceeded() {
            return None;
        }
    }
    states.pop()
}

/// Blocks of one tile of the kept axes: the whole of the reduced ones.
fn tiles(rng: &mut Rng, domain: &[u64], landing: &Landing) -> Vec<Region> {
    let mut out = vec![Region::whole(domain)];
    for d in (0..landing.rank()).filter(|&d| landing.keeps(d) && domain[d] > 1) {
        let n = 1 + rng.below(domain[d] - 1);
        out = out
            .into_iter()
            .flat_map(|r| {
                let (mut a, mut b) = (r.clone(), r);
                a.shape[d] = n;
                (b.start[d], b.shape[d]) = (b.start[d] + n, b.shape[d] - n);
                [a, b]
            })
            .collect();
    }
    out
}

fn sets() -> Vec<Vec<bool>> {
    (0..8).map(|set| (0..3).map(|d| set >> d & 1 == 1).collect()).collect()
}

/// Runs every fold on a device, against one pass of the CPU over each tile.
fn conforms(device: &dyn Backend, refuses: &[&str], every: usize) {
    let cpu = Cpu::new(1, Simd::best());
    let mut rng = Rng(11);
    let (mut ran, mut refused) = (0, std::collections::BTreeSet::new());
    for reduced in sets() {
        for fold in folds(&reduced).into_iter().skip(rng.below(every as u64) as usize).step_by(every) {
            let kernel = kernel(&fold);
            if let Err(why) = device.supports(&kernel, &SHAPE) {
                assert!(refuses.iter().any(|r| why.contains(r)), "{fold:?}: {why}");
                refused.insert(fold.name());
                continue;
            }
            let mut runner = device.runner(&kernel, &SHAPE, None).unwrap();
            let mut whole = cpu.runner(&kernel, &SHAPE, None).unwrap();
            for data in [Data::Any, Data::Tame, Data::Nan, Data::Masked] {
                let columns = Columns::new(&mut rng, &fold, &SHAPE, data);
                for tile in tiles(&mut rng, &SHAPE, fold.landing()) {
                    let mut states = [kernel.terminals[0].state(&tile.shape).unwrap()];
                    columns.add(&mut *whole, &tile, &mut states);
                    let [state] = states;
                    let parts = in_parts(&mut rng, &fold, &columns, &tile, &mut *runner, every == 1);
                    assert_eq!(finish(parts), finish(state), "{fold:?} {data:?} {tile}");
                    ran += 1;
                }
            }
        }
    }
    println!("{ran} tiles, refused: {refused:?}");
    assert!(ran > 500, "{ran}");
}

#[test]
fn folds_of_the_cpu() {
    conforms(&Cpu::new(1, Simd::best()), &[], 1);
}

#[test]
fn folds_of_the_gpu() {
    if !common::gpu_available("folds_of_the_gpu") {
        return;
    }
    let gpu = Gpu::open(&Choice::Fastest, None, 1).unwrap();
    // Each case is a shader of its own, which takes its time to compile.
    conforms(&gpu, &["there is no shader for", "64-bit integers"], 23);
}

/// A domain of nothing: what each fold answers for no elements at all.
#[test]
fn folds_of_nothing() {
    for reduced in sets() {
        for fold in folds(&reduced) {
            let domain = [5, 0, 13];
            let state = kernel(&fold).terminals[0].state(&domain).unwrap();
            let makes = fold.makes(&domain);
            match finish(state) {
                Ok((bytes, _)) if !makes.histogram => {
                    let len: u64 = makes.shape.iter().product();
                    assert_eq!(bytes.len() as u64, len * makes.dtype.size() as u64, "{fold:?}");
                }
                Ok(_) => assert_eq!(fold.name(), "histogram"),
                // Extremes of nothing, and fewer elements than are asked for.
                Err(e) => assert!(
                    e.contains("empty sequence")
                        || e.contains("no identity")
                        || e.contains("no elements")
                        || ["top", "ranks", "select", "sort"].contains(&fold.name()),
                    "{fold:?}: {e}"
                ),
            }
        }
    }
}

/// Bytes with something wrong with them.
fn damaged(rng: &mut Rng, good: &[u8]) -> Vec<u8> {
    let mut bad = good.to_vec();
    match rng.below(3) {
        0 => bad.truncate(rng.below(bad.len() as u64 + 1) as usize),
        _ if bad.is_empty() => {}
        1 => {
            let at = rng.below(bad.len() as u64) as usize;
            bad[at] ^= 1 << rng.below(8);
        }
        _ => bad.extend([7; 9]),
    }
    bad
}

/// A fold is its name and its data: it comes back from a plan as it was, and no byte of a state can break it.
#[test]
fn folds_travel_and_damage_is_an_error() {
    let mut rng = Rng(5);
    let mut seen = std::collections::BTreeSet::new();
    for reduced in sets() {
        for fold in folds(&reduced) {
            seen.insert(fold.name());
            let text = serde_json::to_string(&fold).unwrap();
            let again: SharedFold = serde_json::from_str(&text).unwrap();
            assert_eq!(again, fold);
            assert_eq!((again.ports(), again.makes(&SHAPE)), (fold.ports(), fold.makes(&SHAPE)));
            let kernel = kernel(&fold);
            let columns = Columns::new(&mut rng, &fold, &SHAPE, Data::Tame);
            let mut states = [kernel.terminals[0].state(&SHAPE).unwrap()];
            let mut runner = Cpu::new(1, Simd::best()).runner(&kernel, &SHAPE, None).unwrap();
            columns.add(&mut *runner, &Region::whole(&SHAPE), &mut states);
            let good = states[0].write().unwrap();
            let ready = &kernel.terminals[0].ready;
            for _ in 0..8 {
                let bad = damaged(&mut rng, &good);
                // An error, or a state that behaves.
                if let Ok(mut state) = ready.read(&SHAPE, &bad) {
                    let _ = state.merge(&*states[0]);
                    let _ = finish(state);
                }
            }
            let [state] = states;
            let Ok((Made::Histogram(h), _)) = state.finish() else { continue };
            let good = h.write().unwrap();
            assert!(good.len() as u64 <= h.counts().len() as u64 * 20 + 128, "{} bytes", good.len());
            assert_eq!(ready.read_histogram(&good).unwrap(), *h);
            for _ in 0..8 {
                // An error, or a histogram of the same edges.
                if let Ok(other) = ready.read_histogram(&damaged(&mut rng, &good)) {
                    assert_eq!((other.edges(), other.shape()), (h.edges(), h.shape()));
                }
            }
        }
    }
    assert!(FOLDS.iter().all(|row| seen.contains(row.name)), "a row of the list has no case here: {seen:?}");
}

#[test]
fn an_unknown_fold_is_named() {
    let e = serde_json::from_str::<SharedFold>(r#"{"fold":"teleport","rank":1}"#).unwrap_err();
    assert!(e.to_string().contains("'teleport'"), "{e}");
}
