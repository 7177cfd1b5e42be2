//! Results as one page that needs nothing else: bars are inline SVG, whose numbers stand in tables beneath them.

use super::format::{self, NONE, Section};
use super::result::{Limit, Results, Row, Unit};
use chunkwise::text::printable;
use std::fmt::{self, Display, Write as _};

const STYLE: &str = include_str!("page.css");

/// The page.
pub fn page(r: &Results) -> String {
    let mut out = String::new();
    let title = format!("chunkwise on {}", r.machine.cpu);
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n\
         <meta name=\"color-scheme\" content=\"light dark\" />\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        Text(&title)
    );
    head(&mut out, r);
    limits(&mut out, r);
    let notes = format::notes(r);
    let mut group = None;
    for section in format::sections(r) {
        if group.replace(section.group) != Some(section.group) {
            let _ = writeln!(out, "<h2>{}</h2>", Text(section.group));
        }
        let _ = writeln!(out, "<section>\n<h3>{}</h3>", Text(section.set));
        shares(&mut out, r, &section);
        peers(&mut out, &section);
        rows(&mut out, r, &notes, &section);
        out.push_str("</section>\n");
    }
    foot(&mut out, r, &notes);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn head(out: &mut String, r: &Results) {
    let _ = writeln!(
        out,
        "<header>\n<h1>{}</h1>\n<p>{}</p>\n<p>{}</p>",
        Text("chunkwise bench"),
        Text(&format::machine(r).join(" · ")),
        Text(&format::settings(r).join(" · "))
    );
    if r.settings.quick {
        let _ = writeln!(out, "<p class=\"warn\">{}</p>", Text(format::QUICK));
    }
    out.push_str("</header>\n");
}

fn limits(out: &mut String, r: &Results) {
    if r.limits.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Limits of the machine</h2>\n");
    let mut units: Vec<Unit> = Vec::new();
    for limit in &r.limits {
        if !units.contains(&limit.unit) {
            units.push(limit.unit);
        }
    }
    for unit in units {
        let of: Vec<&Limit> = r.limits.iter().filter(|l| l.unit == unit).collect();
        let bars = of.iter().map(|l| {
            let value = format::rate(unit, l.rate).to_string();
            let tip = format!("{}, {}: {value}", l.title, l.device);
            Bar { label: l.key.clone(), size: Some(l.rate), value, tip, class: class(&l.device) }
        });
        let title = match unit {
            Unit::Bytes => "Bytes per second",
            Unit::Flops => "Multiplications and additions per second",
            Unit::Rows => "Rows per second",
            Unit::Tasks => "Tasks per second",
            Unit::Seconds => "Seconds per second",
        };
        chart(out, title, None, bars.collect());
    }
    let head = ["limit", "what it is", "device", "rate"].map(String::from);
    let lines = r.limits.iter().map(|l| {
        let rate = format::rate(l.unit, l.rate).to_string();
        vec![l.key.clone(), l.title.clone(), l.device.clone(), rate]
    });
    grid(out, "What the machine can do at best", &head, 3, lines);
    out.push_str("</section>\n");
}

/// Each work as a share of its limit.
fn shares(out: &mut String, r: &Results, section: &Section) {
    let bars = section.rows.iter().filter(|row| row.bound.is_some()).map(|row| {
        let share = format::share(r, row);
        let value = share.map_or_else(|| NONE.into(), format::percent);
        let tip = format!("{}: {}, {}", row.title, format::share_text(r, row), format::row_rate(row));
        Bar { label: name(row), size: share, value, tip, class: class(&row.device) }
    });
    chart(out, "Share of what its limit allows", Some("the limit"), bars.collect());
}

/// Rates of peers, ours being 1.
fn peers(out: &mut String, section: &Section) {
    let mut bars = Vec::new();
    for row in section.rows.iter().filter(|row| !row.peers.is_empty()) {
        let own = row.median().map(|_| 1.0);
        let value = format::row_rate(row).to_string();
        let tip = format!("{}: {value}", row.title);
        bars.push(Bar { label: name(row), size: own, value, tip, class: class(&row.device) });
        for peer in &row.peers {
            let ratio = format::ratio(row, peer);
            let rate = format::peer_rate(row, peer);
            let behind = ratio.is_some_and(format::is_behind);
            let value = match ratio {
                Some(ratio) => format!("{rate}, ratio {}", format::digits(ratio)),
                None => rate.to_string(),
            };
            let note = peer.note.as_ref().map_or(String::new(), |n| format!(" ({n})"));
            let tip = format!("{}, {}: {value}{note}", row.work, peer.peer);
            let label = format!("{}{}", peer.peer, if behind { ", faster" } else { "" });
            let class = if behind { "peer ahead" } else { "peer" };
            bars.push(Bar { label, size: ratio.map(|r| 1.0 / r), value, tip, class });
        }
    }
    chart(out, "Rates of peers beside ours", Some("ours"), bars);
}

