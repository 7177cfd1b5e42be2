//! What stands around every picture: title, frame, ticks, the names of the axes, and the colour bar.

use super::axis::Axis;
use super::colour::viridis;
use super::font::{fit, width};
use super::scene::{Anchor, Area, BLACK, Drawn, Shape, Text};
use super::ticks::Ticks;
use chunkwise::Result;

/// Pixels of an em of a title, of an axis' name, of a tick's text.
const TITLE: f64 = 32.0;
const NAME: f64 = 28.0;
const TICK: f64 = 26.0;
/// The height of what ticks share, above the frame and the uppermost of them.
const COMMON: f64 = 1.2 * TICK;
/// Around everything, and between texts.
const MARGIN: f64 = 24.0;
const GAP: f64 = 10.0;
/// How long ticks are, and how thick they and the frame.
const MAJOR: f64 = 10.0;
const MINOR: f64 = 6.0;
const THICK: f64 = 2.0;
/// The width of a colour bar.
const BAR: f64 = 44.0;
/// The most ticks of an axis.
const MOST: usize = 9;

/// A title and axes.
pub struct Frame {
    /// What stands above.
    pub title: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// What colours mean.
    pub bar: Option<Axis>,
    /// The width of the inside in its height, where that is fixed.
    pub aspect: Option<f64>,
}

/// Where things are.
struct Layout {
    inside: Area,
    /// Pixels of the height that are above and below what is drawn.
    spare: u32,
    bar: Option<Area>,
    x: Ticks,
    y: Ticks,
    values: Ticks,
}

impl Frame {
    /// Draws it within `panel`, around what `inside` draws of the place that is left.
    ///
    /// # Errors
    /// `Internal` if the font cannot be read.
    pub fn draw(&self, panel: Area, inside: impl FnOnce(Area) -> Vec<Shape>) -> Result<Drawn> {
        let layout = self.layout(panel)?;
        let mut shapes = inside(layout.inside);
        self.title(panel, &layout, &mut shapes)?;
        self.below(&layout, &mut shapes)?;
        self.left(&layout, &mut shapes)?;
        outline(layout.inside, &mut shapes);
        if let (Some(area), Some(axis)) = (layout.bar, &self.bar) {
            bar(area, axis, &layout.values, &mut shapes)?;
        }
        Ok(Drawn { shapes, height: panel.height })
    }

    /// The place that is left within `panel` for what is drawn.
    ///
    /// # Errors
    /// `Internal` if the font cannot be read.
    pub fn inside(&self, panel: Area) -> Result<Area> {
        Ok(self.layout(panel)?.inside)
    }

    /// A panel without the height that the aspect leaves free.
    ///
    /// # Errors
    /// `Internal` if the font cannot be read.
    pub fn tight(&self, panel: Area) -> Result<Area> {
        Ok(Area { height: panel.height - self.layout(panel)?.spare, ..panel })
    }

    fn layout(&self, panel: Area) -> Result<Layout> {
        let (wide, high) = (f64::from(panel.width), f64::from(panel.height));
        let bottom = MAJOR + GAP + TICK + GAP + 1.2 * NAME + MARGIN;
        let mut top = MARGIN + TITLE + 2.0 * GAP;
        // What the ticks say at most, and so how much room they need, hardly depends on the title.
        let most = |length: f64, size: f64| ((length / size) as usize).clamp(2, MOST);
        let upwards = most(high - top - bottom, 2.0 * TICK);
        let y = self.y.ticks(upwards);
        let values = self.bar.as_ref().map(|axis| axis.ticks(upwards)).unwrap_or_default();
        if !(y.common.is_empty() && values.common.is_empty()) {
            top += COMMON;
        }
        let left = MARGIN + 1.2 * NAME + GAP + widest(&y)? + GAP + MAJOR;
        let bar = BAR + MAJOR + GAP + widest(&values)? + GAP + 1.2 * NAME + MARGIN;
        let beside = |inner: f64| if self.bar.is_some() { 0.05 * inner + bar } else { 2.0 * MARGIN };
        let room = (wide - left, high - top - bottom);
        let mut inner = if self.bar.is_some() { (room.0 - bar) / 1.05 } else { room.0 - 2.0 * MARGIN };
        let mut height = room.1;
        match self.aspect {
            Some(aspect) if inner > height * aspect => inner = height * aspect,
            Some(aspect) => height = inner / aspect,
            None => {}
        }
        // What is left of the room stands on both sides.
        let aside = (room.0 - inner - beside(inner)).max(0.0) / 2.0;
        let inside = Area {
            x: panel.x + (left + aside).round() as u32,
            y: panel.y + (top + (room.1 - height) / 2.0).round() as u32,
            width: (inner.round() as u32).max(1),
            height: (height.round() as u32).max(1),
        };
        let bar = self.bar.as_ref().map(|_| Area {
            x: inside.x + inside.width + (0.05 * inner).round() as u32,
            width: BAR as u32,
            ..inside
        });
        let spare = (room.1 - height).max(0.0) as u32;
        Ok(Layout { inside, spare, bar, x: self.apart(inside)?, y, values })
    }

