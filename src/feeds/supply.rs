//! Where the elements of an input come from: read as they are, or made by a feed of kernels of their own.

use super::{Feed, FeedBytes, Multiplied, Pieces, Reach, read, unfit};
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::{Chunks, Dims};
use crate::ops::ValueId;
use crate::ops::program::Program;
use crate::view::View;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// One input of a program: elements, seen through a view whose shape is the domain's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Where the elements come from.
    pub from: Supply,
    /// How the domain sees them.
    pub view: View,
}

/// A program with one output over a domain of its own; what a feed is computed by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubKernel {
    /// The domain.
    pub shape: Dims,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// The program.
    pub program: Program,
}

/// Where the elements of an input come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Supply {
    /// They are read.
    Read(Read),
    /// They are made block by block.
    Feed(Arc<Fed>),
}

/// What is read as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A source of the plan.
    Source(usize),
    /// The result of an earlier stage.
    Value(ValueId),
}

/// A feed, and what it is made of.
#[derive(Clone, Debug)]
pub struct Fed {
    /// How it is made.
    pub feed: Arc<dyn Feed>,
    /// The kernels that it is made of.
    pub of: Vec<SubKernel>,
}

impl Input {
    /// The source that is read, by its position in the plan.
    pub fn source(&self) -> Option<usize> {
        match self.from {
            Supply::Read(Read::Source(s)) => Some(s),
            _ => None,
        }
    }

    /// The value that is read.
    pub fn value(&self) -> Option<ValueId> {
        match self.from {
            Supply::Read(Read::Value(v)) => Some(v),
            _ => None,
        }
    }

    /// The feed that makes it.
    pub fn fed(&self) -> Option<&Fed> {
        match &self.from {
            Supply::Feed(fed) => Some(fed),
            Supply::Read(_) => None,
        }
    }

    /// The kernels that it is made of, if a feed makes it.
    pub fn children(&self) -> &[SubKernel] {
        self.fed().map_or(&[], |fed| &fed.of)
    }
}

impl SubKernel {
    /// The dtype of what it makes.
    ///
    /// # Errors
    /// `Format` if it does not make exactly one array.
    pub fn dtype(&self) -> Result<DType> {
        match self.program.outputs[..] {
            [output] => Ok(self.program.dtype(output)),
            _ => Err(unfit("a feed does not make one array")),
        }
    }
}

impl Fed {
    /// [`Feed::makes`].
    ///
    /// # Errors
    /// `Format` if the feed cannot be made of its children.
    pub fn makes(&self) -> Result<(Dims, DType)> {
        self.feed.makes(&self.of)
    }

    /// [`Feed::reach`].
    pub fn reach(&self, child: usize) -> Reach {
        self.feed.reach(&self.of, child)
    }

    /// [`Feed::pieces`].
    pub fn pieces(&self, chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        self.feed.pieces(&self.of, chunks)
    }

    /// [`Feed::bytes`].
    pub fn bytes(
        &self,
        block: &[u64],
        bytes: u64,
        child: &dyn Fn(&SubKernel, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        self.feed.bytes(&self.of, block, bytes, &|i, block| child(&self.of[i], block))
    }

    /// [`Feed::product`].
    pub fn product(&self) -> Option<Multiplied> {
        self.feed.product(&self.of)
    }

    /// How many kernels are nested in it, and how deeply.
    pub fn nested(&self) -> (usize, usize) {
        self.of
            .iter()
            .flat_map(|k| &k.inputs)
            .filter_map(Input::fed)
            .map(Fed::nested)
            .fold((self.of.len(), 1), |(kernels, depth), (k, d)| {
                (kernels.saturating_add(k), depth.max(1 + d))
            })
    }
}

impl PartialEq for Fed {
    fn eq(&self, other: &Fed) -> bool {
        let (a, b) = (&self.feed, &other.feed);
        std::ptr::eq(self, other)
            || (a.name() == b.name()
                && self.of.len() == other.of.len()
                && (Arc::ptr_eq(a, b) || a.data() == b.data())
                && self.of == other.of)
    }
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
