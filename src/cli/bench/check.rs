//! Answers, and whether they are right: each against plain arithmetic of another kind, on the values as they
//! were made and not as they were read. Sums in whole numbers, bins by looking each value up among the
//! edges, elements by scalar arithmetic in float64, products by entries and by vectors.

use super::data::{self, GROUPS, Set, in_parts};
use super::inputs::{Inputs, KERNEL, TAKEN, TASK_COUNT, TOP};
use chunkwise::{Error, ErrorKind, Histogram, Result, Value};
use std::sync::Mutex;

/// `Err` says what is wrong.
pub type Verdict = std::result::Result<(), String>;

/// What a work gave.
pub enum Answer<'a> {
    /// A value.
    Value(&'a Value),
    /// An array in memory that is used again.
    Elements(&'a [f32]),
    /// The same of float64.
    Wide(&'a [f64]),
}

/// Elements of an array that are told.
const TOLD: usize = 64;

impl Answer<'_> {
    /// Numbers for comparing: a scalar, the bins, or some elements of an array.
    ///
    /// # Errors
    /// `Internal` for a dtype that no work has.
    pub fn numbers(&self) -> Result<Vec<f64>> {
        let told = |n: usize| (0..TOLD.min(n)).map(move |k| k * n / TOLD.min(n));
        match self {
            Answer::Elements(v) => Ok(told(v.len()).map(|i| v[i].into()).collect()),
            Answer::Wide(v) => Ok(told(v.len()).map(|i| v[i]).collect()),
            Answer::Value(Value::Histogram(h)) => bins(h),
            Answer::Value(Value::Array(a)) => {
                let n = a.shape().iter().product::<u64>() as usize;
                let number = |i| match a.scalar(i)? {
                    chunkwise::Scalar::F32(v) => Some(f64::from(v)),
                    chunkwise::Scalar::F64(v) => Some(v),
                    chunkwise::Scalar::I64(v) => Some(v as f64),
                    _ => None,
                };
                told(n).map(number).collect::<Option<_>>().ok_or_else(|| internal("an answer is no number"))
            }
            Answer::Value(_) => Err(internal("an answer is neither an array nor a histogram")),
        }
    }

    fn number(&self) -> Result<f64> {
        self.numbers()?.first().copied().ok_or_else(|| internal("an answer is empty"))
    }

    fn histogram(&self) -> Result<&Histogram> {
        match self {
            Answer::Value(v) => v.as_histogram(),
            _ => Err(internal("an answer is no histogram")),
        }
    }

    fn elements(&self) -> Result<&[f32]> {
        match self {
            Answer::Elements(v) => Ok(v),
            Answer::Value(v) => v.as_array()?.as_slice(),
            Answer::Wide(_) => Err(internal("an answer is of float64")),
        }
    }
}

impl<'a> Answer<'a> {
    fn wide(&self) -> Result<&'a [f64]> {
        match *self {
            Answer::Wide(v) => Ok(v),
            Answer::Value(v) => v.as_array()?.as_slice(),
            Answer::Elements(_) => Err(internal("an answer is of float32")),
        }
    }
}

fn internal(what: &str) -> Error {
    Error::new(ErrorKind::Internal, what)
}

/// The bins as float64: sums of weights where there are any, else counts.
fn bins(h: &Histogram) -> Result<Vec<f64>> {
    match h.weights() {
        None => Ok(h.counts().iter().map(|&c| c as f64).collect()),
        Some((chunkwise::DType::F64, bytes)) => {
            Ok(bytes.as_chunks::<8>().0.iter().map(|b| f64::from_ne_bytes(*b)).collect())
        }
        Some(_) => Err(internal("bins are not float64")),
    }
}

/// Says what differs.
fn equal(found: f64, wanted: f64) -> Verdict {
    near(found, wanted, 0.0)
}

