//! Advice of the library, which names calls, said in options.

/// What the library says and an option does not.
const PHRASES: &[(&str, &str)] = &[
    (
        "store() it in a file, go through it with blocks(), or raise the budget (--memory)",
        "store it (--output FILE), or raise the budget (--memory)",
    ),
    (
        "name a folder on a larger disk (--spill), or raise the limit (SessionBuilder::spill_bytes)",
        "or name a folder on a larger disk (--spill)",
    ),
    ("Session::resolve makes", "array(x) makes"),
    ("where= (Over::mask)", "where="),
];

/// A text in which calls that have an option, `Call::name() (--option)`, are that option.
pub fn in_options(text: &str) -> String {
    let mut text = PHRASES.iter().fold(text.to_string(), |text, (call, option)| text.replace(call, option));
    let mut from = 0;
    while let Some(at) = text[from..].find(" (--").map(|at| at + from) {
        let start = text[..at].rfind(char::is_whitespace).map_or(0, |i| i + 1);
        let Some(end) = text[at..].find(')').map(|end| end + at) else { break };
        match text[start..at].contains("::") {
            true => {
                let option = text[at + 2..end].to_string();
                text.replace_range(start..=end, &option);
                from = start + option.len();
            }
            false => from = end,
        }
    }
    text
}

/// A text without the places in the library's own source at which operations were made, `sum at src/expr/binned.rs:30`:
/// they tell nothing to whom writes expressions.
pub fn without_source(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" at src/") {
        let place = rest[at + " at ".len()..]
            .find([' ', ',', ')', '\n'])
            .map_or(rest.len(), |n| at + " at ".len() + n);
        out += &rest[..at];
        if !rest[at..place].contains(".rs:") {
            out += &rest[at..place];
        }
        rest = &rest[place..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn calls_are_options() {
        for (call, option) in [
            (
                "allow it with OpenOptions::new().allow_external() (--allow-external) if you trust the file",
                "allow it with --allow-external if you trust the file",
            ),
            (
                "open it with OpenOptions::new().reader(Reader::Libhdf5) (--reader libhdf5)",
                "open it with --reader libhdf5",
            ),
            ("raise the budget (--memory) to 5 bytes", "raise the budget (--memory) to 5 bytes"),
            (
                "make room there, name a folder on a larger disk (--spill), or raise the limit \
                 (SessionBuilder::spill_bytes); without",
                "make room there, or name a folder on a larger disk (--spill); without",
            ),
            ("f(x) (--", "f(x) (--"),
        ] {
            assert_eq!(in_options(call), option);
        }
    }

    #[test]
    fn places_in_the_source_are_left_out() {
        for (text, told) in [
            ("2 elements are of no group (sum at src/expr/binned.rs:30)", "2 elements are of no group (sum)"),
            ("NaN (nanquantile at src/array/q.rs:159, at src/b.rs:1), 3", "NaN (nanquantile,), 3"),
            ("mean at mean(x) at src/x", "mean at mean(x) at src/x"),
            ("collect at src/cli/inputs.rs:203", "collect"),
        ] {
            assert_eq!(without_source(text), told);
        }
    }

    /// What no command can meet: the errors of calls that the program does not make.
    const NEVER_MET: &[&str] = &[
        "cast it before it is computed: x.cast(DType::{:?})",
        "compute its counts(), sums() or density()",
        "compute into a new array and assign() it to this one",
        "use compute_histogram() or run()",
        "call chunkwise::unstable::",
        "register it with chunkwise::unstable::",
        "register what opens it with chunkwise::unstable::",
        "merge partials of adjacent tasks first (Session::combine_tasks)",
        "a buffer longer than isize::MAX",
        "first thing in main",
        "Array::open and source::open_file read it",
        "give arrays names with Scope::define",
    ];

    /// Every hint of the library that names a call is one that is said in options, or that no command meets.
    #[test]
    fn no_hint_names_a_call() {
        fn walk(folder: &Path, seen: &mut usize, wrong: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    if !["cli", "tests"].contains(&name.as_str()) {
                        walk(&path, seen, wrong);
                    }
                    continue;
                }
                // Shaders as text have calls too, and none of them is a hint.
                if !name.ends_with(".rs") || name.ends_with("tests.rs") || path.ends_with("gpu/code.rs") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or("");
                // What is said of expressions has calls of expressions.
                let of_expressions = path.components().any(|c| c.as_os_str() == "expr");
                for text in literals(code) {
                    // Prose that has a path or a call of Rust in it.
                    let words = text.split_whitespace().count();
                    let named = in_options(&text).replace("f(", "").contains("::");
                    let called = in_options(&text).contains("() ") || in_options(&text).ends_with("()");
                    if words < 3 || !(named || called && !of_expressions) {
                        continue;
                    }
                    *seen += 1;
                    if !NEVER_MET.iter().any(|never| text.contains(never)) {
                        wrong.push(format!("{}: {text}", path.display()));
                    }
                }
            }
        }
        let (mut seen, mut wrong) = (0, Vec::new());
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut seen, &mut wrong);
        assert!(seen > 5, "only {seen} were found");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// The strings of a file, without comments.
    fn literals(code: &str) -> Vec<String> {
        let mut out = Vec::new();
        let code: Vec<&str> =
            code.lines().map(|l| if l.trim_start().starts_with("//") { "" } else { l }).collect();
        let code = code.join("\n").replace("'\"'", "' '");
        let mut rest = code.as_str();
        while let Some(at) = rest.find('"') {
            rest = &rest[at + 1..];
            let mut end = 0;
            let bytes = rest.as_bytes();
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let end = end.min(rest.len());
            let text = rest.get(..end).unwrap_or_default();
            out.push(text.split("\\\n").map(str::trim_start).collect::<String>());
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        out
    }
}
