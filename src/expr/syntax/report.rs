//! Errors that point at their place in the text.

use super::Span;
use crate::{Error, ErrorKind};

/// The widest piece of the text that an error shows, in characters.
const WIDTH: usize = 72;

/// An error of kind `Expression`: `message`, the line of `text` in which `span` starts, and a line
/// with `^~~~` under the span.
///
/// Columns are counted in characters (wide East Asian ones are taken for narrow). Tabs and control
/// characters are shown as spaces. A line wider than 72 characters is cut around the caret.
/// Any span is accepted: one outside the text, or within a character, is moved to the nearest place.
pub fn error_at(text: &str, span: Span, message: impl AsRef<str>) -> Error {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    let end = floor(span.end).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
    let column = text[line_start..start].chars().count();
    let width = text[start..end.min(line_end)].chars().count().max(1);

    // The window starts so that the caret is visible with some text before it.
    let total = text[line_start..line_end].chars().count();
    let first = if total <= WIDTH { 0 } else { column.saturating_sub(WIDTH / 2).min(total - WIDTH) };
    let shown = text[line_start..line_end].chars().skip(first).take(WIDTH);
    let shown: String = shown.map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = if first > 0 { "…" } else { "" };
    let after = if first + WIDTH < total { "…" } else { "" };
    let indent = " ".repeat(column - first + usize::from(first > 0));
    let tail = "~".repeat((width - 1).min((first + WIDTH).saturating_sub(column + 1)));
    Error::new(
        ErrorKind::Expression,
        format!("{}\n  {before}{}{after}\n  {indent}^{tail}", message.as_ref(), shown.trim_end()),
    )
}
