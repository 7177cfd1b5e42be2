//! What a benchmark found: plain data that the table, the page and the JSON show, and that scripts beside
//! it add peers' times to.

use serde::{Deserialize, Serialize};

/// Raised when a field changes its meaning.
pub const VERSION: u32 = 1;

/// All that one run found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// [`VERSION`].
    pub version: u32,
    /// Where it ran.
    pub machine: Machine,
    /// With what it ran.
    pub settings: Settings,
    /// What the machine can do at best.
    pub limits: Vec<Limit>,
    /// What was timed.
    pub rows: Vec<Row>,
    /// What was found beside times.
    pub facts: Vec<Fact>,
    /// Those that were timed on the same data.
    #[serde(default)]
    pub peers: Vec<Peer>,
}

/// A machine and what runs on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Hardware threads that this process may use.
    pub cpus: usize,
    /// Cores behind them, where the system tells.
    pub cores: Option<usize>,
    /// NUMA nodes, where the system tells.
    pub nodes: Option<usize>,
    /// Bytes of memory that this process may use.
    pub memory_bytes: u64,
    /// Vector level, as `avx512`.
    pub simd: String,
    /// Operating system and architecture.
    pub system: String,
    /// Version of this program.
    pub chunkwise: String,
    /// Version of libhdf5.
    pub hdf5: String,
    /// Adapters that were used: name and driver.
    pub gpus: Vec<String>,
}

/// With what a run was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// When it began, UTC, as `2026-11-22 10:30`.
    pub date: String,
    /// Where the values come from.
    pub seed: u64,
    /// How often each work is timed; the median counts.
    pub rounds: usize,
    /// Threads.
    pub threads: usize,
    /// Whether the data were small, so that times mean little.
    pub quick: bool,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Bytes.
    #[serde(rename = "B")]
    Bytes,
    /// Rows (elements of each column).
    #[serde(rename = "rows")]
    Rows,
    /// Multiplications and additions of floats.
    #[serde(rename = "flop")]
    Flops,
    /// Tasks.
    #[serde(rename = "tasks")]
    Tasks,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
}

/// What the machine can do of one thing, per second.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// Its name for rows, as `memory.read`.
    pub key: String,
    /// What it is, in words.
    pub title: String,
    /// `cpu`, or the adapter's name.
    pub device: String,
    /// What is counted.
    pub unit: Unit,
    /// How many of it per second.
    pub rate: f64,
}

/// One work on one set of data and one device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The work, as `hist`.
    pub work: String,
    /// What it does, in words.
    pub title: String,
    /// Rows of one group stand together, as `in memory`.
    pub group: String,
    /// The set of data: size and distribution.
    pub set: String,
    /// `cpu`, or the adapter's name.
    pub device: String,
    /// What is counted.
    pub unit: Unit,
    /// How many of it one run does.
    pub amount: f64,
    /// Seconds of every round, in the order in which they were taken.
    pub seconds: Vec<f64>,
    /// What bounds it.
    pub bound: Option<Bound>,
    /// The answer, or a part of it, for comparing.
    pub answer: Vec<f64>,
    /// What a reader has to know.
    #[serde(default)]
    pub note: Option<String>,
    /// Others that did the same.
    #[serde(default)]
    pub peers: Vec<PeerTime>,
}

/// What bounds a work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bound {
    /// The key of a [`Limit`] of the same run.
    pub limit: String,
    /// How many of the limit's unit one run takes at the very least.
    pub amount: f64,
    /// Seconds that the limit itself took, of each round, where it was measured in turns with the work.
    #[serde(default)]
    pub seconds: Vec<f64>,
}

/// A peer's times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeerTime {
    /// Its name, one of [`Results::peers`].
    pub peer: String,
    /// Seconds of every round.
    pub seconds: Vec<f64>,
    /// What it did differently.
    #[serde(default)]
    pub note: Option<String>,
    /// How many of the row's unit one of its runs did, where that is not as many as ours.
    #[serde(default)]
    pub amount: Option<f64>,
}

/// A number that is no time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fact {
    /// Facts of one group stand together.
    pub group: String,
    /// What it is.
    pub title: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: Unit,
}

/// Somebody else's program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Its version, and that of what it stands on.
    pub version: String,
}

impl Row {
    /// The median time, in seconds; none if it was not timed.
    pub fn median(&self) -> Option<f64> {
        median(&self.seconds)
    }

    /// How much of its unit per second.
    pub fn rate(&self) -> Option<f64> {
        Some(self.amount / self.median()?)
    }

    /// The part of what its limit allows, 1 being all of it.
    pub fn share(&self, limits: &[Limit]) -> Option<f64> {
        let bound = self.bound.as_ref()?;
        let least = match median(&bound.seconds) {
            Some(seconds) => seconds,
            None => {
                let same = |l: &&Limit| l.key == bound.limit && l.device == self.device;
                let limit = limits.iter().find(same)?;
                bound.amount / limit.rate
            }
        };
        Some(least / self.median()?)
    }
}

impl PeerTime {
    /// How much longer than ours it took for as much: more than 1 where we are faster.
    pub fn ratio(&self, row: &Row) -> Option<f64> {
        let theirs = median(&self.seconds)? / self.amount.unwrap_or(row.amount);
        Some(theirs * row.amount / row.median()?)
    }
}

/// The middle value; of an even number the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut v = values.to_vec();
    v.sort_by(f64::total_cmp);
    match v.len() {
        0 => None,
        n if n % 2 == 1 => Some(v[n / 2]),
        n => Some((v[n / 2 - 1] + v[n / 2]) / 2.0),
    }
}
