//! How a reduction cuts the elements of a block into runs that belong to one output or to consecutive ones.

use crate::buffer::Buffer;
use crate::grid::Region;
use crate::ops::reduce::{Along, Run};
use smallvec::SmallVec;

/// Runs shorter than this are short.
const SHORT: u64 = 48;

/// Whole rows of short runs: element `k` of row `r` is at `at + r * len + k` of the tile.
pub struct Columns {
    /// Where the first row begins in the tile.
    pub at: usize,
    /// How many rows.
    pub rows: usize,
    /// Elements in a row.
    pub len: usize,
    first: Run,
}

impl Columns {
    /// The elements of a tile column by column.
    pub fn transpose(&self, tile: &[u8], size: usize, out: &mut Buffer) {
        out.resize_for_overwrite(self.rows * self.len * size);
        let tile = &tile[self.at * size..][..self.rows * self.len * size];
        match size {
            1 => self.transpose_as::<1>(tile, out),
            2 => self.transpose_as::<2>(tile, out),
            4 => self.transpose_as::<4>(tile, out),
            _ => self.transpose_as::<8>(tile, out),
        }
    }

    fn transpose_as<const SIZE: usize>(&self, tile: &[u8], out: &mut [u8]) {
        let (tile, _) = tile.as_chunks::<SIZE>();
        let (out, _) = out.as_chunks_mut::<SIZE>();
        for (k, column) in out.chunks_exact_mut(self.rows).enumerate() {
            for (v, row) in column.iter_mut().zip(tile.chunks_exact(self.len)) {
                *v = row[k];
            }
        }
    }

    /// Column `k` of the transposed tile, as a run: what was kept within a row is reduced along a
    /// column, and the other way round.
    pub fn run(&self, k: usize) -> Run {
        let run = Run { start: k * self.rows, len: self.rows, ..self.first };
        match self.first.along {
            Along::Kept => Run { output: self.first.output + k, along: Along::Reduced, ..run },
            Along::Reduced => Run { position: self.first.position + k as u64, along: Along::Kept, ..run },
        }
    }
}

/// How a reduction cuts a block into runs: neighbouring axes that are all kept or all reduced are
/// one group.
pub struct Runs {
    groups: SmallVec<[Group; 4]>,
}

struct Group {
    len: u64,
    reduced: bool,
    /// Outputs (of the block) per step along this group, if it is kept.
    output: u64,
    /// Positions (of the domain) per step along this group, if it is reduced.
    position: u64,
    /// The position of the block's first element along this group.
    first: u64,
}

impl Runs {
    /// The cut of `region` of a domain, reduced over the axes marked so.
    pub fn new(region: &Region, domain: &[u64], reduced: &[bool]) -> Self {
        let mut groups: SmallVec<[Group; 4]> = SmallVec::new();
        let (mut outputs, mut positions) = (1u64, 1u64);
        for d in (0..domain.len()).rev() {
            let (n, r) = (region.shape[d], reduced[d]);
            // Positions run on over two reduced axes only where the block spans the inner one.
            let joins = groups
                .last()
                .is_some_and(|g| g.reduced == r && (!r || g.position * g.len == positions && g.first == 0));
            match groups.last_mut() {
                Some(g) if joins => {
                    g.first += region.start[d] * g.len * r as u64;
                    g.len *= n;
                }
                _ => groups.push(Group {
                    len: n,
                    reduced: r,
                    output: outputs,
                    position: positions,
                    first: if r { region.start[d] } else { 0 },
                }),
            }
            if r {
                positions = positions.saturating_mul(domain[d]);
            } else {
                outputs *= n;
            }
        }
        if groups.is_empty() {
            groups.push(Group { len: 1, reduced: true, output: 1, position: 1, first: 0 });
        }
        Runs { groups }
    }

    /// Whether runs are so short that whole rows of them are better taken column by column, as for
    /// the axes of an (N, 3) array.
    pub fn are_short(&self) -> bool {
        match self.groups.as_slice() {
            [inner, outer, ..] => {
                inner.len < SHORT && inner.reduced != outer.reduced && outer.len > inner.len
            }
            _ => false,
        }
    }

