//! How results are shown: numbers, order, escaping, what is missing; on the table, the page and in markdown.

use super::super::html::page;
use super::super::markdown::markdown;
use super::super::result::{Bound, Machine, Peer, Settings, VERSION};
use super::super::table::{Style, draw, table};
use super::*;

fn empty() -> Results {
    Results {
        version: VERSION,
        machine: Machine {
            cpu: "AMD EPYC".into(),
            cpus: 2,
            cores: Some(1),
            nodes: None,
            memory_bytes: 24 << 30,
            simd: "avx512".into(),
            system: "Linux x86_64".into(),
            chunkwise: "0.1.0".into(),
            hdf5: "1.10.8".into(),
            gpus: Vec::new(),
        },
        settings: Settings { date: "2026-11-22 10:30".into(), seed: 7, rounds: 5, threads: 2, quick: false },
        limits: Vec::new(),
        rows: Vec::new(),
        facts: Vec::new(),
        peers: Vec::new(),
    }
}

fn limit(key: &str, device: &str, unit: Unit, rate: f64) -> Limit {
    Limit { key: key.into(), title: format!("what {key} is"), device: device.into(), unit, rate }
}

fn row(group: &str, set: &str, work: &str, amount: f64, seconds: &[f64]) -> Row {
    Row {
        work: work.into(),
        title: format!("what {work} does"),
        group: group.into(),
        set: set.into(),
        device: "cpu".into(),
        unit: Unit::Rows,
        amount,
        seconds: seconds.into(),
        bound: None,
        answer: Vec::new(),
        note: None,
        peers: Vec::new(),
    }
}

fn bound(limit: &str, amount: f64) -> Option<Bound> {
    Some(Bound { limit: limit.into(), amount, seconds: Vec::new() })
}

fn peer(name: &str, seconds: &[f64]) -> PeerTime {
    PeerTime { peer: name.into(), seconds: seconds.into(), note: None, amount: None }
}

/// Two groups whose rows are mixed, three peers, and everything that can be missing.
fn full() -> Results {
    let mut r = empty();
    r.limits =
        vec![limit("memory.read", "cpu", Unit::Bytes, 40e9), limit("flops.f32", "cpu", Unit::Flops, 536e9)];
    // 10^9 rows in 0.25 s: 4 G rows/s; 4 GB of 40 GB/s take 0.1 s: 40 %.
    let mut hist = row("in memory", "uniform", "hist", 1e9, &[0.2, 0.25, 7.0]);
    hist.bound = bound("memory.read", 4e9);
    hist.peers = vec![peer("numpy", &[5.0, 5.0]), peer("vaex", &[2.0]), peer("slept", &[])];
    hist.peers[1].note = Some("its own edges".into());
    // Behind: numpy does the double in the same time.
    let mut sum = row("in memory", "uniform", "sum_f32", 1e9, &[0.1]);
    sum.bound = bound("memory.read", 4.2e9);
    sum.note = Some("exact".into());
    sum.peers = vec![PeerTime { amount: Some(2e9), ..peer("numpy", &[0.1]) }];
    let file = row("files", "bell", "mean.deflate", 2.5e8, &[]);
    let mut std = row("in memory", "bell", "std_f32", 1e9, &[0.5]);
    std.bound = bound("not.measured", 4e9);
    std.note = Some("exact".into());
    let mut tasks = row("in memory", "uniform", "tasks", 1e6, &[0.41]);
    tasks.unit = Unit::Tasks;
    r.rows = vec![hist, file, std, sum, tasks];
    let fact = |group: &str, value, unit| Fact { group: group.into(), title: "peak".into(), value, unit };
    r.facts = vec![fact("memory", 1.5 * 1024.0 * 1024.0, Unit::Bytes), fact("plan", 0.06e-3, Unit::Seconds)];
    r.peers = vec![
        Peer { name: "vaex".into(), version: "4.17, numpy 2.4".into() },
        Peer { name: "numpy".into(), version: "2.4.6".into() },
    ];
    r
}

const PLAIN: Style = Style { width: 120, unicode: false, colour: false };

/// The line that begins with `start`, its words.
fn line<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let of = |l: &&str| l.trim_start().starts_with(start);
    text.lines().find(of).unwrap_or_else(|| panic!("no '{start}' in\n{text}")).split_whitespace().collect()
}

