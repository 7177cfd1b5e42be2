//! Profiles: what is in an object by bins of one to three fields.

use super::asked::Asked;
use super::data::{Column, Data};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::{Array, ArrayValue, BinAxis, Binned, DType, Interp, Reduction, Session, Side, Target};

/// The bins along one field.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ProfileBins {
    /// So many, of one width or of one ratio, between two ends; an end that is not given is the least or the greatest value
    /// in the object (of logarithmic bins, the least above 0).
    Even {
        /// How many.
        bins: u64,
        /// Where they begin, in the field's wanted unit.
        low: Option<f64>,
        /// Where they end.
        high: Option<f64>,
        /// Whether their ratios are equal, and not their widths.
        log: bool,
    },
    /// Between these edges, in the field's wanted unit.
    Edges(Vec<f64>),
}

/// Which way a profile is summed up along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// From the first bin on.
    Up,
    /// From the last bin on.
    Down,
}

/// A profile: fields in bins of fields. Fields are written `KIND.FIELD [UNIT]`.
#[derive(Clone, Debug)]
pub struct Profile {
    axes: Vec<(String, ProfileBins)>,
    fields: Vec<String>,
    weight: Option<String>,
    std: bool,
    median: bool,
    fractional: bool,
    accumulate: Vec<Option<Accumulate>>,
}

impl Profile {
    /// Over the bins of a field.
    pub fn over(field: &str, bins: ProfileBins) -> Profile {
        Profile {
            axes: vec![(field.to_string(), bins)],
            fields: Vec::new(),
            weight: None,
            std: false,
            median: false,
            fractional: false,
            accumulate: Vec::new(),
        }
    }

    /// And over those of another one.
    pub fn and(mut self, field: &str, bins: ProfileBins) -> Profile {
        self.axes.push((field.to_string(), bins));
        self
    }

    /// With the sum of a field in each bin, or its mean if there are weights. Without any the rows are counted.
    pub fn of(mut self, field: &str) -> Profile {
        self.fields.push(field.to_string());
        self
    }

    /// Means, with this field as weights.
    pub fn weighted_by(mut self, field: &str) -> Profile {
        self.weight = Some(field.to_string());
        self
    }

    /// Standard deviations beside the means, by a second run.
    pub fn with_std(mut self) -> Profile {
        self.std = true;
        self
    }

    /// Medians of the fields in place of sums. All rows of the object are held at once.
    pub fn with_medians(mut self) -> Profile {
        self.median = true;
        self
    }

    /// Each bin as a share of all.
    pub fn fractional(mut self) -> Profile {
        self.fractional = true;
        self
    }

    /// Summed up along an axis; of means, Σ w f over Σ w of the bins until there.
    pub fn accumulated(mut self, axis: usize, way: Accumulate) -> Profile {
        self.accumulate.resize(self.accumulate.len().max(axis + 1), None);
        self.accumulate[axis] = Some(way);
        self
    }
}

/// A profile that was computed. Of several axes the last one changes fastest.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Profiled {
    /// The axes.
    pub axes: Vec<ProfiledAxis>,
    /// The fields.
    pub fields: Vec<ProfiledField>,
    /// How many rows are in each bin.
    pub counts: Vec<u64>,
    /// The sum of the weights in each bin, in the unit of the files; without weights the counts.
    pub weights: Vec<f64>,
}

/// An axis of a profile.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProfiledAxis {
    /// The field.
    pub name: String,
    /// Its unit; empty for pure numbers.
    pub unit: String,
    /// The edges of the bins, one more than there are bins.
    pub edges: Vec<f64>,
}

/// A field of a profile.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProfiledField {
    /// The field.
    pub name: String,
    /// Its unit; empty for pure numbers.
    pub unit: String,
    /// A number for each bin: sums (0 in empty bins), or means or medians (NaN in empty bins).
    pub values: Vec<f64>,
    /// Standard deviations, if they were asked for.
    pub std: Option<Vec<f64>>,
}

impl Profiled {
    /// The number of bins along each axis.
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|a| a.edges.len() - 1).collect()
    }
}

/// A profile whose columns and bins are known.
struct Ready {
    axes: Vec<(Column, Array, Vec<f64>, bool)>,
    fields: Vec<Column>,
    weight: Option<Array>,
    mask: Array,
    binned: Binned,
}

