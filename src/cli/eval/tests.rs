use super::*;
use chunkwise::expr::Output;
use chunkwise::expr::catalogue::{self, Entry};
use chunkwise::expr::{Expression, Lowered};
use chunkwise::ops::elementwise::Op;
use chunkwise::ops::reduce::Reduction;
use chunkwise::{Array, DType, Session, Value};
use proptest::prelude::*;

/// `x` is float64 of shape (3, 4), `i` int32 of shape (4,), `b` bool of shape (3, 1).
fn scope() -> Scope {
    let mut scope = Scope::new();
    let x = ndarray::Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f64 - 5.0);
    scope.define("x", Array::from_ndarray(x.into_shared()).made_by("x"));
    let i = ndarray::Array1::from(vec![3i32, -1, 0, 7]);
    scope.define("i", Array::from_ndarray(i.into_shared()).made_by("i"));
    let b = ndarray::Array2::from_shape_fn((3, 1), |(i, _)| i != 1);
    scope.define("b", Array::from_ndarray(b.into_shared()).made_by("b"));
    scope
}

fn lower(text: &str) -> Result<Lowered, chunkwise::Error> {
    Expression::parse(text)?.lower(&scope())
}

fn output(text: &str, scope: &Scope) -> Output {
    Expression::parse(text).and_then(|e| e.output(scope)).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Every name that can be called.
fn names() -> impl Iterator<Item = &'static str> {
    let callable = catalogue::entries().iter().filter(|e| e.is_function());
    callable.flat_map(|e: &Entry| std::iter::once(e.name).chain(e.aliases.iter().copied()))
}

fn value(text: &str) -> Value {
    computed(text).1
}

/// What is asked, and its answer.
fn computed(text: &str) -> (Output, Value) {
    let session = Session::builder().threads(1).memory("64MiB").build().unwrap();
    let output = output(text, &scope());
    let mut values = session.run(&[&output]).unwrap_or_else(|e| panic!("{text}: {e}")).values;
    (output, values.remove(0))
}

fn shown(text: &str) -> String {
    let (output, value) = computed(text);
    named("_", &of(&output), &value).unwrap().trim_start_matches("_ =").trim().to_string()
}

/// What a mask selects stays whole where the mask can be a reduction's own, and is found first anywhere else: the values
/// are the same.
#[test]
fn selections_are_those_of_numpy() {
    // Right sides as NumPy 2 prints them.
    for (text, wanted) in [
        ("sum(x[x > 0])", "21.0"),
        ("mean(x[x > 0] * 2)", "7.0"),
        ("x[x > 0].std(ddof=1)", "1.8708286933869707"),
        ("max(x[x < 0])", "-1.0"),
        ("median(x[x > 0])", "3.5"),
        ("percentile(x[x > 0], [50, 100])", "[3.5 6. ]"),
        ("sum(x[x > 0] * x[x > 0])", "91.0"),
        ("(x[x > 0] + x[x < -2][:1]).sum()", "-9.0"),
        ("2 ** i[i >= 0]", "[  8   1 128]"),
        ("sum(2 ** i[i >= 0])", "137"),
        ("sum(7 // i[i != 0])", "-4"),
        ("sum(7 % i[i > 0])", "1"),
        ("reciprocal(i[i != 0])", "[ 0 -1  0]"),
        ("x[b[:, 0]].sum(axis=0)", "[-2.  0.  2.  4.]"),
        ("x[b[:, 0]].sum(axis=1)", "[-14.  18.]"),
        ("x[b[:, 0]].mean(axis=(0, 1))", "0.5"),
        ("x[b[:, 0]].sum(axis=0, keepdims=True)", "[[-2.  0.  2.  4.]]"),
        ("x[b[:, 0]]", "[[-5. -4. -3. -2.]\n [ 3.  4.  5.  6.]]"),
        ("x[b[:, 0]] * i", "[[-15.   4.  -0. -14.]\n [  9.  -4.   0.  42.]]"),
        ("sum(x[b[:, 0]] ** 2)", "140.0"),
        ("x[x > 3]", "[4. 5. 6.]"),
        ("x[x > 3].shape", "[3]"),
        ("x[x > 3].size", "3"),
        ("x[x > 3].ndim", "1"),
        ("x[x > 3][::-1]", "[6. 5. 4.]"),
        ("x[x > 3].astype(int32)", "[4 5 6]"),
        ("argmax(x[x > 0])", "5"),
        ("any(x[x > 0] > 5)", "True"),
        ("count_nonzero(i[i > -1])", "2"),
        ("ptp(x[x < 0])", "4.0"),
        ("average(x[x > 0], weights=x[x > 0])", "4.333333333333333"),
        ("histogram(x[x > 0], 3, density=True)", "[0.2 0.2 0.2]"),
        ("cumsum(x[x > 3])", "[ 4.  9. 15.]"),
        ("sqrt(x[x >= 0])[:2]", "[0. 1.]"),
        ("clip(i[i > 0], 0, 5)", "[3 5]"),
        ("sum(x[x > 100])", "0.0"),
        ("prod(i[i != 0])", "-21"),
        ("-x[x > 4]", "[-5. -6.]"),
        ("where(x[x > 3] > 5, 1, 0)", "[0 0 1]"),
        ("sum(x[x > 0], where=x[x > 0] > 4)", "11.0"),
        ("x[x > 2][x[x > 2] > 4]", "[5. 6.]"),
        ("min(x[x == x])", "-5.0"),
        ("int8(x[x > 4])", "[5 6]"),
        ("var(x[(x > 0) & (x < 5)])", "1.25"),
        ("any(x[x > 100])", "False"),
        ("concatenate([x[x > 4], i])", "[ 5.  6.  3. -1.  0.  7.]"),
        ("all(x[x > 100] > 3)", "True"),
        ("mean(where(x[x>0] > 2, x[x>0], 0))", "3.0"),
    ] {
        assert_eq!(shown(text), wanted, "{text}");
    }
    let smallest_of_nothing = output("min(x[x > 100])", &scope());
    let e = Session::new().unwrap().run(&[&smallest_of_nothing]).map(|_| ()).unwrap_err();
    assert!(e.to_string().contains("zero-size array"), "{e}");
}

