use chunkwise::*;
fn main() -> Result<()> {
    let x = Array::open("/tmp/t/a.h5", "/x")?;
    let y = Array::open("/tmp/t/a.h5", "/y")?;
    let s = Session::builder().threads(2).memory("64MiB").build()?;
    let d = (x.index([Index::ALL.step(3)]) - y.index([Index::from(0..1000)])).std_with(Over::axis(0));
    println!("{}", s.explain(&[&d, &(&x - x.mean()).std(), &(&x * &y).sum(), &x.t().matmul(&y).sum()])?);
    let o = s.run(&[&d, &(&x - x.mean()).std(), &(&x * &y).sum(), &x.t().matmul(&y).sum()])?;
    println!("{:?}", o.report);
    println!("{:?}", o.values[0].as_array()?.scalar(5));
    println!("{:?}", o.values[3].as_array()?.scalar(0));
    Ok(())
}
