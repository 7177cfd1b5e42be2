//! What the commands share in talking to people: the account of a run, text from files made safe for a terminal, and
//! `FILE:/path`.

use super::render::human_duration;
use chunkwise::Report;
use chunkwise::size::human_bytes;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Device, time, work and memory of a run, on one line.
pub fn account(r: &Report) -> String {
    let on_gpu =
        if r.tasks.gpu > 0 { format!(", {} of them on the GPU", r.tasks.gpu) } else { String::new() };
    let spilled = match r.bytes_spilled {
        0 => String::new(),
        n => format!(", {} spilled and {} read back", human_bytes(n), human_bytes(r.bytes_read_back)),
    };
    format!(
        "{}, {} in {} ({}{on_gpu}), {} read, {} decoded{spilled}, peak {}",
        r.device,
        counted(r.threads as u64, "thread"),
        human_duration(Duration::try_from_secs_f64(r.elapsed_s).unwrap_or_default()),
        counted(r.tasks.cpu + r.tasks.gpu, "task"),
        human_bytes(r.bytes_read),
        human_bytes(r.bytes_decoded),
        human_bytes(r.peak_host_bytes),
    )
}

/// `1 thread`, `2 threads`.
pub fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The notes and fallbacks of a run, on stderr.
pub fn notes(r: &Report) {
    let mut err = io::stderr().lock();
    // Nobody to tell if stderr is closed.
    for f in &r.fallbacks {
        let _ = writeln!(err, "note: {} ran on the CPU: {}", counted(f.tasks, "task"), f.reason);
    }
    for note in &r.notes {
        let _ = writeln!(err, "note: {note}");
    }
}

/// A note on stderr.
pub fn note(text: &str) {
    // Nobody to tell if stderr is closed.
    let _ = writeln!(io::stderr().lock(), "note: {}", plain(text));
}

/// As [`notes`], and the account of the run where stderr is a terminal.
pub fn tell(r: &Report) {
    notes(r);
    let mut err = io::stderr().lock();
    if err.is_terminal() {
        let _ = writeln!(err, "\x1b[2m{}\x1b[0m", account(r));
    }
}

/// `FILE:/path`, split at the last `:/`: a file's name may have colons.
pub fn split_place(place: &str) -> Option<(&str, &str)> {
    let at = place.rfind(":/").filter(|at| *at > 0)?;
    Some((&place[..at], &place[at + 1..]))
}

/// Text from a file with nothing in it that a terminal would obey.
pub fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_split_at_the_last_colon_and_slash() {
        assert_eq!(split_place("a.h5:/x/y"), Some(("a.h5", "/x/y")));
        assert_eq!(split_place("C:/run:3/a.h5:/x"), Some(("C:/run:3/a.h5", "/x")));
        assert_eq!(split_place("a:b.h5:/"), Some(("a:b.h5", "/")));
        assert_eq!(split_place("a.h5"), None);
        assert_eq!(split_place(":/x"), None);
    }

    #[test]
    fn text_of_files_cannot_move_the_cursor() {
        assert_eq!(plain("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }
}
