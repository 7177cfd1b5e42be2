//! Planning and binding cost the same for ten million chunks as for a hundred million: what they allocate
//! is counted, and what they write down is measured.

mod common;

use chunkwise::{Array, BinAxis, DType, Over, Plan, Session, Target};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

/// The system's allocator, which counts what each thread asks for.
struct Counting;

thread_local! {
    static ASKED: Cell<Asked> = const { Cell::new(Asked { times: 0, bytes: 0 }) };
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    times: u64,
    bytes: u64,
}

fn count(bytes: usize) {
    // A thread that ends has no counter any more.
    let _ = ASKED.try_with(|a| {
        let Asked { times, bytes: sum } = a.get();
        a.set(Asked { times: times + 1, bytes: sum + bytes as u64 });
    });
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        count(len);
        unsafe { System.realloc(ptr, layout, len) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What planning, binding and showing asked for, the plan as text, and the blocks of its largest stage.
struct Cost {
    asked: Asked,
    json: usize,
    explained: usize,
    blocks: u64,
    stages: usize,
}

fn cost(session: &Session, targets: &[&dyn Target]) -> Cost {
    let before = ASKED.get();
    let plan = session.plan(targets).unwrap();
    let bound = session.bind(&plan).unwrap();
    let explained = bound.explain(&plan).len();
    let after = ASKED.get();
    let asked = Asked { times: after.times - before.times, bytes: after.bytes - before.bytes };
    let blocks = plan.stages().iter().map(|s| s.grid.blocks()).max().unwrap();
    Cost { asked, json: plan.to_json().unwrap().len(), explained, blocks, stages: plan.stages().len() }
}

/// The cost of the same targets over ever more chunks is the same, but for the digits of their numbers.
fn is_constant(
    name: &str,
    session: &Session,
    targets: impl Fn(u64) -> Vec<Box<dyn Target>>,
    least_blocks: u64,
) {
    let costs = [10_000_000, 100_000_000].map(|chunks: u64| {
        let targets = targets(chunks);
        let targets: Vec<&dyn Target> = targets.iter().map(|t| t.as_ref()).collect();
        // What the process does once is done.
        cost(session, &targets);
        cost(session, &targets)
    });
    let [few, many] = &costs;
    let shown = || format!("{name}: {:?} and {:?}, {} blocks", few.asked, many.asked, many.blocks);
    assert!(few.stages >= 2 && many.stages == few.stages, "{name}");
    assert!(few.blocks >= least_blocks && many.blocks >= few.blocks * 9, "{}", shown());
    assert!(few.asked.times > 0 && few.asked.bytes < 100_000_000, "{}", shown());
    assert!(many.asked.times * 10 <= few.asked.times * 11, "{}", shown());
    assert!(many.asked.bytes * 10 <= few.asked.bytes * 11, "{}", shown());
    // A few numbers of the shape have a digit more.
    let digits = |few: usize, many: usize| many.abs_diff(few) <= 64;
    assert!(digits(few.json, many.json), "{name}: {} and {} bytes of JSON", few.json, many.json);
    assert!(digits(few.explained, many.explained), "{name}: {} and {}", few.explained, many.explained);
}

fn session() -> Session {
    Session::builder().device(chunkwise::Device::Cpu).threads(8).memory("1GiB").build().unwrap()
}

/// A row of 2^18 float32 is a block.
#[test]
fn generated_arrays() {
    let session = session();
    let targets = |rows: u64| -> Vec<Box<dyn Target>> {
        let x = Array::random(&[rows, 1 << 18], 1, DType::F32);
        let mean = x.mean_with(Over::axis(0));
        let anomaly = (&x * 2.0 - &mean).std();
        let rows_mean = (x.index([chunkwise::Index::from(0..1000)]) + 1.0).mean_with(Over::axis(1));
        vec![
            Box::new(anomaly),
            Box::new(rows_mean),
            Box::new(mean),
            Box::new(x.histogram(BinAxis::Auto(100))),
        ]
    };
    is_constant("random", &session, targets, 10_000_000);
    let targets = |chunks: u64| -> Vec<Box<dyn Target>> {
        let x = Array::arange_int(0, (chunks << 17) as i64, 1);
        let centred = &x - x.mean();
        vec![Box::new(centred.std()), Box::new(x.sum())]
    };
    is_constant("arange", &session, targets, 10_000_000);
}

/// A dataset whose chunks were never written; the file is small.
fn sparse(path: &Path, chunks: u64) {
    let file = hdf5::File::create(path).unwrap();
    let builder = file.new_dataset::<f32>().chunk([256, 1024]).shuffle().deflate(4);
    builder.shape([chunks as usize / 10 * 256, 10 * 1024]).create("x").unwrap();
    file.close().unwrap();
    assert!(std::fs::metadata(path).unwrap().len() < 100_000);
}

/// Ten chunks of 1 MiB across: along the rows, along the columns, and over a window that does not follow
/// the chunks.
#[test]
fn files() {
    let folder = common::folder();
    let session = session();
    let open = |chunks: u64| {
        let path = folder.path().join(format!("{chunks}.h5"));
        if !path.exists() {
            sparse(&path, chunks);
        }
        Array::open(&path, "x").unwrap()
    };
    let targets = |chunks: u64| -> Vec<Box<dyn Target>> {
        let x = open(chunks);
        let mean = x.mean_with(Over::axis(0));
        let anomaly = &x - &mean;
        vec![Box::new(anomaly.std_with(Over::axis(0))), Box::new(anomaly.max()), Box::new(x.mean())]
    };
    is_constant("whole chunks", &session, targets, 10_000_000);
    let targets = |chunks: u64| -> Vec<Box<dyn Target>> {
        let x = open(chunks);
        let (upper, lower) = (chunkwise::Index::from(100..), chunkwise::Index::from(..-100));
        let apart = x.index([upper]) - x.index([lower]);
        vec![Box::new((&apart - apart.mean()).std()), Box::new(x.t().sum_with(Over::axis(1)))]
    };
    is_constant("chunks in part", &session, targets, 10_000_000);
    // A plan that was read back is bound as cheaply.
    let [few, many] = [10_000_000, 100_000_000].map(|chunks| {
        let json = session.plan(&[&open(chunks).std()]).unwrap().to_json().unwrap();
        Plan::from_json(&json).unwrap();
        let before = ASKED.get();
        let plan = Plan::from_json(&json).unwrap();
        session.bind(&plan).unwrap();
        ASKED.get().bytes - before.bytes
    });
    assert!(many * 10 <= few * 11, "{few} and {many} bytes");
}