/// Reductions of what a mask selects find no positions first.
#[test]
fn selections_stay_whole_for_reductions() {
    for text in ["x[x > 0]", "x[x > 0] * 2", "x[b[:, 0]] ** 2", "sqrt(x[x > 0]).clip(0, 1)", "int8(x[x > 0])"]
    {
        assert!(format!("{:?}", lower(text)).starts_with("Ok(Selection("), "{text}");
    }
    let mut scope = Scope::new();
    let x = Array::random(&[1 << 20], 7, DType::F32);
    scope.define("x", x);
    let session = Session::builder().threads(1).memory("8MiB").build().unwrap();
    scope.compute_with(&session);
    for text in ["mean(x[x > 0.5])", "median(x[x < 0.9])", "histogram(x[x > 0.1], 10)"] {
        session.run(&[&output(text, &scope)]).unwrap();
    }
    let wanted = Expression::parse("argmax(x[x > 0.5])").unwrap().lower(&scope).unwrap_err().to_string();
    assert!(wanted.contains("positions do not fit"), "{wanted}");
}

#[test]
fn values_are_those_of_numpy() {
    // Right sides as NumPy 2 prints them.
    for (text, wanted) in [
        ("x.sum()", "6.0"),
        ("sum(x, axis=0)", "[-3.  0.  3.  6.]"),
        ("mean(x, axis=(0, 1), keepdims=True)", "[[0.5]]"),
        ("x.sum(axis=-1)", "[-14.   2.  18.]"),
        ("std(x, ddof=1)", "3.605551275463989"),
        ("mean(x, where=x > 0)", "3.5"),
        ("sum(i, dtype=float64)", "9.0"),
        ("average(x, weights=i, axis=1)", "[-2.77777778  1.22222222  5.22222222]"),
        ("argmax(x)", "11"),
        ("any(x > 5, axis=1)", "[False False  True]"),
        ("x[1, ::-1]", "[ 2.  1.  0. -1.]"),
        ("x[-1, None, 1:3]", "[[4. 5.]]"),
        ("x[..., 0]", "[-5. -1.  3.]"),
        ("x.T.shape", "[4 3]"),
        ("x.shape[1] * 2", "8"),
        ("x.size + x.ndim", "14"),
        ("2 ** i[2:]", "[  1 128]"),
        ("i / 2", "[ 1.5 -0.5  0.   3.5]"),
        ("i // 2", "[ 1 -1  0  3]"),
        ("i % 2 == 1", "[ True  True False  True]"),
        ("~(x[0] > -4) & (i < 5)", "[ True  True False False]"),
        ("where(b, x, 0)[:, 0]", "[-5.  0.  3.]"),
        ("clip(i, 0, 5)", "[3 0 0 5]"),
        ("x.clip(min=0, max=1)[2]", "[1. 1. 1. 1.]"),
        ("clip(i, None, 2)", "[ 2 -1  0  2]"),
        ("clip(i, a_min=1)", "[3 1 1 7]"),
        ("float32(i) / 2", "[ 1.5 -0.5  0.   3.5]"),
        ("x.astype(int8)[0]", "[-5 -4 -3 -2]"),
        ("int32(2.7)", "2"),
        ("bool(3)", "True"),
        ("(x @ x.T)[0]", "[ 54.  -2. -58.]"),
        ("i @ i", "59"),
        ("x @ i", "[-25.  11.  47.]"),
        ("dot(i[:3], x)", "[-14. -12. -10.  -8.]"),
        ("i.dot(2)", "[ 6 -2  0 14]"),
        ("(stack([x, x]) @ x.T).shape", "[2 3 3]"),
        ("(stack([x, -x]) @ x.T)[1, 0]", "[-54.   2.  58.]"),
        ("histogram(i, 4, density=True)", "[0.25  0.    0.125 0.125]"),
        ("histogram2d(i, i, 2, density=True)", "[[0.03125 0.     ]\n [0.      0.03125]]"),
        ("average(i, weights=[1, 2, 3, 4], where=i > 0)", "6.2"),
        ("x.reshape(2, -1)[0]", "[-5. -4. -3. -2. -1.  0.]"),
        ("ravel(x.transpose(1, 0))[:4]", "[-5. -1.  3. -4.]"),
        ("squeeze(expand_dims(i, 0))", "[ 3 -1  0  7]"),
        ("broadcast_to(i, (2, 4))[1]", "[ 3 -1  0  7]"),
        ("concatenate((i, [1.5]))", "[ 3.  -1.   0.   7.   1.5]"),
        ("stack([i, i], axis=-1)[0]", "[3 3]"),
        ("pad(i, 1, mode='edge')", "[ 3  3 -1  0  7  7]"),
        ("pad(i, (2, 0))", "[ 0  0  3 -1  0  7]"),
        ("pad(i, 1, mode='reflect')", "[-1  3 -1  0  7  0]"),
        ("x.pad(((1, 0), (0, 2)), 'wrap')[0]", "[3. 4. 5. 6. 3. 4.]"),
        ("gradient(i)", "[-4.  -1.5  4.   7. ]"),
        ("gradient(x, 2, axis=1, edge_order=2)[0]", "[0.5 0.5 0.5 0.5]"),
        ("convolve([1, 2, 3], [0, 1, 0.5])", "[0.  1.  2.5 4.  1.5]"),
        ("convolve(i, [1, 1], mode='valid')", "[ 2 -1  7]"),
        ("i.cumsum()", "[3 2 2 9]"),
        ("cumsum(x, axis=0)[2]", "[-3.  0.  3.  6.]"),
        ("cumsum(b, axis=0, dtype=float64)[:, 0]", "[1. 1. 2.]"),
        ("x.cumsum()[-1]", "6.0"),
        ("cumprod(i[:2])", "[ 3 -3]"),
        ("nancumsum([1, nan, 2])", "[1. 1. 3.]"),
        ("nancumprod([2, nan, 2])", "[2. 2. 4.]"),
        ("median(x, axis=1, where=x > -4)", "[-2.5  0.5  4.5]"),
        ("quantile(x, 0.5, axis=1, method='inverted_cdf', weights=[1, 0, 0, 2])", "[-2.  2.  6.]"),
        ("groupby_reduce(x, [1, 0, 1, 1], 'median', axis=1)", "[[-4. -3.]\n [ 0.  1.]\n [ 4.  5.]]"),
        ("groupby_reduce(i, b[:, 0][[0, 1, 2, 0]], 'quantile', q=0.5, method='lower')", "[-1  3]"),
        ("x[[0, 2], [1, -1]]", "[-4.  6.]"),
        ("x[b[:, 0], [1, 2]]", "[-4.  5.]"),
        ("cummax(i)", "[3 3 3 7]"),
        ("cummin(i, -1)", "[ 3 -1 -1 -1]"),
        ("cumulative_sum(i, include_initial=True)", "[0 3 2 2 9]"),
        ("cumulative_prod(i, dtype=float32)", "[ 3. -3. -0. -0.]"),
        ("histogram_bin_edges(x, 'sqrt')", "[-5.   -2.25  0.5   3.25  6.  ]"),
        ("histogram(x, [-6, 0, 7], axis=1)", "[[4 0]\n [1 3]\n [0 4]]"),
        (
            "histogram(x, 2, range=(-5, 6), density=True, axis=-1)",
            "[[0.18181818 0.        ]\n [0.09090909 0.09090909]\n [0.         0.18181818]]",
        ),
        ("binned_statistic(x, x, 'max', [-6, 0, 7], axis=0)[0]", "[-1.  3.]"),
        ("histogram_bin_edges(i, 4)", "[-1.  1.  3.  5.  7.]"),
        ("binned_statistic(i, i, 'count', 4)", "[2 0 1 1]"),
        ("median(x)", "0.5"),
        ("np.median(x)", "0.5"),
        ("numpy.linalg.norm([3, 4])", "5.0"),
        ("np.sum([2, 3, 4] > np.pi, dtype=np.int8) + np.int8(1)", "2"),
        ("i.median(axis=0, keepdims=True)", "[1.5]"),
        ("nanmedian([1, nan, 3], 0)", "2.0"),
        ("quantile(x, 0.3, axis=1)", "[-4.1 -0.1  3.9]"),
        ("x.quantile([0, 0.5], axis=0)", "[[-5. -4. -3. -2.]\n [-1.  0.  1.  2.]]"),
        ("percentile(i, 50, method='lower')", "0"),
        ("percentile(float32(i), (25, 75), method='weibull')", "[-0.75  6.  ]"),
        ("nanquantile([nan, 4, 8], 0.25)", "5.0"),
        ("nanpercentile([nan, 4, 8], 100, keepdims=True)", "[8.]"),
        ("arange(3)", "[0 1 2]"),
        ("arange(1, 2, 0.5)", "[1.  1.5]"),
        ("arange(3, dtype=float32) / 2", "[0.  0.5 1. ]"),
        ("linspace(0, 1, 5)", "[0.   0.25 0.5  0.75 1.  ]"),
        ("zeros((2, 2), dtype=int8) + ones(2)", "[[1. 1.]\n [1. 1.]]"),
        ("full(2, 7)", "[7 7]"),
        ("array([[1, 2], [3, 4]]).sum(axis=0)", "[4 6]"),
        ("array([True, False])", "[ True False]"),
        ("array([2**63])", "[9223372036854775808]"),
        ("(b ** 2).itemsize + 10 * power(b, 2).itemsize", "81"),
        ("(float32([1.1, 0.1]) / 3) ** 2 == square(float32([1.1, 0.1]) / 3)", "[ True  True]"),
        ("float16([-0.0, -inf]) ** 0.5", "[-0. nan]"),
        ("power(float16([-0.0, -inf]), 0.5)", "[ 0. inf]"),
        ("i ** 0.5 == sqrt(i)", "[ True False  True  True]"),
        ("i[:1] ** -1.0", "[0.33333333]"),
        ("sqrt(2)", "1.4142135623730951"),
        ("2**-1 + 7//2", "3.5"),
        ("-2**2", "-4"),
        ("sin(pi / 2)", "1.0"),
        ("maximum(x[0], nan)", "[nan nan nan nan]"),
        ("hypot(3, 4)", "5.0"),
        ("random((2,), seed=1) < 1", "[ True  True]"),
    ] {
        assert_eq!(shown(text), wanted, "{text}");
    }
}

