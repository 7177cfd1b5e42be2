//! When what ran: spans on one clock, for seeing (Chrome's trace viewer, Perfetto) and for proving in
//! tests that activities overlap. A device's own times are brought to the host's clock by its backend.

use serde::Serialize;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What a task can be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Activity {
    /// Stored bytes come from a file.
    Read,
    /// They become elements.
    Decode,
    /// Elements go to the device.
    Upload,
    /// The device computes.
    Compute,
    /// Results come back.
    Download,
}

impl Activity {
    /// Every activity, in the order in which a block passes them.
    pub const ALL: [Activity; 5] =
        [Activity::Read, Activity::Decode, Activity::Upload, Activity::Compute, Activity::Download];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Activity::Read => "read",
            Activity::Decode => "decode",
            Activity::Upload => "upload",
            Activity::Compute => "compute",
            Activity::Download => "download",
        }
    }
}

/// What one task was at, once, in seconds since the trace began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Span {
    /// What it was at.
    pub activity: Activity,
    /// The task.
    pub task: u64,
    /// Its start.
    pub start: f64,
    /// Its end.
    pub end: f64,
}

/// Spans of one run, from any thread; or only how long they were.
pub struct Trace {
    began: Instant,
    /// `None` if they are only added up.
    spans: Option<Mutex<Vec<Span>>>,
    /// Nanoseconds of all spans of each activity.
    spent: [AtomicU64; Activity::ALL.len()],
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({} spans)", self.spans().len())
    }
}

impl Default for Trace {
    fn default() -> Self {
        Trace::new()
    }
}

impl Trace {
    /// A trace that begins now.
    pub fn new() -> Trace {
        Trace { spans: Some(Mutex::default()), ..Trace::sums() }
    }

    /// A trace that begins now and keeps no spans, only how long they are [together](Trace::spent): it takes the same
    /// room however much there is to do.
    pub fn sums() -> Trace {
        Trace { began: Instant::now(), spans: None, spent: Default::default() }
    }

    /// The moment of second 0.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Seconds since it began.
    pub fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Adds a span.
    pub fn add(&self, span: Span) {
        let nanoseconds = ((span.end - span.start).max(0.0) * 1e9) as u64;
        self.spent[span.activity as usize].fetch_add(nanoseconds, Relaxed);
        if let Some(spans) = &self.spans {
            spans.lock().unwrap_or_else(PoisonError::into_inner).push(span);
        }
    }

    /// Seconds of all spans of an activity together: of two at once, both.
    pub fn spent(&self, activity: Activity) -> f64 {
        self.spent[activity as usize].load(Relaxed) as f64 * 1e-9
    }

    /// Runs something as a span of this thread's [task](set_task).
    pub fn record<T>(&self, activity: Activity, what: impl FnOnce() -> T) -> T {
        let start = self.now();
        let value = what();
        self.add(Span { activity, task: task(), start, end: self.now() });
        value
    }