fn place(text: &str, what: &str) -> usize {
    text.find(what).unwrap_or_else(|| panic!("no '{what}' in\n{text}"))
}

#[test]
fn rates_have_three_digits_and_the_prefix_that_fits() {
    for (unit, v, text) in [
        (Unit::Bytes, 25.81e9, "25.8 GB/s"),
        (Unit::Bytes, 999.4e6, "999 MB/s"),
        (Unit::Bytes, 999.6e6, "1.00 GB/s"),
        (Unit::Bytes, 1.2e21, "1200 EB/s"),
        (Unit::Rows, 3.64e9, "3.64 G rows/s"),
        (Unit::Rows, 12.0, "12.0 rows/s"),
        (Unit::Flops, 366e9, "366 GF/s"),
        (Unit::Flops, 9.996e12, "10.0 TF/s"),
        (Unit::Tasks, 1e6 / 0.41, "410 ns a task"),
        (Unit::Tasks, 8000.0, "125 µs a task"),
        (Unit::Tasks, 0.1, "10.0 s a task"),
        (Unit::Bytes, f64::INFINITY, "-"),
        (Unit::Bytes, f64::NAN, "-"),
        (Unit::Bytes, 0.0, "-"),
        (Unit::Bytes, -1.0, "-"),
    ] {
        assert_eq!(rate(unit, v).to_string(), text, "{v}");
    }
}

#[test]
fn amounts_shares_and_times_read_well() {
    for (unit, v, text) in [
        (Unit::Bytes, 1536.0, "1.5 KiB"),
        (Unit::Bytes, 0.0, "0 B"),
        (Unit::Rows, 2.5e8, "250 M rows"),
        (Unit::Tasks, 12.0, "12 tasks"),
        (Unit::Tasks, 1e6, "1.00 M tasks"),
        (Unit::Flops, 2.5, "2.50 flop"),
        (Unit::Seconds, 4.1e-7, "410 ns"),
        (Unit::Seconds, 61.0, "1 min 01 s"),
        (Unit::Flops, f64::NAN, "-"),
    ] {
        assert_eq!(amount(unit, v), text);
    }
    for (s, text) in
        [(0.01234, "12.3 ms"), (0.9994, "999 ms"), (0.9996, "1.00 s"), (-1.0, "-"), (6e-5, "60.0 µs")]
    {
        assert_eq!(seconds(s), text);
    }
    for (s, text) in [(0.854, "85 %"), (0.0421, "4.2 %"), (0.0996, "10 %"), (1.05, "105 %"), (f64::NAN, "-")]
    {
        assert_eq!(percent(s), text);
    }
    for (v, text) in
        [(0.0, "0"), (0.41, "0.41"), (6.66, "6.66"), (9.996, "10.0"), (123.4, "123"), (1e-5, "1.00e-5")]
    {
        assert_eq!(digits(v), text);
    }
}

#[test]
fn the_table_shows_values_ratios_and_who_is_behind() {
    let text = draw(&full(), &PLAIN);
    assert_eq!(line(&text, "AMD EPYC").join(" "), "AMD EPYC, 2 CPUs, 1 core, 24.0 GiB, avx512, Linux x86_64");
    assert!(
        line(&text, "chunkwise")
            .join(" ")
            .ends_with("2026-11-22 10:30 UTC, 2 threads, medians of 5 rounds, seed 7")
    );
    assert_eq!(line(&text, "flops.f32"), ["flops.f32", "536", "GF/s", "cpu", "what", "flops.f32", "is"]);
    // numpy takes 5 s where we take 0.25, vaex 2 s: the best is vaex, and its note is marked.
    assert_eq!(
        line(&text, "hist"),
        [
            "hist",
            "[1]",
            "4.00",
            "G",
            "rows/s",
            "40",
            "%",
            "memory.read",
            "8.00",
            "vaex",
            "what",
            "hist",
            "does"
        ]
    );
    // 4.2 GB in 0.1 s are 42 GB/s, more than was measured; numpy's 2e9 rows in 0.1 s are twice ours.
    assert_eq!(
        line(&text, "sum_f32"),
        [
            "sum_f32",
            "[2]",
            "10.0",
            "G",
            "rows/s",
            "105",
            "%",
            "memory.read",
            "0.50",
            "numpy,",
            "behind",
            "what",
            "sum_f32",
            "does"
        ]
    );
    assert_eq!(
        line(&text, "tasks"),
        ["tasks", "410", "ns", "a", "task", "-", "-", "-", "what", "tasks", "does"]
    );
    assert_eq!(
        line(&text, "mean.deflate"),
        ["mean.deflate", "-", "-", "-", "-", "what", "mean.deflate", "does"]
    );
    assert_eq!(
        line(&text, "std_f32"),
        ["std_f32", "[2]", "2.00", "G", "rows/s", "-", "not.measured", "-", "what", "std_f32", "does"]
    );
    assert_eq!(line(&text, "[1]").join(" "), "[1] vaex: its own edges");
    assert_eq!(line(&text, "[2]").join(" "), "[2] exact");
    assert!(text.contains("  peak  1.5 MiB\n") && text.contains("  peak  60.0 us\n"), "{text}");
    assert_eq!(line(&text, "vaex"), ["vaex", "4.17,", "numpy", "2.4"]);
    // Groups as they first come, their sets together; work in the order in which it was done.
    let places =
        ["limits of", "in memory: uniform", "hist", "sum_f32", "tasks", "in memory: bell", "files: bell"]
            .map(|what| place(&text, what));
    assert!(places.is_sorted(), "{text}");
    assert_eq!(text, draw(&full(), &PLAIN));
}