    /// As many ticks to the right as have room for their texts.
    fn apart(&self, inside: Area) -> Result<Ticks> {
        for most in (3..=MOST).rev() {
            let ticks = self.x.ticks(most);
            let mut end = f64::NEG_INFINITY;
            let mut fits = true;
            for tick in &ticks.major {
                let half = width(&tick.text, TICK)? / 2.0;
                let at = inside.right_by(self.x.share(tick.at));
                fits &= at - half >= end;
                end = at + half + 0.6 * TICK;
            }
            if fits {
                return Ok(ticks);
            }
        }
        Ok(self.x.ticks(2))
    }

    fn title(&self, panel: Area, layout: &Layout, shapes: &mut Vec<Shape>) -> Result<()> {
        let room = f64::from(panel.width) - 2.0 * MARGIN;
        let (text, size) = fit(&self.title, TITLE, room)?;
        // Above the inside, unless that leads out of the panel.
        let half = width(&text, size)? / 2.0;
        let (first, last) = (f64::from(panel.x) + MARGIN + half, f64::from(panel.x) + MARGIN + room - half);
        let middle = layout.inside.right_by(0.5).clamp(first.min(last), last.max(first));
        let common = !(layout.y.common.is_empty() && layout.values.common.is_empty());
        let y = layout.inside.up_by(1.0) - 2.0 * GAP - if common { COMMON } else { 0.0 };
        shapes.push(text_at(text, (middle, y), size, Anchor::Middle));
        Ok(())
    }

    fn below(&self, layout: &Layout, shapes: &mut Vec<Shape>) -> Result<()> {
        let inside = layout.inside;
        let bottom = inside.bottom();
        let mut mark = |v: f64, length: f64| {
            let x = inside.right_by(self.x.share(v)).round();
            shapes.push(filled((x - THICK / 2.0, bottom), (x + THICK / 2.0, bottom + length)));
        };
        layout.x.major.iter().for_each(|t| mark(t.at, MAJOR));
        layout.x.minor.iter().for_each(|v| mark(*v, MINOR));
        let base = bottom + MAJOR + GAP + 0.8 * TICK;
        for tick in &layout.x.major {
            let x = inside.right_by(self.x.share(tick.at));
            shapes.push(text_at(tick.text.clone(), (x, base), TICK, Anchor::Middle));
        }
        let base = base + GAP + NAME;
        let mut room = f64::from(inside.width);
        if !layout.x.common.is_empty() {
            room -= 2.0 * width(&layout.x.common, TICK)? + 2.0 * GAP;
            shapes.push(text_at(layout.x.common.clone(), (inside.right(), base), TICK, Anchor::End));
        }
        let (text, size) = fit(&self.x.label, NAME, room)?;
        shapes.push(text_at(text, (inside.right_by(0.5), base), size, Anchor::Middle));
        Ok(())
    }

