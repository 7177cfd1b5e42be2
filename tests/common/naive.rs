//! A naive evaluator: whole arrays of [`Scalar`]s, plain loops, nothing shared with the library but
//! the names of dtypes and NumPy's promotion. Where plain arithmetic is not exact it answers `None`.
#![allow(dead_code)]

use super::oracle::{F16, F32, F64, Moments};
use chunkwise::{Array, DType, Index, Scalar};
use half::f16;
use ndarray::ArrayD;

#[derive(Clone, Debug)]
pub struct Nd {
    pub dtype: DType,
    pub shape: Vec<u64>,
    pub data: Vec<Scalar>,
}

/// The multi-indices of a shape in C order.
fn indices(shape: &[u64]) -> Vec<Vec<u64>> {
    let mut out = vec![vec![]];
    for &n in shape {
        out = out.into_iter().flat_map(|i| (0..n).map(move |k| [&i[..], &[k]].concat())).collect();
    }
    out
}

pub fn broadcast(a: &[u64], b: &[u64]) -> Option<Vec<u64>> {
    let rank = a.len().max(b.len());
    let at = |s: &[u64], d: usize| if d + s.len() < rank { 1 } else { s[d + s.len() - rank] };
    (0..rank)
        .map(|d| match (at(a, d), at(b, d)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// A whole number or a float64 as an element of a dtype: integers wrap, floats round.
fn of_int(dtype: DType, v: i128) -> Scalar {
    match dtype {
        DType::Bool => Scalar::Bool(v != 0),
        DType::I8 => Scalar::I8(v as i8),
        DType::I16 => Scalar::I16(v as i16),
        DType::I32 => Scalar::I32(v as i32),
        DType::I64 => Scalar::I64(v as i64),
        DType::U8 => Scalar::U8(v as u8),
        DType::U16 => Scalar::U16(v as u16),
        DType::U32 => Scalar::U32(v as u32),
        DType::U64 => Scalar::U64(v as u64),
        DType::F16 => Scalar::F16(f16::from_f64(v as f64)),
        DType::F32 => Scalar::F32(v as f32),
        DType::F64 => Scalar::F64(v as f64),
        _ => panic!("no test knows {dtype}"),
    }
}

fn of_float(dtype: DType, v: f64) -> Scalar {
    match dtype {
        DType::F16 => Scalar::F16(f16::from_f64(v)),
        DType::F32 => Scalar::F32(v as f32),
        DType::F64 => Scalar::F64(v),
        DType::Bool => Scalar::Bool(v != 0.0),
        // Out of range saturates, NaN is 0.
        DType::I8 => Scalar::I8(v as i8),
        DType::I16 => Scalar::I16(v as i16),
        DType::I32 => Scalar::I32(v as i32),
        DType::I64 => Scalar::I64(v as i64),
        DType::U8 => Scalar::U8(v as u8),
        DType::U16 => Scalar::U16(v as u16),
        DType::U32 => Scalar::U32(v as u32),
        DType::U64 => Scalar::U64(v as u64),
        _ => panic!("no test knows {dtype}"),
    }
}

fn int(v: Scalar) -> i128 {
    match v {
        Scalar::Bool(b) => b as i128,
        v => v.to_i128().unwrap(),
    }
}

fn convert(v: Scalar, to: DType) -> Scalar {
    if v.dtype().is_float() { of_float(to, v.to_f64()) } else { of_int(to, int(v)) }
}

impl Nd {
    pub fn array(&self) -> Array {
        let shape: Vec<usize> = self.shape.iter().map(|&n| n as usize).collect();
        macro_rules! typed {
            ($($variant:ident)*) => {
                match self.dtype {
                    $(DType::$variant => {
                        let v = self.data.iter().map(|s| match s {
                            Scalar::$variant(v) => *v,
                            other => panic!("{other:?} among {}", self.dtype),
                        });
                        Array::from_ndarray(ArrayD::from_shape_vec(shape, v.collect()).unwrap())
                    })*
                    other => panic!("no test knows {other}"),
                }
            };
        }
        typed!(Bool I8 I16 I32 I64 U8 U16 U32 U64 F16 F32 F64)
    }

    fn at(&self, index: &[u64]) -> Scalar {
        self.data[index.iter().zip(&self.shape).fold(0, |p, (&i, &n)| p * n + i) as usize]
    }

    fn gather(&self, shape: Vec<u64>, from: impl Fn(&[u64]) -> Vec<u64>) -> Nd {
        let data = indices(&shape).iter().map(|i| self.at(&from(i))).collect();
        Nd { dtype: self.dtype, shape, data }
    }

    pub fn reshape(&self, shape: &[u64]) -> Nd {
        assert_eq!(shape.iter().product::<u64>(), self.data.len() as u64);
        Nd { dtype: self.dtype, shape: shape.to_vec(), data: self.data.clone() }
    }

    pub fn transpose(&self, order: &[usize]) -> Nd {
        let shape = order.iter().map(|&d| self.shape[d]).collect();
        self.gather(shape, |i| {
            let mut from = vec![0; i.len()];
            order.iter().zip(i).for_each(|(&d, &k)| from[d] = k);
            from
        })
    }

    pub fn broadcast(&self, shape: &[u64]) -> Nd {
        let new = shape.len() - self.shape.len();
        self.gather(shape.to_vec(), |i| {
            i[new..].iter().zip(&self.shape).map(|(&k, &n)| if n == 1 { 0 } else { k }).collect()
        })
    }

    /// Slices by walking each axis, one step at a time.
    pub fn index(&self, index: &[Index]) -> Nd {
        let mut lists: Vec<Vec<u64>> = vec![];
        let mut shape = vec![];
        let mut d = 0;
        for &entry in index {
            match entry {
                Index::NewAxis => shape.push(1),
                Index::At(i) => {
                    let n = self.shape[d] as i64;
                    lists.push(vec![if i < 0 { i + n } else { i } as u64]);
                    d += 1;
                }
                Index::Slice { start, stop, step } => {
                    let n = self.shape[d] as i128;
                    let step = step as i128;
                    let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
                    let clip = |v: i64| {
                        let v = v as i128;
                        (if v < 0 { v + n } else { v }).clamp(low, high)
                    };
                    let mut at = start.map_or(if step > 0 { 0 } else { n - 1 }, clip);
                    let stop = stop.map_or(if step > 0 { n } else { -1 }, clip);
                    let mut list = vec![];
                    while if step > 0 { at < stop } else { at > stop } {
                        list.push(at as u64);
                        at += step;
                    }
                    shape.push(list.len() as u64);
                    lists.push(list);
                    d += 1;
                }
                _ => unreachable!(),
            }
        }
        let mut rows = vec![vec![]];
        for list in &lists {
            rows = rows.iter().flat_map(|r| list.iter().map(move |&k| [&r[..], &[k]].concat())).collect();
        }
        Nd { dtype: self.dtype, shape, data: rows.iter().map(|r| self.at(r)).collect() }
    }

    /// Elements along an axis by their indices.
    pub fn take(&self, axis: usize, picks: &[u64]) -> Nd {
        let mut shape = self.shape.clone();
        shape[axis] = picks.len() as u64;
        self.gather(shape, |i| {
            let mut from = i.to_vec();
            from[axis] = picks[i[axis] as usize];
            from
        })
    }

    /// The elements where a mask of the same shape is true.
    pub fn select(&self, mask: &Nd) -> Nd {
        let both = self.data.iter().zip(&mask.data).filter(|(_, m)| **m == Scalar::Bool(true));
        let data: Vec<Scalar> = both.map(|(v, _)| *v).collect();
        Nd { dtype: self.dtype, shape: vec![data.len() as u64], data }
    }

    /// A reduction of the first element along an axis, of the first two, and so on; `None` if that is much work.
    pub fn cumulative(&self, name: &str, axis: usize) -> Option<Nd> {
        let n = self.shape[axis];
        if n * self.data.len() as u64 > 1 << 20 {
            return None;
        }
        let reduced: Vec<bool> = (0..self.shape.len()).map(|d| d == axis).collect();
        let mut index = vec![Index::ALL; self.shape.len()];
        let prefix = |k: u64| {
            index[axis] = Index::from(..k as i64);
            self.index(&index).reduce(name, &reduced, true, None)
        };
        let prefixes = (1..=n).map(prefix).collect::<Option<Vec<_>>>()?;
        match prefixes.is_empty() {
            true => None,
            false => Nd::concatenate(&prefixes, axis),
        }
    }

    /// The element in the middle in order, or the mean of the two there; `None` for what plain arithmetic does not
    /// round as NumPy does.
    pub fn median(&self, reduced: &[bool], keep: bool) -> Option<Nd> {
        let wide = |v: &Scalar| !self.dtype.is_float() && int(*v).unsigned_abs() > 1 << 52;
        if self.dtype == DType::F16 || self.data.is_empty() || self.data.iter().any(wide) {
            return None;
        }
        let dtype = if self.dtype.is_float() { self.dtype } else { DType::F64 };
        let kept: Vec<u64> = self.shape.iter().zip(reduced).filter(|(_, r)| !**r).map(|(&n, _)| n).collect();
        let mut groups: Vec<Vec<f64>> = vec![vec![]; kept.iter().product::<u64>() as usize];
        for (v, i) in self.data.iter().zip(indices(&self.shape)) {
            let at = i.iter().zip(reduced).filter(|(_, r)| !**r).map(|(&k, _)| k);
            groups[at.zip(&kept).fold(0, |p, (k, &n)| p * n + k) as usize].push(v.to_f64());
        }
        let middle = |v: &mut Vec<f64>| {
            v.sort_by(f64::total_cmp);
            let (a, b) = (v[(v.len() - 1) / 2], v[v.len() / 2]);
            // In the dtype itself, as NumPy adds and divides.
            let mean =
                if dtype == DType::F32 { f64::from((a as f32 + b as f32) / 2.0) } else { (a + b) / 2.0 };
            let nan = v.iter().any(|v| v.is_nan());
            of_float(
                dtype,
                if nan {
                    f64::NAN
                } else if a == b && v.len() % 2 == 1 {
                    a
                } else {
                    mean
                },
            )
        };
        let data = groups.iter_mut().map(middle).collect();
        let shape = match keep {
            true => self.shape.iter().zip(reduced).map(|(&n, &r)| if r { 1 } else { n }).collect(),
            false => kept,
        };
        Some(Nd { dtype, shape, data })
    }

    /// `None` where the dtypes leave more than one right answer to plain code.
    pub fn cast(&self, dtype: DType) -> Option<Nd> {
        let data = self.data.iter().map(|&v| convert(v, dtype)).collect();
        // An integer beyond 2^53 takes two roundings on its way to float16 through float64.
        let risky = dtype == DType::F16 && self.dtype.size() == 8 && !self.dtype.is_float();
        (!risky).then(|| Nd { dtype, shape: self.shape.clone(), data })
    }

    pub fn concatenate(pieces: &[Nd], axis: usize) -> Option<Nd> {
        let dtype = pieces.iter().skip(1).fold(pieces[0].dtype, |d, p| d.promote(p.dtype));
        let pieces: Vec<Nd> = pieces.iter().map(|p| p.cast(dtype)).collect::<Option<_>>()?;
        let mut shape = pieces[0].shape.clone();
        shape[axis] = pieces.iter().map(|p| p.shape[axis]).sum();
        let data = indices(&shape)
            .iter()
            .map(|i| {
                let mut i = i.clone();
                let mut p = 0;
                while i[axis] >= pieces[p].shape[axis] {
                    i[axis] -= pieces[p].shape[axis];
                    p += 1;
                }
                pieces[p].at(&i)
            })
            .collect();
        Some(Nd { dtype, shape, data })
    }

    pub fn binary(&self, name: &str, other: &Nd, shape: &[u64]) -> Option<Nd> {
        let dtype = self.dtype.promote(other.dtype);
        let compares = matches!(name, "less" | "equal");
        // Integers of both signs are compared as they are, and uint64 with int64 promotes to float64.
        let mixed = dtype == DType::F64 && !self.dtype.is_float() && !other.dtype.is_float();
        if mixed && compares {
            return None;
        }
        let (a, b) = (self.cast(dtype)?.broadcast(shape), other.cast(dtype)?.broadcast(shape));
        let one = |(&x, &y): (&Scalar, &Scalar)| -> Scalar {
            if dtype.is_float() {
                let (x, y) = (x.to_f64(), y.to_f64());
                // float32 and float16 sums and products are exact in float64 or round innocently.
                match name {
                    "add" => of_float(dtype, x + y),
                    "subtract" => of_float(dtype, x - y),
                    "multiply" => of_float(dtype, x * y),
                    "less" => Scalar::Bool(x < y),
                    "equal" => Scalar::Bool(x == y),
                    _ if x.is_nan() || y.is_nan() => of_float(dtype, f64::NAN),
                    // −0 is below +0.
                    "minimum" => of_float(dtype, if x.total_cmp(&y).is_le() { x } else { y }),
                    _ => of_float(dtype, if x.total_cmp(&y).is_ge() { x } else { y }),
                }
            } else {
                let (x, y) = (int(x), int(y));
                match name {
                    "add" => of_int(dtype, x + y),
                    "subtract" => of_int(dtype, x - y),
                    "multiply" => of_int(dtype, x.wrapping_mul(y)),
                    "less" => Scalar::Bool(x < y),
                    "equal" => Scalar::Bool(x == y),
                    "minimum" => of_int(dtype, x.min(y)),
                    _ => of_int(dtype, x.max(y)),
                }
            }
        };
        let data = a.data.iter().zip(&b.data).map(one).collect();
        Some(Nd { dtype: if compares { DType::Bool } else { dtype }, shape: shape.to_vec(), data })
    }

    pub fn matmul(&self, other: &Nd) -> Option<Nd> {
        let dtype = self.dtype.promote(other.dtype);
        if dtype.is_float() {
            return None;
        }
        let (a, b) = (self.cast(dtype)?, other.cast(dtype)?);
        let (m, k, n) = (a.shape[0], a.shape[1], b.shape[1]);
        let data = indices(&[m, n])
            .iter()
            .map(|i| {
                let sum = (0..k).fold(0i128, |s, j| {
                    let (x, y) = (int(a.at(&[i[0], j])), int(b.at(&[j, i[1]])));
                    if dtype == DType::Bool { s | (x & y) } else { s.wrapping_add(x.wrapping_mul(y)) }
                });
                of_int(dtype, sum)
            })
            .collect();
        Some(Nd { dtype, shape: vec![m, n], data })
    }

    pub fn reduce(&self, name: &str, reduced: &[bool], keep: bool, mask: Option<&Nd>) -> Option<Nd> {
        let kept: Vec<u64> = self.shape.iter().zip(reduced).filter(|(_, r)| !**r).map(|(&n, _)| n).collect();
        let mut groups: Vec<Vec<Scalar>> = vec![vec![]; kept.iter().product::<u64>() as usize];
        for (p, i) in indices(&self.shape).iter().enumerate() {
            if mask.is_some_and(|m| m.data[p] == Scalar::Bool(false)) {
                continue;
            }
            let at = i.iter().zip(reduced).filter(|(_, r)| !**r).map(|(&k, _)| k);
            let at = at.zip(&kept).fold(0, |p, (k, &n)| p * n + k);
            groups[at as usize].push(self.data[p]);
        }
        let float = self.dtype.is_float();
        let format = |d| match d {
            DType::F16 => F16,
            DType::F32 => F32,
            _ => F64,
        };
        let dtype = match name {
            "any" | "all" => DType::Bool,
            "argmin" | "argmax" | "count_nonzero" => DType::I64,
            "min" | "max" => self.dtype,
            "sum" | "nansum" if float => self.dtype,
            "sum" | "nansum" if matches!(self.dtype.kind(), chunkwise::Kind::UInt) => DType::U64,
            "sum" | "nansum" => DType::I64,
            _ if float => self.dtype,
            _ => DType::F64,
        };
        let f = format(dtype);
        let one = |v: &Vec<Scalar>| -> Option<Scalar> {
            let floats = || v.iter().map(|v| v.to_f64());
            // Integers beyond 2^53 are not themselves as float64.
            let wide = !float && v.iter().any(|&v| int(v).unsigned_abs() > 1 << 53);
            let finite = floats().all(|v| v.is_finite()) && !wide;
            Some(match name {
                "any" => Scalar::Bool(floats().any(|v| v != 0.0)),
                "all" => Scalar::Bool(floats().all(|v| v != 0.0)),
                "count_nonzero" => Scalar::I64(floats().filter(|&v| v != 0.0).count() as i64),
                "sum" | "nansum" if !float => of_int(dtype, v.iter().map(|&v| int(v)).sum()),
                "nansum" => {
                    let v: Vec<f64> = floats().filter(|v| !v.is_nan()).collect();
                    if v.iter().any(|v| v.is_infinite()) {
                        return None;
                    }
                    of_float(dtype, Moments::of(v).sum(f))
                }
                "min" | "max" | "argmin" | "argmax" if !float => {
                    let mut best = 0;
                    for k in 1..v.len() {
                        let better = if name.ends_with("min") {
                            int(v[k]) < int(v[best])
                        } else {
                            int(v[k]) > int(v[best])
                        };
                        if better {
                            best = k;
                        }
                    }
                    if name.starts_with("arg") { Scalar::I64(best as i64) } else { v[best] }
                }
                "argmin" | "argmax" => {
                    let v: Vec<f64> = floats().collect();
                    let mut best = 0;
                    for k in 1..v.len() {
                        let better =
                            v[k].is_nan() || if name == "argmin" { v[k] < v[best] } else { v[k] > v[best] };
                        if better && !v[best].is_nan() {
                            best = k;
                        }
                    }
                    Scalar::I64(best as i64)
                }
                "min" | "max" => {
                    let nan = floats().any(f64::is_nan);
                    let fold = |a: f64, b: f64| {
                        if name == "min" { a.total_cmp(&b).is_le() } else { a.total_cmp(&b).is_ge() }
                    };
                    let best = floats().reduce(|a, b| if fold(a, b) { a } else { b })?;
                    of_float(dtype, if nan { f64::NAN } else { best })
                }
                _ if !finite => return None,
                "sum" => of_float(dtype, Moments::of(floats()).sum(f)),
                _ if v.is_empty() => of_float(dtype, f64::NAN),
                "mean" => of_float(dtype, Moments::of(floats()).mean(f)),
                "var" => of_float(dtype, Moments::of(floats()).var(0, f)),
                _ => of_float(dtype, Moments::of(floats()).std(0, f)),
            })
        };
        let data = groups.iter().map(one).collect::<Option<Vec<_>>>()?;
        let shape = match keep {
            true => self.shape.iter().zip(reduced).map(|(&n, &r)| if r { 1 } else { n }).collect(),
            false => kept,
        };
        Some(Nd { dtype, shape, data })
    }
}