/// Lists, masks and what finds them, on `arange(60).reshape(3, 4, 5)`: NumPy 2's shapes, and its elements multiplied by
/// their places, from 1 on, and added up.
#[test]
fn lists_and_masks_choose_what_they_choose_in_numpy() {
    let cases: &[(&str, &[u64], i64)] = &[
        ("x[[2,0]]", &[2, 4, 5], 17520),
        ("x[:, [3,1,1]]", &[3, 3, 5], 39735),
        ("x[..., [0,-1]]", &[3, 4, 2], 11734),
        ("x[0, [1,2]]", &[2, 5], 605),
        ("x[0, :, [1,2]]", &[2, 4], 382),
        ("x[[1,2], :, 0]", &[2, 4], 1560),
        ("x[None, [1,2]]", &[1, 2, 4, 5], 37720),
        ("x[[1], None, 2]", &[1, 1, 5], 490),
        ("x[:, [[0,1],[2,3]]]", &[3, 2, 2, 5], 71980),
        ("x[x > 30]", &[29], 21605),
        ("x[[True,False,True]]", &[2, 4, 5], 33520),
        ("x[:, [True,False,True,True], 1]", &[3, 3], 1725),
        ("x[1, x[1] % 2 == 0]", &[10], 1760),
        ("x[x[:,:,0] > 10]", &[9, 5], 45885),
        ("x[[]]", &[0, 4, 5], 0),
        ("x[0, None, [1,2]]", &[2, 1, 5], 605),
        ("x[1:, ..., [4,0]]", &[2, 4, 2], 6196),
        ("x[:, 1, [0,1]]", &[3, 2], 697),
        ("x[[0,1], 1]", &[2, 5], 1205),
        ("x[..., 0, [0,1]]", &[3, 2], 592),
        ("take(x, [[1,0],[5,2]])", &[2, 2], 24),
        ("take(x,[1,-1],axis=1)", &[3, 2, 5], 19315),
        ("compress([0,1,1],x,axis=0)", &[2, 4, 5], 37720),
        ("extract(x>40,x)", &[19], 10070),
        ("flatnonzero(x%7==0)", &[9], 1680),
        ("argwhere(x%11==0)", &[6, 3], 278),
        ("nonzero(x>50)[2]", &[9], 110),
        ("x[argmax(x[:,0,0])]", &[4, 5], 11060),
        ("compress(x[0,0]>2, x, axis=-1)", &[3, 4, 2], 12166),
    ];
    let mut scope = Scope::new();
    scope.define("x", Array::arange_int(0, 60, 1).reshape(&[3, 4, 5]).made_by("x"));
    let session = Session::builder().threads(1).memory("64MiB").build().unwrap();
    for (text, shape, sum) in cases {
        let values = session.run(&[&output(text, &scope)]).unwrap().values;
        let array = values[0].as_array().unwrap();
        assert_eq!(array.shape(), *shape, "{text}");
        let added: i64 = (1..).zip(array.as_slice::<i64>().unwrap()).map(|(k, v)| k * v).sum();
        assert_eq!(added, *sum, "{text}");
    }
}

