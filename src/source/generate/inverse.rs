//! Distributions by inversion: one word of 64 bits per element.
//!
//! The word w stands for the probability (w + ½) / 2^64, which is taken from the nearer end, so that both tails are
//! as fine as float64 has them, down to probabilities of 2^-65.

use crate::ops::elementwise::scalar::{log, log1p};
use crate::ops::simd::Simd;
use crate::per_simd;

/// 2^-65.
const HALF_STEP: f64 = 1.0 / 36_893_488_147_419_103_232.0;

/// The standard normal distribution: Wichura's PPND16 (Algorithm AS 241, Applied Statistics 37, 1988). The largest
/// size is 9.16; the error is below 4 units of 2^-52 of it.
pub(super) fn normal(word: u64) -> f64 {
    let tail = tail(word);
    let q = from_middle(tail);
    let size = if q <= MIDDLE {
        middle(q)
    } else {
        let r = (-log(tail as f64 * HALF_STEP)).sqrt();
        if r <= 5.0 {
            horner(r - 1.6, &C) / horner(r - 1.6, &D)
        } else {
            horner(r - 5.0, &E) / horner(r - 5.0, &F)
        }
    };
    if word >> 63 == 1 { size } else { -size }
}

/// Up to here from one half lies the middle part of the distribution, which has a formula of its own.
const MIDDLE: f64 = 0.425;

/// Twice the step, and one half: the tail's share of 2^65.
#[inline(always)]
fn tail(word: u64) -> u64 {
    word << 1 | 1
}

/// How far a probability lies from one half.
#[inline(always)]
fn from_middle(tail: u64) -> f64 {
    tail.wrapping_neg() as f64 * HALF_STEP
}

#[inline(always)]
fn middle(q: f64) -> f64 {
    let r = 0.180_625 - q * q;
    q * horner(r, &A) / horner(r, &B)
}

/// [`normal`] of each word: the middle part's formula for all together, and the tails', a seventh of them, one by one.
pub(super) fn normals(simd: Simd, words: &[u64], out: &mut [f64]) {
    middles(simd, words, out);
    for (out, &word) in out.iter_mut().zip(words) {
        if from_middle(tail(word)) > MIDDLE {
            *out = normal(word);
        }
    }
}

per_simd!(fn middles(words: &[u64], out: &mut [f64]) = middles_body);

#[inline(always)]
fn middles_body(words: &[u64], out: &mut [f64]) {
    for (out, &word) in out.iter_mut().zip(words) {
        let size = middle(from_middle(tail(word)));
        *out = if word >> 63 == 1 { size } else { -size };
    }
}

/// [`exponential`] of each word.
pub(super) fn exponentials(_: Simd, words: &[u64], out: &mut [f64]) {
    out.iter_mut().zip(words).for_each(|(out, &word)| *out = exponential(word));
}

/// The standard exponential distribution: −log(1 − u).
pub(super) fn exponential(word: u64) -> f64 {
    match word >> 63 {
        0 => -log1p(-((word << 1 | 1) as f64 * HALF_STEP)),
        _ => -log((!word << 1 | 1) as f64 * HALF_STEP),
    }
}

/// A uniform number for a table of tails, exact near 0 where the tails are; it can be 1.
pub(super) fn unit(word: u64) -> f64 {
    (word as f64 + 0.5) * (2.0 * HALF_STEP)
}

#[inline(always)]
fn horner(x: f64, c: &[f64; 8]) -> f64 {
    c[..7].iter().rev().fold(c[7], |v, &c| v * x + c)
}

const A: [f64; 8] = [
    3.3871328727963665,
    133.14166789178438,
    1971.5909503065513,
    13731.69376550946,
    45921.95393154987,
    67265.7709270087,
    33430.57558358813,
    2509.0809287301227,
];
const B: [f64; 8] = [
    1.0,
    42.31333070160091,
    687.1870074920579,
    5394.196021424751,
    21213.794301586597,
    39307.89580009271,
    28729.085735721943,
    5226.495278852854,
];
const C: [f64; 8] = [
    1.4234371107496835,
    4.630337846156546,
    5.769497221460691,
    3.6478483247632045,
    1.2704582524523684,
    0.2417807251774506,
    0.022723844989269184,
    0.0007745450142783414,
];
const D: [f64; 8] = [
    1.0,
    2.053191626637759,
    1.6763848301838038,
    0.6897673349851,
    0.14810397642748008,
    0.015198666563616457,
    0.0005475938084995345,
    1.0507500716444169e-09,
];
const E: [f64; 8] = [
    6.657904643501103,
    5.463784911164114,
    1.7848265399172913,
    0.29656057182850487,
    0.026532189526576124,
    0.0012426609473880784,
    2.7115555687434876e-05,
    2.0103343992922881e-07,
];
const F: [f64; 8] = [
    1.0,
    0.599832206555888,
    0.1369298809227358,
    0.014875361290850615,
    0.0007868691311456133,
    1.8463183175100548e-05,
    1.421511758316446e-07,
    2.0442631033899397e-15,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::generate::philox::Stream;

    #[test]
    fn normals_together_are_those_one_by_one() {
        let stream = Stream { seed: 3, number: 5 };
        for (first, step) in [(0, 1), (1, 1), (2, 1), (7, 1), (3, 2), (5, 7)] {
            for n in [0, 1, 3, 4, 9, 256, 1000] {
                let mut words = vec![0; n];
                stream.words(first, step, &mut words);
                let mut each = Vec::new();
                stream.each_word(first, step, n, |_, _, word| each.push(word));
                assert_eq!(words, each, "{first} {step} {n}");
                // Those in the middle, at its ends, and the last of both tails too.
                let edge = (0.075 * 2f64.powi(64)) as u64;
                let ends = [0, u64::MAX, 1 << 63, (1 << 63) - 1, edge, edge + 4096, edge - 4096, !edge];
                words.iter_mut().zip(ends).take(n / 2).for_each(|(word, end)| *word = end);
                for simd in Simd::available() {
                    let mut out = vec![0.0; n];
                    normals(simd, &words, &mut out);
                    let same = out.iter().zip(&words).all(|(v, &w)| v.to_bits() == normal(w).to_bits());
                    assert!(same, "{} {first} {step} {n}", simd.name());
                }
            }
        }
    }
}