#[test]
fn numbers_stand_beneath_each_other() {
    let text = draw(&full(), &PLAIN);
    let end = |start: &str, word: &str| {
        let line = text.lines().find(|l| l.trim_start().starts_with(start)).unwrap();
        line.find(word).unwrap() + word.len()
    };
    assert_eq!(end("hist", "4.00"), end("sum_f32", "10.0"));
    assert_eq!(end("hist", "40 %"), end("sum_f32", "105 %"));
    assert_eq!(end("std_f32", "2.00"), end("tasks", "410"));
    assert_eq!(end("hist", "8.00"), end("sum_f32", "0.50"));
}

#[test]
fn the_table_fits_the_terminal_and_obeys_nobody() {
    let mut r = full();
    r.limits[0].title = "a very long description of what this is ".repeat(5);
    r.rows[0].note = Some("many words ".repeat(30));
    r.machine.cpu = "A processor with a long name".into();
    for width in [80, 100, 150] {
        let text = draw(&r, &Style { width, ..PLAIN });
        for l in text.lines() {
            assert!(l.chars().count() <= width && l == l.trim_end(), "{width}: '{l}'");
        }
    }
    // Names come from files.
    r.rows[0].set = "a\x1b[2Jb\nc µ é".into();
    r.peers[0].version = "1\r2".into();
    let text = draw(&r, &PLAIN);
    assert!(text.is_ascii() && !text.contains(['\x1b', '\r']), "{text}");
    assert!(text.contains("a\\u{1b}[2Jb\\nc u ?") && text.contains("1\\r2"), "{text}");
    let text = draw(&r, &Style { unicode: true, ..PLAIN });
    assert!(text.contains("µ é") && text.contains("60.0 µs"));
    // Colours change nothing else, and mark the one that is behind.
    let colour = draw(&r, &Style { unicode: true, colour: true, ..PLAIN });
    let behind = colour.lines().find(|l| l.contains("behind") && l.contains("numpy")).unwrap();
    assert!(behind.starts_with("\x1b[33m") && behind.ends_with("\x1b[0m"));
    let mut bare = colour;
    for code in ["\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[0m"] {
        bare = bare.replace(code, "");
    }
    assert_eq!(bare, text);
}

#[test]
fn devices_stand_side_by_side() {
    let mut r = full();
    assert!(!draw(&r, &PLAIN).contains("device"));
    r.machine.gpus = vec!["Card 1 (driver 2)".into()];
    r.limits.push(limit("memory.read", "Card 1", Unit::Bytes, 4e12));
    let mut on_gpu = r.rows[0].clone();
    on_gpu.device = "Card 1".into();
    on_gpu.seconds = vec![0.002];
    on_gpu.peers.clear();
    r.rows.insert(1, on_gpu);
    let text = draw(&r, &PLAIN);
    // Its own limit: 4 GB of 4 TB/s are a half of 2 ms.
    let shown: Vec<&str> =
        text.lines().find(|l| l.contains("500 G rows/s")).unwrap().split_whitespace().collect();
    assert_eq!(
        shown,
        ["hist", "Card", "1", "500", "G", "rows/s", "50", "%", "memory.read", "-", "what", "hist", "does"]
    );
    let html = page(&r);
    assert!(html.contains("<rect class=\"gpu\" width=\"47.62%\"") && html.contains("hist, Card 1"), "{html}");
    assert!(markdown(&r).contains("| hist | what hist does | Card 1 | 500 G rows/s | 50 % of memory.read |"));
}