fn near(found: f64, wanted: f64, tolerance: f64) -> Verdict {
    match (found - wanted).abs() <= tolerance * wanted.abs() {
        true => Ok(()),
        false => Err(format!("{found:e}, and it should be {wanted:e}")),
    }
}

/// Adds up what parts of the rows give, in no order.
fn over<T: Send>(
    i: &Inputs,
    rows: u64,
    zero: impl Fn() -> T + Sync,
    row: impl Fn(&mut T, u64) + Sync,
    merge: impl Fn(&mut T, T) + Sync,
) -> Result<T> {
    const PART: u64 = 1 << 18;
    let all = Mutex::new(zero());
    in_parts(i.threads, rows.div_ceil(PART), |k, _| {
        let mut part = zero();
        (k * PART..((k + 1) * PART).min(rows)).for_each(|at| row(&mut part, at));
        merge(&mut all.lock().unwrap_or_else(|e| e.into_inner()), part);
        Ok(())
    })?;
    Ok(all.into_inner().unwrap_or_else(|e| e.into_inner()))
}

/// A sum in whole multiples of 2^-75: exact for what the sets hold, below 2^14 and without lower bits.
fn whole(i: &Inputs, rows: u64, value: impl Fn(u64) -> f64 + Sync) -> Result<i128> {
    let scale = 2f64.powi(75);
    over(i, rows, || 0i128, |sum, at| *sum += (value(at) * scale) as i128, |all, part| *all += part)
}

/// A whole sum over `n`, rounded once to float32.
fn rounded(sum: i128, n: u64) -> f64 {
    let (magnitude, n) = (sum.unsigned_abs(), u128::from(n));
    // The remainder only tells on which side of a tie the quotient is.
    let kept = ((magnitude / n) << 1) | u128::from(magnitude % n != 0);
    let value = f64::from(kept as f32) * 2f64.powi(-76);
    if sum < 0 { -value } else { value }
}

/// Counts in uniform bins, by looking each value up.
fn counts(
    i: &Inputs,
    rows: u64,
    [low, high]: [f64; 2],
    value: impl Fn(u64) -> f64 + Sync,
) -> Result<Vec<u64>> {
    let edges: Vec<f64> = (0..=100).map(|k| edge(low, high, 100, k)).collect();
    over(
        i,
        rows,
        || vec![0u64; 100],
        |bins, at| {
            let v = value(at);
            if v >= low && v <= high {
                bins[edges.partition_point(|&e| e <= v).min(100) - 1] += 1;
            }
        },
        |all, part| all.iter_mut().zip(part).for_each(|(a, p)| *a += p),
    )
}

/// `numpy.linspace(low, high, bins + 1)[k]`
fn edge(low: f64, high: f64, bins: u64, k: u64) -> f64 {
    if k == bins { high } else { low + k as f64 * ((high - low) / bins as f64) }
}

fn same_counts(answer: &Answer, wanted: &[u64]) -> Result<Verdict> {
    let found = answer.histogram()?.counts();
    let wrong = (0..wanted.len().max(found.len())).find(|&k| found.get(k) != wanted.get(k));
    Ok(match wrong {
        None => Ok(()),
        Some(k) => Err(format!("bin {k} has {:?}, and it should have {:?}", found.get(k), wanted.get(k))),
    })
}

pub fn hist(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let a = |at| f64::from(column(i, b'a', at));
    same_counts(answer, &counts(i, i.set.elements, i.set.hist_range, a)?)
}

fn column(i: &Inputs, name: u8, at: u64) -> f32 {
    i.set.f32(i.manifest.seed, name, at)
}

