//! Where an axis has its ticks, and what they say: round numbers, as matplotlib's `MaxNLocator` and `LogLocator`
//! choose them.

/// A tick with its text, at a value of the axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The value.
    pub at: f64,
    /// What stands beside it.
    pub text: String,
}

/// The ticks of an axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ticks {
    /// Those with a text, ascending.
    pub major: Vec<Tick>,
    /// Those without.
    pub minor: Vec<f64>,
    /// What is done to all texts to get the values: `×10⁶`, `+1000000`; empty if nothing is.
    pub common: String,
}

/// The steps between ticks, in each power of ten.
const STEPS: [f64; 4] = [1.0, 2.0, 2.5, 5.0];
/// The ticks without a text between powers of ten.
static NINTHS: [f64; 8] = [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
/// Powers of ten that are written as zeros; beyond them all texts share a power.
const PLAIN: std::ops::Range<i32> = -4..6;

/// At most `most` ticks (two at least) on a linear axis from `low` to `high`, both finite, `low < high`; only whole
/// numbers if `whole`.
pub fn linear(low: f64, high: f64, most: usize, whole: bool) -> Ticks {
    let most = most.max(2);
    let least = (high / 2.0 - low / 2.0) / most as f64 * 2.0;
    let power = least.log10().floor() as i32;
    let steps = (power..=power + 2).flat_map(|p| STEPS.map(|s| (s, p)));
    let counted = |(s, p): (f64, i32)| {
        let step = decimal(s, p);
        ((low / step).ceil(), (high / step).floor())
    };
    let fits = |&(s, p): &(f64, i32)| {
        let (first, last) = counted((s, p));
        last - first < most as f64 && !(whole && (p < 0 || (p == 0 && s.fract() != 0.0)))
    };
    let (s, p) = steps.into_iter().find(fits).unwrap_or((1.0, power.max(0) + 2));
    let (first, last) = counted((s, p));
    // Counted, for far from zero a whole number and the next one may be one float.
    let multiples = (0..=(last - first) as usize).map(|k| (first + k as f64) * s);
    let mut multiples: Vec<f64> = multiples.filter(|&m| (low..=high).contains(&decimal(m, p))).collect();
    multiples.dedup();
    labelled(&multiples, s, p, low.abs().max(high.abs()))
}

/// `m · 10^p`, rounded once: 3 · 10⁻¹ is 0.3. Beyond what float64 has it is infinite or 0.
fn decimal(m: f64, p: i32) -> f64 {
    // Adding 0 makes a negative zero a plain one.
    format!("{m}e{p}").parse::<f64>().unwrap_or(f64::NAN) + 0.0
}

/// Ticks at multiples of `10^p`, with texts of as many decimals as the step `s · 10^p` has; what all share is taken out.
fn labelled(multiples: &[f64], s: f64, p: i32, largest: f64) -> Ticks {
    let at: Vec<f64> = multiples.iter().map(|m| decimal(*m, p)).collect();
    let span = at.last().zip(at.first()).map_or(0.0, |(l, f)| l - f);
    // Values that agree in their first digits share these.
    let base = match at.first() {
        Some(&first) if span > 0.0 && largest / span > 1e4 => {
            let unit = decimal(1.0, span.log10().ceil() as i32);
            (first / unit).floor() * unit
        }
        _ => 0.0,
    };
    let shown = if base == 0.0 { largest } else { span };
    let power = if shown > 0.0 { shown.log10().floor() as i32 } else { 0 };
    let shared = if PLAIN.contains(&power) { 0 } else { power };
    let decimals = (shared - p + i32::from(s == 2.5)).max(0) as usize;
    let text = |m: f64| {
        let v = match base == 0.0 {
            true => decimal(m, p - shared),
            false => (decimal(m, p) - base) / decimal(1.0, shared),
        };
        minus(&format!("{v:.decimals$}"))
    };
    let major = at.iter().zip(multiples).map(|(&at, &m)| Tick { at, text: text(m) }).collect();
    let mut common = if shared == 0 { String::new() } else { format!("×{}", power_of_ten(shared)) };
    if base != 0.0 {
        let sign = if base < 0.0 { "−" } else { "+" };
        common = format!("{common} {sign}{}", number(base.abs())).trim().to_string();
    }
    Ticks { major, minor: Vec::new(), common }
}

/// At most `most` ticks (four at least) on a logarithmic axis from `low` to `high`, `0 < low < high`: at powers of ten,
/// or, where there are too few of these, at round numbers between them.
pub fn log(low: f64, high: f64, most: usize) -> Ticks {
    let most = most.max(4);
    let (first, last) = ((low.log10() - 1e-9).ceil() as i32, (high.log10() + 1e-9).floor() as i32);
    let inside = |v: &f64| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(v);
    let between = |steps: &'static [f64]| {
        (first - 1..=last).flat_map(move |p| steps.iter().map(move |&s| decimal(s, p))).filter(inside)
    };
    if last - first < 2 {
        let round: Vec<f64> = between(&[1.0, 2.0, 5.0]).collect();
        if round.len() < 3 {
            let mut ticks = linear(low, high, most, false);
            ticks.major.retain(|t| t.at > 0.0);
            return ticks;
        }
        if round.len() <= most {
            let major = round.into_iter().map(|v| Tick { at: v, text: number(v) }).collect();
            return Ticks { major, minor: between(&NINTHS).collect(), common: String::new() };
        }
    }
    let stride = ((last - first) as usize / most + 1) as i32;
    let (with, without): (Vec<i32>, Vec<i32>) = (first..=last).partition(|p| p.rem_euclid(stride) == 0);
    let major = with.into_iter().map(|p| Tick { at: decimal(1.0, p), text: power_of_ten(p) }).collect();
    let minor = match stride {
        1 => between(&NINTHS).collect(),
        _ => without.into_iter().map(|p| decimal(1.0, p)).collect(),
    };
    Ticks { major, minor, common: String::new() }
}

