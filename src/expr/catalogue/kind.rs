//! The parts of the catalogue.

use serde::Serialize;

macro_rules! kinds {
    ($($kind:ident $title:literal)*) => {
        /// Among which names of the catalogue one is listed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = $title] $kind,)*
        }

        impl Kind {
            /// Every part, in the order in which they are listed.
            pub const ALL: &[Kind] = &[$(Kind::$kind),*];

            /// What its names are, as a heading.
            pub fn title(self) -> &'static str {
                match self { $(Kind::$kind => $title),* }
            }
        }
    };
}
kinds! {
    Elementwise "Element by element"
    Reduction "Reductions"
    Order "Order"
    Cumulative "Cumulative"
    Group "By group"
    Histogram "Histograms and profiles"
    Product "Products"
    Neighbours "Neighbours"
    Choice "Choosing elements"
    Shape "Shape and dtype"
    Creation "Making arrays"
    Random "Random numbers"
    Cast "Dtypes"
    Constant "Constants"
    Attribute "Attributes"
}
