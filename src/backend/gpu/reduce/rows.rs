//! What a row gathers on the device: the words of a slot, and the code that fills them.

use super::cut::INVOCATIONS;
use super::window::Window;
use crate::DType;
use crate::backend::gpu::shader::shader;
use crate::ops::exact::Term;
use crate::ops::reduce::{Family, ReduceSpec};
use std::fmt::Write;

/// Which of the program's outputs a kernel has: `o0` are the values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Members {
    /// The member with the weights.
    pub weights: Option<usize>,
    /// The member with the mask.
    pub mask: Option<usize>,
}

/// What is gathered for one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gather {
    /// Limbs of the first sum and perhaps of a second one, flags, the number of values.
    Sums(Window, Option<Window>),
    /// The key and position of an extreme.
    Extreme,
    /// Values that are not zero, values.
    Counts,
    /// A magnitude and flags.
    IntegerProduct,
    /// Significand, exponent, what was lost, flags.
    FloatProduct,
}

/// Bits of flags per sum.
pub const FLAG_BITS: u32 = 3;

impl Gather {
    /// What a row gathers.
    pub fn of(spec: &ReduceSpec) -> Gather {
        let dtype = spec.compute_dtype();
        match spec.row().family {
            Family::Sum | Family::Mean => Gather::Sums(value_window(dtype, 0), None),
            Family::Var | Family::Std => {
                let first = value_window(dtype, 0);
                Gather::Sums(first, Some(product_window(dtype, 'b', 2 * first.limbs)))
            }
            Family::Average => {
                let second = Window { name: 'b', ..value_window(dtype, 0) };
                let first = product_window(dtype, 'a', 0);
                Gather::Sums(first, Some(Window { at: 2 * first.limbs, ..second }))
            }
            Family::Min | Family::Max | Family::ArgMin | Family::ArgMax => Gather::Extreme,
            Family::Any | Family::All | Family::Count => Gather::Counts,
            Family::Prod if dtype.is_float() => Gather::FloatProduct,
            Family::Prod => Gather::IntegerProduct,
        }
    }

    /// Words of a slot.
    pub fn words(&self) -> usize {
        match self {
            Gather::Sums(first, second) => 2 * (first.limbs + second.map_or(0, |s| s.limbs)) + 2,
            Gather::Extreme => 4,
            Gather::Counts => 2,
            Gather::IntegerProduct => 3,
            Gather::FloatProduct => 12,
        }
    }

    /// The least bytes of workgroup memory.
    pub fn least_memory(&self) -> usize {
        let slots = match self {
            Gather::Sums(..) | Gather::Counts => 1,
            Gather::Extreme | Gather::IntegerProduct | Gather::FloatProduct => INVOCATIONS as usize,
        };
        4 * slots * self.words()
    }

    /// Outputs for which so many bytes of workgroup memory, not fewer than the least, are enough.
    pub fn width(&self, memory: u64) -> u64 {
        match self {
            Gather::Sums(..) | Gather::Counts => memory / self.least_memory() as u64,
            Gather::Extreme | Gather::IntegerProduct | Gather::FloatProduct => INVOCATIONS,
        }
    }

    /// The code: SLOT, begin, take, end, combine and word. Workgroup memory holds `width` slots.
    pub fn code(&self, spec: &ReduceSpec, members: Members, width: u64) -> String {
        let mut out = String::from(shader!("reduce_parts.wgsl"));
        if spec.compute_dtype().size() == 8 {
            out.push_str(shader!("reduce_parts64.wgsl"));
        }
        // Writing to a string does not fail.
        let _ = match self {
            Gather::Extreme => write_extreme(&mut out, spec, members),
            Gather::IntegerProduct | Gather::FloatProduct => write_product(&mut out, spec, members),
            _ => self.write_slots(&mut out, spec, members, width),
        };
        out
    }