/// `10⁻³`
fn power_of_ten(power: i32) -> String {
    format!("10{}", superscript(power))
}

fn superscript(n: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digit = |c: char| match c.to_digit(10) {
        Some(d) => DIGITS[d as usize],
        None => '⁻',
    };
    n.to_string().chars().map(digit).collect()
}

/// A number as its shortest text, with a power of ten where it would have many zeros.
pub fn number(v: f64) -> String {
    let power = if v == 0.0 { 0 } else { v.abs().log10().floor() as i32 };
    if PLAIN.contains(&power) || power == 6 || !v.is_finite() {
        return minus(&v.to_string());
    }
    let text = format!("{v:e}");
    match text.split_once('e').and_then(|(m, e)| Some((m, e.parse().ok()?))) {
        Some(("1", e)) => power_of_ten(e),
        Some((m, e)) => minus(&format!("{m}×{}", power_of_ten(e))),
        None => text,
    }
}

/// With a minus sign in place of a hyphen.
fn minus(text: &str) -> String {
    // A zero that was rounded from below has no sign.
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| b"0.".contains(&b)) => rest.to_string(),
        Some(rest) => format!("−{rest}"),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ticks: &Ticks) -> Vec<&str> {
        ticks.major.iter().map(|t| t.text.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_at_round_numbers() {
        assert_eq!(texts(&linear(0.0, 1.0, 7, false)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&linear(-3.1, 3.2, 8, false)), ["−3", "−2", "−1", "0", "1", "2", "3"]);
        assert_eq!(texts(&linear(0.0, 0.1, 6, false)), ["0.00", "0.02", "0.04", "0.06", "0.08", "0.10"]);
        assert_eq!(texts(&linear(0.0, 0.1, 5, false)), ["0.000", "0.025", "0.050", "0.075", "0.100"]);
        assert_eq!(texts(&linear(-0.5, 3.5, 9, true)), ["0", "1", "2", "3"]);
        assert_eq!(texts(&linear(-0.5, 1439.5, 6, true)), ["0", "250", "500", "750", "1000", "1250"]);
        let three = linear(0.0, 0.35, 9, false);
        assert_eq!(three.major[6].at, 0.3, "as it is written");
    }

    #[test]
    fn what_all_ticks_share_is_written_once() {
        let counts = linear(0.0, 4.2e7, 6, false);
        assert_eq!((texts(&counts), counts.common.as_str()), (vec!["0", "1", "2", "3", "4"], "×10⁷"));
        let small = linear(1e-30, 9e-30, 5, false);
        assert_eq!((texts(&small), small.common.as_str()), (vec!["2", "4", "6", "8"], "×10⁻³⁰"));
        let near = linear(101_325.0, 101_325.5, 6, false);
        assert_eq!(near.common, "+101325");
        assert_eq!(texts(&near), ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
    }

    #[test]
    fn ticks_lie_on_the_axis_and_are_few_whatever_its_range() {
        let ends = [1e-320, 1e-300, 2.2e-16, 1e-3, 0.7, 1.0, 3.0, 1e5, 1e16, 1e300, f64::MAX];
        for &a in &ends {
            for &b in ends.iter().filter(|b| **b > a) {
                for (low, high) in [(a, b), (-a, b), (-b, a), (-b, -a), (0.0, b)] {
                    for most in [2, 5, 9] {
                        let ticks = linear(low, high, most, false);
                        assert!(ticks.major.len() <= most, "{low} {high} {most}: {ticks:?}");
                        assert!(
                            ticks.major.iter().all(|t| low <= t.at && t.at <= high),
                            "{low} {high}: {ticks:?}"
                        );
                        assert!(ticks.major.windows(2).all(|t| t[0].at < t[1].at && t[0].text != t[1].text));
                    }
                    if low > 0.0 {
                        let ticks = log(low, high, 9);
                        assert!(ticks.major.len() <= 10, "{low} {high}: {ticks:?}");
                        assert!(ticks.major.windows(2).all(|t| t[0].at < t[1].at), "{low} {high}: {ticks:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn log_ticks_are_decades() {
        let ticks = log(0.02, 3000.0, 9);
        assert_eq!(texts(&ticks), ["10⁻¹", "10⁰", "10¹", "10²", "10³"]);
        assert_eq!(ticks.minor[..4], [0.02, 0.03, 0.04, 0.05]);
        assert_eq!(ticks.minor.last(), Some(&3000.0));
        let many = log(1e-30, 1e10, 9);
        assert_eq!(texts(&many)[..3], ["10⁻³⁰", "10⁻²⁵", "10⁻²⁰"]);
        assert_eq!(texts(&log(0.9, 12.0, 9)), ["1", "2", "5", "10"]);
        assert_eq!(texts(&log(3.0, 4.0, 5)), ["3.00", "3.25", "3.50", "3.75", "4.00"]);
    }
}
