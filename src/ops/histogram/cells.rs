//! Slots by the top bits of a float as an ordered integer: they choose a cell, which holds at most
//! one cut and knows how many lie before it.
//!
//! Sixty-four rows go through three loops: from values to cells, from cells to entries, from entries to
//! slots. The first and the last are arithmetic and vectorise; the one between only loads, and is kept
//! apart so that no compiler turns it into gather instructions, which are slower than single loads on
//! processors that were measured (AMD Zen 4 and 5).

use super::padded::Padded;
use crate::ops::simd::Simd;
use crate::per_simd;

const ROWS: usize = 64;

/// A table for keys of type `K`.
pub(super) struct Cells<K> {
    first: K,
    last: K,
    shift: u32,
    /// The key of the cut in each cell, and how many cuts lie before the cell.
    entries: Padded<[K; 2]>,
}

/// Values with a slot of their own: NaN, and those up to `floor` (NaN for none).
#[derive(Clone, Copy)]
pub(super) struct Special {
    pub(super) floor: f64,
    pub(super) nan: u32,
    pub(super) low: u32,
}

/// The most cells of a table for `bins` bins.
const fn most_cells(bins: u64) -> u64 {
    let cells = (16 * (bins + 1)).next_power_of_two();
    if cells < 1 << 9 {
        1 << 9
    } else if cells > 1 << 16 {
        1 << 16
    } else {
        cells
    }
}

/// The most bytes of the tables of both kinds for `bins` bins.
pub(super) fn most_bytes(bins: u64) -> u64 {
    most_cells(bins) * (size_of::<[i32; 2]>() + size_of::<[i64; 2]>()) as u64
}

struct Layout {
    first: i128,
    shift: u32,
    cells: u64,
}

/// The fewest cells of one size over these keys such that no two share a cell. All below the second
/// key may be one cell: between 0 and 1 lie as many floats as above 1, so that a first edge of 0
/// would spread the cells thin.
fn layout(keys: &[i128], least: i128, bits: u32) -> Option<Layout> {
    let last = *keys.last()?;
    let most = most_cells(keys.len() as u64 - 1);
    let from = |first: &dyn Fn(u32) -> i128| {
        let cells = |shift: u32| ((last - first(shift)) >> shift) as u64 + 1;
        (0..bits - 1)
            .rev()
            .skip_while(|&s| cells(s) < keys.len() as u64)
            .take_while(|&s| cells(s) <= most)
            .find_map(|shift| {
                let first = first(shift);
                let cell = |k: i128| (k.max(first) - first) >> shift;
                let apart = first >= least && keys.windows(2).all(|w| cell(w[0]) < cell(w[1]));
                apart.then(|| Layout { first, shift, cells: cells(shift) })
            })
    };
    let whole = from(&|_| keys[0]);
    let second = keys.get(1).and_then(|&k| from(&|shift| k - (1 << shift)));
    [whole, second].into_iter().flatten().min_by_key(|l| l.cells)
}

