//! A fold as others hold it: shared, compared and written by what it says of itself.

use super::traits::Fold;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A shared [`Fold`]. Two are equal if their names and their data are; it is written as an object with the
/// name under `fold`.
#[derive(Clone)]
pub struct SharedFold {
    fold: Arc<dyn Fold>,
    text: Arc<str>,
}

impl SharedFold {
    /// Shares a fold.
    pub fn new(fold: impl Fold) -> SharedFold {
        let fold: Arc<dyn Fold> = Arc::new(fold);
        let text = written(&*fold).to_string().into();
        SharedFold { fold, text }
    }
}

/// The fold as an object.
fn written(fold: &dyn Fold) -> Value {
    let mut data = fold.data();
    if let Value::Object(map) = &mut data {
        map.insert("fold".into(), Value::String(fold.name().into()));
    }
    data
}

impl Deref for SharedFold {
    type Target = dyn Fold;

    fn deref(&self) -> &dyn Fold {
        &*self.fold
    }
}

impl PartialEq for SharedFold {
    fn eq(&self, other: &SharedFold) -> bool {
        self.text == other.text
    }
}

impl Eq for SharedFold {}

impl Hash for SharedFold {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for SharedFold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for SharedFold {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        written(&*self.fold).serialize(s)
    }
}
