//! Text that comes from files, made safe to print: the one place that says what a terminal might obey.
//!
//! Escaped are control characters (those of ASCII, and the second set, U+0080 to U+009F), what changes the
//! direction of text or hides in it, and what begins a line: what is printed is what is there, in one line, in
//! its order. All else stays as it is, in whatever script.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Whether a character is escaped.
pub fn is_escaped(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Text with nothing in it that a terminal would obey, on one line.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// As [`printable`], of text with lines, which stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\n')
}

fn escaped(text: &str, but: impl Fn(char) -> bool) -> Cow<'_, str> {
    let wrong = |c: char| is_escaped(c) && !but(c);
    if !text.contains(wrong) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match wrong(c) {
            true if c.is_ascii() => out.extend(c.escape_default()),
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// What is written through it is [`printable`].
pub(crate) struct Printable<'a, 'f>(pub &'a mut fmt::Formatter<'f>);

impl Write for Printable<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(&printable(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_nothing_else() {
        for text in ["Dichte ρ, 密度, كثافة, 🌧\u{fe0f}", "a\\b", ""] {
            assert!(matches!(printable(text), Cow::Borrowed(t) if t == text));
        }
        assert_eq!(printable("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(printable("\x07\x7f\u{9b}2J"), "\\u{7}\\u{7f}\\u{9b}2J");
        assert_eq!(printable("a\u{202e}cod.h5"), "a\\u{202e}cod.h5");
        assert_eq!(printable("\u{2066}\u{200b}\u{feff}\u{e0041}"), "\\u{2066}\\u{200b}\\u{feff}\\u{e0041}");
        assert_eq!(printable_lines("a\n\x1bb\u{2028}\r"), "a\n\\u{1b}b\\u{2028}\\r");
    }
}