    fn write_slots(
        &self,
        out: &mut String,
        spec: &ReduceSpec,
        members: Members,
        width: u64,
    ) -> std::fmt::Result {
        out.push_str(shader!("reduce_slots.wgsl"));
        let words = self.words();
        writeln!(out, "const SLOT: u32 = {words}u;\nconst SLOTS: u32 = {}u;", width * words as u64)?;
        writeln!(out, "var<private> first_word: u32;\nvar<private> second_word: u32;")?;
        match self {
            Gather::Sums(first, second) => {
                write_sums(out, spec, members, first, second.as_ref())?;
            }
            _ => {
                writeln!(out, "fn take(x: Outs, k: u32, slot: u32) {{")?;
                write_mask(out, members)?;
                writeln!(
                    out,
                    "    first_word += u32({});\n    second_word += 1u;\n}}\nfn flush(slot: u32) {{ }}",
                    nonzero(spec.compute_dtype())
                )?;
            }
        }
        let put = match self {
            Gather::Sums(..) => "atomicOr",
            _ => "atomicAdd",
        };
        writeln!(
            out,
            "fn end(place: Place) {{
    let slot = place.output * SLOT;
    flush(slot);
    if (first_word != 0u) {{ {put}(&slots[slot + {}u], first_word); }}
    if (second_word != 0u) {{ atomicAdd(&slots[slot + {}u], second_word); }}
}}",
            words - 2,
            words - 1
        )
    }
}

/// The window for values.
fn value_window(dtype: DType, at: usize) -> Window {
    let window = |value, reach, below, limbs| Window { name: 'a', value, reach, below, limbs, at };
    match dtype {
        DType::F64 => window(2, 2, 24, Term::F64.limbs()),
        DType::F16 | DType::F32 => window(1, 2, 24, Term::F32.limbs()),
        d if d.size() == 8 => window(2, 0, 0, 3),
        _ => window(1, 0, 0, 2),
    }
}

/// The window for products of two values.
fn product_window(dtype: DType, name: char, at: usize) -> Window {
    let window = |value, reach, below, limbs| Window { name, value, reach, below, limbs, at };
    match dtype {
        DType::F64 => window(4, 3, 48, Term::F64Product.limbs()),
        DType::F16 | DType::F32 => window(2, 3, 48, Term::F32Product.limbs()),
        d if d.size() == 8 => window(4, 0, 0, 5),
        d if d.size() == 4 => window(2, 0, 0, 3),
        _ => window(1, 0, 0, 2),
    }
}

/// The function that takes an element apart.
fn parts(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "parts_float16",
        DType::F32 => "parts_float32",
        DType::F64 => "parts_float64",
        DType::I64 => "parts_int64",
        DType::U64 => "parts_uint64",
        DType::I8 | DType::I16 | DType::I32 => "parts_int",
        DType::Bool | DType::U8 | DType::U16 | DType::U32 => "parts_uint",
    }
}

/// Whether `x.o0` is not zero.
fn nonzero(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "(x.o0 & 0x7fffu) != 0u",
        DType::F32 => "(x.o0 & 0x7fffffffu) != 0u",
        DType::F64 => "((high64(x.o0) & 0x7fffffffu) | low64(x.o0)) != 0u",
        DType::I64 | DType::U64 => "(high64(x.o0) | low64(x.o0)) != 0u",
        _ => "x.o0 != 0u",
    }
}

fn write_mask(out: &mut String, members: Members) -> std::fmt::Result {
    match members.mask {
        Some(m) => writeln!(out, "    if (x.o{m} == 0u) {{ return; }}"),
        None => Ok(()),
    }
}

/// A call of an accumulator's function that adds the product of `v` and `u`.
fn add_product(window: &Window, negative: &str) -> String {
    let (name, at) = (window.name, "v.at + u.at");
    match window.value {
        1 => format!("    {name}_add(v.m0 * u.m0, {at}, {negative}, slot);\n"),
        2 => format!(
            "    let q = multiply32(v.m0, u.m0);\n    {name}_add(q.x, q.y, {at}, {negative}, slot);\n"
        ),
        _ => format!(
            "    let q = multiply64(v.m0, v.m1, u.m0, u.m1);
    {name}_add(q.x, q.y, q.z, q.w, {at}, {negative}, slot);\n"
        ),
    }
}

/// A call of an accumulator's function that adds the value called `v`.
fn add_value(window: &Window, v: &str) -> String {
    let high = if window.value == 2 { format!("{v}.m1, ") } else { String::new() };
    format!("    {}_add({v}.m0, {high}{v}.at, {v}.negative, slot);\n", window.name)
}