    fn left(&self, layout: &Layout, shapes: &mut Vec<Shape>) -> Result<()> {
        let inside = layout.inside;
        let x = f64::from(inside.x);
        let mut mark = |v: f64, length: f64| {
            let y = inside.up_by(self.y.share(v)).round();
            shapes.push(filled((x - length, y - THICK / 2.0), (x, y + THICK / 2.0)));
        };
        layout.y.major.iter().for_each(|t| mark(t.at, MAJOR));
        layout.y.minor.iter().for_each(|v| mark(*v, MINOR));
        for tick in &layout.y.major {
            let y = inside.up_by(self.y.share(tick.at)) + 0.36 * TICK;
            shapes.push(text_at(tick.text.clone(), (x - MAJOR - GAP, y), TICK, Anchor::End));
        }
        if !layout.y.common.is_empty() {
            let at = (x, inside.up_by(1.0) - 0.7 * TICK);
            shapes.push(text_at(layout.y.common.clone(), at, TICK, Anchor::Start));
        }
        let base = x - MAJOR - GAP - widest(&layout.y)? - GAP - 0.3 * NAME;
        upwards(&self.y.label, base, inside, shapes)
    }
}

/// The colour bar with its ticks and name on its right.
fn bar(area: Area, axis: &Axis, ticks: &Ticks, shapes: &mut Vec<Shape>) -> Result<()> {
    let mut rgb = Vec::with_capacity(3 * area.width as usize * area.height as usize);
    for row in (0..area.height).rev() {
        let (r, g, b) = viridis((f64::from(row) + 0.5) / f64::from(area.height));
        (0..area.width).for_each(|_| rgb.extend([r, g, b]));
    }
    shapes.push(Shape::Image { at: (area.x, area.y), width: area.width, height: area.height, rgb });
    let right = area.right();
    let mut mark = |v: f64, length: f64| {
        let y = area.up_by(axis.share(v)).round();
        shapes.push(filled((right, y - THICK / 2.0), (right + length, y + THICK / 2.0)));
    };
    ticks.major.iter().for_each(|t| mark(t.at, MAJOR));
    ticks.minor.iter().for_each(|v| mark(*v, MINOR));
    for tick in &ticks.major {
        let y = area.up_by(axis.share(tick.at)) + 0.36 * TICK;
        shapes.push(text_at(tick.text.clone(), (right + MAJOR + GAP, y), TICK, Anchor::Start));
    }
    if !ticks.common.is_empty() {
        let end = right + MAJOR + GAP + widest(ticks)? + GAP + 1.2 * NAME;
        let x = f64::from(area.x).min(end - width(&ticks.common, TICK)?);
        let at = (x, area.up_by(1.0) - 0.7 * TICK);
        shapes.push(text_at(ticks.common.clone(), at, TICK, Anchor::Start));
    }
    outline(area, shapes);
    upwards(&axis.label, right + MAJOR + GAP + widest(ticks)? + GAP + NAME, area, shapes)
}

/// The name of an axis, read upwards, beside the middle of an area.
fn upwards(label: &str, base: f64, area: Area, shapes: &mut Vec<Shape>) -> Result<()> {
    let (text, size) = fit(label, NAME, f64::from(area.height))?;
    let at = (base, area.up_by(0.5));
    shapes.push(Shape::Text(Text { text, at, size, anchor: Anchor::Middle, upwards: true }));
    Ok(())
}

fn widest(ticks: &Ticks) -> Result<f64> {
    ticks.major.iter().try_fold(0.0f64, |most, t| Ok(most.max(width(&t.text, TICK)?)))
}

fn text_at(text: String, at: (f64, f64), size: f64, anchor: Anchor) -> Shape {
    Shape::Text(Text { text, at, size, anchor, upwards: false })
}

fn filled(from: (f64, f64), to: (f64, f64)) -> Shape {
    Shape::Rect { from, to, colour: BLACK }
}

fn outline(area: Area, shapes: &mut Vec<Shape>) {
    let half = THICK / 2.0;
    let (left, right, top, bottom) = (f64::from(area.x), area.right(), f64::from(area.y), area.bottom());
    shapes.extend([
        filled((left - half, top - half), (right + half, top + half)),
        filled((left - half, bottom - half), (right + half, bottom + half)),
        filled((left - half, top - half), (left + half, bottom + half)),
        filled((right - half, top - half), (right + half, bottom + half)),
    ]);
}