impl Data {
    /// Computes a profile: a run for the ends that are not given, one for all bins and fields, one for standard deviations.
    ///
    /// As yt has it, a row takes part if it lies strictly between the ends, the lower edge of a bin belongs to it, and rows
    /// whose weight is 0 do not count. Sums are exact.
    ///
    /// # Errors
    /// `Value` for no or more than three axes, ends that make no bins, fields of other kinds, standard deviations without
    /// weights, medians with them; those of the fields and of the runs.
    pub fn profile(&self, profile: &Profile, session: &Session) -> Result<Profiled> {
        let ready = self.prepare(profile, session)?;
        let weighted = ready.weight.is_some();
        let (sum, average) = (Reduction::Sum, Reduction::Average);
        let mut arrays = vec![ready.binned.counts()];
        arrays.extend(ready.weight.as_ref().map(|w| ready.binned.reduce(w, sum)));
        for field in &ready.fields {
            arrays.push(match profile.median {
                true => {
                    let edges: Vec<Vec<f64>> = ready.axes.iter().map(|axis| axis.2.clone()).collect();
                    ready.binned.median(&field.array, &edges, false)
                }
                false => ready.binned.reduce(&field.array, if weighted { average } else { sum }),
            });
        }
        let found = run(&arrays, session)?;
        let counts: Vec<u64> = found[0].as_slice::<i64>()?.iter().map(|n| *n as u64).collect();
        let weights = match weighted {
            true => found[1].as_slice::<f64>()?.to_vec(),
            false => counts.iter().map(|n| *n as f64).collect(),
        };
        let mut fields = Vec::new();
        for (field, value) in ready.fields.iter().zip(&found[arrays.len() - ready.fields.len()..]) {
            let values: Vec<f64> = value.as_slice::<f64>()?.iter().map(|v| v * field.factor).collect();
            fields.push(ProfiledField {
                name: field.name.clone(),
                unit: field.unit.clone(),
                values,
                std: None,
            });
        }
        if profile.std {
            self.deviations(&ready, &mut fields, session)?;
        }
        if fields.is_empty() {
            let values = counts.iter().map(|n| *n as f64).collect();
            fields.push(ProfiledField { name: "count".into(), unit: String::new(), values, std: None });
        }
        let shape: Vec<usize> = ready.axes.iter().map(|a| a.2.len() - 1).collect();
        for field in &mut fields {
            if profile.fractional {
                let all: f64 = field.values.iter().filter(|v| v.is_finite()).sum();
                field.values.iter_mut().for_each(|v| *v /= all);
                field.unit.clear();
            }
            for (axis, way) in profile.accumulate.iter().enumerate() {
                if let Some(way) = way {
                    accumulate(&mut field.values, weighted.then_some(&weights[..]), &shape, axis, *way)?;
                }
            }
        }
        let axis = |(column, _, edges, _): (Column, Array, Vec<f64>, bool)| ProfiledAxis {
            name: column.name,
            unit: column.unit,
            edges,
        };
        Ok(Profiled { axes: ready.axes.into_iter().map(axis).collect(), fields, counts, weights })
    }

    /// A column of the profile's kind.
    fn same_kind(&self, text: &str, kind: Option<&str>) -> Result<Column> {
        let mut asked = Asked::read(text)?;
        let names = |kind: &str| -> Result<Vec<&str>> {
            Ok(self.snapshot().kinds(kind)?.iter().map(|k| k.name.as_str()).collect())
        };
        if let (Some(own), Some(kind)) = (&asked.kind, kind)
            && names(own)? != names(kind)?
        {
            let e = format!("'{text}' is not of {kind}, which the bins are of");
            return Err(Error::new(ErrorKind::Value, e));
        }
        if let Some(kind) = kind {
            asked.kind = Some(kind.to_string());
        }
        self.column(&asked)
    }

