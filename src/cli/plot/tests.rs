//! What holds for every picture, whatever its axes show.

use super::axis::{Axis, Scale};
use super::font::width;
use super::frame::Frame;
use super::scene::{Anchor, Area, Shape, Text};

/// The rectangle that a text covers: left, top, right, bottom.
fn covered(text: &Text) -> [f64; 4] {
    let long = width(&text.text, text.size).unwrap();
    let start = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -long / 2.0,
        Anchor::End => -long,
    };
    let (up, down) = (0.76 * text.size, 0.24 * text.size);
    let (x, y) = text.at;
    match text.upwards {
        false => [x + start, y - up, x + start + long, y + down],
        true => [x - up, y - start - long, x + down, y - start],
    }
}

/// Whether texts are within the panel and apart from each other.
fn check(frame: &Frame, panel: Area) {
    let shapes = frame.draw(panel, |_| Vec::new()).unwrap().shapes;
    let texts: Vec<&Text> =
        shapes.iter().filter_map(|s| if let Shape::Text(t) = s { Some(t) } else { None }).collect();
    let inside = frame.inside(panel).unwrap();
    assert!(
        inside.width > panel.width / 6 && inside.height > panel.height / 6,
        "{inside:?} for {:?}",
        frame.y
    );
    let boxes: Vec<[f64; 4]> = texts.iter().map(|t| covered(t)).collect();
    for (i, a) in boxes.iter().enumerate() {
        let said = &texts[i].text;
        assert!(
            a[0] >= f64::from(panel.x)
                && a[1] >= f64::from(panel.y)
                && a[2] <= panel.right()
                && a[3] <= panel.bottom(),
            "'{said}' at {a:?} leaves the panel; axes {:?} and {:?}",
            frame.x,
            frame.y
        );
        for (j, b) in boxes.iter().enumerate().skip(i + 1) {
            let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
            assert!(
                apart,
                "'{said}' at {a:?} is on '{}' at {b:?}; axes {:?} and {:?}",
                texts[j].text, frame.x, frame.y
            );
        }
    }
}

#[test]
fn texts_never_collide_nor_leave_the_picture() {
    let long = "a_very_long_name_of_something * (t2m - mean(t2m, axis=0)) / ".repeat(4);
    let linear = |range| Axis::new(Scale::Linear, range, "name [K]");
    let log = |range| Axis::new(Scale::Log, range, "name [K]");
    let axes = [
        linear((0.0, 1.0)),
        linear((-0.001, 0.0)),
        linear((0.0, 4.2e7)),
        linear((-1e300, 1e300)),
        linear((101_324.2, 101_325.9)),
        linear((-1e12 - 3.0, -1e12)),
        linear((1e-30, 7e-30)),
        linear((123_456.0, 987_654.0)),
        log((1e-30, 1e-22)),
        log((0.7, 3e5)),
        log((3.0, 4.0)),
        log((1e-300, 1e300)),
        log((99.0, 1010.0)),
        Axis::index(1, &long),
        Axis::index(3_000_000_000, &long),
    ];
    for x in &axes {
        for y in &axes {
            // Only indices have cells that are square.
            let indices = x.whole && y.whole;
            let aspects = [None, Some(0.4), Some(2.5)].into_iter().filter(|a| a.is_none() || indices);
            let bars = [None, Some(x.clone()), Some(y.clone()), Some(axes[3].clone())].into_iter();
            for (bar, aspect) in bars.flat_map(|b| aspects.clone().map(move |a| (b.clone(), a))) {
                for (title, panel) in [
                    ("mean(x)", Area { x: 0, y: 0, width: 1280, height: 960 }),
                    (long.as_str(), Area { x: 1120, y: 840, width: 1120, height: 840 }),
                ] {
                    let frame =
                        Frame { title: title.into(), x: x.clone(), y: y.clone(), bar: bar.clone(), aspect };
                    check(&frame, panel);
                }
            }
        }
    }
}