/// Another logarithm may put a value that is at an edge into the next bin: each bin lies between the weights
/// that are its own for certain and those that may be.
pub fn hist_log2d(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    const BINS: usize = 64;
    let Set { log_range: [low, high], elements, .. } = *i.set;
    let edges: Vec<f64> = (0..=BINS as u64).map(|k| edge(low, high, BINS as u64, k)).collect();
    // The bins in which a value may lie, as a range; BINS is outside.
    let place = |v: f32| {
        let l = f64::from(v).log10();
        let slack = 3e-7 * l.abs().max(1e-30);
        let bin = |l: f64| match l {
            l if l < low => -1,
            l if l > high => BINS as i64,
            l => edges.partition_point(|&e| e <= l).min(BINS) as i64 - 1,
        };
        (bin(l - slack), bin(l + slack))
    };
    let [least, most] = over(
        i,
        elements,
        || [vec![0f64; BINS * BINS], vec![0f64; BINS * BINS]],
        |[least, most], at| {
            let (x, y) = (place(column(i, b'a', at)), place(column(i, b'b', at)));
            let w = i.set.weight(i.manifest.seed, at);
            let sure = x.0 == x.1 && y.0 == y.1;
            for p in x.0.max(0)..=x.1.min(BINS as i64 - 1) {
                for q in y.0.max(0)..=y.1.min(BINS as i64 - 1) {
                    let bin = p as usize * BINS + q as usize;
                    most[bin] += w;
                    if sure {
                        least[bin] += w;
                    }
                }
            }
        },
        |all, part| {
            for (all, part) in all.iter_mut().zip(part) {
                all.iter_mut().zip(part).for_each(|(a, p)| *a += p);
            }
        },
    )?;
    let found = bins(answer.histogram()?)?;
    let wrong = (0..BINS * BINS).find(|&k| {
        let f = found.get(k).copied().unwrap_or(f64::NAN);
        !(f >= least[k] * (1.0 - 1e-9) && f <= most[k] * (1.0 + 1e-9))
    });
    Ok(match wrong {
        None => Ok(()),
        Some(k) => Err(format!("bin {k} has {:?}, not {:e} to {:e}", found.get(k), least[k], most[k])),
    })
}

/// Compares elements with a function of the two columns.
fn elementwise(i: &Inputs, answer: &Answer, right: impl Fn(f32, f32, f32) -> bool + Sync) -> Result<Verdict> {
    let found = answer.elements()?;
    if found.len() as u64 != i.set.elements {
        return Ok(Err(format!("{} elements, not {}", found.len(), i.set.elements)));
    }
    let wrong = over(
        i,
        i.set.elements,
        || None,
        |first, at| {
            if first.is_none() && !right(column(i, b'a', at), column(i, b'b', at), found[at as usize]) {
                *first = Some(at);
            }
        },
        |all, part| *all = all.or(part),
    )?;
    Ok(match wrong {
        None => Ok(()),
        Some(at) => Err(format!("element {at} is {:e}", found[at as usize])),
    })
}

fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt() * 2.0 - 1.0
}

pub fn expr_sqrt(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    elementwise(i, answer, |a, b, found| found.to_bits() == length(a, b).to_bits())
}

pub fn expr_explog(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    elementwise(i, answer, |a, b, found| {
        let wanted = (-f64::from(a)).exp() * f64::from(b).ln();
        (f64::from(found) - wanted).abs() <= 4e-7 * wanted.abs() + f64::from(f32::MIN_POSITIVE)
    })
}

pub fn sum_f32(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let sum = whole(i, i.set.elements, |at| column(i, b'a', at).into())?;
    Ok(equal(answer.number()?, rounded(sum, 1)))
}

pub fn sum_f64(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let sum = whole(i, i.set.elements, |at| i.set.weight(i.manifest.seed, at))?;
    Ok(equal(answer.number()?, sum as f64 * 2f64.powi(-75)))
}

/// Two passes in float64 are good for more digits than float32 has.
fn deviation(i: &Inputs, rows: u64, value: impl Fn(u64) -> f64 + Sync) -> Result<f64> {
    let mean = whole(i, rows, &value)? as f64 * 2f64.powi(-75) / rows as f64;
    let squares =
        over(i, rows, || 0f64, |sum, at| *sum += (value(at) - mean).powi(2), |all, part| *all += part)?;
    Ok((squares / rows as f64).sqrt())
}

