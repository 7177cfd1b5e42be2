//! What is drawn: a result, and what it and its axes are called.

use crate::cli::eval::bins_of;
use crate::cli::output::plain;
use chunkwise::expr::Output;
use chunkwise::graph::Node;
use chunkwise::grid::show_shape;
use chunkwise::{Array, AxisBins, Binned, Target};

/// A result that has a picture.
#[derive(Clone, Debug)]
pub struct Subject {
    /// How it is drawn.
    pub kind: Kind,
    /// What it is called.
    pub labels: Labels,
}

/// How a result is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One dimension of an array, so many elements.
    Line(u64),
    /// Two dimensions of an array.
    Image,
    /// A histogram in one dimension.
    Histogram,
    /// A histogram in two dimensions.
    Histogram2d,
    /// Values of bins in one or two dimensions.
    Profile,
}

/// What a result and its axes are called.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The expression.
    pub title: String,
    /// Its values, with their unit; of a histogram, what its bins have if it has weights.
    pub values: String,
    /// The arrays that a histogram is made of.
    pub axes: Vec<String>,
}

/// Why a result has no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is one number, which is printed as well as can be.
    Scalar,
    /// It could be drawn only otherwise.
    Other(String),
}

impl Subject {
    /// A result as a picture. `name` is what it was called, if it was.
    ///
    /// # Errors
    /// Why it has none.
    pub fn of(name: Option<&str>, output: &Output) -> Result<Subject, Missing> {
        match output {
            Output::Array(array) => Subject::array(name, array),
            Output::Histogram(histogram) => Subject::histogram(name, histogram),
            _ => Err(Missing::Other("it is neither an array nor a histogram".to_string())),
        }
    }

    fn array(name: Option<&str>, array: &Array) -> Result<Subject, Missing> {
        let node = array.built().map_err(|e| Missing::Other(e.message().to_string()))?;
        let kind = match node.shape.as_slice() {
            shape if shape.iter().all(|&n| n == 1) => return Err(Missing::Scalar),
            shape if shape.contains(&0) => {
                return Err(Missing::Other(format!(
                    "it has no elements: its shape is {}",
                    show_shape(shape)
                )));
            }
            &[n] => Kind::Line(n),
            [_, _] => Kind::Image,
            shape => {
                return Err(Missing::Other(format!(
                    "its shape {} has {} axes, and a picture one or two\nhint: choose from it, as in x[0], or reduce it, as in mean(x, axis=0)",
                    show_shape(shape),
                    shape.len()
                )));
            }
        };
        let values = match name {
            Some(name) => with_unit(name, &node),
            None => described(&node),
        };
        let bins = bins_of(array).map_err(|e| Missing::Other(e.message().to_string()))?;
        let axis = |axis: &AxisBins| axis.values.built().map_or(String::new(), |node| described(&node));
        let axes: Vec<String> = bins.iter().map(axis).collect();
        let kind = if axes.is_empty() { kind } else { Kind::Profile };
        Ok(Subject { kind, labels: Labels { title: title(name, &node), values, axes } })
    }

    fn histogram(name: Option<&str>, histogram: &Binned) -> Result<Subject, Missing> {
        let node = histogram.built().map_err(|e| Missing::Other(e.message().to_string()))?;
        let rank = node.shape.len();
        let kind = match rank {
            1 => Kind::Histogram,
            2 => Kind::Histogram2d,
            _ => {
                return Err(Missing::Other(format!(
                    "it has {rank} dimensions, and a picture of bins one or two"
                )));
            }
        };
        // Its inputs are the arrays of its dimensions, then weights, if it has any.
        let mut inputs = node.inputs.iter().map(|n| described(n));
        let axes = inputs.by_ref().take(rank).collect();
        let values = inputs.next().map_or_else(|| COUNT.to_string(), |weights| format!("sum of {weights}"));
        Ok(Subject { kind, labels: Labels { title: title(name, &node), values, axes } })
    }
}

/// What the bins of a histogram without weights have.
pub const COUNT: &str = "count";

/// `NAME = EXPR`, or the expression.
fn title(name: Option<&str>, node: &Node) -> String {
    let text = plain(&node.origin.to_string());
    match name {
        Some(name) if name != text => format!("{} = {text}", plain(name)),
        _ => text,
    }
}

/// The expression that made an array, with its unit.
fn described(node: &Node) -> String {
    with_unit(&node.origin.to_string(), node)
}

fn with_unit(text: &str, node: &Node) -> String {
    match node.annotations.get("units").map(|u| u.trim()) {
        Some(units) if !units.is_empty() => format!("{} [{}]", plain(text), plain(units)),
        _ => plain(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chunkwise::{BinAxis, DType};

    fn array(units: &str) -> Array {
        Array::random(&[5, 4], 1, DType::F64).annotate("units", units).made_by("t")
    }

    #[test]
    fn labels_are_names_expressions_and_units() {
        let of = |name, output| Subject::of(name, &output).unwrap().labels;
        let t = of(None, Output::Array(array("K")));
        assert_eq!((t.title.as_str(), t.values.as_str()), ("t", "t [K]"));
        let named = of(Some("warm"), Output::Array(array("K")));
        assert_eq!((named.title.as_str(), named.values.as_str()), ("warm = t", "warm [K]"));
        let bare = of(None, Output::Array(array(" ")));
        assert_eq!(bare.values, "t");
        let bins = || BinAxis::Uniform { bins: 3, low: 0.0, high: 1.0 };
        // Of another shape than the first dimension: what is broadcast is still called what it is.
        let row = Array::random(&[4], 2, DType::F64).annotate("units", "g\u{7}").made_by("m");
        let h =
            Binned::new([(&array("K"), bins()), (&row, bins())]).weights(&row).made_by("histogram2d(t, m)");
        let h = of(None, Output::Histogram(h));
        assert_eq!(h.axes, ["t [K]", "m [g\\u{7}]"]);
        assert_eq!(h.values, "sum of m [g\\u{7}]");
        assert_eq!(h.title, "histogram2d(t, m)");
    }
}