#[test]
fn several_lists_choose_as_numpy() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/index.json");
    let cases: Vec<(String, Vec<u64>, Vec<i64>)> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() > 200);
    for (text, shape, right) in cases {
        let Value::Array(got) = value(&text) else { panic!("{text}") };
        assert_eq!((got.shape(), got.as_slice::<i64>().unwrap()), (&shape[..], &right[..]), "{text}");
    }
}

#[test]
fn histograms_take_numpy_arguments() {
    let h = |text: &str| match value(text) {
        Value::Histogram(h) => h,
        _ => panic!("{text}"),
    };
    assert_eq!(h("histogram(x)").counts().len(), 10);
    assert_eq!(h("histogram(x, 4)").counts(), [3, 3, 3, 3]);
    assert_eq!(h("histogram(x, bins=2, range=(0, 6))").counts(), [3, 4]);
    assert_eq!(h("histogram(x, bins='auto')").counts(), [3, 2, 2, 2, 3]);
    assert_eq!(h("histogram(x, 'fd', range=(0, 4), where=x < 9)").counts(), [2, 3]);
    let cut = h("x.histogram(bins=[0, 1, 5], where=b)");
    assert_eq!((cut.counts(), cut.underflow(), cut.overflow(), cut.total()), (&[0, 3][..], 4, 1, 8));
    assert_eq!(h("histogram(x, bins=linspace(0, 6, 3))").edges()[0], [0.0, 3.0, 6.0]);
    let weighted = h("histogram(i, bins=2, weights=[0.5, 1, 2, 4])");
    assert_eq!(weighted.weights().map(|(d, b)| (d, b.len())), Some((DType::F64, 16)));
    let log = h("histogram(x, bins=2, range=(1, 100), log=True)");
    assert!((log.edges()[0][1] - 10.0).abs() < 1e-12 && log.nonpositive() == 6);
    assert_eq!(h("histogram2d(x, i, bins=(3, 2))").shape(), [3, 2]);
    assert_eq!(h("histogram2d(x, i, bins=[0, 1, 2])").shape(), [2, 2]);
    assert_eq!(h("histogram2d(x, x, bins=([0, 1], 5))").shape(), [1, 5]);
    assert_eq!(h("histogram2d(x, x, bins=2, range=((0, 1), None))").edges()[0], [0.0, 0.5, 1.0]);
    assert_eq!(h("histogramdd((x, x, x), bins=2, log=(False, True, False))").shape(), [2, 2, 2]);
}

