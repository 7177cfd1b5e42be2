//! The names that expressions can use.

use super::Lowered;
use super::beforehand::Beforehand;
use super::value::Val;
use crate::Session;
use std::collections::BTreeMap;

/// What to do where an expression uses a name and there are none.
const DEFINE: &str = "give arrays names with Scope::define";

/// The names that expressions can use, beside those of the [catalogue](super::catalogue), and what computes
/// what must be known before an expression can be planned.
///
/// ```
/// use chunkwise::expr::{Expression, Scope};
/// use chunkwise::{Array, Session};
/// # fn main() -> chunkwise::Result<()> {
/// let mut scope = Scope::new();
/// scope.define("x", Array::arange(0.0, 10.0, 1.0));
/// let mean = Expression::parse("mean(x[x > 3] ** 2)")?.array(&scope)?;
/// assert_eq!(Session::new()?.compute(&mean)?.item::<f64>()?, 45.166666666666664);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Scope {
    names: BTreeMap<String, Val>,
    before: Beforehand,
    how_to_name: String,
    pub(super) skips_missing: bool,
}

impl Default for Scope {
    fn default() -> Scope {
        Scope {
            names: BTreeMap::new(),
            before: Beforehand::default(),
            how_to_name: DEFINE.into(),
            skips_missing: true,
        }
    }
}

impl Scope {
    /// No names yet.
    pub fn new() -> Scope {
        Scope::default()
    }

    /// Has a session compute what must be known before an expression can be planned: the edges of bins, the labels
    /// of groups, where a mask selects. Without one a session with the defaults does.
    pub fn compute_with(&mut self, session: &Session) {
        self.before.using = Some(session.clone());
    }

    /// Has nothing computed before an expression is planned: what would need it is an error of the kind `Unsupported`
    /// within the expression, with this hint.
    pub fn compute_nothing(&mut self, hint: &str) {
        self.before.refused = Some(hint.to_string());
    }

    /// How often something was computed before an expression could be planned, with this scope and its clones.
    pub fn computed(&self) -> u64 {
        self.before.runs()
    }

    /// Whether reductions leave out what is missing in decoded data ([`Array::has_missing`](crate::Array::has_missing)), as
    /// xarray's with `skipna`: `mean` is `nanmean` then, `sum` `nansum`. It is so unless this says otherwise. NaN in other data
    /// is NaN, as in NumPy.
    pub fn skip_missing(&mut self, skip: bool) {
        self.skips_missing = skip;
    }

    /// Gives something a name: an array, a number, a histogram, or what an expression stands for. The last one of a
    /// name counts. Errors, plans and the axes of histograms call an array by its name.
    pub fn define(&mut self, name: &str, what: impl Into<Lowered>) {
        let value = match what.into().0 {
            Val::Array(array) => Val::Array(array.made_by(name)),
            other => other,
        };
        self.names.insert(name.to_string(), value);
    }

    /// Whether a name is defined.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The names that are defined, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Sets the hint that errors give where an expression uses a name and there are none.
    pub fn hint_how_to_name(&mut self, hint: &str) {
        self.how_to_name = hint.to_string();
    }

    pub(super) fn get(&self, name: &str) -> Option<&Val> {
        self.names.get(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn how_to_name(&self) -> &str {
        &self.how_to_name
    }

    pub(super) fn before(&self) -> &Beforehand {
        &self.before
    }
}
