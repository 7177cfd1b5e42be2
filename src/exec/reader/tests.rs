//! Products on a device that works, refuses, or fails on the way.

use super::*;
use crate::array::Array;
use crate::backend::cpu::Cpu;
#[cfg(feature = "gpu")]
use crate::backend::gpu;
use crate::backend::{Backend, Capabilities, DeviceKind, Product, Runner, WorkerBytes};
use crate::error::{Error, ErrorKind};
use crate::exec::budget::Meter;
use crate::exec::cache::ChunkCache;
use crate::exec::report::Fallback;
use crate::graph::Graph;
use crate::ops::kernel::Kernel;
use crate::ops::matmul::MATMUL_DEPTH;
use crate::ops::simd::Simd;
use crate::plan::{Plan, PlanOptions};
use crate::source::ReadStats;
use crate::trace::Trace;
use half::f16;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What a device that is not there does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// Multiplies, and adds 1 to every element of C, so that its work can be told from the CPU's.
    Works,
    /// Says that it cannot.
    Refuses,
    /// Fails at the second piece of its second tile, with an error of this kind.
    Fails(ErrorKind),
}

struct Imagined {
    way: Way,
    capabilities: Capabilities,
    made: AtomicUsize,
    adds: Arc<AtomicUsize>,
}

impl Imagined {
    fn new(way: Way) -> Imagined {
        let capabilities = Capabilities {
            backend: DeviceKind::Gpu,
            name: "imagined".into(),
            software: false,
            threads: 1,
            features: Vec::new(),
            dtypes: DType::ALL.to_vec(),
            disabled: Vec::new(),
            adapter: None,
        };
        Imagined { way, capabilities, made: AtomicUsize::new(0), adds: Arc::default() }
    }
}

impl Backend for Imagined {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    fn supports(&self, _: &Kernel, _: &[u64]) -> std::result::Result<(), String> {
        Err("it multiplies only".into())
    }
    fn worker_bytes(&self, _: &Kernel, _: &[u64]) -> WorkerBytes {
        WorkerBytes::default()
    }
    fn runner(&self, _: &Kernel, _: &[u64], _: Option<&Arc<Trace>>) -> Result<Box<dyn Runner>> {
        Err(Error::new(ErrorKind::Device, "it multiplies only"))
    }
    fn product(&self, dtype: DType, most: [usize; 3]) -> std::result::Result<Box<dyn Product>, String> {
        assert_eq!(dtype, DType::F32);
        assert!(most[1] as u64 <= MATMUL_DEPTH);
        if self.way == Way::Refuses {
            return Err("it is too dark to multiply".into());
        }
        self.made.fetch_add(1, Relaxed);
        let adds = Arc::clone(&self.adds);
        Ok(Box::new(Sum { way: self.way, shape: [0, 0], sum: Vec::new(), tiles: 0, pieces: 0, adds }))
    }
}

/// Sums far from the host: `c` is written by `finish` only.
struct Sum {
    way: Way,
    shape: [usize; 2],
    sum: Vec<f32>,
    tiles: usize,
    pieces: usize,
    adds: Arc<AtomicUsize>,
}

impl Product for Sum {
    fn begin(&mut self, shape: [usize; 2], c: &mut [u8]) -> Result<()> {
        c.fill(0xa5);
        (self.shape, self.pieces) = (shape, 0);
        self.tiles += 1;
        self.sum = vec![0.0; shape[0] * shape[1]];
        Ok(())
    }
    fn add(&mut self, k: usize, a: &[u8], b: &[u8], _: &mut [u8]) -> Result<()> {
        self.adds.fetch_add(1, Relaxed);
        self.pieces += 1;
        if let Way::Fails(kind) = self.way
            && (self.tiles, self.pieces) == (2, 2)
        {
            return Err(Error::new(kind, "a cosmic ray came by"));
        }
        let (a, b) = (bytemuck::cast_slice::<u8, f32>(a), bytemuck::cast_slice::<u8, f32>(b));
        let [m, n] = self.shape;
        assert_eq!((a.len(), b.len()), (m * k, k * n));
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            self.sum[i * n + j] += (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum::<f32>();
        }
        Ok(())
    }
    fn finish(&mut self, c: &mut [u8]) -> Result<()> {
        self.sum.iter_mut().for_each(|s| *s += 1.0);
        c.copy_from_slice(bytemuck::cast_slice(&self.sum));
        Ok(())
    }
}

/// Small whole numbers: every sum of their products is exact in any order.
fn numbers(rows: usize, columns: usize, seed: usize) -> ndarray::Array2<f32> {
    ndarray::Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 7 + j * 13 + seed * 5) % 11) as f32 - 5.0)
}

fn plain(a: &ndarray::Array2<f32>, b: &ndarray::Array2<f32>) -> Vec<f32> {
    a.dot(b).iter().copied().collect()
}

