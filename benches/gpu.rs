//! GPU benches: kernels over resident data as a share of the copy bandwidth, uploads through the staging
//! ring as a share of a plain copy, and whole runs. Each result is compared with the CPU's before it is
//! timed. One command: `cargo bench --bench gpu`; `-- --test` runs each once over little data, `-- --json
//! FILE` writes the table, `-- --adapter NAME` chooses the adapter. `benches/peers/gpu.py` runs this beside
//! CuPy and PyTorch on the same card.

use chunkwise::backend::gpu::matmul::{Choices, GpuProduct, Tiling};
use chunkwise::backend::gpu::{Choice, Gpu, Resident, copy_seconds, upload_seconds};
use chunkwise::backend::{Backend, Product, Runner};
use chunkwise::grid::{Region, c_strides};
use chunkwise::ops::fold::Made;
use chunkwise::ops::kernel::{Block, Kernel, Operand};
use chunkwise::ops::simd::Simd;
use chunkwise::view::Placement;
use chunkwise::{Array, BinAxis, DType, Device, PlanOptions, Session, StoreOptions, Target};
use serde_json::json;

type Any<T> = Result<T, Box<dyn std::error::Error>>;

/// One line of the table.
struct Row {
    name: String,
    /// Seconds, the median.
    seconds: f64,
    /// What is counted per run, and its unit.
    work: f64,
    unit: &'static str,
    /// The limit in the same unit per second, if there is one, and what it is.
    limit: Option<(f64, &'static str)>,
}

impl Row {
    fn rate(&self) -> f64 {
        self.work / self.seconds
    }
}

struct Bench {
    gpu: Gpu,
    smoke: bool,
    rows: Vec<Row>,
}

fn main() -> Any<()> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)).cloned();
    let smoke = args.iter().any(|a| a == "--test");
    let choice = value("--adapter").map_or(Choice::Fastest, |a| Choice::from(a.as_str()));
    let budget = if smoke { 1 << 30 } else { 12 << 30 };
    let gpu = match Gpu::open(&choice, Some(budget), 1) {
        Ok(gpu) => gpu,
        Err(e) => {
            println!("no GPU benches: {e}");
            return Ok(());
        }
    };
    let c = gpu.capabilities().clone();
    println!("{}{}", c.name, if c.software { " (software: its speed says nothing)" } else { "" });
    let mut bench = Bench { gpu, smoke, rows: Vec::new() };
    bench.resident()?;
    bench.products()?;
    bench.ring()?;
    bench.files()?;
    for r in &bench.rows {
        let share = r.limit.map(|(limit, of)| format!("{:5.1} % of {of}", 100.0 * r.rate() / limit));
        println!("{:<34} {:>10.2} {:<6} {}", r.name, r.rate() / 1e9, r.unit, share.unwrap_or_default());
    }
    if let Some(path) = value("--json") {
        let rows: Vec<_> = bench
            .rows
            .iter()
            .map(|r| {
                json!({"name": r.name, "seconds": r.seconds, "work": r.work, "unit": r.unit,
                "share": r.limit.map(|(limit, _)| r.rate() / limit), "of": r.limit.map(|l| l.1)})
            })
            .collect();
        let all = json!({"device": c.name, "software": c.software, "rows": rows});
        std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// The kernel of a target whose plan has one stage.
fn kernel_of(session: &Session, target: &dyn Target) -> Any<Kernel> {
    let plan = session.plan(&[target])?;
    assert_eq!(plan.stages().len(), 1);
    Ok(plan.stages()[0].kernel(None)?)
}

impl Bench {
    fn times(&self) -> u32 {
        if self.smoke { 1 } else { 20 }
    }

    fn measure(&self, mut run: impl FnMut(u32) -> chunkwise::Result<f64>) -> Any<f64> {
        let times = self.times();
        run(1)?;
        let rounds = if self.smoke { 1 } else { 7 };
        let seconds = (0..rounds).map(|_| run(times)).collect::<chunkwise::Result<Vec<_>>>()?;
        Ok(median(seconds) / f64::from(times))
    }

    /// Kernels over data that is on the device.
    fn resident(&mut self) -> Any<()> {
        let n: u64 = if self.smoke { 1 << 18 } else { 1 << 28 };
        let bytes = 4 * n;
        let copy = self.measure(|times| copy_seconds(&self.gpu, bytes, times))?;
        // A copy reads and writes each byte.
        let bandwidth = 2.0 * bytes as f64 / copy;
        self.rows.push(Row {
            name: "copy on the device".into(),
            seconds: copy,
            work: 2.0 * bytes as f64,
            unit: "GB/s",
            limit: None,
        });
        let data: Vec<f32> =
            (0..n).map(|i| ((i.wrapping_mul(2_654_435_761) >> 8) & 0xffffff) as f32 / 16777216.0).collect();
        let operand: &[u8] = bytemuck::cast_slice(&data);
        let x = Array::from_ndarray(ndarray::Array1::from(data.clone()));
        let session = Session::builder().device(Device::Cpu).build()?;
        let bins = |bins: u64| x.histogram(BinAxis::Uniform { bins, low: 0.0, high: 1.0 });
        // Name, target, and how many times the data crosses the memory's edge.
        let mut cases: Vec<(String, Box<dyn Target>, f64)> = vec![
            ("elementwise x * 2 + 1, float32".into(), Box::new(&(&x * 2.0) + 1.0), 2.0),
            ("elementwise exp(x), float32".into(), Box::new(x.exp()), 2.0),
            ("sum, float32, exact".into(), Box::new(x.sum()), 1.0),
            ("std, float32, exact".into(), Box::new(x.std()), 1.0),
            ("max, float32".into(), Box::new(x.max()), 1.0),
            ("argmax, float32".into(), Box::new(x.argmax()), 1.0),
        ];
        for b in [256, 8192] {
            cases.push((format!("histogram, float32, {b} bins"), Box::new(bins(b)), 1.0));
        }
        for (name, target, crossings) in cases {
            let kernel = kernel_of(&session, target.as_ref())?;
            if let Err(why) = self.gpu.supports(&kernel, &[n]) {
                println!("{name}: not on this device: {why}");
                continue;
            }
            let resident = Resident::new(&self.gpu, &kernel, &[n], &[operand])?;
            let seconds = self.measure(|times| resident.run(times))?;
            let work = crossings * bytes as f64;
            self.rows.push(Row { name, seconds, work, unit: "GB/s", limit: Some((bandwidth, "the copy")) });
            check(&kernel, n, operand, Resident::new(&self.gpu, &kernel, &[n], &[operand])?)?;
        }
        Ok(())
    }

    /// Float32 products: the kernel by itself, over operands that are on the device.
    fn products(&mut self) -> Any<()> {
        for n in if self.smoke { vec![128] } else { vec![4096, 8192] } {
            let a: Vec<f32> = (0..n * n).map(|i| (i % 17) as f32 - 8.0).collect();
            let made = GpuProduct::new(
                self.gpu.context(),
                DType::F32,
                [n, n, n],
                self.gpu.abilities(),
                Tiling::Auto,
                Choices::of_user(),
            );
            let mut product = match made {
                Ok(product) => product,
                Err(why) => {
                    println!("matmul {n}: not on this device: {why}");
                    continue;
                }
            };
            let bytes: &[u8] = bytemuck::cast_slice(&a);
            let mut c = vec![0u8; 4 * n * n];
            product.begin([n, n], &mut c)?;
            product.add(n, bytes, bytes, &mut c)?;
            product.finish(&mut c)?;
            // Whole numbers whose sums float32 holds: one row against plain arithmetic.
            let row: Vec<f32> = bytemuck::pod_collect_to_vec(&c[4 * n..8 * n]);
            for (j, &found) in row.iter().enumerate() {
                let right: f32 = (0..n).map(|k| a[n + k] * a[k * n + j]).sum();
                assert_eq!(found, right, "row 1, column {j}");
            }
            product.begin([n, n], &mut c)?;
            product.add(n, bytes, bytes, &mut c)?;
            let seconds = self.measure(|times| product.repeat(n, times))?;
            let work = 2.0 * (n as f64).powi(3);
            let name = format!("matmul, float32, {n}");
            self.rows.push(Row { name, seconds, work, unit: "Gflop/s", limit: None });
        }
        Ok(())
    }

    /// Whole runs from a file, with and without compression: on the GPU, and beside it on the CPU, whose
    /// reading and decoding is the same.
    fn files(&mut self) -> Any<()> {
        let folder = tempfile::tempdir()?;
        let n: u64 = if self.smoke { 1 << 18 } else { 1 << 27 };
        let x = &(Array::random(&[n], 1, DType::F32) * 4096.0).floor() / 4096.0;
        for (name, deflate) in [("no filter", None), ("shuffle + deflate", Some(1))] {
            let path = folder.path().join(format!("{}.h5", deflate.unwrap_or(0)));
            let options = StoreOptions::new().chunks(&[1 << 18]);
            let options = deflate.map_or(options.clone(), |level| options.deflate(level));
            Session::builder().device(Device::Cpu).build()?.store(&path, &[("x", &x)], &options)?;
            let y = Array::open(&path, "x")?;
            let target = (&(&y * 3.0) + 1.0).log10().mean();
            let mut taken = [0.0; 2];
            let mut answers = Vec::new();
            for (k, device) in [Device::Cpu, Device::Gpu].into_iter().enumerate() {
                let session = Session::builder().device(device).build()?;
                let mut seconds = Vec::new();
                for _ in 0..if self.smoke { 1 } else { 5 } {
                    let outcome = session.run(&[&target])?;
                    seconds.push(outcome.report.elapsed_s);
                    answers.push(outcome.values[0].as_array()?.item::<f32>()?.to_bits());
                }
                taken[k] = median(seconds);
            }
            assert!(answers.iter().all(|a| *a == answers[0]), "the devices give different bits");
            self.rows.push(Row {
                name: format!("mean(log10(3 x + 1)), {name}"),
                seconds: taken[1],
                work: 4.0 * n as f64,
                unit: "GB/s",
                limit: Some((4.0 * n as f64 / taken[0], "the CPU's run")),
            });
        }
        Ok(())
    }

    /// Blocks from host memory through the staging ring, by as many workers as there are cores.
    fn ring(&mut self) -> Any<()> {
        let n: u64 = if self.smoke { 1 << 18 } else { 1 << 29 };
        let bytes = 4 * n;
        let chunk = (64u64 << 20).min(bytes);
        let plain = self.measure(|times| upload_seconds(&self.gpu, chunk, times))?;
        let limit = chunk as f64 / plain;
        self.rows.push(Row {
            name: "upload from mapped memory".into(),
            seconds: plain,
            work: chunk as f64,
            unit: "GB/s",
            limit: None,
        });
        let x = Array::from_ndarray(ndarray::Array1::from_elem(n as usize, 0.5f32));
        let session = Session::builder()
            .device(Device::Gpu)
            .plan_options(PlanOptions::new().block_bytes(if self.smoke { 1 << 16 } else { 16 << 20 }))
            .build()?;
        let target = x.max();
        let mut seconds = Vec::new();
        for _ in 0..if self.smoke { 1 } else { 5 } {
            let outcome = session.run(&[&target])?;
            assert_eq!(outcome.values[0].as_array()?.item::<f32>()?, 0.5);
            if outcome.report.tasks.cpu > 0 {
                println!("staging ring: not on this device: {:?}", outcome.report.fallbacks);
                return Ok(());
            }
            seconds.push(outcome.report.elapsed_s);
        }
        self.rows.push(Row {
            name: "max of host memory, streamed".into(),
            seconds: median(seconds),
            work: bytes as f64,
            unit: "GB/s",
            limit: Some((limit, "the plain upload")),
        });
        Ok(())
    }
}

/// Compares what the device made with the CPU's answer, bit for bit.
fn check(kernel: &Kernel, n: u64, operand: &[u8], resident: Resident) -> Any<()> {
    let shape = [n];
    resident.run(1)?;
    let mut made = kernel.terminals.iter().map(|t| t.state(&shape)).collect::<chunkwise::Result<Vec<_>>>()?;
    resident.finish(&mut made)?;
    let cpu = chunkwise::backend::cpu::Cpu::new(1, Simd::best());
    let mut runner: Box<dyn Runner> = cpu.runner(kernel, &shape, None)?;
    let mut right =
        kernel.terminals.iter().map(|t| t.state(&shape)).collect::<chunkwise::Result<Vec<_>>>()?;
    let region = Region::whole(&shape);
    let operands = [Operand::plain(operand, Placement { offset: 0, strides: c_strides(&shape) })];
    runner.run(&Block { region: &region, domain: &shape }, &operands, &mut right)?;
    for (a, b) in made.into_iter().zip(right) {
        let same = match (a.finish()?.0, b.finish()?.0) {
            (Made::Elements(a), Made::Elements(b)) => a[..] == b[..],
            (Made::Histogram(a), Made::Histogram(b)) => a == b,
            _ => false,
        };
        assert!(same, "the device's answer is not the CPU's");
    }
    Ok(())
}
