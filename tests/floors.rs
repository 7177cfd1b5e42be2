//! The house: a file imports from lower floors and from its own folder only, no files import each other in
//! circles, some crates stay where they belong, and files can be read in one sitting.

#[path = "floors/circles.rs"]
mod circles;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The floors, lowest first. `h5` (the calls of libhdf5) serves sources and sinks, `view` and `size`
/// are integer geometry and numbers as text.
const FLOORS: &[(&str, u32)] = &[
    ("dtype", 0),
    ("members", 0),
    ("dimensions", 0),
    ("grid", 0),
    ("error", 0),
    ("buffer", 0),
    ("size", 0),
    ("text", 0),
    ("view", 0),
    ("trace", 0),
    ("whole", 0),
    ("h5", 1),
    ("ops", 1),
    ("source", 2),
    ("sink", 2),
    ("backend", 2),
    ("feeds", 3),
    ("graph", 3),
    ("array", 3),
    ("plan", 4),
    ("exec", 5),
    ("session", 6),
    ("expr", 7),
    ("snapshot", 8),
    ("cli", 7),
    ("main", 7),
    ("fuzzing", 7),
    ("unstable", 7),
    ("lib", 7),
];

/// Who may import a neighbour on the same floor.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("buffer", "dtype"),
    ("dtype", "error"),
    ("error", "text"),
    ("view", "grid"),
    ("size", "error"),
    ("whole", "error"),
    ("dimensions", "error"),
    ("graph", "feeds"),
    ("array", "feeds"),
    ("array", "graph"),
    // The limit of decoding is that of a source.
    ("backend", "source"),
    ("main", "cli"),
    ("cli", "lib"),
];

/// Crates that only some places may name.
const CRATES: &[(&str, &[&str])] = &[
    ("petgraph", &["src/graph.rs"]),
    ("wgpu", &["src/backend/gpu"]),
    ("rayon", &["src/session", "src/exec"]),
    ("faer", &["src/backend/cpu"]),
    ("hdf5", &["src/h5.rs", "src/h5/"]),
    ("hdf5_sys", &["src/h5.rs", "src/h5/"]),
    ("libdeflater", &["src/source", "src/sink"]),
    ("lz4_flex", &["src/source/hdf5", "src/sink/hdf5"]),
    ("zstd_safe", &["src/source/hdf5", "src/sink/hdf5"]),
    ("snap", &["src/source/hdf5"]),
    ("bzip2", &["src/source/hdf5"]),
    ("clap", &["src/main.rs", "src/cli"]),
    ("clap_complete", &["src/cli"]),
    ("clap_mangen", &["src/cli"]),
    ("indicatif", &["src/main.rs", "src/cli"]),
    ("ctrlc", &["src/main.rs", "src/cli"]),
    ("plotters_backend", &["src/cli/plot"]),
    ("plotters_bitmap", &["src/cli/plot"]),
    ("plotters_svg", &["src/cli/plot"]),
    ("ab_glyph", &["src/cli/plot"]),
    ("colorous", &["src/cli/plot"]),
];

/// Files of tables, polynomials and expected values, which may be longer.
const LONG: &[&str] = &["src/ops/elementwise/tests.rs"];
const LINES: usize = 600;

fn sources() -> Vec<PathBuf> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, out),
                false if path.extension().is_some_and(|e| e == "rs") => out.push(path),
                false => {}
            }
        }
    }
    let mut out = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut out);
    out.sort();
    out
}

fn name(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_string_lossy().replace('\\', "/")
}

/// The top-level module of a file.
fn module(name: &str) -> String {
    name.trim_start_matches("src/").split('/').next().unwrap().trim_end_matches(".rs").to_string()
}

/// The text without comments, strings and the unit tests, which may look anywhere.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or("");
    let mut out = String::new();
    for line in text.lines() {
        let mut bare = String::new();
        for (i, piece) in line.split('"').enumerate() {
            if i % 2 == 0 {
                bare.push_str(piece);
                bare.push(' ');
            }
        }
        out.push_str(bare.split("//").next().unwrap_or(""));
        out.push('\n');
    }
    out
}

fn is_tests(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/")
}

