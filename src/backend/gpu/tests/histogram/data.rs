//! Data for histograms, and what the device must make of them: slots by comparing every value with
//! every edge, sums by integers without bounds, and the bits of the CPU's state.

use super::super::super::abilities::Abilities;
use super::super::super::runner::GpuRunner;
use super::super::context;
use crate::DType;
use crate::backend::Runner;
use crate::dtype::{Kind, Scalar};
use crate::grid::{Region, c_strides};
use crate::ops::fold::{Binned, HistogramFold, state_ref};
use crate::ops::histogram::{Edges, HistogramSpec, Scale, Scratch, State, Tile};
use crate::ops::kernel::{Block, Kernel, Operand, Terminal};
use crate::ops::program::{Program, Step};
use crate::ops::simd::Simd;
use crate::view::Placement;
use half::f16;
use num_bigint::BigInt;
use num_traits::{ToPrimitive, Zero};
use std::cmp::Ordering;
use std::sync::Arc;

/// A small generator: xorshift.
pub struct Rng(pub u64);
impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Columns of one histogram.
pub struct Data {
    pub spec: Arc<HistogramSpec>,
    pub columns: Vec<Vec<u8>>,
    pub n: usize,
}

/// A value in a dtype: floats rounded, integers by their low bits.
pub fn native(dtype: DType, x: f64, i: i128) -> Vec<u8> {
    match dtype {
        DType::F16 => f16::from_f64(x).to_bits().to_ne_bytes().to_vec(),
        DType::F32 => (x as f32).to_ne_bytes().to_vec(),
        DType::F64 => x.to_ne_bytes().to_vec(),
        DType::Bool => vec![(i & 1) as u8],
        d => match d.size() {
            1 => (i as u8).to_ne_bytes().to_vec(),
            2 => (i as u16).to_ne_bytes().to_vec(),
            4 => (i as u32).to_ne_bytes().to_vec(),
            _ => (i as u64).to_ne_bytes().to_vec(),
        },
    }
}

/// Values on and beside every edge, of every class, and many within and around the range.
pub fn values(edges: &Edges, dtype: DType, more: usize, rng: &mut Rng) -> Vec<u8> {
    let e = edges.values();
    let (lo, hi) = (e[0].max(-1e300), e[e.len() - 1].min(1e300));
    let mut out = Vec::new();
    let step = e.len().div_ceil(700);
    let some = || e.iter().copied().step_by(step).chain(e.last().copied());
    if dtype.is_float() {
        let mut add = |x: f64| out.extend(native(dtype, x, 0));
        [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, -1.0]
            .into_iter()
            .for_each(&mut add);
        [5e-324, -5e-324, 1e-45, -1e-45, 6e-8, -6e-8, f64::MAX, f64::MIN, 65504.0]
            .into_iter()
            .for_each(&mut add);
        some().for_each(&mut add);
        (0..more).for_each(|_| add(lo + (rng.unit() * 1.2 - 0.1) * (hi - lo)));
        for e in some() {
            match dtype {
                DType::F16 => {
                    let b = f16::from_f64(e).to_bits();
                    [b.wrapping_sub(1), b.wrapping_add(1)]
                        .into_iter()
                        .for_each(|b| out.extend(b.to_ne_bytes()));
                }
                DType::F32 => {
                    let b = e as f32;
                    [b.next_up(), b.next_down()].into_iter().for_each(|b| out.extend(b.to_ne_bytes()));
                }
                _ => {
                    [e.next_up(), e.next_down()].into_iter().for_each(|b| out.extend(b.to_ne_bytes()));
                }
            }
        }
        // Any bits: mostly far away, some of them NaN.
        (0..more).for_each(|_| out.extend(&rng.next().to_ne_bytes()[..dtype.size()]));
    } else {
        let mut add = |i: i128| out.extend(native(dtype, 0.0, i));
        [0, 1, -1, 127, 128, -128, 32767, -32768, i128::from(i32::MAX), i128::from(i32::MIN)]
            .into_iter()
            .for_each(&mut add);
        [i64::MAX as i128, i64::MIN as i128, (1 << 53) + 1, -(1 << 53) - 1].into_iter().for_each(&mut add);
        for e in some().map(|e| e.clamp(-1e20, 1e20)) {
            (-1..=1).for_each(|k| add(e as i128 + k));
            // Beyond 2^53 several integers round to one float64.
            (0..8).for_each(|_| add(e as i128 + rng.below(1 << 12) as i128 - 2048));
        }
        (0..more).for_each(|_| add((lo + (rng.unit() * 1.2 - 0.1) * (hi - lo)) as i128));
        (0..more).for_each(|_| add(rng.next() as i128));
    }
    out
}

pub fn scalar(dtype: DType, column: &[u8], i: usize) -> Scalar {
    Scalar::from_bytes(dtype, &column[i * dtype.size()..][..dtype.size()]).unwrap()
}

