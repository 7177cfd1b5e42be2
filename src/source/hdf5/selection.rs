//! Which elements of an array take part in a mapping of a virtual dataset, and their order.
//!
//! The order is C order over the selected elements; only lists of points have their own. Nearly all selections
//! are products: along each axis some indices ([`Indices`]). What is not is a list of rows ([`Rows`]).

use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most rows that a selection may have which is no product.
pub(super) const MOST_ROWS: usize = 1 << 18;

/// A selection as a file says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Selection {
    All,
    None,
    /// Some indices along each axis.
    Product(Vec<Indices>),
    Rows(Rows),
}

/// Indices along an axis, increasing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Indices {
    /// Blocks of `block` indices, `stride` apart: `len` indices in all, without end where there is none. What is
    /// dense and ends has the stride 1, and blocks of 1.
    Even { start: u64, stride: u64, block: u64, len: Option<u64> },
    /// Stretches: the first index of each, and how many indices lie before it; the number of all.
    Listed { stretches: Arc<[(u64, u64)]>, len: u64 },
}

/// Stretches along the last axis, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rows {
    pub rank: usize,
    /// The first element of each, one after the other.
    starts: Vec<u64>,
    /// How many elements lie before each, and the number of all.
    before: Vec<u64>,
}

impl Indices {
    /// `len` indices from `start` on.
    pub fn dense(start: u64, len: u64) -> Indices {
        Indices::Even { start, stride: 1, block: 1, len: Some(len) }
    }

    /// Blocks as files say them; `None` where they overlap or leave what can be counted. A count or a block of
    /// `None` has no end.
    pub fn blocks(start: u64, stride: u64, count: Option<u64>, block: Option<u64>) -> Option<Indices> {
        let most = i64::MAX as u64;
        let dense = |len| Indices::Even { start, stride: 1, block: 1, len };
        let fits = |len: u64| start.checked_add(len).is_some_and(|end| end <= most);
        let made = match (count, block) {
            (Some(0), _) | (_, Some(0)) => Indices::dense(start, 0),
            (Some(1), None) => dense(None),
            (_, None) => return None,
            (Some(1), Some(block)) => return fits(block).then(|| dense(Some(block))),
            (_, Some(block)) if stride < block => return None,
            (None, Some(block)) => Indices::Even { start, stride, block, len: None },
            (Some(count), Some(block)) => {
                let len = (count - 1).checked_mul(stride)?.checked_add(block)?;
                let all = count.checked_mul(block)?;
                if !fits(len) {
                    return None;
                }
                match stride == block {
                    true => dense(Some(all)),
                    false => Indices::Even { start, stride, block, len: Some(all) },
                }
            }
        };
        (start <= most && stride <= most).then_some(made)
    }

    /// Stretches as (first index, how many), which increase and do not overlap.
    pub fn stretches(list: &[(u64, u64)]) -> Indices {
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(list.len());
        for &(start, len) in list {
            match joined.last_mut() {
                Some(last) if last.0 + last.1 == start => last.1 += len,
                _ => joined.push((start, len)),
            }
        }
        let (first, block) = joined.first().copied().unwrap_or((0, 0));
        let stride = joined.get(1).map_or(block, |second| second.0 - first);
        let even = (0u64..).zip(&joined).all(|(i, &s)| s == (first + i * stride, block));
        if even && let Some(made) = Indices::blocks(first, stride, Some(joined.len() as u64), Some(block)) {
            return made;
        }
        let mut len = 0;
        let mut with_counts = |&(start, n): &(u64, u64)| {
            len += n;
            (start, len - n)
        };
        let stretches = joined.iter().map(&mut with_counts).collect();
        Indices::Listed { stretches, len }
    }

    /// How many; `None` without end.
    pub fn len(&self) -> Option<u64> {
        match self {
            Indices::Even { len, .. } => *len,
            Indices::Listed { len, .. } => Some(*len),
        }
    }

    /// The first `n` of them.
    pub fn first(&self, n: u64) -> Indices {
        match self {
            Indices::Even { start, stride, block, len } => {
                let len = Some(len.map_or(n, |len| len.min(n)));
                let (stride, block) = if stride == block { (1, 1) } else { (*stride, *block) };
                Indices::Even { start: *start, stride, block, len }
            }
            Indices::Listed { stretches, len } => {
                Indices::Listed { stretches: stretches.clone(), len: (*len).min(n) }
            }
        }
    }

    /// The `i`-th of them, and how many follow it one by one, itself included.
    pub fn run(&self, i: u64) -> (u64, u64) {
        match self {
            Indices::Even { start, stride: 1, len, .. } => {
                (start + i, len.map_or(u64::MAX, |len| len.saturating_sub(i)))
            }
            Indices::Even { start, stride, block, len } => {
                let left = len.map_or(u64::MAX, |len| len.saturating_sub(i));
                (start + i / block * stride + i % block, (block - i % block).min(left))
            }
            Indices::Listed { stretches, len } => {
                let k = stretches.partition_point(|s| s.1 <= i).saturating_sub(1);
                let (start, before) = stretches.get(k).copied().unwrap_or((0, 0));
                let end = stretches.get(k + 1).map_or(*len, |next| next.1.min(*len));
                (start + (i - before), end.saturating_sub(i))
            }
        }
    }

    /// The `i`-th of them.
    pub fn get(&self, i: u64) -> u64 {
        self.run(i).0
    }