#[test]
fn histograms_read_well() {
    let text = shown(
        "histogram([1, 1, 1, 5e8, nan, -3], bins=[0, 0.25, 2.5, 123456789, 1e9], weights=[1, 2, 3, 4, 5, 6])",
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "histogram of 6 values in 4 bins, 1 below, 1 NaN");
    assert_eq!(lines[1], "       from         to  count  weight");
    assert_eq!(lines[2], "          0       0.25      0       0");
    assert!(lines[3].starts_with("       0.25        2.5      3       6  ████"), "{text}");
    assert!(lines[4].ends_with("1.23457e8      0       0"), "{text}");
    let long = shown("histogram(arange(1000), bins=100)");
    assert!(long.contains("… 76 bins …") && long.lines().count() == 27, "{long}");
    let map = shown("histogram2d([0, 1, 1], [0, 1, 1], bins=2)");
    assert!(map.contains("1 | @|\n") && map.contains("0 |. |\n"), "{map}");
    assert!(map.ends_with("counts =\n[[1 0]\n [0 2]]"), "{map}");
}

/// Labels say what they are of, and stand apart however narrow the map is.
#[test]
fn labels_of_histograms_have_names_and_room() {
    let text = shown("histogram(x * 2, bins=2, weights=x)");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "histogram of x * 2: 12 values in 2 bins");
    assert!(lines[1].split_whitespace().eq(["from", "to", "count", "x"]), "{text}");
    let text = shown("histogram2d(i, i ** 2, bins=(2, 1), range=((-1000.5, 1000.5), (0, 1)), weights=i)");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "histogram of i and i ** 2: 4 values in 2 × 1 bins, 2 outside");
    assert_eq!(lines[1], "  i ** 2, upwards");
    assert!(lines[2].starts_with("  0 to 1 |") && lines[2].ends_with('|'), "{text}");
    assert_eq!(lines[3].trim_end(), "          -1000.5  1000.5");
    assert_eq!(lines[4], "          i, to the right; shades: i");
}