/// Half a unit in the last place of float32, and what the float64 sums may be off by.
const ROUNDED_ONCE: f64 = 6.0e-8;

pub fn std_f32(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let wanted = deviation(i, i.set.elements, |at| column(i, b'a', at).into())?;
    Ok(near(answer.number()?, wanted, ROUNDED_ONCE))
}

pub fn ptp(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let [low, high] = over(
        i,
        i.set.elements,
        || [f32::INFINITY, f32::NEG_INFINITY],
        |ends, at| {
            let v = column(i, b'a', at);
            *ends = [ends[0].min(v), ends[1].max(v)];
        },
        |all, part| *all = [all[0].min(part[0]), all[1].max(part[1])],
    )?;
    Ok(equal(answer.number()?, (high - low).into()))
}

pub fn topk(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let shrink = |v: &mut Vec<f32>| {
        v.sort_unstable_by(|a, b| b.total_cmp(a));
        v.truncate(TOP as usize);
    };
    let mut wanted = over(
        i,
        i.set.elements,
        Vec::new,
        |top, at| {
            top.push(column(i, b'a', at));
            if top.len() == 1 << 14 {
                shrink(top);
            }
        },
        |all, part| {
            all.extend(part);
            shrink(all);
        },
    )?;
    shrink(&mut wanted);
    Ok(same_elements(answer.elements()?, &wanted))
}

/// The middle by counting: how many lie below and above what was given, and which are next to it.
pub fn median(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let found = answer.number()? as f32;
    let ([below, above], [before, after]) = over(
        i,
        i.set.elements,
        || ([0, 0], [f32::NEG_INFINITY, f32::INFINITY]),
        |(counts, next), at| {
            let v = column(i, b'a', at);
            counts[0] += u64::from(v < found);
            counts[1] += u64::from(v > found);
            next[0] = if v < found { next[0].max(v) } else { next[0] };
            next[1] = if v > found { next[1].min(v) } else { next[1] };
        },
        |(counts, next), (more, part)| {
            *counts = [counts[0] + more[0], counts[1] + more[1]];
            *next = [next[0].max(part[0]), next[1].min(part[1])];
        },
    )?;
    let n = i.set.elements;
    // What lies at a rank, if that is known.
    let at = |rank: u64| match rank {
        _ if rank >= below && rank < n - above => Some(found),
        _ if rank + 1 == below => Some(before),
        _ if rank == n - above => Some(after),
        _ => None,
    };
    let (Some(low), Some(high)) = (at((n - 1) / 2), at(n / 2)) else {
        return Ok(Err(format!("{found:?}: {below} elements lie below it and {above} above")));
    };
    Ok(equal(found.into(), ((low + high) / 2.0).into()))
}

/// The first element that differs.
fn same_elements(found: &[f32], wanted: &[f32]) -> Verdict {
    let wrong = (0..wanted.len().max(found.len())).find(|&k| found.get(k) != wanted.get(k));
    match wrong {
        None => Ok(()),
        Some(k) => Err(format!("element {k} is {:?}, and it should be {:?}", found.get(k), wanted.get(k))),
    }
}

/// Per group its rows and their whole sum, in multiples of 2^-75; `group` may give none.
fn by_group(
    i: &Inputs,
    groups: usize,
    name: u8,
    group: impl Fn(u64) -> Option<usize> + Sync,
) -> Result<Vec<(u64, i128)>> {
    let scale = 2f64.powi(75);
    over(
        i,
        i.set.elements,
        || vec![(0u64, 0i128); groups],
        |all, at| {
            if let Some(k) = group(at) {
                all[k].0 += 1;
                all[k].1 += (f64::from(column(i, name, at)) * scale) as i128;
            }
        },
        |all, part| all.iter_mut().zip(part).for_each(|(a, p)| *a = (a.0 + p.0, a.1 + p.1)),
    )
}

