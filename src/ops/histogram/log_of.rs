//! The bins of a logarithm, found from its argument.

use super::edges::{Edges, Scale};
use super::find::Finder;
use super::groups::GROUP;
use super::logs::Logs;
use crate::dtype::DType;
use crate::ops::elementwise::{KernelAt, Op, Operand};
use crate::ops::simd::Simd;

/// The bins of `log(x)`, `log2(x)` or `log10(x)` among uniform edges, found from `x`: the same slots as
/// those of the elementwise row's result.
#[derive(Clone, Debug)]
pub struct LogOf {
    row: KernelAt,
    logs: Logs,
    dtype: DType,
}

impl LogOf {
    /// For the results of `op`, of `dtype`, among these edges; `None` for any other operation, dtype or
    /// edges, and where the logarithm itself is better.
    pub fn new(op: Op, dtype: DType, edges: &Edges, simd: Simd) -> Option<LogOf> {
        let per_two = match op.name() {
            "log" => std::f64::consts::LN_2,
            "log2" => 1.0,
            "log10" => std::f64::consts::LOG10_2,
            _ => return None,
        };
        let error = match dtype {
            DType::F32 => op.row().bound.f32 * f64::from(f32::EPSILON),
            DType::F64 => op.row().bound.f64 * f64::EPSILON,
            _ => return None,
        };
        if edges.scale() != Scale::Uniform {
            return None;
        }
        let [lo, hi] = [edges.values().first()?, edges.values().last()?].map(|e| e / per_two);
        let signature = op.signature(&[Operand::Strong(dtype)]).ok()?;
        Some(LogOf {
            row: op.try_kernel(&signature, simd).ok()?,
            logs: Logs::new(lo, hi, edges.bins(), error + 2.0 * f64::EPSILON)?,
            dtype,
        })
    }

    /// The dtype of the logarithm and of its argument.
    pub(super) fn dtype(&self) -> DType {
        self.dtype
    }

    /// The slots of the logarithms of native values, which need not be aligned; `finder` is that of the
    /// edges.
    pub(super) fn slots(&self, simd: Simd, finder: &Finder, bytes: &[u8], slots: &mut [u32]) {
        match self.dtype {
            DType::F32 => {
                let values = bytes.as_chunks::<4>().0;
                let (mut x, mut y, mut wide) = ([0f32; GROUP], [0f32; GROUP], [0f64; GROUP]);
                self.logs.slots(simd, values, slots, |rows, slots| {
                    for (rows, slots) in pieces(rows).zip(slots.chunks_mut(GROUP)) {
                        let n = slots.len();
                        x.iter_mut().zip(&values[rows]).for_each(|(x, &v)| *x = f32::from_ne_bytes(v));
                        self.row.run(&[bytemuck::cast_slice(&x[..n])], bytemuck::cast_slice_mut(&mut y[..n]));
                        if !finder.slots_f32(simd, bytemuck::cast_slice(&y[..n]), slots) {
                            wide.iter_mut().zip(&y).for_each(|(w, &y)| *w = y.into());
                            finder.slots(simd, &wide[..n], slots);
                        }
                    }
                });
            }
            _ => {
                let values = bytes.as_chunks::<8>().0;
                let (mut x, mut y) = ([0f64; GROUP], [0f64; GROUP]);
                self.logs.slots(simd, values, slots, |rows, slots| {
                    for (rows, slots) in pieces(rows).zip(slots.chunks_mut(GROUP)) {
                        let n = slots.len();
                        x.iter_mut().zip(&values[rows]).for_each(|(x, &v)| *x = f64::from_ne_bytes(v));
                        self.row.run(&[bytemuck::cast_slice(&x[..n])], bytemuck::cast_slice_mut(&mut y[..n]));
                        finder.slots(simd, &y[..n], slots);
                    }
                });
            }
        }
    }
}

/// The range in pieces of [`GROUP`] rows.
fn pieces(rows: std::ops::Range<usize>) -> impl Iterator<Item = std::ops::Range<usize>> {
    let end = rows.end;
    rows.step_by(GROUP).map(move |start| start..end.min(start + GROUP))
}