    fn prepare(&self, profile: &Profile, session: &Session) -> Result<Ready> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::Value, what));
        if !(1..=3).contains(&profile.axes.len()) || profile.accumulate.len() > profile.axes.len() {
            return wrong("a profile has one to three axes");
        }
        if profile.std && profile.weight.is_none() {
            return wrong("a standard deviation is one about a mean: weights are needed");
        }
        if profile.median {
            let whole = profile.weight.is_none() && !profile.fractional && profile.accumulate.is_empty();
            if profile.fields.is_empty() || !whole {
                return wrong("medians are of fields, without weights, and are neither shares nor summed up");
            }
        }
        let first = self.column(&Asked::read(&profile.axes[0].0)?)?;
        let kind = first.kind.clone();
        let column = |text: &str| self.same_kind(text, Some(&kind));
        let columns = profile.axes.iter().map(|(text, _)| column(text)).collect::<Result<Vec<_>>>()?;
        let fields = profile.fields.iter().map(|text| column(text)).collect::<Result<Vec<_>>>()?;
        let weight =
            profile.weight.as_ref().map(|text| Ok::<Array, Error>(column(text)?.array)).transpose()?;
        let mut mask = first.mask.clone();
        if let Some(weight) = &weight {
            let counts = weight.not_equal(0.0);
            mask = Some(mask.map_or(counts.clone(), |m| m & counts));
        }
        let scaled = |c: &Column| if c.factor == 1.0 { c.array.clone() } else { &c.array * c.factor };
        let values: Vec<Array> = columns.iter().map(scaled).collect();
        let bins = self.ends(profile, &values, mask.as_ref(), session)?;
        let (mut axes, mut inside) = (Vec::new(), mask);
        for ((column, values), bins) in columns.into_iter().zip(values).zip(bins) {
            let (edges, log) = edges(&bins).at("field", &column.name)?;
            let (low, high) = (edges[0], edges[edges.len() - 1]);
            let between = values.greater(low) & values.less(high);
            inside = Some(inside.map_or(between.clone(), |m| m & between));
            axes.push((column, values, edges, log));
        }
        let mask = inside.ok_or_else(|| Error::new(ErrorKind::Internal, "a profile without axes"))?;
        let binned =
            Binned::new(axes.iter().map(|(_, values, edges, _)| (values, BinAxis::Edges(edges.clone()))));
        let binned = binned.mask(&mask);
        let binned = match &weight {
            Some(weight) => binned.weights(weight),
            None => binned,
        };
        Ok(Ready { axes, fields, weight, mask, binned })
    }

    /// The bins with both ends, which a run finds where they are not given.
    fn ends(
        &self,
        profile: &Profile,
        values: &[Array],
        mask: Option<&Array>,
        session: &Session,
    ) -> Result<Vec<ProfileBins>> {
        let mut asked = Vec::new();
        for ((_, bins), values) in profile.axes.iter().zip(values) {
            if let ProfileBins::Even { low, high, log, .. } = bins
                && (low.is_none() || high.is_none())
            {
                let finite = values.isfinite();
                let mut there = mask.map_or(finite.clone(), |m| m & &finite);
                if *log {
                    there = there & values.greater(0.0);
                }
                let seen = |edge: f64| there.select(values, edge);
                asked.push(seen(f64::INFINITY).min());
                asked.push(seen(f64::NEG_INFINITY).max());
            }
        }
        let found = if asked.is_empty() { Vec::new() } else { run(&asked, session)? };
        let mut found = found.iter().map(|v| v.item::<f64>());
        let mut next =
            || found.next().unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "an end is not there")));
        let mut out = Vec::new();
        for (name, bins) in &profile.axes {
            out.push(match bins {
                ProfileBins::Even { bins, low, high, log } if low.is_none() || high.is_none() => {
                    let (least, most) = (next()?, next()?);
                    if least > most {
                        let e =
                            "no value in the object is finite, and above 0 where the bins are logarithmic";
                        return Err(Error::new(ErrorKind::Value, e).at("field", name));
                    }
                    // By a unit in the last place further, so that the ends themselves take part.
                    let (least, most) = (least.next_down(), most.next_up());
                    ProfileBins::Even {
                        bins: *bins,
                        low: low.or(Some(least)),
                        high: high.or(Some(most)),
                        log: *log,
                    }
                }
                bins => bins.clone(),
            });
        }
        Ok(out)
    }

    /// Standard deviations about the means of the bins, which are looked up for each row.
    fn deviations(&self, ready: &Ready, fields: &mut [ProfiledField], session: &Session) -> Result<()> {
        let mut bin: Option<Array> = None;
        for (_, values, edges, _) in &ready.axes {
            let n = edges.len() as f64 - 1.0;
            let own = values.digitize(edges.as_slice(), Side::Left).cast(DType::F64) - 1.0;
            bin = Some(match bin {
                Some(bin) => bin * n + own,
                None => own,
            });
        }
        let Some(bin) = bin else { return Ok(()) };
        let bin = ready.mask.select(bin, 0.0);
        let mut arrays = Vec::new();
        for (column, field) in ready.fields.iter().zip(&*fields) {
            let means: Vec<f64> =
                field.values.iter().map(|v| if v.is_finite() { v / column.factor } else { 0.0 }).collect();
            let mean = match &means[..] {
                [one] => Array::scalar(*one),
                _ => bin.interp(&Interp::new(
                    (0..means.len()).map(|i| i as f64).collect::<Vec<_>>(),
                    means.clone(),
                )),
            };
            let squares = (&column.array - mean).square();
            arrays.push(ready.binned.reduce(&squares, Reduction::Average).sqrt());
        }
        for ((column, field), value) in ready.fields.iter().zip(fields).zip(run(&arrays, session)?) {
            field.std = Some(value.as_slice::<f64>()?.iter().map(|v| v * column.factor).collect());
        }
        Ok(())
    }
}