macro_rules! cells {
    ($key:ty, $bits:ty, $float:ty, $value:ty, $read:expr, $cells:ident $cells_body:ident $slots:ident $slots_body:ident
     $load:ident) => {
        impl Cells<$key> {
            /// Floats in the order of their numbers, as integers; −0 and 0 are one.
            #[inline(always)]
            fn key(x: $float) -> $key {
                let bits = (x + 0.0).to_bits() as $key;
                bits ^ ((bits >> (<$bits>::BITS - 1)) as $bits >> 1) as $key
            }

            /// A table over these cuts (float64, not decreasing; NaN is above all numbers), or none if
            /// two cuts are one in this type, or it would be large.
            pub(super) fn new(cuts: &[f64]) -> Option<Self> {
                let keys: Vec<i128> = cuts
                    .iter()
                    .map(|&cut| {
                        let x = cut as $float;
                        let x = if (x as f64) < cut { x.next_up() } else { x };
                        let infinity = Self::key(<$float>::INFINITY) as i128;
                        if cut.is_nan() { infinity + 1 } else { Self::key(x) as i128 }
                    })
                    .collect();
                let Layout { first, shift, cells } = layout(&keys, <$key>::MIN as i128, <$bits>::BITS)?;
                let mut entries = vec![[<$key>::MAX, 0]; cells as usize];
                let mut before = 0;
                let mut keys = keys.iter().peekable();
                for (cell, entry) in entries.iter_mut().enumerate() {
                    entry[1] = before;
                    let inside = |k: &&i128| ((**k).max(first) - first) >> shift == cell as i128;
                    if let Some(&key) = keys.next_if(inside) {
                        entry[0] = key as $key;
                        before += 1;
                    }
                }
                let last = entries.last()?[0];
                Some(Cells { first: first as $key, last, shift, entries: Padded::new(entries, [<$key>::MAX, 0]) })
            }

            /// The slots of a block.
            pub(super) fn slots(&self, simd: Simd, special: Special, values: &[$value], slots: &mut [u32]) {
                let (mut keys, mut cells, mut entries) = ([0; ROWS], [0; ROWS], [[0; 2]; ROWS]);
                let mut run = |values: &[$value; ROWS], slots: &mut [u32; ROWS]| {
                    $cells(simd, self, values, &mut keys, &mut cells);
                    $load(self, &cells, &mut entries);
                    $slots(simd, special, values, &keys, &entries, slots);
                };
                let (whole, rest) = values.as_chunks::<ROWS>();
                let (out, last) = slots.as_chunks_mut::<ROWS>();
                for (values, slots) in whole.iter().zip(out) {
                    run(values, slots);
                }
                if let Some(&one) = rest.first() {
                    let (mut values, mut slots) = ([one; ROWS], [0; ROWS]);
                    values[..rest.len()].copy_from_slice(rest);
                    run(&values, &mut slots);
                    last[..rest.len()].copy_from_slice(&slots[..rest.len()]);
                }
            }
        }

        #[inline(always)]
        fn $cells_body(t: &Cells<$key>, values: &[$value; ROWS], keys: &mut [$key; ROWS], cells: &mut [u32; ROWS]) {
            let (first, last, shift) = (t.first, t.last, t.shift);
            for ((key, cell), &x) in keys.iter_mut().zip(cells).zip(values) {
                *key = Cells::<$key>::key($read(x));
                *cell = ((*key).clamp(first, last).wrapping_sub(first) as $bits >> shift) as u32;
            }
        }
        per_simd!(fn $cells(t: &Cells<$key>, values: &[$value; ROWS], keys: &mut [$key; ROWS], cells: &mut [u32; ROWS])
            = $cells_body);

        #[inline(never)]
        fn $load(t: &Cells<$key>, cells: &[u32; ROWS], entries: &mut [[$key; 2]; ROWS]) {
            for (entry, &cell) in entries.iter_mut().zip(cells) {
                *entry = t.entries.at(cell as usize);
            }
        }

        #[inline(always)]
        fn $slots_body(
            special: Special,
            values: &[$value; ROWS],
            keys: &[$key; ROWS],
            entries: &[[$key; 2]; ROWS],
            slots: &mut [u32; ROWS],
        ) {
            for i in 0..ROWS {
                let x: $float = $read(values[i]);
                let slot = entries[i][1] as u32 + (keys[i] >= entries[i][0]) as u32;
                let slot = if x <= special.floor as $float { special.low } else { slot };
                slots[i] = if x.is_nan() { special.nan } else { slot };
            }
        }
        per_simd!(fn $slots(
            special: Special,
            values: &[$value; ROWS],
            keys: &[$key; ROWS],
            entries: &[[$key; 2]; ROWS],
            slots: &mut [u32; ROWS],
        ) = $slots_body);
    };
}
cells!(i32, u32, f32, [u8; 4], f32::from_ne_bytes, cells32 cells32_body slots32 slots32_body load32);
cells!(i64, u64, f64, f64, |x: f64| x, cells64 cells64_body slots64 slots64_body load64);