fn rows(out: &mut String, r: &Results, notes: &[String], section: &Section) {
    let peers = section.peers(r);
    let mut head = ["work", "what it does", "device", "limit", "median time", "rate", "share"]
        .map(String::from)
        .to_vec();
    head.extend(peers.iter().map(|p| p.to_string()));
    let lines = section.rows.iter().map(|row| {
        let share = format::share(r, row).map_or_else(|| NONE.into(), format::percent);
        let mut cells = vec![
            format!("{}{}", row.work, format::marks(notes, row)),
            row.title.clone(),
            row.device.clone(),
            format::limit_name(row).into(),
            format::time(&row.seconds),
            format::row_rate(row).to_string(),
            share,
        ];
        cells.extend(peers.iter().map(|name| {
            let Some(peer) = row.peers.iter().find(|p| p.peer == *name) else { return NONE.into() };
            let rate = format::peer_rate(row, peer);
            match format::ratio(row, peer) {
                Some(ratio) if format::is_behind(ratio) => {
                    format!("{rate}, ratio {}, behind", format::digits(ratio))
                }
                Some(ratio) => format!("{rate}, ratio {}", format::digits(ratio)),
                None => rate.to_string(),
            }
        }));
        cells
    });
    let caption = if peers.is_empty() { String::new() } else { format!(". {}", format::RATIO) };
    grid(out, &format!("{}, {}{caption}", section.group, section.set), &head, 4, lines);
}

fn foot(out: &mut String, r: &Results, notes: &[String]) {
    for (group, facts) in format::facts(r) {
        let _ = writeln!(out, "<section>\n<h2>{}</h2>", Text(group));
        let lines = facts.iter().map(|f| vec![f.title.clone(), format::amount(f.unit, f.value)]);
        grid(out, "", &["what".into(), "value".into()], 1, lines);
        out.push_str("</section>\n");
    }
    if !notes.is_empty() {
        out.push_str("<section>\n<h2>Notes</h2>\n<ol>\n");
        for note in notes {
            let _ = writeln!(out, "<li>{}</li>", Text(note));
        }
        out.push_str("</ol>\n</section>\n");
    }
    if !r.peers.is_empty() {
        out.push_str("<section>\n<h2>Peers</h2>\n");
        let lines = r.peers.iter().map(|p| vec![p.name.clone(), p.version.clone()]);
        grid(out, "", &["peer".into(), "version".into()], 2, lines);
        out.push_str("</section>\n");
    }
}

/// The work and, unless it is the CPU, the device.
fn name(row: &Row) -> String {
    match row.device.as_str() {
        "cpu" => row.work.clone(),
        device => format!("{}, {device}", row.work),
    }
}

fn class(device: &str) -> &'static str {
    if device == "cpu" { "cpu" } else { "gpu" }
}

/// A line of a chart.
struct Bar {
    label: String,
    /// How long it is; none if it was not measured.
    size: Option<f64>,
    /// What stands at its end.
    value: String,
    tip: String,
    class: &'static str,
}

/// Bars to one scale, with a mark at 1 if `one` names what that is. Nothing without bars.
fn chart(out: &mut String, title: &str, one: Option<&str>, bars: Vec<Bar>) {
    if bars.is_empty() {
        return;
    }
    let size = |bar: &Bar| bar.size.filter(|s| s.is_finite() && *s > 0.0).unwrap_or(0.0);
    let longest = bars.iter().map(size).fold(if one.is_some() { 1.0 } else { 0.0 }, f64::max);
    let scale = if longest > 0.0 { 100.0 / longest } else { 0.0 };
    let mark = one.map(|_| Percent(scale));
    let _ = write!(out, "<figure>\n<figcaption>{}", Text(title));
    if let Some(one) = one {
        let _ = write!(out, " <span class=\"key\">(line: {})</span>", Text(one));
    }
    out.push_str("</figcaption>\n<div class=\"chart\">\n");
    for bar in &bars {
        let (label, value, tip) = (Text(&bar.label), Text(&bar.value), Text(&bar.tip));
        let own = bar.class.split(' ').next().unwrap_or_default();
        let _ = write!(
            out,
            "<span class=\"label {own}\">{label}</span>\
             <svg role=\"img\" aria-label=\"{tip}\" width=\"100%\" height=\"14\"><title>{tip}</title>\
             <rect class=\"track\" width=\"100%\" height=\"14\" />\
             <rect class=\"{}\" width=\"{}\" height=\"14\" />",
            bar.class,
            Percent(size(bar) * scale)
        );
        if let Some(at) = &mark {
            let _ = write!(out, "<line class=\"one\" x1=\"{at}\" x2=\"{at}\" y1=\"0\" y2=\"14\" />");
        }
        let _ = writeln!(out, "</svg><span class=\"value\">{value}</span>");
    }
    out.push_str("</div>\n</figure>\n");
}

/// A table whose first `words` columns are words, the others numbers.
fn grid(
    out: &mut String,
    caption: &str,
    head: &[String],
    words: usize,
    lines: impl Iterator<Item = Vec<String>>,
) {
    out.push_str("<div class=\"wide\">\n<table>\n");
    if !caption.is_empty() {
        let _ = writeln!(out, "<caption>{}</caption>", Text(caption));
    }
    let class = |c: usize| if c < words { "" } else { " class=\"n\"" };
    out.push_str("<thead>\n<tr>");
    for (c, cell) in head.iter().enumerate() {
        let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(c), Text(cell));
    }
    out.push_str("</tr>\n</thead>\n<tbody>\n");
    for line in lines {
        out.push_str("<tr>");
        for (c, cell) in line.iter().enumerate() {
            let _ = match c {
                0 => write!(out, "<th scope=\"row\">{}</th>", Text(cell)),
                _ => write!(out, "<td{}>{}</td>", class(c), Text(cell)),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

/// Text, in an element or in a quoted attribute.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in printable(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A length.
struct Percent(f64);

impl Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}%", self.0)
    }
}
