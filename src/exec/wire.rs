//! What one process has gathered from some of a stage's tasks, for another that merges it.
//!
//! A tile whose tasks are all there is finished where they ran and travels as elements or a histogram; of others
//! the states travel. All of it is bytes, in binary formats as they are and in text as hexadecimal digits.
//! Whoever takes them in checks them: they may come from anywhere.

use super::report::{Fallback, Report};
use crate::buffer::bytes_or_text;
use crate::plan::PlanFingerprint;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a tile takes in memory beside the bytes of its state or of what it became, at most: its entry in a
/// list or table, the objects that hold it, and their allocations.
pub(super) const TILE_BYTES: u64 = 256;

/// What one process has gathered from ranges of a stage's tasks. It can be written, sent and merged
/// in any order with others of the same stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StagePartial {
    /// The fingerprint of the plan.
    pub plan: PlanFingerprint,
    /// The stage.
    pub stage: usize,
    /// The task ranges that went in, `start..end`.
    pub ranges: Vec<(u64, u64)>,
    /// What was gathered, per output of the stage.
    pub outputs: Vec<PartialOutput>,
    /// What the tasks noted.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Tasks that ran elsewhere than asked.
    #[serde(default)]
    pub fallbacks: Vec<Fallback>,
    /// What was done in this process; it is not written, as times and counts differ from run to run.
    #[serde(skip)]
    pub report: Report,
}

/// What one process has gathered for one output of a stage.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PartialOutput {
    /// The tiles of the output that its tasks go into, in ascending order.
    pub tiles: Vec<PartialTile>,
    /// What was noted of the tiles that are finished.
    #[serde(default)]
    pub notes: Vec<TileNote>,
}

/// A part of one tile, or all of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PartialTile {
    /// The tile: the C-order position among the blocks of the axes that are kept.
    pub tile: u64,
    /// How many tasks it holds.
    pub tasks: u64,
    /// What they have gathered.
    pub holds: Gathered,
}

/// What the tasks of a tile have gathered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Gathered {
    /// A state, not rounded yet, for tasks of the tile are missing.
    State(StateBytes),
    /// What the tile has become, for all of its tasks are here: its elements, little-endian in C order, or its
    /// histogram as [`Histogram::write`](crate::ops::histogram::Histogram::write) writes it.
    Finished(StateBytes),
}

/// Something that was noted of finished tiles, where NumPy would warn or say nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TileNote {
    /// What there is to say.
    pub text: String,
    /// Of how many elements it is said; 0 if that does not matter.
    pub count: u64,
}

/// What a text takes in memory, in a list or a table.
pub(super) fn text_bytes(text: &str) -> u64 {
    text.len() as u64 + 128
}

/// What is there is no error: so lists of partials are merged as well as iterators that may fail.
impl From<StagePartial> for crate::error::Result<StagePartial> {
    fn from(partial: StagePartial) -> Self {
        Ok(partial)
    }
}

impl Gathered {
    /// The bytes.
    fn bytes(&self) -> u64 {
        let (Gathered::State(bytes) | Gathered::Finished(bytes)) = self;
        bytes.0.len() as u64
    }
}

impl PartialTile {
    /// What it takes in memory.
    pub(super) fn bytes(&self) -> u64 {
        self.holds.bytes().saturating_add(TILE_BYTES)
    }
}

impl StagePartial {
    /// What it takes in memory.
    pub(super) fn bytes(&self) -> u64 {
        let text = |s: &String| text_bytes(s);
        let of_output = |o: &PartialOutput| {
            let notes = o.notes.iter().map(|n| text(&n.text));
            o.tiles.iter().map(PartialTile::bytes).chain(notes).fold(64, u64::saturating_add)
        };
        let said = self.notes.iter().chain(self.fallbacks.iter().map(|f| &f.reason)).map(text);
        let outputs = self.outputs.iter().map(of_output);
        said.chain(outputs).fold(256 + 16 * self.ranges.len() as u64, u64::saturating_add)
    }
}

/// A state as [`State::write`](crate::ops::fold::State::write) writes it, or what a tile has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateBytes(pub Vec<u8>);

impl Serialize for StateBytes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        bytes_or_text::serialize(&self.0, s)
    }
}

impl<'de> Deserialize<'de> for StateBytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<StateBytes, D::Error> {
        bytes_or_text::deserialize(d).map(StateBytes)
    }
}
