//! A scene as an SVG file: text stays text, images are PNG within it.

use super::font::{self, FAMILY};
use super::scene::{Anchor, BLACK, Colour, Scene, Shape, Text, WHITE};
use chunkwise::{Error, ErrorKind, Result};
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, FontFamily, FontTransform,
};
use plotters_svg::SVGBackend;

/// The bytes of the file.
///
/// # Errors
/// `Internal` if it cannot be drawn.
pub fn encode(scene: &Scene) -> Result<Vec<u8>> {
    let mut out = String::new();
    let mut paper = SVGBackend::with_string(&mut out, (scene.width, scene.height));
    let corner = (scene.width as i32, scene.height as i32);
    paper.draw_rect((0, 0), corner, &Stroke { colour: WHITE, width: 0 }, true).map_err(failed)?;
    for shape in &scene.shapes {
        match shape {
            Shape::Rect { from, to, colour } => {
                let (from, to) = (whole(*from), whole(*to));
                let to = (to.0.max(from.0 + 1), to.1.max(from.1 + 1));
                paper.draw_rect(from, to, &Stroke { colour: *colour, width: 0 }, true)
            }
            Shape::Line { points, width, colour } => {
                let style = Stroke { colour: *colour, width: width.round() as u32 };
                paper.draw_path(points.iter().map(|p| whole(*p)), &style)
            }
            Shape::Image { at, width, height, rgb } => {
                paper.blit_bitmap((at.0 as i32, at.1 as i32), (*width, *height), rgb)
            }
            Shape::Text(text) => paper.draw_text(&text.text, &Label(text), text_place(text)),
        }
        .map_err(failed)?;
    }
    paper.present().map_err(failed)?;
    drop(paper);
    Ok(out.into_bytes())
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, format!("the picture cannot be drawn: {e}"))
}

fn whole((x, y): (f64, f64)) -> BackendCoord {
    (x.round() as i32, y.round() as i32)
}

/// How far the baseline lies below the place of a text, in ems: as plotters writes it.
const DROP: f64 = 0.76;

fn text_place(text: &Text) -> BackendCoord {
    let drop = DROP * text.size;
    whole(if text.upwards { (text.at.0 - drop, text.at.1) } else { (text.at.0, text.at.1 - drop) })
}

struct Stroke {
    colour: Colour,
    width: u32,
}

impl BackendStyle for Stroke {
    fn color(&self) -> BackendColor {
        BackendColor { alpha: 1.0, rgb: self.colour }
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

struct Label<'a>(&'a Text);

impl BackendTextStyle for Label<'_> {
    type FontError = Error;

    fn color(&self) -> BackendColor {
        BackendColor { alpha: 1.0, rgb: BLACK }
    }

    fn size(&self) -> f64 {
        // Plotters takes it for the height of a line.
        self.0.size * 1.24
    }

    fn transform(&self) -> FontTransform {
        if self.0.upwards { FontTransform::Rotate270 } else { FontTransform::None }
    }

    fn anchor(&self) -> Pos {
        let along = match self.0.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        Pos::new(along, VPos::Top)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(FAMILY)
    }

    fn layout_box(&self, text: &str) -> Result<((i32, i32), (i32, i32))> {
        let width = font::width(text, self.0.size)?;
        Ok(((0, 0), (width.ceil() as i32, self.0.size.ceil() as i32)))
    }

    fn draw<E, F: FnMut(i32, i32, BackendColor) -> std::result::Result<(), E>>(
        &self,
        text: &str,
        pos: BackendCoord,
        mut draw: F,
    ) -> Result<std::result::Result<(), E>> {
        let drop = (DROP * self.0.size).round() as i32;
        font::draw(text, self.0.size, 0.0, |x, y, cover| {
            draw(pos.0 + x, pos.1 + drop + y, BackendColor { alpha: f64::from(cover), rgb: BLACK })
        })
    }
}