/// The first names after each `crate::`, those in braces too.
fn imports(code: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if at > 0 && code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + 7..];
        let word = |s: &str| {
            s.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
        };
        match rest.strip_prefix('{') {
            None => out.push(word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut start = 0;
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            out.push(word(&list[start..i]));
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            out.push(word(&list[start..i]));
                            start = i + 1;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    out.retain(|w| !w.is_empty());
    out
}

/// In which module `lib.rs` finds what it exports at the root.
fn root_exports() -> Vec<(String, String)> {
    let text = code(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    let mut out = Vec::new();
    for part in text.split("pub use ").skip(1) {
        let part = part.split(';').next().unwrap_or("");
        let module = part.split("::").next().unwrap_or("").trim().to_string();
        for item in part.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            out.push((item.to_string(), module.clone()));
        }
    }
    out
}

#[test]
fn files_import_from_lower_floors() {
    let floor = |module: &str| FLOORS.iter().find(|f| f.0 == module).map(|f| f.1);
    let exports = root_exports();
    let mut wrong = BTreeSet::new();
    let mut seen = 0;
    for path in sources() {
        let name = name(&path);
        let here = module(&name);
        let Some(level) = floor(&here) else {
            wrong.insert(format!("{name}: the module '{here}' has no floor"));
            continue;
        };
        if is_tests(&name) || here == "lib" {
            continue;
        }
        for import in imports(&code(&path)) {
            let target = exports
                .iter()
                .find(|e| e.0 == import && floor(&e.1).is_some())
                .map_or(import.clone(), |e| e.1.clone());
            let Some(other) = floor(&target) else {
                // A macro of the crate, defined on the floors below.
                if !["per_simd", "with_storage"].contains(&target.as_str()) {
                    wrong.insert(format!("{name} imports crate::{import}, whose floor is not known"));
                }
                continue;
            };
            seen += 1;
            let neighbours = NEIGHBOURS.contains(&(here.as_str(), target.as_str()));
            if target != here && other >= level && !neighbours {
                wrong.insert(format!("{name} (floor {level}) imports crate::{import} (floor {other})"));
            }
        }
    }
    assert!(seen > 200, "only {seen} imports were found");
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn crates_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for path in sources() {
        let (name, code) = (name(&path), code(&path));
        if is_tests(&name) {
            continue;
        }
        for (krate, places) in CRATES {
            let named = code
                .match_indices(&format!("{krate}::"))
                .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
            // A module of the same name, such as source/hdf5, is meant where it is declared.
            let local = code.contains(&format!("mod {krate};"));
            if named && !local && !places.iter().any(|p| name.starts_with(p)) {
                wrong.push(format!("{name} names {krate}, which belongs to {}", places.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let long: Vec<String> = sources()
        .iter()
        .map(|p| (name(p), std::fs::read_to_string(p).unwrap().lines().count()))
        .filter(|(name, lines)| *lines > LINES && !LONG.contains(&name.as_str()))
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_parser_of_imports_finds_them() {
    let found = imports("use crate::{a, b::{c, d}, e};\nlet x = crate::f::g(); use crate::h;");
    assert_eq!(found, ["a", "b", "e", "f", "h"]);
    assert!(root_exports().contains(&("Array".into(), "array".into())));
}

/// Circles that have to be, each by its files and with the reason.
const CIRCLES: &[(&[&str], &str)] = &[];

/// The text of every file under `src`.
fn texts() -> circles::Files {
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    sources().iter().map(|p| (name(p).trim_start_matches("src/").to_string(), text(p))).collect()
}

#[test]
fn files_do_not_import_in_circles() {
    let uses = circles::uses(&texts());
    let seen: usize = uses.values().map(|to| to.len()).sum();
    assert!(seen > 1000, "only {seen} uses were found");
    let found = circles::circles(&uses);
    let allowed = |c: &Vec<String>| CIRCLES.iter().any(|a| a.0 == c);
    let wrong: Vec<_> = found.iter().filter(|c| !allowed(c)).map(|c| circles::show(c, &uses)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (files, why) in CIRCLES {
        assert!(found.iter().any(|c| c == files), "this circle is no more: {files:?} ({why})");
    }
}

#[test]
fn circles_are_found_through_every_kind_of_path() {
    let lib = ("lib.rs", "mod a;\nmod c;\npub use a::one::Thing;");
    let found = |files: &[(&str, &str)]| {
        let files = files.iter().chain([&lib]).map(|(n, t)| (n.to_string(), t.to_string())).collect();
        circles::circles(&circles::uses(&files))
    };
    let a = "//! use one::Thing;\nmod one;\nmod two;\npub use one::Thing;\n/* Thing */ const S: &str = \"Thing\";";
    let ends = [("a/mod.rs", a), ("c.rs", "")];
    let one = "pub struct Thing; use super::two::{self, x};\n#[cfg(test)] mod tests { use crate::c::C; }";
    let ways = [
        "use crate::Thing;",
        "use super::Thing as T;",
        "use super::{one::{Thing}};",
        "fn f() { super::super::a::Thing::new() }",
        "use super::*; type T = Thing;",
        "use crate::a; impl a::Thing {}",
        "use super::one; fn f() -> char { '\"' } fn g() { one::h() }",
    ];
    for way in ways {
        let circle = found(&[ends[0], ends[1], ("a/one.rs", one), ("a/two.rs", way)]);
        assert_eq!(circle, [["a/one.rs", "a/two.rs"]], "{way}");
    }
    for way in ["", "use super::one;", "// crate::Thing", "const X: &str = r#\"crate::Thing\"#;", "a.Thing"] {
        let none = found(&[ends[0], ends[1], ("a/one.rs", one), ("a/two.rs", way)]);
        assert!(none.is_empty(), "{way}: {none:?}");
    }
    // A parent may re-export its child, but not use what uses it.
    let parent = |a, one| found(&[("a/mod.rs", a), ends[1], ("a/one.rs", one)]);
    assert!(
        parent("mod one; pub use one::Thing; pub fn g() {}", "use super::g; pub struct Thing;").is_empty()
    );
    let circle = parent("mod one; pub use one::Thing; fn g(x: Thing) {}", "use super::g; pub struct Thing;");
    assert_eq!(circle, [["a/mod.rs", "a/one.rs"]]);
    // Three files, of two folders.
    let c = found(&[
        ("a/mod.rs", "pub mod one; pub mod two;"),
        ("a/one.rs", "use crate::c::C; pub struct Thing;"),
        ("a/two.rs", "pub fn f(_: crate::Thing) {}"),
        ("c.rs", "pub struct C; fn g() { crate::a::two::f() }"),
    ]);
    assert_eq!(c, [["a/one.rs", "a/two.rs", "c.rs"]]);
}