/// Reads an array that is a product, `times` times over, as a worker does whose products go to
/// `device`; then `look`s at the reader.
fn read(
    array: &Array,
    device: Option<&dyn Backend>,
    times: usize,
    look: impl FnOnce(&Reader),
) -> Result<Vec<Vec<f32>>> {
    let plan = Plan::new(&Graph::new(&[array.node()?.clone()]), &PlanOptions::default())?;
    let (values, meter, stats) = (Values::default(), Arc::new(Meter::default()), ReadStats::default());
    let cache = ChunkCache::new(0, &meter);
    let cpu = Cpu::new(1, Simd::best());
    let mut reader = Rested::new(&meter).wake(Reading {
        plan: &plan,
        values: &values,
        windows: None,
        cache: &cache,
        kept: None,
        sharing: None,
        stats: &stats,
        cpu: &cpu,
        simd: Simd::best(),
        products: device,
        must_multiply: false,
    });
    let stage = &plan.stages()[0];
    assert!(stage.inputs[0].fed().is_some_and(|fed| fed.product().is_some()));
    let slab = Slab::dense(&Region::whole(&stage.grid.shape()));
    let mut out = Vec::new();
    for _ in 0..times {
        let staged = reader.stage(&stage.inputs[0], &slab, stage.program.inputs[0])?;
        out.push(match staged.operand(&[]).bytes {
            bytes if array.dtype()? == DType::F16 => {
                bytemuck::pod_collect_to_vec::<u8, f16>(bytes).iter().map(|v| v.to_f32()).collect()
            }
            bytes => bytemuck::pod_collect_to_vec(bytes),
        });
        reader.recycle(vec![staged]);
    }
    look(&reader);
    Ok(out)
}

#[test]
fn a_device_that_works_multiplies_with_one_product() {
    let (a, b) = (numbers(5, 2500, 0), numbers(2500, 3, 1));
    let array = Array::from_ndarray(a.clone()).matmul(&Array::from_ndarray(b.clone()));
    let device = Imagined::new(Way::Works);
    let expected: Vec<f32> = plain(&a, &b).iter().map(|v| v + 1.0).collect();
    let got = read(&array, Some(&device), 2, |reader| {
        assert_eq!((reader.products.tiles.cpu, reader.products.tiles.gpu), (0, 2));
        assert!(reader.products.fallbacks.is_empty());
    });
    assert_eq!(got.unwrap(), [expected.clone(), expected]);
    // Three pieces a tile.
    assert_eq!((device.made.load(Relaxed), device.adds.load(Relaxed)), (1, 6));
}

#[test]
fn a_tile_that_a_device_loses_is_computed_again_and_later_ones_are_left_to_the_cpu() {
    let (a, b) = (numbers(5, 2500, 0), numbers(2500, 3, 1));
    let twice = Array::from_ndarray(a.clone()) + 2.0f32;
    let array = twice.matmul(&Array::from_ndarray(b.clone()));
    let device = Imagined::new(Way::Fails(ErrorKind::Device));
    let right = plain(&(&a + 2.0), &b);
    let first: Vec<f32> = right.iter().map(|v| v + 1.0).collect();
    let mut held = 0;
    let got = read(&array, Some(&device), 3, |reader| {
        assert_eq!((reader.products.tiles.cpu, reader.products.tiles.gpu), (2, 1));
        let [fallback] = reader.products.fallbacks.as_slice() else {
            panic!("{:?}", reader.products.fallbacks);
        };
        assert_eq!(fallback.tasks, 2);
        assert!(fallback.reason.contains("cosmic ray"), "{}", fallback.reason);
        held = reader.bytes();
    });
    assert_eq!(got.unwrap(), [first, right.clone(), right.clone()]);
    // The third tile was not tried: 3 pieces, then 2 of the tile that failed.
    assert_eq!((device.made.load(Relaxed), device.adds.load(Relaxed)), (1, 5));
    // Nothing is held that the CPU alone would not hold.
    let alone = read(&array, None, 3, |reader| {
        assert_eq!(reader.bytes(), held);
        assert_eq!((reader.products.tiles.cpu, reader.products.tiles.gpu), (3, 0));
        assert!(reader.products.fallbacks.is_empty());
    });
    assert_eq!(alone.unwrap(), [right.clone(), right.clone(), right]);
}

#[test]
fn a_refusal_is_counted_and_other_errors_are_errors() {
    let (a, b) = (numbers(4, 1025, 0), numbers(1025, 6, 1));
    let array = Array::from_ndarray(a.clone()).matmul(&Array::from_ndarray(b.clone()));
    let got = read(&array, Some(&Imagined::new(Way::Refuses)), 2, |reader| {
        let expected = Fallback { reason: "it is too dark to multiply".into(), tasks: 2 };
        assert_eq!(reader.products.fallbacks, [expected]);
        assert_eq!((reader.products.tiles.cpu, reader.products.tiles.gpu), (2, 0));
    });
    assert_eq!(got.unwrap(), [plain(&a, &b), plain(&a, &b)]);
    let device = Imagined::new(Way::Fails(ErrorKind::Internal));
    let e = read(&array, Some(&device), 2, |_| {}).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Internal);
}