/// NumPy's rule by comparing with every edge: the bin, or underflow 'u', overflow 'o', NaN 'n', and
/// not positive 'l' on a log axis.
pub fn brute(edges: &Edges, v: Scalar) -> Result<usize, char> {
    let e = edges.values();
    let n = e.len() - 1;
    let x = v.to_f64();
    // 64-bit integers are compared with edges that were given as what they are.
    let whole = edges.scale() == Scale::Explicit && matches!(v.dtype(), DType::I64 | DType::U64);
    let order = |edge: f64| match (exact(v), exact(Scalar::F64(edge))) {
        (Ok(v), Ok(edge)) if whole => Some(v.cmp(&edge)),
        _ => x.partial_cmp(&edge),
    };
    let reaches = |i: usize| order(e[i]).is_some_and(Ordering::is_ge);
    let passes = |i: usize| order(e[i]).is_some_and(Ordering::is_gt);
    if x.is_nan() {
        Err('n')
    } else if edges.scale() == Scale::Log && x <= 0.0 {
        Err('l')
    } else if let Some(i) = (0..n).find(|&i| reaches(i) && (!reaches(i + 1) || i + 1 == n && !passes(n))) {
        Ok(i)
    } else {
        Err(if passes(n) { 'o' } else { 'u' })
    }
}

/// An integer in units of 2^-1074, or the float that is none.
pub fn exact(v: Scalar) -> Result<BigInt, f64> {
    if let Some(i) = v.to_i128() {
        return Ok(BigInt::from(i) << 1074);
    }
    let x = v.to_f64();
    if !x.is_finite() {
        return Err(x);
    }
    let field = x.to_bits() >> 52 & 0x7ff;
    let m = (x.to_bits() & ((1 << 52) - 1)) | ((field != 0) as u64) << 52;
    let m = BigInt::from(m) << (field.max(1) - 1);
    Ok(if x < 0.0 { -m } else { m })
}

/// A sum in units of 2^-1074 rounded once, to nearest, ties to even.
pub fn rounded(sum: &BigInt, dtype: DType) -> f64 {
    let (precision, lowest, largest) = match dtype {
        DType::F16 => (11, 1050, 65504.0),
        DType::F32 => (24, 925, f32::MAX as f64),
        _ => (53, 0, f64::MAX),
    };
    let magnitude = sum.magnitude();
    let shift = magnitude.bits().saturating_sub(precision).max(lowest);
    let mut q = magnitude >> shift;
    let rest = magnitude - (&q << shift);
    let half = if shift == 0 { Zero::zero() } else { num_bigint::BigUint::from(1u8) << (shift - 1) };
    if !rest.is_zero() && (rest > half || rest == half && q.bit(0)) {
        q += 1u8;
    }
    let exponent = shift as i32 - 1074;
    let value = q.to_f64().unwrap() * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2);
    let value = if value > largest { f64::INFINITY } else { value };
    if sum < &BigInt::zero() { -value } else { value }
}

impl Data {
    pub fn new(edges: Vec<Edges>, dtypes: Vec<DType>, weights: Option<DType>, columns: Vec<Vec<u8>>) -> Data {
        let n = columns[0].len() / dtypes[0].size();
        let has_mask = columns.len() > dtypes.len() + weights.is_some() as usize;
        let spec = HistogramSpec::new(edges, dtypes, weights).unwrap();
        let spec = Arc::new(if has_mask { spec.with_mask() } else { spec });
        Data { spec, columns, n }
    }

    pub fn dtypes(&self) -> Vec<DType> {
        let mask = self.spec.has_mask().then_some(DType::Bool);
        self.spec.dtypes().iter().copied().chain(self.spec.weights()).chain(mask).collect()
    }

    pub fn kernel(&self) -> Kernel {
        let inputs = self.dtypes();
        let all: Vec<u32> = (0..inputs.len() as u32).collect();
        let ports: Vec<usize> = (0..inputs.len()).collect();
        let terminal = Terminal::new(HistogramFold::of(&self.spec, 1).unwrap(), &ports).unwrap();
        let steps = all.iter().map(|&i| Step::Input(i)).collect();
        Kernel { program: Program { inputs, steps, outputs: all }, terminals: vec![terminal] }
    }

    pub fn part(&self, k: usize, rows: std::ops::Range<usize>) -> &[u8] {
        let size = self.dtypes()[k].size();
        &self.columns[k][rows.start * size..rows.end * size]
    }

