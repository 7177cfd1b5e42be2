//! The works: a row says what is computed, how much that is, what bounds it, and how its answer is checked.

use super::check::{self, Answer};
use super::data::{GROUPS, Manifest, Set};
use super::inputs::{Inputs, KERNEL, TAKEN, TASK_COUNT, TOP};
use super::result::Unit;
use chunkwise::{Array, BinAxis, Binned, ConvolveMode, DType, Error, Index, Labels, Over, Reduction, Result};
use ndarray::Array1;

/// What is timed.
pub enum Question {
    /// A value, which is made anew each time.
    Array(Array),
    /// An array of float32 that goes into memory that is used again.
    Into(Array),
    /// The same of float64.
    IntoWide(Array),
    /// Bins.
    Bins(Binned),
}

/// What bounds a work, and how much of it it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Least {
    /// Bytes that are read from memory.
    Read(f64),
    /// A plain sum of the float32, or the float64, column, timed in turns.
    PlainSum(DType),
    /// Bytes read and written.
    Copy(f64),
    /// Multiplications and additions.
    Flops(f64),
    /// Columns of a file, decoded, timed in turns.
    Decode(&'static [&'static str]),
    /// Columns of a file, read and summed, timed in turns.
    Reads(&'static str, &'static [&'static str]),
    /// Multiplications and additions at the rate of our own product in memory.
    OwnProduct(f64),
    /// Nothing physical.
    Nothing,
}

/// A row of the table of works.
pub struct Work {
    pub key: String,
    pub title: &'static str,
    pub group: &'static str,
    pub unit: Unit,
    pub amount: f64,
    pub least: Least,
    /// The budget, in bytes.
    pub memory: u64,
    /// Bytes of one block, where that is not the planner's own choice.
    pub block_bytes: Option<u64>,
    /// At most so many rounds.
    pub rounds: usize,
    pub ask: fn(&Inputs, &str) -> Result<Question>,
    pub check: fn(&Inputs, &str, &Answer) -> Result<check::Verdict>,
}

impl Work {
    /// How the columns are stored, for works on files.
    pub fn storage(&self) -> &str {
        self.key.split_once('.').map_or("", |(_, storage)| storage)
    }
}

const MEMORY: &str = "in memory";
const NEIGHBOURS: &str = "HDF5, shuffle + deflate, neighbours";
const TASKS: &str = "scheduling";
const PRODUCT: &str = "HDF5, chunks of 1024 x 1024";
/// Budgets.
const IN_MEMORY: u64 = 1 << 30;
const FILES: u64 = 256 << 20;
const OUT_OF_CORE: u64 = 512 << 20;
const STENCIL: u64 = 128 << 20;

/// All works on one set.
pub fn works(manifest: &Manifest, set: &Set, is_first: bool) -> Vec<Work> {
    let n = set.elements as f64;
    let row = |key: &str, title, ask, check, least| Work {
        key: key.into(),
        title,
        group: MEMORY,
        unit: Unit::Rows,
        amount: n,
        least,
        memory: IN_MEMORY,
        block_bytes: None,
        rounds: usize::MAX,
        ask,
        check,
    };
    let flops = |edge: u64| 2.0 * (edge as f64).powi(3);
    let mut all = vec![
        row("hist", "histogram, 100 uniform bins", hist, check::hist, Least::Read(4.0 * n)),
        row(
            "hist_log2d",
            "histogram 64 x 64 of log10 of two columns, float64 weights",
            hist_log2d,
            check::hist_log2d,
            Least::Read(16.0 * n),
        ),
        row("expr_sqrt", "sqrt(a*a + b*b)*2 - 1", expr_sqrt, check::expr_sqrt, Least::Copy(12.0 * n)),
        row("expr_explog", "exp(-a)*log(b)", expr_explog, check::expr_explog, Least::Copy(12.0 * n)),
        row("sum_f32", "exact sum, float32", sum_f32, check::sum_f32, Least::PlainSum(DType::F32)),
        row("sum_f64", "exact sum, float64", sum_f64, check::sum_f64, Least::PlainSum(DType::F64)),
        row("std_f32", "exact std, float32", std_f32, check::std_f32, Least::Read(4.0 * n)),
        row("ptp", "largest minus smallest, float32", ptp, check::ptp, Least::PlainSum(DType::F32)),
        row("topk", "the 100 largest, float32", topk, check::topk, Least::PlainSum(DType::F32)),
        row("median", "median, float32", median, check::median, Least::Read(4.0 * n)),
        row("cumsum", "exact cumulative sum, float64", cumsum, check::cumsum, Least::Copy(16.0 * n)),
        row(
            "group_sum",
            "exact sums by 1,000 labels, float32",
            group_sum,
            check::group_sum,
            Least::Read(8.0 * n),
        ),
        row("profile", "exact means of b in 100 bins of a", profile, check::profile, Least::Read(8.0 * n)),
        Work {
            unit: Unit::Flops,
            amount: flops(set.matrix),
            ..row(
                "matmul",
                "product of float32 matrices",
                product_in_memory,
                check::matmul,
                Least::Flops(flops(set.matrix)),
            )
        },
    ];
    for (storage, group) in [
        ("deflate", "HDF5, shuffle + deflate"),
        ("plain", "HDF5, chunked, no filter"),
        ("contiguous", "HDF5, contiguous"),
    ] {
        let stored = |key: &str, title, columns: &'static [&'static str], ask, check| Work {
            key: format!("{key}.{storage}"),
            title,
            group,
            unit: Unit::Bytes,
            amount: 4.0 * set.file_elements as f64 * columns.len() as f64,
            memory: FILES,
            least: if storage == "deflate" { Least::Decode(columns) } else { Least::Reads(storage, columns) },
            ..row(key, title, ask, check, Least::Nothing)
        };
        all.push(stored("mean", "mean(x)", &["x"], mean, check::mean));
        all.push(stored("std", "std(x)", &["x"], std, check::std));
        all.push(stored("expr", "sum(sqrt(x*x + y*y)*2 - 1)", &["x", "y"], expr, check::expr));
        all.push(stored("expr1", "sum(sqrt(x*x + 1))", &["x"], expr1, check::expr1));
        all.push(stored("file_hist", "histogram of x, 100 bins", &["x"], file_hist, check::file_hist));
    }
    let x = |key: &str, title, amount, columns, ask, check| Work {
        key: format!("{key}.deflate"),
        title,
        group: NEIGHBOURS,
        unit: Unit::Bytes,
        amount: 4.0 * amount,
        memory: STENCIL,
        least: Least::Decode(columns),
        ..row(key, title, ask, check, Least::Nothing)
    };
    let rows = set.file_elements as f64;
    let square = (set.square as f64).powi(2);
    all.push(x("gradient", "max(abs(gradient(x)))", rows, &["x"], gradient, check::gradient));
    all.push(x("convolve", "max of x convolved with 5 taps", rows, &["x"], convolve, check::convolve));
    all.push(x("take", "sum of a million elements of x by random indices", rows, &["x"], take, check::take));
    all.push(x("max2d", "max(t)", square, &["t"], max2d, check::max2d));
    all.push(x("stencil", "max of a 5-point stencil of t", square, &["t"], stencil, check::stencil));
    // These do not depend on the set.
    if is_first {
        all.push(Work {
            group: PRODUCT,
            unit: Unit::Flops,
            amount: flops(manifest.product),
            memory: OUT_OF_CORE,
            rounds: 3,
            ..row(
                "product",
                "sum(p @ q)",
                product,
                check::product,
                Least::OwnProduct(flops(manifest.product)),
            )
        });
        all.push(Work {
            group: TASKS,
            unit: Unit::Tasks,
            amount: TASK_COUNT as f64,
            block_bytes: Some(16),
            ..row("tasks", "tasks of two elements", tasks, check::tasks, Least::Nothing)
        });
    }
    all
}