/// The values of arrays, from one run.
fn run(arrays: &[Array], session: &Session) -> Result<Vec<ArrayValue>> {
    let targets: Vec<&dyn Target> = arrays.iter().map(|a| a as _).collect();
    let outcome = session.run(&targets)?;
    outcome.values.iter().map(|v| v.as_array().cloned()).collect()
}

/// The edges of bins, and whether they are even on a logarithmic scale.
fn edges(bins: &ProfileBins) -> Result<(Vec<f64>, bool)> {
    let wrong = |what: String| Err(Error::new(ErrorKind::Value, what));
    match bins {
        ProfileBins::Edges(edges) => {
            let ascend = edges.windows(2).all(|w| w[0] < w[1]) && edges.iter().all(|e| e.is_finite());
            match edges.len() > 1 && ascend {
                true => Ok((edges.clone(), false)),
                false => wrong("edges of bins are at least two numbers that ascend".into()),
            }
        }
        ProfileBins::Even { bins, low, high, log } => {
            let (low, high) = (low.unwrap_or(0.0), high.unwrap_or(0.0));
            if *bins == 0 || *bins > 1 << 24 {
                return wrong(format!("{bins} is no number of bins"));
            }
            if !(low < high && low.is_finite() && high.is_finite()) {
                return wrong(format!("there are no bins from {low} to {high}"));
            }
            if *log && low <= 0.0 {
                return wrong(format!("logarithmic bins cannot begin at {low}"));
            }
            let n = *bins as f64;
            let (from, to) = if *log { (low.log10(), high.log10()) } else { (low, high) };
            let mut edges: Vec<f64> = (0..=*bins)
                .map(|i| from + i as f64 * ((to - from) / n))
                .map(|e| if *log { 10f64.powf(e) } else { e })
                .collect();
            edges[0] = low;
            edges[*bins as usize] = high;
            match edges.windows(2).all(|w| w[0] < w[1]) {
                true => Ok((edges, *log)),
                false => wrong(format!("{bins} bins do not fit between {low} and {high}")),
            }
        }
    }
}

/// Sums up along an axis, of means with their weights.
fn accumulate(
    values: &mut [f64],
    weights: Option<&[f64]>,
    shape: &[usize],
    axis: usize,
    way: Accumulate,
) -> Result<()> {
    let Some(&n) = shape.get(axis) else {
        return Err(Error::new(
            ErrorKind::Value,
            format!("a profile of {} axes has no axis {axis}", shape.len()),
        ));
    };
    let step: usize = shape[axis + 1..].iter().product();
    for start in (0..values.len()).filter(|i| (i / step).is_multiple_of(n)) {
        let (mut sum, mut weight) = (0.0, 0.0);
        for i in 0..n {
            let i = if way == Accumulate::Up { i } else { n - 1 - i };
            let at = start + i * step;
            match weights {
                Some(w) => {
                    if values[at].is_finite() {
                        sum += values[at] * w[at];
                    }
                    weight += w[at];
                    values[at] = sum / weight;
                }
                None => {
                    sum += values[at];
                    values[at] = sum;
                }
            }
        }
    }
    Ok(())
}
