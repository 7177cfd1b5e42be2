//! What each stage of a run did: its time, its counted work, and what its workers were at.

use serde::Serialize;
use std::ops::Range;

/// Tasks per device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TaskCounts {
    /// On the CPU.
    pub cpu: u64,
    /// On the GPU.
    pub gpu: u64,
}

/// What a stage of a run did, or several that ran together, window by window.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StageReport {
    /// The stages of the plan.
    pub stages: Range<usize>,
    /// The operations whose results it made.
    pub operations: Vec<String>,
    /// Wall-clock seconds.
    pub elapsed_s: f64,
    /// Workers at most.
    pub workers: usize,
    /// Tasks per device.
    pub tasks: TaskCounts,
    /// Seconds from the first to the last task of each worker, all workers together.
    pub busy_s: f64,
    /// Storage chunks turned into elements.
    pub chunks_decoded: u64,
    /// Bytes read from files.
    pub bytes_read: u64,
    /// Bytes of elements that reads made, whole chunks counted whole.
    pub bytes_decoded: u64,
    /// Bytes written to temporary stores.
    pub bytes_spilled: u64,
    /// Bytes read back from temporary stores.
    pub bytes_read_back: u64,
    /// The most bytes held while it ran, as counted; what earlier stages left is among them.
    pub peak_host_bytes: u64,
    /// What the workers were at, if the run was [traced](crate::SessionBuilder::trace).
    pub activities: Option<Activities>,
}

/// Seconds that workers were at each activity, all workers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Activities {
    /// Reading stored bytes from files.
    pub read_s: f64,
    /// Making elements of them.
    pub decode_s: f64,
    /// The rest: computing on the CPU, and waiting for a device.
    pub compute_s: f64,
    /// Bringing elements to a device, and results back.
    pub transfer_s: f64,
    /// Seconds in which a device computed, by its own clock where it has one. Workers go on meanwhile.
    pub device_s: f64,
}

/// What a stage spent most of its time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Bottleneck {
    /// Reading stored bytes from files.
    Reading,
    /// Making elements of them.
    Decoding,
    /// Computing on the CPU.
    Computing,
    /// Bringing elements to a device, and results back.
    Transfers,
    /// The device's own computing.
    Device,
    /// Workers had nothing to do: too few tasks, or one that took long.
    Idle,
}

impl Bottleneck {
    /// What a sentence calls it.
    pub fn name(self) -> &'static str {
        match self {
            Bottleneck::Reading => "reading",
            Bottleneck::Decoding => "decoding",
            Bottleneck::Computing => "computing",
            Bottleneck::Transfers => "transfers",
            Bottleneck::Device => "the device",
            Bottleneck::Idle => "idle workers",
        }
    }
}

impl StageReport {
    /// The part of the workers' time, 0 to 1, that each activity took, in the order of [`Bottleneck`]'s variants; of
    /// the device, of the time that passed. `None` if the run was not traced or took no time.
    pub fn shares(&self) -> Option<[(Bottleneck, f64); 6]> {
        let a = self.activities.as_ref().filter(|_| self.elapsed_s > 0.0)?;
        let all = self.elapsed_s * self.workers.max(1) as f64;
        let share = |seconds: f64| (seconds / all).clamp(0.0, 1.0);
        Some([
            (Bottleneck::Reading, share(a.read_s)),
            (Bottleneck::Decoding, share(a.decode_s)),
            (Bottleneck::Computing, share(a.compute_s)),
            (Bottleneck::Transfers, share(a.transfer_s)),
            (Bottleneck::Device, (a.device_s / self.elapsed_s).min(1.0)),
            (Bottleneck::Idle, share(all - self.busy_s)),
        ])
    }

    /// What bounded it, and the part of the time that this took. A device that computes more than half of the time
    /// bounds what its workers do meanwhile.
    pub fn bounded_by(&self) -> Option<(Bottleneck, f64)> {
        let shares = self.shares()?;
        let device = shares.iter().find(|(b, share)| *b == Bottleneck::Device && *share > 0.5);
        device.or_else(|| shares.iter().max_by(|a, b| a.1.total_cmp(&b.1))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(activities: Option<Activities>) -> StageReport {
        StageReport { elapsed_s: 2.0, workers: 2, busy_s: 3.0, activities, ..StageReport::default() }
    }

    #[test]
    fn what_took_most_of_the_time_bounds_a_stage() {
        let a = Activities { read_s: 0.4, decode_s: 2.0, compute_s: 0.6, ..Activities::default() };
        let shares = stage(Some(a)).shares().unwrap().map(|(_, share)| share);
        assert_eq!(shares, [0.1, 0.5, 0.15, 0.0, 0.0, 0.25]);
        assert_eq!(stage(Some(a)).bounded_by(), Some((Bottleneck::Decoding, 0.5)));
        // A device is asked for its part of the time that passed.
        let a = Activities { device_s: 1.2, ..a };
        assert_eq!(stage(Some(a)).bounded_by(), Some((Bottleneck::Device, 0.6)));
        let few = StageReport {
            busy_s: 1.0,
            ..stage(Some(Activities { compute_s: 1.0, ..Activities::default() }))
        };
        assert_eq!(few.bounded_by(), Some((Bottleneck::Idle, 0.75)));
        assert_eq!(stage(None).bounded_by(), None);
    }
}
