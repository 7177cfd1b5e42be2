//! Which functions of NumPy, dask.array and the array API standard expressions have: `docs/coverage.md`, from the catalogue
//! and `tests/goldens/coverage.json`. Each name is there, or there is a reason why it is not.

use chunkwise::expr::catalogue;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn listed() -> Value {
    json(include_str!("goldens/coverage.json"))
}

fn notes() -> Value {
    json(include_str!("goldens/coverage_notes.json"))
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect()
}

/// What is said of a name.
enum Said<'a> {
    Yes,
    Differs(&'a str),
    No(&'a str),
}

fn said<'a>(notes: &'a Value, name: &str) -> Option<Said<'a>> {
    let reason = notes["no"].as_object().unwrap().iter().find(|(_, all)| names(all).contains(&name));
    match (notes["differs"].get(name), reason, catalogue::find(name).or(catalogue::find_attribute(name))) {
        (Some(how), None, _) => Some(Said::Differs(how.as_str().unwrap())),
        (None, Some((why, _)), None) => Some(Said::No(why)),
        (None, None, Some(_)) => Some(Said::Yes),
        _ => None,
    }
}

#[test]
fn every_name_is_there_or_has_a_reason() {
    let (listed, notes) = (listed(), notes());
    let all: Vec<&str> =
        listed.as_object().unwrap().values().flat_map(|part| names(&part["names"])).collect();
    let unsaid: Vec<&&str> = all.iter().filter(|name| said(&notes, name).is_none()).collect();
    assert!(unsaid.is_empty(), "there and said not to be, or neither: {unsaid:?}");
    // What is said is said of something.
    let differs = notes["differs"].as_object().unwrap().keys().map(String::as_str);
    let no = notes["no"].as_object().unwrap().values().flat_map(names);
    for name in differs.chain(no) {
        assert!(all.contains(&name) || catalogue::find(name).is_some(), "nobody has {name}");
    }
    for (part, least) in [("dask.array", 235), ("Python array API standard", 132), ("NumPy", 300)] {
        let there = names(&listed[part]["names"])
            .iter()
            .filter(|n| !matches!(said(&notes, n), Some(Said::No(_))))
            .count();
        assert!(there >= least, "{part}: {there}");
    }
}

/// The page of what is there.
fn page() -> String {
    let (listed, notes) = (listed(), notes());
    let mut page = String::from(
        "# Functions of NumPy, dask and the array API standard\n\n\
         Which of them expressions have, made from the catalogue by `tests/coverage.rs`. `yes` means NumPy's name, parameters \
         and values ([functions.md](functions.md)); what differs and what is missing has a reason.\n",
    );
    for (part, list) in listed.as_object().unwrap() {
        let all = names(&list["names"]);
        let count =
            |f: fn(&Said) -> bool| all.iter().filter(|n| said(&notes, n).is_some_and(|s| f(&s))).count();
        let (yes, differs) = (count(|s| matches!(s, Said::Yes)), count(|s| matches!(s, Said::Differs(_))));
        let version = list["version"].as_str().unwrap();
        let _ = write!(
            page,
            "\n## {part} {version}\n\n{} functions: {yes} yes, {differs} that differ, {} no.\n\n| | |\n|---|---|\n",
            all.len(),
            all.len() - yes - differs
        );
        for name in all {
            let text = match said(&notes, name) {
                Some(Said::Yes) => "yes".to_string(),
                Some(Said::Differs(how)) => format!("differs: {how}"),
                Some(Said::No(why)) => format!("no: {why}"),
                None => "?".to_string(),
            };
            let _ = writeln!(page, "| `{name}` | {text} |");
        }
    }
    page
}

/// `CHUNKWISE_REWRITE=1 cargo test --test coverage` writes it.
#[test]
fn the_page_is_that_of_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coverage.md");
    let page = page();
    if std::env::var_os("CHUNKWISE_REWRITE").is_some_and(|v| v == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/coverage.md is old: CHUNKWISE_REWRITE=1 cargo test --test coverage");
}