    /// How many lie before the index `x`.
    pub fn before(&self, x: u64) -> u64 {
        match self {
            Indices::Even { start, stride, block, len } => {
                let past = x.saturating_sub(*start);
                let n = (past / stride).saturating_mul(*block).saturating_add((past % stride).min(*block));
                n.min(len.unwrap_or(u64::MAX))
            }
            Indices::Listed { stretches, len } => {
                let k = stretches.partition_point(|s| s.0 < x);
                let Some(&(start, before)) = k.checked_sub(1).and_then(|k| stretches.get(k)) else {
                    return 0;
                };
                let end = stretches.get(k).map_or(*len, |next| next.1);
                (before + (x - start)).min(end).min(*len)
            }
        }
    }

    /// The distance between neighbours, if it is the same for all.
    pub fn step(&self) -> Option<u64> {
        match self {
            Indices::Even { stride, block: 1, .. } => Some(*stride),
            Indices::Even { .. } | Indices::Listed { .. } => None,
        }
    }

    /// One past the last, or `None` without end; 0 of nothing.
    pub fn end(&self) -> Option<u64> {
        Some(match self.len()? {
            0 => 0,
            n => self.get(n - 1) + 1,
        })
    }
}

impl Rows {
    /// Stretches along the last axis, each as its first element and how many; `None` for too many of them.
    /// Those that lie one behind the other are joined.
    pub fn new(rank: usize, rows: &[(Dims, u64)]) -> Option<Rows> {
        let (mut starts, mut before, mut all) = (Vec::new(), Vec::new(), 0u64);
        let mut last: Option<(&Dims, u64)> = None;
        let inner = rank.checked_sub(1)?;
        for (start, len) in rows {
            let follows =
                last.is_some_and(|(l, n)| l[..inner] == start[..inner] && l[inner] + n == start[inner]);
            match &mut last {
                Some((_, n)) if follows => *n += len,
                _ => {
                    if before.len() == MOST_ROWS {
                        return None;
                    }
                    starts.extend_from_slice(start);
                    before.push(all);
                    last = Some((start, *len));
                }
            }
            all = all.checked_add(*len)?;
        }
        before.push(all);
        Some(Rows { rank, starts, before })
    }

    pub fn count(&self) -> usize {
        self.before.len().saturating_sub(1)
    }

    pub fn len(&self) -> u64 {
        self.before.last().copied().unwrap_or(0)
    }

    /// A row: its first element, how many elements lie before it, and how many it has.
    pub fn row(&self, k: usize) -> (&[u64], u64, u64) {
        let at = k * self.rank;
        (&self.starts[at..at + self.rank], self.before[k], self.before[k + 1] - self.before[k])
    }

    /// The row that has the `i`-th element.
    pub fn row_of(&self, i: u64) -> usize {
        self.before.partition_point(|&b| b <= i).saturating_sub(1).min(self.count().saturating_sub(1))
    }

    /// Along each axis the first index and one past the last.
    pub fn bounds(&self) -> Vec<(u64, u64)> {
        let mut bounds = vec![(u64::MAX, 0); self.rank];
        for k in 0..self.count() {
            let (start, _, len) = self.row(k);
            for (d, (&x, b)) in start.iter().zip(&mut bounds).enumerate() {
                let end = if d + 1 == self.rank { x.saturating_add(len) } else { x.saturating_add(1) };
                *b = (b.0.min(x), b.1.max(end));
            }
        }
        bounds
    }
}

impl Selection {
    /// How many axes, where it says so.
    pub fn rank(&self) -> Option<usize> {
        match self {
            Selection::All | Selection::None => None,
            Selection::Product(axes) => Some(axes.len()),
            Selection::Rows(rows) => Some(rows.rank),
        }
    }

    /// The axis without end, if there is one.
    pub fn unlimited(&self) -> Option<usize> {
        match self {
            Selection::Product(axes) => axes.iter().position(|a| a.len().is_none()),
            _ => None,
        }
    }

    /// The selection of an array of this shape, whose axis without end has `len` indices.
    pub fn of(&self, shape: &[u64], len: Option<u64>) -> Result<Selection> {
        let dense = |shape: &[u64]| shape.iter().map(|&n| Indices::dense(0, n)).collect();
        if let Some(rank) = self.rank().filter(|&rank| rank != shape.len()) {
            return Err(Error::new(
                ErrorKind::Format,
                format!("a selection of {rank} axes from an array of {}", shape.len()),
            ));
        }
        Ok(match self {
            Selection::All => Selection::Product(dense(shape)),
            Selection::None => Selection::Product(shape.iter().map(|_| Indices::dense(0, 0)).collect()),
            Selection::Product(axes) => {
                let cut = |a: &Indices| match a.len() {
                    None => a.first(len.unwrap_or(0)),
                    Some(_) => a.clone(),
                };
                Selection::Product(axes.iter().map(cut).collect())
            }
            Selection::Rows(rows) => Selection::Rows(rows.clone()),
        })
    }

    /// How many elements; `None` where they cannot be counted.
    pub fn len(&self) -> Option<u64> {
        match self {
            Selection::All => None,
            Selection::None => Some(0),
            Selection::Product(axes) => {
                let lens: Option<Dims> = axes.iter().map(Indices::len).collect();
                crate::grid::checked_len(&lens?)
            }
            Selection::Rows(rows) => Some(rows.len()),
        }
    }

    /// Along each axis the first index and one past the last; `u64::MAX` where there is no end.
    pub fn bounds(&self) -> Vec<(u64, u64)> {
        match self {
            Selection::All | Selection::None => Vec::new(),
            Selection::Product(axes) => {
                axes.iter().map(|a| (a.get(0), a.end().unwrap_or(u64::MAX))).collect()
            }
            Selection::Rows(rows) => rows.bounds(),
        }
    }
}