    /// Counted on the device in blocks that end at these rows, into one partial.
    pub fn on_device(&self, ends: &[usize], abilities: Option<Abilities>) -> Option<State> {
        let context = context()?;
        let kernel = self.kernel();
        let abilities = abilities.unwrap_or_else(|| context.abilities());
        let mut runner =
            GpuRunner::new(&context, &kernel, &abilities, &[self.n as u64], 256 << 20, None).unwrap();
        let mut states = vec![kernel.terminals[0].state(&[]).unwrap()];
        let mut start = 0;
        for (k, &end) in ends.iter().enumerate() {
            let shape = [(end - start) as u64];
            let operands: Vec<Operand> = (0..self.columns.len())
                .map(|k| {
                    Operand::plain(
                        self.part(k, start..end),
                        Placement { offset: 0, strides: c_strides(&shape) },
                    )
                })
                .collect();
            let region = Region::whole(&shape);
            runner.run(&Block { region: &region, domain: &shape }, &operands, &mut states).unwrap();
            // Some blocks are added alone, some in one with those before them.
            if k % 3 == 1 {
                runner.flush(&mut states).unwrap();
            }
            start = end;
        }
        runner.flush(&mut states).unwrap();
        Some(state_ref::<Binned>(&*states[0]).unwrap().bins().clone())
    }

    pub fn on_cpu(&self) -> State {
        let mut state = State::new(&self.spec).unwrap();
        let dims = self.spec.edges().len();
        let coords: Vec<&[u8]> = self.columns[..dims].iter().map(|c| &c[..]).collect();
        let tile = Tile {
            coords: &coords,
            logs: &[],
            weights: self.spec.weights().map(|_| &self.columns[dims][..]),
            mask: self.spec.has_mask().then(|| &self.columns[self.columns.len() - 1][..]),
            n: self.n,
        };
        state.update(&self.spec, tile, &mut Scratch::new(), Simd::best()).unwrap();
        state
    }

    /// The device's state against brute force and against the CPU's.
    pub fn check(&self, state: &State) {
        let spec = &self.spec;
        let what = format!("{:?} of {:?}", spec.edges(), self.dtypes());
        let h = state.finish(spec).unwrap();
        let mut counts = vec![0u64; spec.bins() as usize];
        let mut sums: Vec<Result<BigInt, f64>> = vec![Ok(BigInt::zero()); counts.len()];
        let [mut under, mut over, mut outside, mut nan, mut low, mut total] = [0u64; 6];
        let dims = spec.edges().len();
        for i in 0..self.n {
            if spec.has_mask() && self.columns[self.columns.len() - 1][i] == 0 {
                continue;
            }
            total += 1;
            let coordinate = |d: usize| scalar(spec.dtypes()[d], &self.columns[d], i);
            let slots: Vec<_> = (0..dims).map(|d| brute(&spec.edges()[d], coordinate(d))).collect();
            if slots.contains(&Err('n')) {
                nan += 1;
                continue;
            }
            low += slots.contains(&Err('l')) as u64;
            match slots.iter().copied().collect::<Result<Vec<usize>, char>>() {
                Err(_) if dims > 1 => outside += 1,
                Err('o') => over += 1,
                Err(_) => under += 1,
                Ok(bins) => {
                    let flat = bins.iter().zip(spec.shape()).fold(0, |flat, (&b, n)| flat * n as usize + b);
                    counts[flat] += 1;
                    if let Some(dtype) = spec.weights() {
                        let w = exact(scalar(dtype, &self.columns[dims], i));
                        sums[flat] = match (&sums[flat], w) {
                            (Ok(a), Ok(b)) => Ok(a + b),
                            (Ok(_), Err(b)) => Err(b),
                            (Err(a), Ok(_)) => Err(*a),
                            (Err(a), Err(b)) => Err(a + b),
                        };
                    }
                }
            }
        }
        let rest = [h.underflow(), h.overflow(), h.outside(), h.nan(), h.nonpositive(), h.total()];
        assert_eq!(rest, [under, over, outside, nan, low, total], "{what}");
        assert!(h.counts() == counts, "{what}");
        if let Some((dtype, bytes)) = h.weights() {
            for (bin, want) in sums.iter().enumerate() {
                let got = scalar(dtype, bytes, bin);
                match (want, dtype.kind()) {
                    (Ok(want), Kind::Float) => {
                        let (got, want) = (got.to_f64(), rounded(want, dtype));
                        let zero = if want == 0.0 { 0.0 } else { want };
                        assert_eq!(got.to_bits(), zero.to_bits(), "{what} bin {bin}: {got:e} {want:e}");
                    }
                    (Ok(want), _) => {
                        assert_eq!(BigInt::from(got.to_i128().unwrap()) << 1074, *want, "{what} bin {bin}")
                    }
                    (Err(want), _) => {
                        let got = got.to_f64();
                        assert!(got == *want || got.is_nan() && want.is_nan(), "{what} bin {bin}: {got:e}");
                    }
                }
            }
        }
        let cpu = self.on_cpu();
        assert!(*state == cpu, "{what}: not the CPU's state");
        assert!(serde_json::to_string(state).unwrap() == serde_json::to_string(&cpu).unwrap(), "{what}");
    }

    pub fn run(&self) {
        if let Some(state) = self.on_device(&[self.n], None) {
            self.check(&state);
        }
    }
}
