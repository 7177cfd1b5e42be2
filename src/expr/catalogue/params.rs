//! What parameters mean, where that is the same wherever they are.

use super::Param;

const PARAMS: &[(&str, &str)] = &[
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
    ("func", "a reduction, 'median' or 'quantile', in quotes"),
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

impl Param {
    /// What it means, of those that mean the same wherever they are.
    pub fn about(&self) -> Option<&'static str> {
        PARAMS.iter().find(|(name, _)| *name == self.name).map(|(_, about)| *about)
    }
}