fn uniform(bins: u64, [low, high]: [f64; 2]) -> BinAxis {
    BinAxis::Uniform { bins, low, high }
}

fn hist(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Bins(i.a()?.histogram(uniform(100, i.set.hist_range))))
}

fn hist_log2d(i: &Inputs, _: &str) -> Result<Question> {
    let bins = || uniform(64, i.set.log_range);
    let (a, b) = (i.a()?.log10(), i.b()?.log10());
    Ok(Question::Bins(Binned::new([(&a, bins()), (&b, bins())]).weights(&i.w()?)))
}

/// `sqrt(x*x + y*y)*2 - 1`
fn length(x: &Array, y: &Array) -> Array {
    (x * x + y * y).sqrt() * 2.0 - 1.0
}

fn expr_sqrt(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Into(length(&i.a()?, &i.b()?)))
}

fn expr_explog(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Into((-i.a()?).exp() * i.b()?.log()))
}

fn sum_f32(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Array(i.a()?.sum()))
}

fn sum_f64(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Array(i.w()?.sum()))
}

fn std_f32(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Array(i.a()?.std()))
}

fn ptp(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Array(i.a()?.ptp()))
}

fn topk(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Array(i.a()?.topk(TOP as i64, 0)))
}

fn median(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Array(i.a()?.median()))
}