#[test]
fn every_row_is_reached_by_its_names() {
    for op in Op::all() {
        let row = op.row();
        for name in std::iter::once(&row.name).chain(row.aliases) {
            // Of bools, integers and floats each row takes at least one.
            let reached = ["b", "i", "x"].iter().any(|operand| {
                let args = vec![*operand; op.arity()].join(", ");
                lower(&format!("{name}({args})")).is_ok()
            });
            assert!(reached, "{name}");
            let params = &catalogue::find(name).unwrap().call.as_ref().unwrap().params;
            let keywords: Vec<String> =
                params.iter().take(op.arity()).map(|p| format!("{}=i", p.name)).collect();
            if lower(&format!("{name}({})", vec!["i"; op.arity()].join(", "))).is_ok() {
                assert!(lower(&format!("{name}({})", keywords.join(", "))).is_ok(), "{name}");
            }
        }
    }
    for reduction in Reduction::all() {
        let (name, row) = (reduction.name(), reduction.row());
        for text in
            [format!("{name}(x)"), format!("x.{name}(axis=1, keepdims=True)"), format!("{name}(x, 0)")]
        {
            assert!(lower(&text).is_ok(), "{text}");
        }
        for (keyword, takes) in [
            ("dtype=float64", row.takes_dtype),
            ("ddof=1", row.takes_ddof),
            ("where=b", row.takes_where),
            ("weights=x", row.inputs == 2),
        ] {
            let text = format!("{name}(x, {keyword})");
            assert_eq!(lower(&text).is_ok(), takes, "{text}");
        }
    }
    for dtype in DType::ALL {
        assert!(lower(&format!("{dtype}(x) + x.astype({dtype}) + x.astype('{dtype}')")).is_ok());
    }
    let mut all: Vec<&str> = names().collect();
    all.sort_unstable();
    let before = all.len();
    all.dedup();
    assert_eq!(all.len(), before, "a name means two things");
}