#[test]
fn a_limit_in_turns_goes_before_one_measured_once() {
    let mut r = full();
    r.rows[0].bound = Some(Bound { limit: "memory.read".into(), amount: 4e9, seconds: vec![0.2, 0.2, 9.0] });
    assert!(draw(&r, &PLAIN).contains("80 %  memory.read"), "{}", draw(&r, &PLAIN));
}

#[test]
fn markdown_holds_the_same_numbers() {
    let mut r = full();
    let text = markdown(&r);
    assert!(
        text.starts_with("AMD EPYC, 2 CPUs, 1 core, 24.0 GiB, avx512, Linux x86\\_64; chunkwise 0.1.0, ")
    );
    for line in [
        "## Limits of the machine",
        "| memory.read | what memory.read is | cpu | 40.0 GB/s |",
        "## in memory",
        "### uniform",
        // Peers in the order of the results, then those that these do not name.
        "| work | what it does | rate | share of its limit | ratio to vaex | ratio to numpy | ratio to slept |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        "| hist \\[1\\] | what hist does | 4.00 G rows/s | 40 % of memory.read | 8.00 | 20.0 | - |",
        "| sum\\_f32 \\[2\\] | what sum\\_f32 does | 10.0 G rows/s | 105 % of memory.read | - | **0.50** | - |",
        "### bell",
        "| std\\_f32 \\[2\\] | what std\\_f32 does | 2.00 G rows/s | - |",
        "## files",
        "| mean.deflate | what mean.deflate does | - | - |",
        "| peak | 1.5 MiB |",
        "1. vaex: its own edges",
        "| vaex | 4.17, numpy 2.4 |",
    ] {
        assert!(text.lines().any(|l| l == line), "no '{line}' in\n{text}");
    }
    // Every line of a table has as many cells as its head.
    let cells = |l: &str| l.replace("\\|", "").matches('|').count();
    for table in text.split("\n\n").filter(|t| t.starts_with('|')) {
        assert!(table.lines().all(|l| cells(l) == cells(table.lines().next().unwrap())), "{table}");
    }
    r.rows[0].work = "a|b<i>\n*x* `y`".into();
    assert!(markdown(&r).contains("| a\\|b&lt;i&gt;\\\\n\\*x\\* \\`y\\` \\[1\\] | what hist does |"));
}

/// Whether all tags are closed in order, and how many of each name there are.
fn tags(html: &str) -> std::collections::BTreeMap<String, usize> {
    let mut open: Vec<String> = Vec::new();
    let mut count = std::collections::BTreeMap::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a document type");
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').unwrap_or_else(|| panic!("an open tag: {}", &rest[at..]));
        assert!(!rest[..at].contains('>'), "a bare '>' in '{}'", &rest[..at]);
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<') && tag.matches('"').count().is_multiple_of(2), "<{tag}>");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap().to_string();
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        match tag.strip_prefix('/') {
            Some(_) => assert_eq!(open.pop().as_ref(), Some(&name), "</{name}>"),
            None => {
                *count.entry(name.clone()).or_insert(0) += 1;
                if !tag.ends_with('/') {
                    open.push(name);
                }
            }
        }
        rest = &rest[end + 1..];
    }
    assert_eq!(open, Vec::<String>::new());
    count
}

