use chunkwise::*;
fn main() -> Result<()> {
    let a: Vec<String> = std::env::args().collect();
    let x = Array::open(&a[1], &a[2])?;
    let s = Session::builder()
        .threads(a.get(3).map_or(2, |t| t.parse().unwrap()))
        .memory(a.get(4).map_or("512MiB", |v| v))
        .build()?;
    let h = x.histogram(BinAxis::Auto(32));
    let hw = Binned::new([(&x, BinAxis::Uniform { bins: 100, low: 0.0, high: 4.0 })]);
    let m0 = x.mean_with(Over::axis(0));
    let e = (&x - x.mean()).std();
    let v = x.var_with(Over::axis(0).dtype(DType::F64));
    for (name, t) in [
        ("mean", vec![&x.mean() as &dyn Target]),
        ("std", vec![&x.std()]),
        ("hist", vec![&hw]),
        ("hist auto", vec![&h]),
        ("mean0", vec![&m0]),
        ("anom", vec![&e]),
        ("var0", vec![&v]),
        ("expr", vec![&((&x * &x + 1.0).sqrt().sum())]),
        ("log", vec![&x.log10().std()]),
        ("all", vec![&x.mean(), &x.std(), &hw]),
    ] {
        let o = s.run(&t)?;
        let first = match &o.values[0] {
            Value::Array(a) => format!("{:?}", a.scalar(0)),
            Value::Histogram(h) => format!("{:?}", &h.counts()[..5]),
        };
        let r = &o.report;
        println!(
            "{name:10} {first:28} {:.3}s {:.2} GB/s decoded chunks {} bytes {} peak {} proj {} lock {:.3}",
            r.elapsed_s,
            r.bytes_decoded as f64 / r.elapsed_s / 1e9,
            r.chunks_decoded,
            r.bytes_decoded,
            r.peak_host_bytes,
            r.projected_host_bytes,
            r.lock_wait_s
        );
        if a.len() > 5 {
            println!("{}", s.explain(&t)?);
        }
    }
    Ok(())
}