    /// Cuts the elements `start..start + n` of the block into whole rows of short runs, for `columns`,
    /// and what is left over at their ends, for `f`.
    pub fn each_column(
        &self,
        start: u64,
        n: usize,
        mut f: impl FnMut(Run),
        mut columns: impl FnMut(Columns),
    ) {
        let (inner, outer) = (&self.groups[0], &self.groups[1]);
        let end = start + n as u64;
        let mut at = start;
        while at < end {
            let row = at / inner.len;
            // Rows that end within the tile and before the next step of the groups further out.
            let last = (end / inner.len).min((row / outer.len + 1) * outer.len);
            if at.is_multiple_of(inner.len) && last > row {
                let mut first = None;
                self.each(at, 1, |run| first = Some(run));
                if let Some(first) = first {
                    let rows = (last - row) as usize;
                    columns(Columns { at: (at - start) as usize, rows, len: inner.len as usize, first });
                }
                at = last * inner.len;
            } else {
                let stop = ((row + 1) * inner.len).min(end);
                self.each(at, (stop - at) as usize, |run| {
                    f(Run { start: run.start + (at - start) as usize, ..run })
                });
                at = stop;
            }
        }
    }

    /// Calls `f` for each run of the elements `start..start + n` of the block.
    pub fn each(&self, start: u64, n: usize, mut f: impl FnMut(Run)) {
        let inner = &self.groups[0];
        let mut done = 0usize;
        while done < n {
            let at = start + done as u64;
            let (mut rest, along) = (at / inner.len, at % inner.len);
            let (mut output, mut position) = (0u64, 0u64);
            let mut add = |g: &Group, i: u64| match g.reduced {
                true => position += (g.first + i) * g.position,
                false => output += i * g.output,
            };
            add(inner, along);
            for g in &self.groups[1..] {
                add(g, rest % g.len);
                rest /= g.len;
            }
            let len = ((inner.len - along) as usize).min(n - done);
            f(Run {
                start: done,
                len,
                output: output as usize,
                position,
                along: if inner.reduced { Along::Reduced } else { Along::Kept },
            });
            done += len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Dims, Region, ravel, unravel};

    /// Every element's output and position against plain index arithmetic, for every set of axes.
    #[test]
    fn runs_name_the_output_and_position_of_every_element() {
        let domain = [4u64, 5, 3, 6];
        let regions = [
            Region { start: Dims::from_slice(&[0, 0, 0, 0]), shape: Dims::from_slice(&domain) },
            Region { start: Dims::from_slice(&[1, 2, 0, 1]), shape: Dims::from_slice(&[2, 3, 3, 4]) },
            Region { start: Dims::from_slice(&[3, 0, 1, 0]), shape: Dims::from_slice(&[1, 5, 2, 6]) },
        ];
        for region in &regions {
            for set in 0..16 {
                let reduced: Vec<bool> = (0..4).map(|d| set >> d & 1 == 1).collect();
                let runs = Runs::new(region, &domain, &reduced);
                for tile in [7usize, 1000] {
                    let total = region.len() as usize;
                    let mut start = 0;
                    while start < total {
                        let n = tile.min(total - start);
                        let mut seen = 0;
                        runs.each(start as u64, n, |run| {
                            assert_eq!(run.start, seen);
                            for k in 0..run.len {
                                let local = unravel((start + run.start + k) as u64, &region.shape);
                                let pick = |want: bool, v: &[u64]| -> Dims {
                                    (0..4).filter(|&d| reduced[d] == want).map(|d| v[d]).collect()
                                };
                                let global: Dims = (0..4).map(|d| local[d] + region.start[d]).collect();
                                let output = ravel(&pick(false, &local), &pick(false, &region.shape));
                                let position = ravel(&pick(true, &global), &pick(true, &domain));
                                let (o, p) = match run.along {
                                    Along::Reduced => (run.output, run.position + k as u64),
                                    Along::Kept => (run.output + k, run.position),
                                };
                                assert_eq!((o as u64, p), (output, position), "{region:?} {reduced:?}");
                            }
                            seen += run.len;
                        });
                        assert_eq!(seen, n);
                        if runs.are_short() {
                            check_columns(&runs, start as u64, n);
                        }
                        start += n;
                    }
                }
            }
        }
    }

    /// Columns and leftovers say the same of every element as plain runs do.
    fn check_columns(runs: &Runs, start: u64, n: usize) {
        let at = |run: &Run, k: usize| match run.along {
            Along::Reduced => (run.output, run.position + k as u64),
            Along::Kept => (run.output + k, run.position),
        };
        let mut plain = vec![None; n];
        runs.each(start, n, |run| (0..run.len).for_each(|k| plain[run.start + k] = Some(at(&run, k))));
        let mut found = vec![None; n];
        let found_cell = std::cell::RefCell::new(&mut found);
        runs.each_column(
            start,
            n,
            |run| (0..run.len).for_each(|k| found_cell.borrow_mut()[run.start + k] = Some(at(&run, k))),
            |columns| {
                for k in 0..columns.len {
                    let run = columns.run(k);
                    for r in 0..columns.rows {
                        found_cell.borrow_mut()[columns.at + r * columns.len + k] = Some(at(&run, r));
                    }
                }
            },
        );
        assert_eq!(found, plain);
    }
}
