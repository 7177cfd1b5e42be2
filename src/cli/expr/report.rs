//! Errors that point at their place in the text, and the nearest known name.

use super::Span;
use chunkwise::{Error, ErrorKind};

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

/// The candidate that `name` was most likely meant to be: the fewest insertions, deletions,
/// replacements and swaps of neighbours, at most a third of the name's length (at least one);
/// the first of equals. A name that differs only in case wins.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.chars().collect();
    let limit = (wanted.len() / 3).max(1);
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    let scored = candidates.into_iter().filter_map(|candidate| {
        if candidate.to_lowercase() == name.to_lowercase() {
            return Some((0, candidate));
        }
        let other: Vec<char> = candidate.chars().take(wanted.len() + limit + 1).collect();
        let d =
            if other.len().abs_diff(wanted.len()) > limit { limit + 1 } else { distance(&wanted, &other) };
        // A name of one letter is never "close" to another name of one letter.
        (d <= limit && d < wanted.len().max(other.len())).then_some((d, candidate))
    });
    scored.min_by_key(|(d, _)| *d).map(|(_, c)| c)
}

/// Damerau–Levenshtein distance (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