#[test]
fn errors_point_at_their_place() {
    for (text, under, says) in [
        ("1 + x + array([1, 2, 3])", "1 + x + array([1, 2, 3])", "(3, 4) and (3,)"),
        ("1 + (x + array([1, 2, 3]))", "x + array([1, 2, 3])", "do not broadcast"),
        ("mean(rho)", "rho", "unknown name 'rho'"),
        ("meam(x)", "meam", "did you mean 'mean'?"),
        ("rms(x)", "rms", "there is no function 'rms'"),
        ("x.sem()", "sem", "write std(x, ddof=1) / sqrt(x.size)"),
        ("clip(x, 1, min=0)", "0", "a_min and min"),
        ("1 + sum(x, axis=7)", "7", "axis 7"),
        ("x.sum(axis=x)", "x", "axis must be"),
        ("sum(x, axes=1)", "axes", "did you mean 'axis'?"),
        ("sum(x, foo=1)", "foo", "sum(a, axis=None, dtype=None, *, keepdims=False, where=True)"),
        ("sum(x, a=1)", "a", "twice"),
        ("x[3]", "x[3]", "index 3 is out of bounds"),
        ("x[x]", "x", "cannot be an index"),
        ("x[uint64([18446744073709551615])]", "uint64([18446744073709551615])", "beyond int64"),
        ("x[0, 0, 0]", "x[0, 0, 0]", "3 indices"),
        ("x[::0]", "x[::0]", "step"),
        ("numpy.foo(x)", "foo", "no function 'foo'"),
        ("np.x", "x", "unknown name 'np.x'"),
        ("np.mean", "mean", "is a function"),
        ("x.linalg.norm(x)", "linalg", "no attribute"),
        ("x + mean", "mean", "is a function"),
        ("x.foo", "foo", "no attribute"),
        ("x.foo()", "foo", "no function 'foo'"),
        ("clip(x, None, None)", "clip(x, None, None)", "needs a bound"),
        ("sqrt(x, 2)", "2", "takes 1 argument without a name"),
        ("x << 1.5", "x << 1.5", "left_shift"),
        ("histogram(x) + 1", "histogram(x)", "its counts are histogram(…)[0]"),
        ("x[[0, 1], [0, 1, 2]]", "[0, 1], [0, 1, 2]", "do not broadcast"),
        ("x[[0, 1], [0, 4]]", "[0, 1], [0, 4]", "index 4 is out of bounds"),
        ("x[[0, 1], [True, False]]", "[True, False]", "the mask has length 2 along axis 1"),
        ("groupby_reduce(i, i, 'mean', q=0.5)", "0.5", "only 'quantile'"),
        ("groupby_reduce(i, i, 'quantile')", "groupby_reduce(i, i, 'quantile')", "needs q"),
        ("histogram(x, bins=0)", "0", "at least one bin"),
        ("histogram(x, bins='knuth')", "'knuth'", "the rules are auto, fd"),
        ("histogram(x, bins='auto', weights=x)", "'auto'", "weighted data"),
        ("histogram2d(x, x, bins='fd')", "'fd'", "one dimension"),
        ("histogram(x, bins='fd', log=True)", "'fd'", "equal bins"),
        ("histogram(x / 0, bins='fd')", "'fd'", "infinities"),
        ("histogram(x, bins=[0, 1], range=(0, 1))", "(0, 1)", "no meaning"),
        ("histogram(x, bins=(1, 0))", "histogram(x, bins=(1, 0))", "edges"),
        ("histogram(x, normed=True)", "normed", "weights="),
        ("histogram(i, bins=[0, 9007199254740993])", "9007199254740993", "edges are float64, which has not"),
        ("histogram(i, bins=array([0, 2**53 + 1]))", "array([0, 2**53 + 1])", "9007199254740993"),
        ("x @ x", "x @ x", "core dimension, 3 is not 4"),
        ("histogram2d(x, x, range=(0, 1, 2))", "(0, 1, 2)", "3 entries for 2"),
        ("int8(300)", "300", "out of bounds for int8"),
        ("x['a']", "'a'", "has no fields"),
        ("x.astype(float31)", "float31", "unknown name"),
        ("x.astype('float31')", "'float31'", "the dtypes are"),
        ("array([[1, 2], [3]])", "[3]", "rectangle"),
        ("1 / (2 - 2)", "1 / (2 - 2)", "division by zero"),
        ("zeros(-1)", "-1", "negative"),
        ("zeros(2**70)", "2**70", "too large"),
        ("zeros((2**40, 2**40))", "zeros((2**40, 2**40))", "too large"),
        ("i[:1.5]", "1.5", "a slice's bound"),
        ("quantile(x, 1.5)", "quantile(x, 1.5)", "from 0 to 1"),
        ("quantile(x, x)", "x", "known before anything is computed"),
        ("percentile(x, 5, method='cubic')", "'cubic'", "inverted_cdf"),
        ("quantile(b, 0.5)", "quantile(b, 0.5)", "bools"),
    ] {
        let e = lower(text).err().unwrap_or_else(|| panic!("{text} is no error"));
        let message = e.to_string();
        assert!(message.contains(says), "{text}: {message}");
        assert_eq!(e.kind(), chunkwise::ErrorKind::Expression, "{text}");
        let caret = message.lines().find(|l| l.trim_start().starts_with('^')).unwrap_or_default();
        let at = caret.find('^').unwrap_or(0) - 2;
        let got = &text[at..at + caret.trim().len()];
        assert_eq!(got, under, "{text}\n{message}");
        assert!(!message.contains(".rs"), "{message}");
    }
}