/// Each position is the whole sum up to it, rounded once.
pub fn cumsum(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let found = answer.wide()?;
    if found.len() as u64 != i.set.elements {
        return Ok(Err(format!("{} elements, not {}", found.len(), i.set.elements)));
    }
    let scale = 2f64.powi(75);
    let mut sum = 0i128;
    let wrong = (0..i.set.elements).find(|&at| {
        sum += (i.set.weight(i.manifest.seed, at) * scale) as i128;
        found[at as usize] != sum as f64 * 2f64.powi(-75)
    });
    Ok(match wrong {
        None => Ok(()),
        Some(at) => {
            let right = sum as f64 * 2f64.powi(-75);
            Err(format!("element {at} is {:e}, and it should be {right:e}", found[at as usize]))
        }
    })
}

pub fn take(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let sum = whole(i, TAKEN, |k| column(i, b'x', i.picked(k)).into())?;
    Ok(equal(answer.number()?, rounded(sum, 1)))
}

pub fn group_sum(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let label = |at| Some(i.set.label(i.manifest.seed, at) as usize);
    let sums = by_group(i, GROUPS as usize, b'a', label)?;
    let wanted: Vec<f32> = sums.iter().map(|&(_, sum)| rounded(sum, 1) as f32).collect();
    Ok(same_elements(answer.elements()?, &wanted))
}

pub fn profile(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let [low, high] = i.set.hist_range;
    let edges: Vec<f64> = (0..=100).map(|k| edge(low, high, 100, k)).collect();
    let bin = |at| {
        let v = f64::from(column(i, b'a', at));
        (v >= low && v <= high).then(|| edges.partition_point(|&e| e <= v).min(100) - 1)
    };
    let sums = by_group(i, 100, b'b', bin)?;
    let mean = |&(n, sum): &(u64, i128)| if n == 0 { f32::NAN } else { rounded(sum, n) as f32 };
    let wanted: Vec<f32> = sums.iter().map(mean).collect();
    let found = answer.elements()?;
    // An empty bin has no mean.
    let shown = |v: &[f32]| v.iter().map(|x| if x.is_nan() { f32::MAX } else { *x }).collect::<Vec<_>>();
    Ok(same_elements(&shown(found), &shown(&wanted)))
}

pub fn mean(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let rows = i.set.file_elements;
    let sum = whole(i, rows, |at| column(i, b'x', at).into())?;
    Ok(equal(answer.number()?, rounded(sum, rows)))
}

pub fn std(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let wanted = deviation(i, i.set.file_elements, |at| column(i, b'x', at).into())?;
    Ok(near(answer.number()?, wanted, ROUNDED_ONCE))
}

pub fn expr(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let value = |at| f64::from(length(column(i, b'x', at), column(i, b'y', at)));
    Ok(equal(answer.number()?, rounded(whole(i, i.set.file_elements, value)?, 1)))
}

pub fn expr1(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let value = |at| {
        let x = column(i, b'x', at);
        f64::from((x * x + 1.0).sqrt())
    };
    Ok(equal(answer.number()?, rounded(whole(i, i.set.file_elements, value)?, 1)))
}

pub fn file_hist(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let x = |at| f64::from(column(i, b'x', at));
    same_counts(answer, &counts(i, i.set.file_elements, i.set.file_range, x)?)
}

/// The largest of the float32 values at positions.
fn largest(i: &Inputs, rows: u64, value: impl Fn(u64) -> f32 + Sync) -> Result<f64> {
    let most = |a: &mut f32, b: f32| *a = a.max(b);
    let found =
        over(i, rows, || f32::NEG_INFINITY, |top, at| most(top, value(at)), |all, part| most(all, part))?;
    Ok(found.into())
}

pub fn gradient(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let last = i.set.file_elements - 1;
    let slope = |at: u64| {
        let (from, to) = (at.saturating_sub(1), (at + 1).min(last));
        ((column(i, b'x', to) - column(i, b'x', from)) / (to - from) as f32).abs()
    };
    Ok(equal(answer.number()?, largest(i, last + 1, slope)?))
}