    /// The spans so far, by their start; none if they are only added up.
    pub fn spans(&self) -> Vec<Span> {
        let Some(spans) = &self.spans else { return Vec::new() };
        let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner).clone();
        spans.sort_by(|a, b| a.start.total_cmp(&b.start));
        spans
    }

    /// Seconds in which an activity was busy, however many tasks were in it at once.
    pub fn busy(&self, activity: Activity) -> f64 {
        length(&self.union(activity))
    }

    /// Seconds in which both activities were busy.
    pub fn overlaps(&self, a: Activity, b: Activity) -> f64 {
        let (a, b) = (self.union(a), self.union(b));
        let (mut i, mut j, mut sum) = (0, 0, 0.0);
        while i < a.len() && j < b.len() {
            sum += (a[i].1.min(b[j].1) - a[i].0.max(b[j].0)).max(0.0);
            if a[i].1 < b[j].1 { i += 1 } else { j += 1 }
        }
        sum
    }

    /// The times in which an activity was busy, joined where they touch.
    fn union(&self, activity: Activity) -> Vec<(f64, f64)> {
        let mut out: Vec<(f64, f64)> = Vec::new();
        for span in self.spans().into_iter().filter(|s| s.activity == activity && s.end > s.start) {
            match out.last_mut() {
                Some(last) if span.start <= last.1 => last.1 = last.1.max(span.end),
                _ => out.push((span.start, span.end)),
            }
        }
        out
    }

    /// The trace event format that Chrome's viewer and Perfetto read: a row per activity, times in
    /// microseconds.
    pub fn to_json(&self) -> serde_json::Value {
        let row = |activity: Activity| Activity::ALL.iter().position(|&l| l == activity);
        let names = Activity::ALL.iter().map(|&activity| {
            serde_json::json!({"ph": "M", "name": "thread_name", "pid": 1, "tid": row(activity), "args": {"name": activity.name()}})
        });
        let spans = self.spans().into_iter().map(|s| {
            serde_json::json!({
                "ph": "X", "name": format!("task {}", s.task), "cat": s.activity.name(), "pid": 1,
                "tid": row(s.activity), "ts": s.start * 1e6, "dur": (s.end - s.start) * 1e6,
                "args": {"task": s.task},
            })
        });
        let events: Vec<serde_json::Value> = names.chain(spans).collect();
        serde_json::json!({"displayTimeUnit": "ms", "traceEvents": events})
    }
}

thread_local! {
    static TASK: Cell<u64> = const { Cell::new(0) };
}

/// Says which task this thread is at.
pub fn set_task(task: u64) {
    TASK.set(task);
}

/// The task that this thread is at.
pub fn task() -> u64 {
    TASK.get()
}

fn length(union: &[(f64, f64)]) -> f64 {
    union.iter().map(|(a, b)| b - a).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(spans: &[(Activity, f64, f64)]) -> Trace {
        let trace = Trace::new();
        for (task, &(activity, start, end)) in spans.iter().enumerate() {
            trace.add(Span { activity, task: task as u64, start, end });
        }
        trace
    }

    #[test]
    fn overlap_is_the_time_in_which_both_are_busy() {
        use Activity::*;
        let t = trace(&[
            (Compute, 5.0, 6.0),
            (Upload, 0.0, 1.0),
            // Two uploads at once count once.
            (Upload, 0.5, 2.0),
            (Compute, 1.5, 3.0),
            (Upload, 4.0, 10.0),
            (Download, 10.0, 11.0),
        ]);
        assert_eq!(t.busy(Upload), 8.0);
        assert_eq!(t.overlaps(Upload, Compute), 1.5);
        assert_eq!(t.overlaps(Compute, Upload), 1.5);
        // Touching is not overlapping.
        assert_eq!(t.overlaps(Upload, Download), 0.0);
        assert_eq!(t.overlaps(Read, Compute), 0.0);
        assert_eq!(t.overlaps(Upload, Upload), 8.0);
        // Together two at once count twice.
        assert!((t.spent(Upload) - 8.5).abs() < 1e-6, "{}", t.spent(Upload));
        let sums = Trace::sums();
        t.spans().into_iter().for_each(|s| sums.add(s));
        assert_eq!((sums.spent(Upload), sums.spans()), (t.spent(Upload), vec![]));
    }

    #[test]
    fn recorded_spans_are_in_order_and_in_the_viewers_format() {
        let t = Trace::new();
        set_task(7);
        let answer = t.record(Activity::Read, || {
            std::thread::sleep(std::time::Duration::from_millis(2));
            42
        });
        assert_eq!(answer, 42);
        t.record(Activity::Decode, || ());
        let spans = t.spans();
        assert!(spans[0].end - spans[0].start >= 0.002 && spans[1].start >= spans[0].end);
        let json = t.to_json();
        let events = json["traceEvents"].as_array().unwrap();
        let named = events.iter().filter(|e| e["ph"] == "M").count();
        assert_eq!((named, events.len()), (5, 7));
        let read = events.iter().find(|e| e["ph"] == "X").unwrap();
        assert_eq!(
            (&read["cat"], &read["tid"], &read["name"]),
            (&"read".into(), &0.into(), &"task 7".into())
        );
        assert!(read["dur"].as_f64().unwrap() >= 2000.0);
    }
}