fn cumsum(i: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::IntoWide(i.w()?.cumsum()))
}

fn take(i: &Inputs, storage: &str) -> Result<Question> {
    let picks: Vec<i64> = (0..TAKEN).map(|k| i.picked(k) as i64).collect();
    Ok(Question::Array(i.stored(storage, "x")?.take(&picks, 0).sum()))
}

fn group_sum(i: &Inputs, _: &str) -> Result<Question> {
    let groups = Labels::range(GROUPS)?;
    Ok(Question::Array(i.a()?.groupby_reduce(&i.g()?, &groups, Reduction::Sum, Over::all())))
}

fn profile(i: &Inputs, _: &str) -> Result<Question> {
    let bins = i.a()?.histogram(uniform(100, i.set.hist_range));
    Ok(Question::Array(bins.reduce(&i.b()?, Reduction::Mean)))
}

fn gradient(i: &Inputs, storage: &str) -> Result<Question> {
    Ok(Question::Array(i.stored(storage, "x")?.gradient(0, 1.0, 1).abs().max()))
}

fn convolve(i: &Inputs, storage: &str) -> Result<Question> {
    let kernel = Array::from_ndarray(Array1::from(KERNEL.to_vec()));
    Ok(Question::Array(i.stored(storage, "x")?.convolve(&kernel, ConvolveMode::Valid).max()))
}

fn max2d(i: &Inputs, storage: &str) -> Result<Question> {
    Ok(Question::Array(i.stored(storage, "t")?.max()))
}

/// Written with slices, as anybody writes it.
#[allow(clippy::reversed_empty_ranges, reason = "an index of -1 counts from the end")]
fn stencil(i: &Inputs, storage: &str) -> Result<Question> {
    let t = i.stored(storage, "t")?;
    let part = |rows: Index, columns: Index| t.index([rows, columns]);
    let inner = || Index::from(1..-1);
    let sum = part(Index::from(..-2), inner())
        + part(Index::from(2..), inner())
        + part(inner(), Index::from(..-2))
        + part(inner(), Index::from(2..))
        - part(inner(), inner()) * 4.0;
    Ok(Question::Array(sum.max()))
}

fn product_in_memory(i: &Inputs, _: &str) -> Result<Question> {
    let columns = i.columns()?;
    let square = |column| Ok::<_, Error>(Array::from_ndarray(i.matrix(column)?));
    Ok(Question::Array(square(&columns.a)?.matmul(&square(&columns.b)?)))
}

fn mean(i: &Inputs, storage: &str) -> Result<Question> {
    Ok(Question::Array(i.stored(storage, "x")?.mean()))
}

fn std(i: &Inputs, storage: &str) -> Result<Question> {
    Ok(Question::Array(i.stored(storage, "x")?.std()))
}

fn expr(i: &Inputs, storage: &str) -> Result<Question> {
    Ok(Question::Array(length(&i.stored(storage, "x")?, &i.stored(storage, "y")?).sum()))
}

fn expr1(i: &Inputs, storage: &str) -> Result<Question> {
    let x = i.stored(storage, "x")?;
    Ok(Question::Array((&x * &x + 1.0).sqrt().sum()))
}

fn file_hist(i: &Inputs, storage: &str) -> Result<Question> {
    Ok(Question::Bins(i.stored(storage, "x")?.histogram(uniform(100, i.set.file_range))))
}

fn product(i: &Inputs, _: &str) -> Result<Question> {
    let open = |name| Array::open(i.folder.join("product.h5"), name);
    Ok(Question::Array(open("p")?.matmul(&open("q")?).sum()))
}

fn tasks(_: &Inputs, _: &str) -> Result<Question> {
    Ok(Question::Array(Array::arange_int(0, 2 * TASK_COUNT as i64, 1).sum()))
}