#[test]
fn the_checker_of_tags_sees_what_is_wrong() {
    assert_eq!(tags("<!DOCTYPE html><p>a<br /></p><p></p>")["p"], 2);
    for wrong in ["<p>", "</p>", "<p><b></p></b>", "<p>a > b</p>", "<p title=\"a>b</p>", "< p></p>"] {
        let html = format!("<!DOCTYPE html>{wrong}");
        assert!(std::panic::catch_unwind(|| tags(&html)).is_err(), "{wrong}");
    }
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    let html = page(&full());
    let tags = tags(&html);
    // Limits: one bar each; shares: three works have a limit; peers: two works, and four peers beside them.
    assert_eq!((tags["svg"], tags["figure"]), (2 + 3 + 6, 2 + 2 + 1));
    // Limits, three sections, two facts, peers.
    assert_eq!((tags["table"], tags["h3"]), (7, 3));
    for outside in ["http", "src=", "url(", "@import", "<script", "<link", "javascript"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert_eq!(html, page(&full()));
}

#[test]
fn bars_are_as_long_as_what_they_show() {
    let html = page(&full());
    let share = &html[place(&html, "Share of what its limit allows")..place(&html, "Rates of peers")];
    // The longest is 105 %: 40 % of that scale, and the mark at its 100 %.
    for width in ["class=\"cpu\" width=\"38.10%\"", "class=\"cpu\" width=\"100.00%\"", "x1=\"95.24%\""] {
        assert!(share.contains(width), "{width} in\n{share}");
    }
    assert_eq!(share.matches("<svg").count(), 2);
    let peers = &html[place(&html, "Rates of peers")..place(&html, "<caption>in memory, uniform")];
    // numpy's double rate is the longest; ours half of it; vaex an eighth of ours, numpy's histogram a twentieth.
    for width in [
        "class=\"cpu\" width=\"50.00%\"",
        "class=\"peer ahead\" width=\"100.00%\"",
        "class=\"peer\" width=\"6.25%\"",
        "class=\"peer\" width=\"2.50%\"",
        "class=\"peer\" width=\"0.00%\"",
    ] {
        assert!(peers.contains(width), "{width} in\n{peers}");
    }
    // The same numbers stand in the table.
    let table = &html[place(&html, "<caption>in memory, uniform")..];
    for cell in [
        "<td class=\"n\">250 ms</td>",
        "<td class=\"n\">4.00 G rows/s</td>",
        "<td class=\"n\">40 %</td>",
        "<td class=\"n\">500 M rows/s, ratio 8.00</td>",
        "<td class=\"n\">20.0 G rows/s, ratio 0.50, behind</td>",
        "<td class=\"n\">410 ns a task</td>",
    ] {
        assert!(table.contains(cell), "{cell} in\n{table}");
    }
}

#[test]
fn names_from_files_stay_text() {
    let mut r = full();
    let evil = "</title><script>alert(\"1\" & '2')</script>\u{1b}\n";
    r.machine.cpu = evil.into();
    r.settings.date = evil.into();
    r.limits[0].title = evil.into();
    r.limits[1].key = evil.into();
    r.rows[0].work = evil.into();
    r.rows[0].title = evil.into();
    r.rows[0].group = evil.into();
    r.rows[0].set = evil.into();
    r.rows[0].device = evil.into();
    r.rows[0].note = Some(evil.into());
    r.rows[0].peers[0].peer = evil.into();
    r.rows[0].peers[0].note = Some(evil.into());
    r.facts[0].title = evil.into();
    r.facts[0].group = evil.into();
    r.peers[0].name = evil.into();
    r.peers[0].version = evil.into();
    let html = page(&r);
    assert!(!tags(&html).contains_key("script") && !html.contains('\x1b'));
    assert!(html.contains("&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;\\u{1b}\\n"));
    assert!(!markdown(&r).contains("<script"));
    assert!(draw(&r, &PLAIN).is_ascii() && !draw(&r, &PLAIN).contains('\x1b'));
}

#[test]
fn nothing_measured_is_shown_as_that() {
    let mut r = empty();
    let text = draw(&r, &PLAIN);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert_eq!(table(&r).lines().next(), text.lines().next());
    let found = tags(&page(&r));
    assert_eq!((found.get("svg"), found.get("table"), found["h1"]), (None, None, 1));
    assert_eq!(markdown(&r).lines().count(), 1);
    r.settings.quick = true;
    for text in [draw(&r, &PLAIN), page(&r), markdown(&r)] {
        assert!(text.contains(QUICK));
    }
    // Rows alone: no limits, no peers.
    r.rows = vec![row("g", "s", "w", 1e6, &[1e-3])];
    let text = draw(&r, &PLAIN);
    assert_eq!(line(&text, "w  "), ["w", "1.00", "G", "rows/s", "-", "-", "what", "w", "does"]);
    assert!(!text.contains("ratio") && !markdown(&r).contains("ratio"));
    let found = tags(&page(&r));
    assert_eq!((found.get("svg"), found["table"]), (None, 1));
}