pub fn convolve(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let m = KERNEL.len() as u64;
    // The kernel is the same from both ends.
    let sum = |at: u64| {
        let terms = (0..m).map(|j| column(i, b'x', at + m - 1 - j) * KERNEL[j as usize]);
        terms.reduce(|sum, term| sum + term).unwrap_or(f32::NAN)
    };
    Ok(equal(answer.number()?, largest(i, i.set.file_elements - (m - 1), sum)?))
}

pub fn max2d(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    Ok(equal(answer.number()?, largest(i, i.set.square.pow(2), |at| column(i, b't', at))?))
}

pub fn stencil(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let n = i.set.square;
    let inner = n - 2;
    let value = |at: u64| {
        let centre = (at / inner + 1) * n + at % inner + 1;
        let t = |at| column(i, b't', at);
        t(centre - n) + t(centre + n) + t(centre - 1) + t(centre + 1) - t(centre) * 4.0
    };
    Ok(equal(answer.number()?, largest(i, inner * inner, value)?))
}

/// Entries here and there in float64, and the whole of it through a vector: (A B) v = A (B v).
pub fn matmul(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let n = i.set.matrix as usize;
    let found = answer.elements()?;
    if found.len() != n * n {
        return Ok(Err(format!("{} elements, not {}", found.len(), n * n)));
    }
    let (a, b) = (i.matrix(&i.columns()?.a)?, i.matrix(&i.columns()?.b)?);
    for k in 0..TOLD {
        let (row, at) = (k * (n - 1) / (TOLD - 1), (k * 7919) % n);
        let wanted: f64 = (0..n).map(|j| f64::from(a[[row, j]]) * f64::from(b[[j, at]])).sum();
        if let Err(why) = near(found[row * n + at].into(), wanted, 1e-5) {
            return Ok(Err(format!("element ({row}, {at}) is {why}")));
        }
    }
    let v: Vec<f64> = (0..n).map(|k| if k % 3 == 0 { -0.75 } else { 1.0 + (k % 5) as f64 }).collect();
    let times = |m: &dyn Fn(usize, usize) -> f64, v: &[f64]| -> Vec<f64> {
        (0..n).map(|r| (0..n).map(|c| m(r, c) * v[c]).sum()).collect()
    };
    let wanted = times(&|r, c| a[[r, c]].into(), &times(&|r, c| b[[r, c]].into(), &v));
    let through = times(&|r, c| found[r * n + c].into(), &v);
    for (row, (f, w)) in through.iter().zip(&wanted).enumerate() {
        if let Err(why) = near(*f, *w, 1e-4) {
            return Ok(Err(format!("row {row} times a vector is {why}")));
        }
    }
    Ok(Ok(()))
}

/// The sum of a product is that of column sums times row sums.
pub fn product(i: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let (n, seed) = (i.manifest.product, i.manifest.seed);
    let add = |all: &mut Vec<f64>, part: Vec<f64>| all.iter_mut().zip(part).for_each(|(a, p)| *a += p);
    let of_p =
        |sums: &mut Vec<f64>, at: u64| sums[(at % n) as usize] += f64::from(data::matrix(seed, b'p', at));
    let of_q =
        |sums: &mut Vec<f64>, at: u64| sums[(at / n) as usize] += f64::from(data::matrix(seed, b'q', at));
    let zero = || vec![0f64; n as usize];
    let p = over(i, n * n, zero, of_p, add)?;
    let q = over(i, n * n, zero, of_q, add)?;
    let wanted: f64 = p.iter().zip(&q).map(|(p, q)| p * q).sum();
    Ok(near(answer.number()?, wanted, 1e-5))
}

pub fn tasks(_: &Inputs, _: &str, answer: &Answer) -> Result<Verdict> {
    let n = 2 * TASK_COUNT;
    Ok(equal(answer.number()?, (n * (n - 1) / 2) as f64))
}

#[cfg(test)]
mod tests;
