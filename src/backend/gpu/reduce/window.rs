//! Exact accumulators in an invocation's registers, as WGSL.
//!
//! A sum is kept as a signed fixed-point number of a few 32-bit words, the window, whose lowest bit is
//! a multiple of 32 bits above the term's lowest unit. It is placed where the first value that is not
//! zero has room above and below, so that most values are added with a few integer operations and no
//! memory. A value below the window goes straight to the limbs in workgroup memory; one above it makes
//! the window move up, after what it held has gone to the limbs. Integers have a window that never
//! moves. The top word takes carries only, so 2^31 values fit.

use std::fmt::Write;

/// One accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The prefix of its names.
    pub name: char,
    /// Words of a value's magnitude: 1, 2 or 4.
    pub value: usize,
    /// Words by which a value may lie higher than another in one window; 0 for integers, whose window
    /// does not move.
    pub reach: usize,
    /// Bits that a window has at least below its first value.
    pub below: usize,
    /// Its limbs in workgroup memory.
    pub limbs: usize,
    /// The first word of its limbs in a slot.
    pub at: usize,
}

impl Window {
    /// Words of the window.
    pub fn words(&self) -> usize {
        match self.reach {
            0 => self.value + 1,
            reach => self.value + reach + 1,
        }
    }

    /// Whether every value up to the position `highest` finds its limbs.
    #[cfg(test)]
    pub fn fits(&self, highest: usize) -> bool {
        let base = highest.saturating_sub(self.below) / 32;
        let first_fits = self.reach == 0 || self.below + 32 <= 32 * self.reach;
        first_fits && base + self.words() <= self.limbs && highest / 32 + self.value < self.limbs
    }

    /// The names of a value's words.
    fn args(&self) -> Vec<String> {
        (0..self.value).map(|k| format!("m{k}")).collect()
    }

    /// `fn a_add(m0, …, at, negative, slot)` adds ±m · 2^at; `fn a_flush(slot)` moves all into the limbs of
    /// the slot whose first word is `slot`.
    pub fn write(&self, out: &mut String) -> std::fmt::Result {
        let (a, n) = (self.name, self.words());
        let args: String = self.args().iter().map(|m| format!("{m}: u32, ")).collect();
        for k in 0..n {
            writeln!(out, "var<private> {a}{k}: u32;")?;
        }
        if self.reach > 0 {
            writeln!(out, "// No window yet: no position is near it.")?;
            writeln!(out, "const {a}_NONE: u32 = 0xc0000000u;\nvar<private> {a}_base: u32 = {a}_NONE;")?;
        }
        writeln!(out, "fn {a}_flush(slot: u32) {{")?;
        let base = match self.reach {
            0 => String::new(),
            _ => {
                writeln!(out, "    if ({a}_base == {a}_NONE) {{ return; }}")?;
                format!(" + ({a}_base >> 4u)")
            }
        };
        for k in 0..n {
            let high = if k + 1 == n { format!("0u - ({a}{k} >> 31u)") } else { "0u".to_string() };
            writeln!(
                out,
                "    limb_add(slot + {}u{base}, {a}{k}, {high});\n    {a}{k} = 0u;",
                self.at + 2 * k
            )?;
        }
        writeln!(out, "}}")?;
        if self.reach > 0 {
            self.write_far(out, &args)?;
        }
        writeln!(out, "fn {a}_add({args}at: u32, negative: u32, slot: u32) {{")?;
        let digits = if self.reach > 0 {
            writeln!(out, "    let p = at - {a}_base;")?;
            writeln!(
                out,
                "    if (p >= {}u) {{ {a}_far({}, at, negative, slot); return; }}",
                32 * self.reach,
                self.args().join(", ")
            )?;
            self.write_shifted(out, "p")?;
            self.value + 1
        } else {
            (0..self.value).try_for_each(|k| writeln!(out, "    let d{k} = m{k};"))?;
            self.value
        };
        writeln!(out, "    var carry = negative & 1u;\n    var sum = 0u;")?;
        for k in 0..n - 1 {
            let digit = |j: usize| if j < digits { format!("d{j}") } else { "0u".to_string() };
            // The digit k − j of a value that lies j words above the window's lowest.
            let mut word = digit(k);
            for j in 1..self.reach.max(1) {
                let from = if k >= j { digit(k - j) } else { "0u".to_string() };
                word = format!("select({word}, {from}, (p >> 5u) == {j}u)");
            }
            writeln!(
                out,
                "    let x{k} = ({word}) ^ negative;
    sum = {a}{k} + x{k};
    {a}{k} = sum + carry;
    carry = u32(sum < x{k}) | u32({a}{k} < carry);"
            )?;
        }
        writeln!(out, "    {a}{top} = {a}{top} + negative + carry;\n}}", top = n - 1)
    }

    /// The value shifted left by 0 to 31 bits, as digits `d0` and so on.
    fn write_shifted(&self, out: &mut String, position: &str) -> std::fmt::Result {
        writeln!(out, "    let by = {position} & 31u;\n    let d0 = m0 << by;")?;
        for k in 1..self.value {
            writeln!(out, "    let d{k} = (m{k} << by) | shifted_out(m{}, by);", k - 1)?;
        }
        writeln!(out, "    let d{} = shifted_out(m{}, by);", self.value, self.value - 1)
    }

    fn write_far(&self, out: &mut String, args: &str) -> std::fmt::Result {
        let a = self.name;
        writeln!(out, "// A value that is not near the window.")?;
        writeln!(out, "fn {a}_far({args}at: u32, negative: u32, slot: u32) {{")?;
        writeln!(out, "    if (({}) == 0u) {{ return; }}", self.args().join(" | "))?;
        writeln!(
            out,
            "    if ({a}_base == {a}_NONE || at > {a}_base) {{
        {a}_flush(slot);
        {a}_base = (max(at, {below}u) - {below}u) & 0xffffffe0u;
    }}",
            below = self.below
        )?;
        self.write_shifted(out, "at")?;
        for k in 0..=self.value {
            writeln!(out, "    digit_add(slot + {}u + 2u * (at >> 5u), d{k}, negative);", self.at + 2 * k)?;
        }
        writeln!(out, "}}")
    }
}
