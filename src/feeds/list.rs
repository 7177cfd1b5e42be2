//! The list of feeds, by the names that plans have, and inputs as plans have them.

use super::feed::{Fed, Feed, Read, SubKernel, Supply, unfit};
use super::row::{Reads, Row};
use super::{concatenate, halo, lookup, mapped, matmul, points, reshape, take};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::ValueId;
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Data;
use std::sync::{Arc, Mutex, PoisonError};

/// The feeds that a plan may name.
pub(super) static FEEDS: &[Row] = &[
    matmul::ROW,
    concatenate::ROW,
    reshape::ROW,
    halo::ROW,
    take::ROW,
    points::ROW,
    mapped::ROW,
    lookup::ROW,
];

static REGISTERED: Mutex<Vec<(&'static str, Reads)>> = Mutex::new(Vec::new());

/// Adds a feed of another crate to those that plans are read with. The same again changes nothing.
///
/// # Errors
/// `Value` if another feed has its name.
pub fn register_feed<F: Feed + DeserializeOwned + 'static>(name: &'static str) -> Result<()> {
    let read = Row::of::<F>(name).read;
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let there = registered.iter().find(|r| r.0 == name).map(|r| r.1);
    match FEEDS.iter().find(|r| r.name == name).map(|r| r.read).or(there) {
        Some(other) if other as usize == read as usize => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::Value, format!("there is a feed '{name}' already"))),
        None => {
            registered.push((name, read));
            Ok(())
        }
    }
}

/// The feed that a plan describes.
///
/// # Errors
/// `Format` if there is none of this name, or the data are not its own.
pub(super) fn read(name: &str, data: Data) -> Result<Arc<dyn Feed>> {
    let registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let registered = registered.iter().find(|r| r.0 == name).map(|r| r.1);
    let read = FEEDS.iter().find(|row| row.name == name).map(|r| r.read).or(registered).ok_or_else(|| {
        Error::new(ErrorKind::Format, format!("this version of chunkwise has no feed named '{name}'"))
    })?;
    read(data).map_err(|e| {
        Error::new(ErrorKind::Format, format!("these are no data of the feed '{name}'")).caused_by(e)
    })
}

impl Serialize for Supply {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        match self {
            Supply::Read(Read::Source(s)) => map.serialize_entry("source", s)?,
            Supply::Read(Read::Value(v)) => map.serialize_entry("value", v)?,
            Supply::Feed(fed) => {
                map.serialize_entry("feed", fed.feed.name())?;
                map.serialize_entry("with", &fed.feed.data())?;
                map.serialize_entry("of", &fed.of)?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Supply {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Supply, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            source: Option<usize>,
            value: Option<ValueId>,
            feed: Option<String>,
            with: Option<serde_json::Value>,
            of: Option<Vec<SubKernel>>,
        }
        let wrong = serde::de::Error::custom;
        Ok(match Written::deserialize(from)? {
            Written { source: Some(s), value: None, feed: None, with: None, of: None } => {
                Supply::Read(Read::Source(s))
            }
            Written { source: None, value: Some(v), feed: None, with: None, of: None } => {
                Supply::Read(Read::Value(v))
            }
            Written { source: None, value: None, feed: Some(name), with, of: Some(of) } => {
                let feed = read(&name, with.unwrap_or_default()).map_err(wrong)?;
                Supply::Feed(Arc::new(Fed { feed, of }))
            }
            _ => return Err(wrong(unfit("an input is a source, a value or a feed"))),
        })
    }
}