#[test]
fn products_of_products_and_of_float16_go_to_the_device_too() {
    let (a, b, c) = (numbers(3, 1500, 0), numbers(1500, 4, 1), numbers(4, 2, 2));
    let array = Array::from_ndarray(a.clone())
        .matmul(&Array::from_ndarray(b.clone()))
        .matmul(&Array::from_ndarray(c.clone()));
    let device = Imagined::new(Way::Works);
    let inner = a.dot(&b) + 1.0;
    let expected: Vec<f32> = plain(&inner, &c).iter().map(|v| v + 1.0).collect();
    let got = read(&array, Some(&device), 2, |reader| assert_eq!(reader.products.tiles.gpu, 4)).unwrap();
    assert_eq!(got, [expected.clone(), expected]);
    // The outer one is under way while the inner one multiplies; both are used again.
    assert_eq!(device.made.load(Relaxed), 2);

    let half = |x: &ndarray::Array2<f32>| Array::from_ndarray(x.mapv(f16::from_f32));
    let (a, b) = (numbers(3, 40, 0), numbers(40, 4, 1));
    let array = half(&a).matmul(&half(&b));
    let expected: Vec<f32> = plain(&a, &b).iter().map(|v| f16::from_f32(v + 1.0).to_f32()).collect();
    assert_eq!(read(&array, Some(&Imagined::new(Way::Works)), 1, |_| {}).unwrap(), [expected]);
}

/// The adapter, which is lost at the `lost`th piece.
#[cfg(feature = "gpu")]
struct Adapter {
    context: Arc<gpu::Context>,
    capabilities: Capabilities,
    pieces: Arc<AtomicUsize>,
    lost: usize,
}

#[cfg(feature = "gpu")]
impl Backend for Adapter {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    fn supports(&self, _: &Kernel, _: &[u64]) -> std::result::Result<(), String> {
        Err("it multiplies only".into())
    }
    fn worker_bytes(&self, _: &Kernel, _: &[u64]) -> WorkerBytes {
        WorkerBytes::default()
    }
    fn runner(&self, _: &Kernel, _: &[u64], _: Option<&Arc<Trace>>) -> Result<Box<dyn Runner>> {
        Err(Error::new(ErrorKind::Device, "it multiplies only"))
    }
    fn product(&self, dtype: DType, most: [usize; 3]) -> std::result::Result<Box<dyn Product>, String> {
        let inner = gpu::matmul::product(&self.context, dtype, most, &self.context.abilities())?;
        let (context, pieces) = (Arc::clone(&self.context), Arc::clone(&self.pieces));
        Ok(Box::new(Losing { inner, context, pieces, lost: self.lost }))
    }
}

#[cfg(feature = "gpu")]
struct Losing {
    inner: Box<dyn Product>,
    context: Arc<gpu::Context>,
    pieces: Arc<AtomicUsize>,
    lost: usize,
}

#[cfg(feature = "gpu")]
impl Product for Losing {
    fn begin(&mut self, shape: [usize; 2], c: &mut [u8]) -> Result<()> {
        self.inner.begin(shape, c)
    }
    fn add(&mut self, k: usize, a: &[u8], b: &[u8], c: &mut [u8]) -> Result<()> {
        if self.pieces.fetch_add(1, Relaxed) == self.lost {
            self.context.lose();
        }
        self.inner.add(k, a, b, c)
    }
    fn finish(&mut self, c: &mut [u8]) -> Result<()> {
        self.inner.finish(c)
    }
}

#[test]
#[cfg(feature = "gpu")]
fn an_adapter_multiplies_until_it_is_lost() {
    let wish = std::env::var("CHUNKWISE_GPU").unwrap_or_else(|_| "auto".into());
    let open = || gpu::open(&gpu::Choice::Fastest, 1 << 26);
    if wish == "off" || (wish != "require" && open().is_err()) {
        eprintln!("SKIPPED: no GPU adapter (CHUNKWISE_GPU={wish})");
        return;
    }
    let (a, b) = (numbers(70, 2500, 0), numbers(2500, 33, 1));
    let array = Array::from_ndarray(a.clone()).matmul(&Array::from_ndarray(b.clone()));
    let right = plain(&a, &b);
    for (lost, [cpu, gpu]) in [(usize::MAX, [0, 3]), (4, [2, 1])] {
        let adapter = Adapter {
            context: Arc::new(open().unwrap()),
            capabilities: Imagined::new(Way::Works).capabilities,
            pieces: Arc::default(),
            lost,
        };
        let got = read(&array, Some(&adapter), 3, |reader| {
            assert_eq!([reader.products.tiles.cpu, reader.products.tiles.gpu], [cpu, gpu]);
            assert_eq!(reader.products.fallbacks.iter().map(|f| f.tasks).sum::<u64>(), cpu);
        });
        assert_eq!(got.unwrap(), [right.clone(), right.clone(), right.clone()]);
    }
}
