//! A random permutation of 0..n, place by place.
//!
//! Up to 4096 elements it is a table, shuffled by Fisher and Yates (Knuth, TAOCP 2, 3.4.2 P), so that every permutation
//! is as likely as every other one. Beyond, a place is enciphered: a Feistel network over pairs of numbers below a and
//! b, where a · b is n or a little more, and again as long as the result is n or more (Black and Rogaway, Ciphers with
//! arbitrary finite domains, CT-RSA 2002). The round function is Philox.

use super::philox::Stream;

const TABLE: u64 = 4096;
/// Five for each half.
const ROUNDS: u64 = 10;

#[derive(Clone, Debug)]
pub(super) enum Permutation {
    Table(Box<[u16]>),
    Network { stream: Stream, n: u64, a: u64, b: u64 },
}

impl Permutation {
    pub fn new(n: u64, stream: Stream) -> Permutation {
        if n > TABLE {
            let a = (n - 1).isqrt() + 1;
            return Permutation::Network { stream, n, a, b: n.div_ceil(a) };
        }
        let mut table: Vec<u16> = (0..n as u16).collect();
        let mut words = stream.own(0);
        for i in (1..table.len()).rev() {
            let j = below(words.word(), i as u64, || words.word());
            table.swap(i, j as usize);
        }
        Permutation::Table(table.into())
    }

    /// What stands at place i.
    pub fn at(&self, i: u64) -> u64 {
        match self {
            Permutation::Table(table) => table[i as usize].into(),
            &Permutation::Network { stream, n, a, b } => {
                let mut x = i;
                loop {
                    let (mut l, mut r) = (x / b, x % b);
                    for round in 0..ROUNDS {
                        let key = |half: u64, most: u64| {
                            let word = stream.block(half, round, 1)[0];
                            // Fair up to most / 2^64.
                            ((u128::from(word) * u128::from(most)) >> 64) as u64
                        };
                        match round % 2 {
                            0 => l = (l + key(r, a)) % a,
                            _ => r = (r + key(l, b)) % b,
                        }
                    }
                    x = l * b + r;
                    if x < n {
                        return x;
                    }
                }
            }
        }
    }
}

/// A whole number from 0 to `last`, each as likely as the others, of a word and as many more as are rejected: Lemire,
/// Fast random integer generation in an interval (ACM TOMACS 29, 2019).
pub(super) fn below(word: u64, last: u64, mut more: impl FnMut() -> u64) -> u64 {
    let Some(n) = last.checked_add(1) else { return word };
    let times = |word: u64| u128::from(word) * u128::from(n);
    let mut product = times(word);
    if (product as u64) < n {
        let least = n.wrapping_neg() % n;
        while (product as u64) < least {
            product = times(more());
        }
    }
    (product >> 64) as u64
}