fn write_sums(
    out: &mut String,
    spec: &ReduceSpec,
    members: Members,
    first: &Window,
    second: Option<&Window>,
) -> std::fmt::Result {
    let parts = parts(spec.compute_dtype());
    first.write(out)?;
    second.map_or(Ok(()), |s| s.write(out))?;
    writeln!(out, "fn take(x: Outs, k: u32, slot: u32) {{")?;
    write_mask(out, members)?;
    writeln!(out, "    let v = {parts}(x.o0);")?;
    if spec.row().skips_nan && spec.compute_dtype().is_float() {
        writeln!(out, "    if (v.special == 4u) {{ return; }}")?;
    }
    writeln!(out, "    second_word += 1u;")?;
    match (second, members.weights) {
        (Some(second), Some(w)) => {
            writeln!(out, "    let u = {parts}(x.o{w});")?;
            writeln!(out, "    first_word |= special_product(v, u) | (u.special << {FLAG_BITS}u);")?;
            out.push_str(&add_product(first, "v.negative ^ u.negative"));
            out.push_str(&add_value(second, "u"));
        }
        (Some(second), None) => {
            writeln!(out, "    let u = v;")?;
            writeln!(out, "    first_word |= v.special | (special_product(v, v) << {FLAG_BITS}u);")?;
            out.push_str(&add_value(first, "v"));
            out.push_str(&add_product(second, "0u"));
        }
        (None, _) => {
            writeln!(out, "    first_word |= v.special;")?;
            out.push_str(&add_value(first, "v"));
        }
    }
    let flush_second = second.map_or(String::new(), |s| format!(" {}_flush(slot);", s.name));
    writeln!(out, "}}\nfn flush(slot: u32) {{ {}_flush(slot);{flush_second} }}", first.name)
}

fn write_product(out: &mut String, spec: &ReduceSpec, members: Members) -> std::fmt::Result {
    let dtype = spec.compute_dtype();
    out.push_str(shader!("reduce_products.wgsl"));
    let multiply = match dtype {
        DType::F16 | DType::F32 => "multiply_narrow",
        DType::F64 => "multiply_wide",
        _ => "multiply",
    };
    out.push_str(if dtype.is_float() {
        shader!("reduce_products_float.wgsl")
    } else {
        shader!("reduce_products_int.wgsl")
    });
    writeln!(out, "fn take(x: Outs, k: u32, slot: u32) {{")?;
    write_mask(out, members)?;
    writeln!(out, "    let v = {}(x.o0);", parts(dtype))?;
    if spec.row().skips_nan && dtype.is_float() {
        writeln!(out, "    if (v.special == 4u) {{ return; }}")?;
    }
    writeln!(out, "    {multiply}(v);\n}}")
}

fn write_extreme(out: &mut String, spec: &ReduceSpec, members: Members) -> std::fmt::Result {
    let (dtype, family) = (spec.compute_dtype(), spec.row().family);
    out.push_str(shader!("reduce_extremes.wgsl"));
    if dtype.size() == 8 {
        out.push_str(shader!("reduce_extremes64.wgsl"));
    }
    let key = match dtype {
        DType::F16 | DType::F32 | DType::F64 | DType::I64 | DType::U64 => dtype.name(),
        DType::U32 => "uint",
        // Narrow unsigned integers are positive in 32 bits.
        _ => "int",
    };
    let flip = match family {
        Family::Max | Family::ArgMax => "0xffffffffu",
        _ => "0u",
    };
    let value = match (dtype.is_float(), family) {
        (true, Family::ArgMin | Family::ArgMax) => format!("plus_{dtype}(x.o0)"),
        _ => "x.o0".to_string(),
    };
    writeln!(out, "fn take(x: Outs, k: u32, slot: u32) {{")?;
    write_mask(out, members)?;
    writeln!(out, "    mine.w |= THERE;")?;
    if spec.row().skips_nan && dtype.is_float() {
        writeln!(out, "    if (is_nan_{dtype}(x.o0)) {{ return; }}")?;
    }
    writeln!(out, "    offer(key_{key}({value}, {flip}), k);\n}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The highest position that a value or a product of two can have.
    fn highest(dtype: DType) -> usize {
        match dtype {
            DType::F64 => 2045,
            DType::F32 => 253,
            DType::F16 => 30 + 124,
            _ => 0,
        }
    }

    #[test]
    fn every_value_finds_its_limbs() {
        for dtype in DType::ALL {
            let (v, p) = (value_window(dtype, 0), product_window(dtype, 'b', 0));
            assert!(v.fits(highest(dtype)), "{dtype} {v:?}");
            assert!(p.fits(2 * highest(dtype)), "{dtype} {p:?}");
            // Bits of a magnitude fit its words; 31 more bits are room for 2^31 of them.
            assert!(8 * dtype.size() <= 32 * v.value || dtype == DType::F64);
        }
    }
}