#[test]
fn long_sums_end_in_an_error_and_not_in_a_crash() {
    let long = |n: usize| vec!["x"; n].join(" + ");
    assert!(lower(&long(2000)).is_ok());
    assert!(lower(&long(20_000)).unwrap_err().message().contains("at most"));
}

fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        5 => prop::sample::select(vec!["x", "i", "b"]).prop_map(String::from),
        3 => prop::sample::select(vec![
            "0", "1", "-1", "2", "3.5", "1e308", "True", "None", "pi", "nan", "inf", "float32", "'int8'", "9223372036854775808",
            "(0, 1)", "[0, 1, 2]", "'auto'", "'median'", "[True, False, True]", "()", "[]", "(None, 1)", "((0, 1), (0, 1))",
        ]).prop_map(String::from),
    ];
    let functions: Vec<&'static str> = names().collect();
    let keywords = vec![
        "axis", "keepdims", "dtype", "where", "weights", "ddof", "bins", "range", "log", "shape", "seed",
        "num", "q", "method", "indices",
    ];
    let symbols = vec!["+", "-", "*", "/", "//", "%", "**", "@", "<", "==", "&", "|", "^", "<<", ">>"];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let arg = (prop::option::weighted(0.3, prop::sample::select(keywords.clone())), inner.clone());
        prop_oneof![
            (inner.clone(), prop::sample::select(symbols.clone()), inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (prop::sample::select(vec!["-", "~", "+"]), inner.clone())
                .prop_map(|(op, a)| format!("{op}({a})")),
            (prop::sample::select(functions.clone()), prop::collection::vec(arg, 0..4)).prop_map(
                |(f, args)| {
                    let mut args = args;
                    args.sort_by_key(|(k, _)| k.is_some());
                    let args: Vec<String> =
                        args.into_iter().map(|(k, v)| k.map_or(v.clone(), |k| format!("{k}={v}"))).collect();
                    format!("{f}({})", args.join(", "))
                }
            ),
            (inner.clone(), prop::sample::select(vec!["T", "shape", "size", "dtype", "mean(0)", "foo"]))
                .prop_map(|(a, attribute)| format!("({a}).{attribute}")),
            (inner.clone(), prop::collection::vec(inner.clone(), 1..3))
                .prop_map(|(a, parts)| format!("({a})[{}]", parts.join(":"))),
            (inner.clone(), inner.clone()).prop_map(|(a, k)| format!("({a})[{k}, ..., None]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, k, l)| format!("({a})[{k}, {l}]")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_parses_panics(text in expressions()) {
        if let Ok(expression) = Expression::parse(&text) {
            let scope = scope();
            match expression.lower(&scope) {
                Ok(lowered) => drop(expression.output_of(lowered, &scope)),
                // The caret is where the text is.
                Err(e) => prop_assert!(e.to_string().contains('^'), "{}: {}", text, e),
            }
        }
    }
}
