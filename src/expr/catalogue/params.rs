//! What parameters mean: of most that is the same wherever they are.

use super::{Entry, Param};

const PARAMS: &[(&str, &str)] = &[
    ("**coordinates", "a name for each axis, with an array of its coordinates or None"),
    ("**indexers", "the name of an axis, with what is taken along it"),
    ("axis", "the axis or, where several can be, a tuple of axes; negative from the end"),
    ("axes", "the order of the axes"),
    (
        "bins",
        "a number of bins, a list of edges, or a rule such as 'auto'; of several dimensions, one for each",
    ),
    ("constant_values", "what stands in a constant border"),
    ("ddof", "what is taken off the number of elements in the divisor"),
    ("density", "divide by the total and the widths of the bins, which gives an array"),
    ("dtype", "in which dtype to count, and of the result"),
    ("edge_order", "1 or 2: how exact the ends are"),
    ("expected", "the labels of the groups; all that there are if not given"),
    ("func", "a reduction, 'count', 'median' or 'quantile', in quotes"),
    ("include_initial", "whether the sum or product of nothing comes first"),
    ("keepdims", "keep the axes that are gone, with length one"),
    ("log", "bins of equal ratio"),
    ("method", "which of NumPy's methods, in quotes"),
    ("mode", "in quotes"),
    ("pad_width", "a number, a pair, or a pair for each axis"),
    ("q", "a number or a list of numbers, known beforehand"),
    ("range", "(low, high), of several dimensions one for each; the data's own if not given"),
    ("seed", "a whole number"),
    ("shape", "a number or a tuple"),
    ("size", "the shape of what is drawn, a number or a tuple; one number if not given"),
    ("statistic", "a reduction or 'count', in quotes"),
    ("weights", "how much each element counts"),
    ("where", "a mask: only elements where it is true count"),
];

/// Those that mean something else in one function.
const OWN: &[(&str, &str, &str)] = &[
    (
        "coarsen",
        "axes",
        "the length of the blocks along each axis: a number, or a tuple with one for each axis",
    ),
    ("rot90", "axes", "the two axes of the plane, from the first to the second"),
    ("sel", "method", "what is taken where no element is at a coordinate: 'nearest', 'pad' or 'backfill'"),
    (
        "tensordot",
        "axes",
        "how many axes go, the last of a and the first of b, or a pair of lists: which of a, which of b",
    ),
];

impl Entry {
    /// What one of its parameters means, where there is more to say than its name does.
    pub fn about(&self, param: &Param) -> Option<&'static str> {
        let own = OWN.iter().find(|(entry, name, _)| *entry == self.name && *name == param.name);
        let common = || PARAMS.iter().find(|(name, _)| *name == param.name).map(|(_, about)| *about);
        own.map(|(.., about)| *about).or_else(common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::catalogue::{entries, find};

    fn of(entry: &Entry) -> &[Param] {
        entry.call.as_ref().map_or(&[], |call| &call.params)
    }

    #[test]
    fn what_is_described_is_there() {
        for (name, _) in PARAMS {
            assert!(entries().iter().any(|e| of(e).iter().any(|p| p.name == *name)), "{name}");
        }
        for (name, param, about) in OWN {
            let entry = find(name).unwrap();
            let param = of(entry).iter().find(|p| p.name == *param).unwrap();
            assert_eq!(entry.about(param), Some(*about), "{name}");
        }
    }

    #[test]
    fn the_order_of_the_axes_is_that_of_transpose_alone() {
        let says = |e: &&Entry| of(e).iter().any(|p| e.about(p) == Some("the order of the axes"));
        let names: Vec<&str> = entries().iter().filter(says).map(|e| e.name).collect();
        assert_eq!(names, ["transpose"]);
    }
}
