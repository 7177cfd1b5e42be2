//! Names of values.

use serde::{Deserialize, Serialize};

/// Names that some values of an array have: the members of an HDF5 enum, or the texts for which the numbers of
/// [`Session::factorize`](crate::Session::factorize) stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// In ascending order of the values, each of which is there once.
    of: Vec<(i128, String)>,
    texts: bool,
}

impl Members {
    /// Values with their names. Of several names of a value the first counts.
    pub fn new(of: impl IntoIterator<Item = (i128, String)>) -> Members {
        let mut of: Vec<(i128, String)> = of.into_iter().collect();
        of.sort_by_key(|(value, _)| *value);
        of.dedup_by_key(|(value, _)| *value);
        Members { of, texts: false }
    }

    /// Texts, for which the numbers from 0 on stand: there could be others too.
    pub fn of_texts(texts: impl IntoIterator<Item = String>) -> Members {
        Members { of: (0..).zip(texts).collect(), texts: true }
    }

    /// Whether the names are texts of which there could be others: one that is not among them is equal to none.
    pub fn are_texts(&self) -> bool {
        self.texts
    }

    /// The name of a value, if it has one.
    pub fn name(&self, value: i128) -> Option<&str> {
        self.of.binary_search_by_key(&value, |(v, _)| *v).ok().map(|at| self.of[at].1.as_str())
    }

    /// The value of a name: the least, if several have it.
    pub fn value(&self, name: &str) -> Option<i128> {
        self.of.iter().find(|(_, n)| n == name).map(|(value, _)| *value)
    }

    /// With `(empty)` for the empty name, which has no place in a file; nothing if there is none.
    pub fn without_empty(&self) -> Option<Members> {
        let empty = |name: &str| name.is_empty();
        self.of.iter().any(|(_, name)| empty(name)).then(|| {
            let mut stand_in = String::from("(empty)");
            while self.value(&stand_in).is_some() {
                stand_in = format!("({stand_in})");
            }
            let named =
                |(value, name): &(i128, String)| (*value, if empty(name) { &stand_in } else { name }.clone());
            Members { of: self.of.iter().map(named).collect(), texts: self.texts }
        })
    }

    /// The values and their names, in ascending order of the values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (i128, &str)> {
        self.of.iter().map(|(value, name)| (*value, name.as_str()))
    }
}
