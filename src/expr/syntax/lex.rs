//! From text to tokens, by Python's lexical rules. White space of any kind separates.

use super::{Span, error_at};
use crate::Result;

/// What a token is. The text of a name or keyword is its span's.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tok {
    Int(i128),
    Float(f64),
    Str(String),
    Name,
    Keyword,
    Op(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub tok: Tok,
    pub span: Span,
}

/// Longer ones before their prefixes.
const OPS: [&str; 29] = [
    "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "@", "&", "|", "^", "~",
    "<", ">", "(", ")", "[", "]", ",", ":", ".", "=",
];

/// Python's reserved words but `True`, `False` and `None`.
const KEYWORDS: [&str; 32] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
    "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not",
    "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// All tokens, the last of which is `End`.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut out = Vec::new();
    loop {
        let token = lexer.next()?;
        let end = token.tok == Tok::End;
        out.push(token);
        if end {
            return Ok(out);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes the characters for which `accept` holds and returns them.
    fn run(&mut self, accept: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let len = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn next(&mut self) -> Result<Token> {
        self.run(char::is_whitespace);
        let start = self.at;
        let tok = match self.peek() {
            None => Tok::End,
            Some(c) if c.is_alphabetic() || c == '_' => {
                let word = self.run(|c| c.is_alphanumeric() || c == '_');
                if KEYWORDS.contains(&word) { Tok::Keyword } else { Tok::Name }
            }
            Some(c) if c.is_ascii_digit() => self.number()?,
            Some('.') if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number()?,
            Some(quote @ ('\'' | '"')) => self.string(quote)?,
            Some(c) => match OPS.into_iter().find(|op| self.rest().starts_with(op)) {
                Some(op) => {
                    self.at += op.len();
                    Tok::Op(op)
                }
                None => return Err(self.unknown(c)),
            },
        };
        Ok(Token { tok, span: Span { start, end: self.at } })
    }

    fn unknown(&self, c: char) -> crate::Error {
        let span = Span { start: self.at, end: self.at + c.len_utf8() };
        let error = error_at(self.text, span, format!("unexpected character {c:?}"));
        match c {
            '!' => error.hint("use ~ or logical_not"),
            '\u{2212}' | '\u{2013}' | '\u{2014}' => error.hint("write the minus sign as -"),
            '×' | '·' | '∗' => error.hint("write the product as *"),
            '÷' | '∕' => error.hint("write the quotient as /"),
            '‘' | '’' | '“' | '”' => error.hint("use the straight quotes ' or \""),
            _ => error,
        }
    }

    /// A number and everything that looks like a part of it, so that `12abc` is one error.
    fn number(&mut self) -> Result<Tok> {
        let start = self.at;
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let mut whole = self.run(word);
        let radix = match whole.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("0x") => 16,
            Some("0o") => 8,
            Some("0b") => 2,
            _ => 10,
        };
        if radix == 10 {
            if self.peek() == Some('.') && !whole.contains(['e', 'E']) {
                self.at += 1;
                self.run(word);
            }
            // A sign belongs to the number only after its exponent's letter.
            let so_far = &self.text[start..self.at];
            if so_far.ends_with(['e', 'E'])
                && self.rest().starts_with(['+', '-'])
                && self.rest()[1..].starts_with(|c: char| c.is_ascii_digit())
            {
                self.at += 1;
                self.run(word);
            }
            whole = &self.text[start..self.at];
        }
        let wrong = |message: String| error_at(self.text, Span { start, end: self.at }, message);
        let digits = if radix == 10 { whole } else { &whole[2..] };
        let Some(plain) = without_underscores(digits, radix) else {
            return Err(
                wrong(format!("'{whole}' is not a number")).hint("'_' stands only between two digits")
            );
        };
        if radix == 10 && plain.contains(['.', 'e', 'E']) {
            // Rust's parser takes exactly what is left of Python's grammar, rounded correctly.
            let ascii = plain.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
            return match plain.parse::<f64>() {
                Ok(v) if ascii => Ok(Tok::Float(v)),
                _ => Err(wrong(format!("'{whole}' is not a number"))),
            };
        }
        if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
            let error = wrong(format!("'{whole}' is not a number"));
            let imaginary = plain.strip_suffix(['j', 'J']).is_some_and(|p| p.parse::<f64>().is_ok());
            return Err(if imaginary { error.hint("there are no complex dtypes") } else { error });
        }
        if radix == 10 && plain.starts_with('0') && plain.contains(|c| c != '0') {
            return Err(wrong(format!("'{whole}' has leading zeros")).hint("write octal numbers as 0o17"));
        }
        i128::from_str_radix(&plain, radix).map(Tok::Int).map_err(|_| {
            wrong("the number is too large".into()).hint("write it as a float, for example 1e40")
        })
    }

    fn string(&mut self, quote: char) -> Result<Tok> {
        let start = self.at;
        let mut value = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((i, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.at += i + 1;
                    return Ok(Tok::Str(value));
                }
                '\n' => break,
                '\\' => match chars.next() {
                    Some((_, c @ ('\\' | '\'' | '"'))) => value.push(c),
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((j, c)) => {
                        let span = Span { start: start + i, end: start + j + c.len_utf8() };
                        return Err(error_at(self.text, span, "unknown escape in a string")
                            .hint("the escapes are \\\\ \\' \\\" \\n \\t \\r"));
                    }
                    None => break,
                },
                c => value.push(c),
            }
        }
        let line = self.rest().find('\n').map_or(self.text.len(), |i| start + i);
        Err(error_at(self.text, Span { start, end: line }, "the string does not end"))
    }
}

/// `digits` without underscores; `None` if one does not stand between two digits. Behind the `0x`
/// of another base one may come first.
fn without_underscores(digits: &str, radix: u32) -> Option<String> {
    let bytes = digits.as_bytes();
    let digit = |i: Option<usize>| {
        i.and_then(|i| bytes.get(i)).is_some_and(|b| (*b as char).is_digit(if radix == 10 { 10 } else { 16 }))
    };
    let fine = |i: usize| (digit(i.checked_sub(1)) || (i == 0 && radix != 10)) && digit(Some(i + 1));
    let all = bytes.iter().enumerate().all(|(i, b)| *b != b'_' || fine(i));
    all.then(|| digits.replace('_', ""))
}
