//! The table.

use serde::{Deserialize, Serialize};

/// What a row accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// Σx
    Sum,
    /// Σx / n
    Mean,
    /// The variance from n, Σx, Σx².
    Var,
    /// Its square root.
    Std,
    /// Σwx / Σw
    Average,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The first position of the smallest value.
    ArgMin,
    /// The first position of the largest value.
    ArgMax,
    /// Πx
    Prod,
    /// Whether any value is not zero.
    Any,
    /// Whether no value is zero.
    All,
    /// How many values are not zero.
    Count,
}

/// What results are beside the values that they are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// Some of them: the smallest.
    Element,
    /// What one of them could be: a mean.
    Value,
    /// In their unit, but an amount: a sum, a deviation. Of dates there is none.
    Amount,
    /// Of another kind: a variance, a position, a count.
    Other,
}

/// What a row answers for no values at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Empty {
    /// 0, or false.
    Zero,
    /// 1, or true.
    One,
    /// NaN, and a note.
    Nan,
    /// An error of kind `Value`, as NumPy raises.
    Error,
}

/// One reduction.
#[derive(Debug)]
pub struct Row {
    /// The reduction it describes.
    pub reduction: Reduction,
    /// NumPy's name.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// One line of documentation.
    pub doc: &'static str,
    /// An expression that shows what it does.
    pub example: &'static str,
    /// What it accumulates.
    pub family: Family,
    /// Arrays that it takes: the values, and for `average` the weights.
    pub inputs: usize,
    /// Whether NaN values are passed over (`nan*`).
    pub skips_nan: bool,
    /// Whether it takes `dtype=`.
    pub takes_dtype: bool,
    /// Whether it takes `ddof=`.
    pub takes_ddof: bool,
    /// Whether it takes `where=`.
    pub takes_where: bool,
    /// What it answers for no values.
    pub empty: Empty,
}

macro_rules! table {
    ($($variant:ident $name:literal $(| $alias:literal)* $family:ident $empty:ident [$($flag:ident)*] $example:literal $doc:literal;)*) => {
        /// A reduction, by NumPy's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Reduction {
            $(#[doc = $doc] #[serde(rename = $name)] $variant,)*
        }

        static ROWS: &[Row] = &[$(Row {
            reduction: Reduction::$variant,
            name: $name,
            aliases: &[$($alias),*],
            doc: $doc,
            example: $example,
            family: Family::$family,
            empty: Empty::$empty,
            $($flag: table!(@ $flag),)*
            ..NONE
        },)*];
    };
    (@ inputs) => { 2 };
    (@ $flag:ident) => { true };
}

const NONE: Row = Row {
    reduction: Reduction::Sum,
    name: "",
    aliases: &[],
    doc: "",
    example: "",
    family: Family::Sum,
    inputs: 1,
    skips_nan: false,
    takes_dtype: false,
    takes_ddof: false,
    takes_where: false,
    empty: Empty::Zero,
};

table! {
    Sum "sum" Sum Zero [takes_dtype takes_where] "sum([[1, 2], [3, 4]], axis=0)" "The sum.";
    Mean "mean" Mean Nan [takes_dtype takes_where] "mean([[1, 2], [3, 4]], axis=1)" "The arithmetic mean.";
    Var "var" Var Nan [takes_dtype takes_ddof takes_where] "var([1, 2, 3, 4])" "The variance, with divisor n - ddof.";
    Std "std" Std Nan [takes_dtype takes_ddof takes_where] "std([1, 2, 3, 4], ddof=1)" "The standard deviation, with divisor n - ddof.";
    Average "average" Average Nan [inputs takes_where] "average([1, 2, 3], weights=[3, 1, 0])" "The weighted mean; without weights the mean.";
    Min "min" | "amin" Min Error [takes_where] "min([[3, 1], [2, 5]], axis=0)" "The smallest value; NaN if there is one.";
    Max "max" | "amax" Max Error [takes_where] "max([[3, 1], [2, 5]], axis=0)" "The largest value; NaN if there is one.";
    ArgMin "argmin" ArgMin Error [] "argmin([3, 1, 2])" "The first position of the smallest value, or of the first NaN.";
    ArgMax "argmax" ArgMax Error [] "argmax([3, 1, 2])" "The first position of the largest value, or of the first NaN.";
    Prod "prod" Prod One [takes_dtype takes_where] "prod([2, 3, 7])" "The product.";
    Any "any" Any Zero [takes_where] "any([0, 0, 2])" "Whether any value is not zero; NaN is not zero.";
    All "all" All One [takes_where] "all([[1, 0], [2, 3]], axis=1)" "Whether no value is zero.";
    CountNonzero "count_nonzero" Count Zero [] "count_nonzero([0, 1, 0, 7])" "How many values are not zero.";
    NanSum "nansum" Sum Zero [skips_nan takes_dtype takes_where] "nansum([1, nan, 2])" "The sum, NaN passed over.";
    NanMean "nanmean" Mean Nan [skips_nan takes_dtype takes_where] "nanmean([1, nan, 2])" "The arithmetic mean, NaN passed over.";
    NanVar "nanvar" Var Nan [skips_nan takes_dtype takes_ddof takes_where] "nanvar([1, nan, 2])" "The variance, NaN passed over.";
    NanStd "nanstd" Std Nan [skips_nan takes_dtype takes_ddof takes_where] "nanstd([1, nan, 2])" "The standard deviation, NaN passed over.";
    NanMin "nanmin" Min Error [skips_nan takes_where] "nanmin([3, nan, 2])" "The smallest value, NaN passed over.";
    NanMax "nanmax" Max Error [skips_nan takes_where] "nanmax([3, nan, 2])" "The largest value, NaN passed over.";
    NanArgMin "nanargmin" ArgMin Error [skips_nan] "nanargmin([3, nan, 2])" "The first position of the smallest value, NaN passed over.";
    NanArgMax "nanargmax" ArgMax Error [skips_nan] "nanargmax([nan, 3, 2])" "The first position of the largest value, NaN passed over.";
    NanProd "nanprod" Prod One [skips_nan takes_dtype takes_where] "nanprod([3, nan, 2])" "The product, NaN passed over.";
}

impl Reduction {
    /// Every reduction, in the order of the table.
    pub fn all() -> impl Iterator<Item = Reduction> {
        ROWS.iter().map(|r| r.reduction)
    }

    /// The reduction of NumPy's name `name`, or of an alias, if there is one.
    pub fn from_name(name: &str) -> Option<Reduction> {
        ROWS.iter().find(|r| r.name == name || r.aliases.contains(&name)).map(|r| r.reduction)
    }

    /// What its results are beside its values.
    pub fn quantity(self) -> Quantity {
        match self.row().family {
            Family::Min | Family::Max => Quantity::Element,
            Family::Mean | Family::Average => Quantity::Value,
            Family::Sum | Family::Std => Quantity::Amount,
            _ => Quantity::Other,
        }
    }

    /// Its row.
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// NumPy's name.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

impl std::fmt::Display for Reduction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
