//! The progress bar: how far, how fast, how long it took and how long it may take.

use chunkwise::Progress;
use chunkwise::size::{human_bytes, human_duration};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bar on stderr where that is a terminal; nothing elsewhere.
#[derive(Clone)]
pub struct Bar {
    bar: ProgressBar,
    at: Arc<Mutex<Option<At>>>,
    /// How far behind others a worker's word may be.
    workers: u64,
}

/// Where a run is.
struct At {
    stage: usize,
    tasks: u64,
    done: u64,
    bytes: u64,
    started: Instant,
    stage_started: Instant,
}

/// What a worker says.
struct Step {
    stage: usize,
    done: u64,
    tasks: u64,
    bytes: u64,
}

impl At {
    fn begin(step: &Step, now: Instant) -> At {
        let &Step { stage, done, tasks, bytes } = step;
        At { stage, tasks, done, bytes, started: now, stage_started: now }
    }

    /// Takes a worker's word, if it is not behind what others said meanwhile.
    fn take(&mut self, step: &Step, workers: u64, now: Instant) -> bool {
        let same = step.stage == self.stage && step.tasks == self.tasks;
        let behind = self.done.saturating_sub(step.done);
        if same && behind > 0 && behind <= workers {
            return false;
        }
        // Another run of the session, whose bytes are counted anew.
        if step.stage < self.stage || step.bytes < self.bytes {
            *self = At::begin(step, now);
            return true;
        }
        if !same || behind > 0 {
            self.stage_started = now;
        }
        let &Step { stage, done, tasks, bytes } = step;
        *self = At { stage, done, tasks, bytes, ..*self };
        true
    }

    /// `1.2 GiB at 310.0 MiB/s, 4 s, 6 s left`
    fn text(&self, now: Instant) -> String {
        let (elapsed, stage) = (now - self.started, now - self.stage_started);
        let mut text = human_bytes(self.bytes);
        if elapsed.as_secs_f64() >= 0.1 {
            text += &format!(" at {}/s", human_bytes((self.bytes as f64 / elapsed.as_secs_f64()) as u64));
        }
        text += &format!(", {}", coarse(elapsed));
        // A guess from little is none.
        if self.done > 0 && self.done < self.tasks && stage >= Duration::from_secs(1) {
            let left = stage.as_secs_f64() * (self.tasks - self.done) as f64 / self.done as f64;
            text += &format!(", {} left", coarse(Duration::try_from_secs_f64(left).unwrap_or_default()));
        }
        text
    }
}

/// A duration in whole seconds.
fn coarse(duration: Duration) -> String {
    match duration.as_secs_f64().round() as u64 {
        s @ 0..60 => format!("{s} s"),
        s => human_duration(Duration::from_secs(s)),
    }
}

impl Bar {
    /// A bar that shows nothing until something happens.
    pub fn new() -> Bar {
        let bar = ProgressBar::new(0);
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr_with_hz(10),
            false => ProgressDrawTarget::hidden(),
        };
        bar.set_draw_target(target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {percent:>3}% {msg}") {
            bar.set_style(style);
        }
        let workers = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        Bar { bar, at: Arc::default(), workers }
    }

    /// Shows how far a run is. Workers tell it in any order; the bar never goes back for that.
    pub fn run(&self, p: Progress) {
        let stage =
            if p.stages > 1 { format!("stage {} of {}", p.stage + 1, p.stages) } else { String::new() };
        self.step(stage, Step { stage: p.stage, done: p.done, tasks: p.tasks, bytes: p.bytes });
    }

    /// Shows that of `all` pieces one more is done, which has so many bytes.
    pub fn another(&self, what: &str, all: u64, bytes: u64) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let (done, bytes) = at.as_ref().map_or((1, bytes), |at| (at.done + 1, at.bytes + bytes));
        self.show(&mut at, what.to_string(), Step { stage: 0, done, tasks: all, bytes });
    }

    fn step(&self, prefix: String, step: Step) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        self.show(&mut at, prefix, step);
    }

    fn show(&self, at: &mut Option<At>, prefix: String, step: Step) {
        let now = Instant::now();
        let taken = match at {
            Some(at) => at.take(&step, self.workers, now),
            None => {
                *at = Some(At::begin(&step, now));
                // One that was taken away comes back.
                self.bar.reset();
                true
            }
        };
        let Some(at) = at.as_ref().filter(|_| taken) else { return };
        self.bar.set_prefix(prefix);
        self.bar.set_length(at.tasks);
        self.bar.set_message(at.text(now));
        self.bar.set_position(at.done);
    }

    /// Shows what is being done, when it cannot be said how long it takes.
    pub fn say(&self, what: &str) {
        if self.bar.length() == Some(0)
            && let Ok(style) = ProgressStyle::with_template("{spinner} {msg}")
        {
            self.bar.set_style(style);
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
        self.bar.set_message(what.to_string());
    }

    /// Takes the bar away, until something happens again.
    pub fn clear(&self) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(stage: usize, done: u64, tasks: u64, bytes: u64) -> Step {
        Step { stage, done, tasks, bytes }
    }

    #[test]
    fn the_bar_never_goes_back_in_a_stage() {
        let bar = Bar { workers: 4, ..Bar::new() };
        let shown = |s: Step| {
            bar.step(String::new(), s);
            (bar.bar.position(), bar.bar.length())
        };
        let all = Some(100);
        assert_eq!(shown(step(0, 3, 100, 30)), (3, all));
        for late in [1, 2] {
            assert_eq!(shown(step(0, late, 100, 20)), (3, all));
        }
        assert_eq!(shown(step(0, 100, 100, 1000)), (100, all));
        assert_eq!(shown(step(0, 99, 100, 990)), (100, all));
        // The next stage, another pass over it, and another run.
        assert_eq!(shown(step(1, 1, 50, 1010)), (1, Some(50)));
        assert_eq!(shown(step(1, 50, 50, 1500)), (50, Some(50)));
        assert_eq!(shown(step(1, 1, 50, 1510)), (1, Some(50)));
        assert_eq!(shown(step(0, 1, 100, 10)), (1, all));
        bar.clear();
        let ten = |_| {
            bar.another("writing", 10, 5);
            bar.bar.position()
        };
        assert_eq!((0..10).map(ten).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    }

    #[test]
    fn it_says_how_fast_and_how_long() {
        let start = Instant::now();
        let mut at = At::begin(&step(0, 1, 100, 1 << 20), start);
        assert_eq!(at.text(start), "1.0 MiB, 0 s");
        let later = start + Duration::from_secs(10);
        assert!(at.take(&step(0, 20, 100, 100 << 20), 4, later));
        assert_eq!(at.text(later), "100.0 MiB at 10.0 MiB/s, 10 s, 40 s left");
        let later = start + Duration::from_secs(100);
        assert!(at.take(&step(0, 100, 100, 200 << 20), 4, later));
        assert_eq!(at.text(later), "200.0 MiB at 2.0 MiB/s, 1 min 40 s");
    }
}
