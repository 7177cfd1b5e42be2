//! Philox4x64-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC11), and the words that
//! belong to an element.
//!
//! A word is a function of the key and the counter alone. The key is (seed, 0). Counters are (n, 0, 0, 0) for
//! `random`, which are NumPy's; every distribution of [`Distribution`](super::Distribution) has the counters whose last
//! word is its own number: (i / 4, 0, 0, number) holds one word for each of four neighbours, and (i, 1, 0, number),
//! (i, 2, 0, number), … are element i's alone, as many as its method takes.

/// The block of 256 bits at a counter.
pub(super) fn philox(mut k: [u64; 2], mut c: [u64; 4]) -> [u64; 4] {
    let mul = |a: u64, b: u64| {
        let p = u128::from(a) * u128::from(b);
        ((p >> 64) as u64, p as u64)
    };
    for _ in 0..10 {
        let (hi0, lo0) = mul(0xD2E7_470E_E14C_6C93, c[0]);
        let (hi1, lo1) = mul(0xCA5A_8263_9512_1157, c[2]);
        c = [hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0];
        k = [k[0].wrapping_add(0x9E37_79B9_7F4A_7C15), k[1].wrapping_add(0xBB67_AE85_84CA_A73B)];
    }
    c
}

/// The words of one distribution under one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub seed: u64,
    /// The distribution's number, not 0.
    pub number: u64,
}

impl Stream {
    /// The block at a counter of this distribution.
    pub fn block(self, a: u64, b: u64, c: u64) -> [u64; 4] {
        philox([self.seed, 0], [a, b, c, self.number])
    }

    /// The words of the elements `first`, `first + step`, ….
    pub fn words(self, first: u64, step: u64, out: &mut [u64]) {
        // Whole blocks of neighbours; what is before and after them one by one.
        let before = if step == 1 { (first.wrapping_neg() % 4) as usize } else { out.len() };
        let (head, out) = out.split_at_mut(before.min(out.len()));
        self.each_word(first, step, head.len(), |k, _, word| head[k] = word);
        let at = first + step * head.len() as u64;
        let (whole, rest) = out.as_chunks_mut::<4>();
        for (n, four) in whole.iter_mut().enumerate() {
            *four = self.block(at / 4 + n as u64, 0, 0);
        }
        let at = at + 4 * whole.len() as u64;
        self.each_word(at, step, rest.len(), |k, _, word| rest[k] = word);
    }

    /// Calls `f` with the first, second, … of `n` elements `first`, `first + step`, …, its number and its word.
    pub fn each_word(self, first: u64, step: u64, n: usize, mut f: impl FnMut(usize, u64, u64)) {
        let mut block = (u64::MAX, [0; 4]);
        for k in 0..n {
            let i = first + step * k as u64;
            if block.0 != i / 4 {
                block = (i / 4, self.block(i / 4, 0, 0));
            }
            f(k, i, block.1[(i % 4) as usize]);
        }
    }

    /// The words that are an element's alone.
    pub fn own(self, element: u64) -> Own {
        Own { stream: self, element, taken: 0, block: [0; 4] }
    }
}

/// The words that are one element's alone, without an end.
pub(super) struct Own {
    stream: Stream,
    element: u64,
    taken: u64,
    block: [u64; 4],
}

impl Own {
    /// The next one.
    pub fn word(&mut self) -> u64 {
        let at = (self.taken % 4) as usize;
        if at == 0 {
            self.block = self.stream.block(self.element, 1 + self.taken / 4, 0);
        }
        self.taken += 1;
        self.block[at]
    }

    /// A uniform number in (0, 1): one of 2^52 that are evenly spaced, none of them 0 or 1.
    pub fn unit(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
    }
}
