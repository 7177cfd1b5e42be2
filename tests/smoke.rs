use chunkwise::*;

fn data() -> ndarray::ArrayD<f64> {
    ndarray::ArrayD::from_shape_fn(vec![37, 1000], |i| (i[0] * 1000 + i[1]) as f64 * 0.5 - 3.0)
}

#[test]
fn reductions_of_memory() {
    let x = Array::from_ndarray(data());
    let s = Session::builder().threads(2).memory("64MiB").build().unwrap();
    let o = s
        .run(&[
            &x.sum(),
            &x.mean(),
            &x.std(),
            &x.max(),
            &x.argmax(),
            &x.mean_with(Over::axis(0)),
            &x.t().sum_with(Over::axis(1).keepdims()),
        ])
        .unwrap();
    let d = data();
    assert_eq!(o.values[0].as_array().unwrap().item::<f64>().unwrap(), d.sum());
    assert_eq!(o.values[3].as_array().unwrap().item::<f64>().unwrap(), 36999.0 * 0.5 - 3.0);
    assert_eq!(o.values[4].as_array().unwrap().item::<i64>().unwrap(), 36999);
    let m = o.values[5].as_array().unwrap().to_ndarray::<f64>().unwrap();
    assert_eq!(m.shape(), [1000]);
    assert_eq!(m[[3]], d.mean_axis(ndarray::Axis(0)).unwrap()[[3]]);
    let t = o.values[6].as_array().unwrap().to_ndarray::<f64>().unwrap();
    assert_eq!(t.shape(), [1000, 1]);
    println!("{}", s.explain(&[&x.sum(), &((&x - x.mean()).std())]).unwrap());
    println!("{:?}", o.report);
}

#[test]
fn elementwise_and_shapes() {
    let x = Array::from_ndarray(data());
    let s = Session::builder().threads(1).memory("64MiB").build().unwrap();
    let y = (&x * 2.0 + 1.0).index([Index::from(3..9).step(2), Index::ALL.step(-1)]).t();
    let v = s.compute(&y).unwrap().to_ndarray::<f64>().unwrap();
    assert_eq!(v.shape(), [1000, 3]);
    assert_eq!(v[[1, 2]], data()[[7, 998]] * 2.0 + 1.0);
    let c = concatenate(&[x.clone(), &x + 1.0], 1).reshape(&[-1]);
    let v = s.compute(&c).unwrap().to_ndarray::<f64>().unwrap();
    assert_eq!(v.len(), 74000);
    assert_eq!(v[[2000 * 5 + 1003]], data()[[5, 3]] + 1.0);
    let p = s.compute(&x.matmul(&x.t())).unwrap().to_ndarray::<f64>().unwrap();
    let d = data().into_dimensionality::<ndarray::Ix2>().unwrap();
    let q = d.dot(&d.t());
    assert!((p[[3, 4]] - q[[3, 4]]).abs() / q[[3, 4]].abs() < 1e-14);
    let h = s.compute_histogram(&x.histogram(BinAxis::Auto(10))).unwrap();
    assert_eq!(h.counts(), [3700; 10]);
}
