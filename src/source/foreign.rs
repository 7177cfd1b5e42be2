//! Sources from outside this crate: who they are, and how they are opened again.
//!
//! A source of this crate says by plain data what it is ([`SourceSpec`]). One from elsewhere is not asked:
//! whatever it made up, two could make up the same, and one would be read in the other's place. It is known
//! by its object, whose number no other has had in this process, and a plan that reads it stays here. A
//! source that says what it is registered as ([`Source::registration`]) is known by that wherever
//! something is registered under the name, and travels with its plan.
//!
//! Limits: names are registered for the life of the process. The allocation (not the content) of a source
//! that was used is kept until the next clearing out, so that no other can get its address and number.

use super::spec::{Registration, SourceSpec};
use super::traits::{Own, Source};
use crate::error::{Context, Error, ErrorKind, Result};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, Weak};

type Opener = Arc<dyn Fn(&str) -> Result<Arc<dyn Source>> + Send + Sync>;

static OPENERS: LazyLock<RwLock<HashMap<String, Opener>>> = LazyLock::new(RwLock::default);

/// Registers the function that opens sources of a name from their parameters. Every process that makes,
/// reads or runs a plan with such sources registers it first.
///
/// # Errors
/// `Value` if the name is taken.
pub fn register_source(
    name: &str,
    open: impl Fn(&str) -> Result<Arc<dyn Source>> + Send + Sync + 'static,
) -> Result<()> {
    let mut openers = OPENERS.write().unwrap_or_else(PoisonError::into_inner);
    if openers.contains_key(name) {
        let taken = format!("sources are registered as '{name}' already");
        return Err(Error::new(ErrorKind::Value, taken)
            .hint("register each name once, and choose one that others will not, as my-crate/my-format"));
    }
    openers.insert(name.to_string(), Arc::new(open));
    Ok(())
}

fn opener(name: &str) -> Option<Opener> {
    OPENERS.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

/// Opens what is registered.
///
/// # Errors
/// `NotFound` if nothing is registered under the name; whatever the function fails with.
pub(super) fn open(registration: &Registration) -> Result<Arc<dyn Source>> {
    let Registration { name, parameters } = registration;
    let Some(open) = opener(name) else {
        let none = format!("no source is registered as '{name}' in this process");
        return Err(Error::new(ErrorKind::NotFound, none)
            .hint("call chunkwise::unstable::register_source before the plan is read"));
    };
    open(parameters).at("source", format_args!("{name} of {parameters}"))
}

/// Objects that have a number.
#[derive(Default)]
struct Numbered {
    /// By the address of the object, which is nobody else's while it is here: a weak reference keeps the
    /// allocation.
    objects: HashMap<usize, (Weak<dyn Source>, SourceSpec)>,
    /// How many there may be before those that are gone are cleared out.
    room: usize,
    last: u64,
}

static NUMBERED: LazyLock<Mutex<Numbered>> = LazyLock::new(Mutex::default);

/// What identifies a source: two that give the same are one array.
pub(crate) fn spec_of(source: &Arc<dyn Source>) -> SourceSpec {
    if let Some(spec) = source.spec(Own) {
        return spec;
    }
    match source.registration().filter(|r| opener(&r.name).is_some()) {
        Some(registration) => SourceSpec::Registered(registration),
        None => object(source),
    }
}

/// The number of an object, and its name for people when it was first met.
fn object(source: &Arc<dyn Source>) -> SourceSpec {
    // Before the lock: the source may do what it likes.
    let name: Arc<str> = source.describe().into();
    let address = Arc::as_ptr(source).cast::<()>().addr();
    let mut numbered = NUMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    let Numbered { objects, room, last } = &mut *numbered;
    if let Some((_, spec)) = objects.get(&address) {
        return spec.clone();
    }
    if objects.len() >= *room {
        objects.retain(|_, (object, _)| object.strong_count() > 0);
        *room = (2 * objects.len()).max(64);
    }
    *last += 1;
    let spec = SourceSpec::Foreign { id: *last, name };
    objects.insert(address, (Arc::downgrade(source), spec.clone()));
    spec
}
