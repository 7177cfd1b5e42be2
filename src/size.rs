//! Sizes and times as people write them: `512MiB`, `1.5GB`, `64k`; `12.3 ms`.

use crate::error::{Error, ErrorKind, Result};
use std::time::Duration;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `bytes` in the largest binary unit that it fills, with one digit behind the point:
/// `"17 B"`, `"1.2 GiB"`. Rounded to nearest; 1023.96 KiB is `"1.0 MiB"`.
///
/// ```
/// use chunkwise::size::human_bytes;
/// assert_eq!(human_bytes(1023), "1023 B");
/// assert_eq!(human_bytes(1_288_490_189), "1.2 GiB");
/// ```
pub fn human_bytes(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = (bytes.ilog2() / 10) as usize;
    let tenths = |unit: usize| {
        let one = 1u128 << (10 * unit);
        (bytes as u128 * 10 + one / 2) / one
    };
    if tenths(unit) >= 10_240 && unit < UNITS.len() {
        unit += 1;
    }
    let t = tenths(unit);
    format!("{}.{} {}", t / 10, t % 10, UNITS[unit - 1])
}

/// `850 µs`, `12.3 ms`, `4.56 s`, `3 min 05 s`, `2 h 07 min`.
pub fn human_duration(duration: Duration) -> String {
    let s = duration.as_secs_f64();
    match duration.as_secs() {
        0 if s < 0.9995e-3 => format!("{:.0} µs", s * 1e6),
        0 if s < 0.99995 => format!("{:.1} ms", s * 1e3),
        0..60 if s < 59.995 => format!("{s:.2} s"),
        0..3600 => {
            let s = s.round() as u64;
            format!("{} min {:02} s", s / 60, s % 60)
        }
        s => {
            let min = s / 60;
            format!("{} h {:02} min", min / 60, min % 60)
        }
    }
}

/// The number of bytes that `text` says: digits, perhaps with a point, and perhaps a unit.
///
/// `KiB MiB GiB TiB PiB` and the bare `K M G T P` are powers of 1024, `KB MB GB TB PB` powers of 1000;
/// letter case does not matter, nor do spaces around the parts. What is left of a byte is dropped.
///
/// ```
/// use chunkwise::size::parse_size;
/// assert_eq!(parse_size("512MiB").unwrap(), 512 << 20);
/// assert_eq!(parse_size("1.5 GB").unwrap(), 1_500_000_000);
/// assert_eq!(parse_size("64k").unwrap(), 65_536);
/// assert_eq!(parse_size("1073741824").unwrap(), 1 << 30);
/// ```
///
/// # Errors
/// `Value` if it is not of this form, or 2^64 bytes or more.
pub fn parse_size(text: &str) -> Result<u64> {
    const HINT: &str = "write a size as 512MiB, 1.5GB, 64k or 1073741824";
    let shown: String = text.chars().take(40).collect();
    let wrong = |what: &str| Error::new(ErrorKind::Value, format!("the size '{shown}' {what}")).hint(HINT);
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(wrong(if text.starts_with('-') {
            "is negative"
        } else {
            "does not begin with a number"
        }));
    }
    if fraction.contains('.') {
        return Err(wrong("has two decimal points"));
    }
    let scale = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1u128,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "p" | "pib" => 1 << 50,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "pb" => 1_000_000_000_000_000,
        _ => return Err(wrong("has a unit that is not known")),
    };
    let too_large = || wrong("is larger than 2^64 bytes");
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_large())? };
    // Below 2^60 · 10^18 < 2^128 nothing overflows; a digit behind the 18th is less than a byte.
    let mut part = 0u128;
    let mut power = 1u128;
    for digit in fraction.bytes().take(18) {
        part = part * 10 + u128::from(digit - b'0');
        power *= 10;
    }
    let bytes = whole.checked_mul(scale).and_then(|b| b.checked_add(part * scale / power));
    bytes.and_then(|b| u64::try_from(b).ok()).ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_exactly() {
        let cases: &[(&str, u64)] = &[
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            (" 512 MiB ", 512 << 20),
            ("512mib", 512 << 20),
            ("1.5GB", 1_500_000_000),
            ("1.5g", 3 << 29),
            (".5k", 512),
            ("1.k", 1024),
            ("0.1KiB", 102),
            ("2TiB", 2 << 40),
            ("3tb", 3_000_000_000_000),
            ("1PB", 1_000_000_000_000_000),
            ("18446744073709551615", u64::MAX),
            ("16383.999999999999999p", (1u128 << 64).saturating_sub(2) as u64),
            ("0.0000000000000000000000000000000000000000000000000001k", 0),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text).unwrap(), *bytes, "{text}");
        }
    }

    #[test]
    fn wrong_sizes_are_value_errors() {
        for text in [
            "",
            " ",
            ".",
            "-1",
            "k",
            "1..5k",
            "1.2.3",
            "1e9",
            "1,5GB",
            "12xB",
            "50%",
            "18446744073709551616",
            "16777216T",
            "99999999999999999999999999999999999999999999999",
            "inf",
            "１k",
            "340282366920938463463374607431768211455P",
        ] {
            let e = parse_size(text).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Value, "{text}");
            assert!(e.to_string().contains("hint: "), "{text}");
        }
    }

    #[test]
    fn bytes_read_well() {
        let cases: &[(u64, &str)] = &[
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1 << 30, "1.0 GiB"),
            (1_288_490_189, "1.2 GiB"),
            (1023 << 20, "1023.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(human_bytes(*bytes), *text);
        }
    }

    #[test]
    fn durations() {
        for (ns, text) in [
            (0, "0 µs"),
            (850_000, "850 µs"),
            (999_600, "1.0 ms"),
            (12_340_000, "12.3 ms"),
            (999_960_000, "1.00 s"),
            (4_560_000_000, "4.56 s"),
            (59_999_000_000, "1 min 00 s"),
            (185_000_000_000, "3 min 05 s"),
            (7_620_000_000_000, "2 h 07 min"),
        ] {
            assert_eq!(human_duration(Duration::from_nanos(ns)), text);
        }
    }
}
