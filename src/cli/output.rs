//! What the commands share in talking to people: the account of a run, text from files made safe for a terminal, JSON, and
//! `FILE:/path`.

use super::advice::without_source;
use chunkwise::Report;
use chunkwise::size::{human_bytes, human_duration};
use chunkwise::text::{is_escaped, printable};
use serde::Serialize;
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
        let _ = writeln!(err, "note: {}", without_source(note));
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

/// A value as JSON, in which strings have nothing that a terminal would obey: they are the same strings, for
/// JSON has escapes for all characters.
pub fn json(out: impl Write, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(out, Escaped))
}

/// As [`json`], on a line of its own.
pub fn json_line(mut out: impl Write, value: &impl Serialize) -> serde_json::Result<()> {
    json(&mut out, value)?;
    out.write_all(b"\n").map_err(serde_json::Error::io)
}

struct Escaped;

impl serde_json::ser::Formatter for Escaped {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_escaped(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

/// `FILE:/path`, split at the last `:/`: a file's name may have colons.
pub fn split_place(place: &str) -> Option<(&str, &str)> {
    let at = place.rfind(":/").filter(|at| *at > 0)?;
    Some((&place[..at], &place[at + 1..]))
}

/// Text from a file with nothing in it that a terminal would obey.
pub fn plain(text: &str) -> String {
    printable(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_same_strings_and_no_controls() {
        let text = "a\u{9b}2J\u{202e}\u{7f}\u{e0041}\u{1}\n\"ρ";
        let mut out = Vec::new();
        json_line(&mut out, &serde_json::json!({ text: [text, 1.5] })).unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&out).unwrap(),
            serde_json::json!({ text: [text, 1.5] })
        );
        let printed = String::from_utf8(out).unwrap();
        assert!(!printed.trim_end().contains(is_escaped) && printed.contains("ρ"), "{printed}");
    }

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
