//! A scene as a PNG file. Lines and text are smoothed; all else is whole pixels.

use super::font;
use super::scene::{Anchor, BLACK, Colour, Scene, Shape, Text};
use chunkwise::{Error, ErrorKind, Result};
use plotters_backend::{BackendColor, DrawingBackend, DrawingErrorKind};
use plotters_bitmap::{BitMapBackend, BitMapBackendError};

type Drawn = std::result::Result<(), DrawingErrorKind<BitMapBackendError>>;

/// The bytes of the file.
///
/// # Errors
/// `Internal` if it cannot be drawn.
pub fn encode(scene: &Scene) -> Result<Vec<u8>> {
    let mut rgb = vec![255; 3 * scene.width as usize * scene.height as usize];
    let mut paper = BitMapBackend::with_buffer(&mut rgb, (scene.width, scene.height));
    for shape in &scene.shapes {
        let done = match shape {
            Shape::Rect { from, to, colour } => rect(&mut paper, *from, *to, *colour),
            Shape::Line { points, width, colour } => line(&mut paper, points, *width, *colour),
            Shape::Image { at, width, height, rgb } => {
                paper.blit_bitmap((at.0 as i32, at.1 as i32), (*width, *height), rgb)
            }
            Shape::Text(label) => text(&mut paper, label)?,
        };
        done.map_err(failed)?;
    }
    paper.present().map_err(failed)?;
    drop(paper);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, scene.width, scene.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Best);
    encoder.set_filter(png::FilterType::Up);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&rgb).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, format!("the picture cannot be drawn: {e}"))
}

fn solid((r, g, b): Colour, alpha: f64) -> BackendColor {
    BackendColor { alpha, rgb: (r, g, b) }
}

fn rect(paper: &mut BitMapBackend, from: (f64, f64), to: (f64, f64), colour: Colour) -> Drawn {
    let whole = |v: f64| v.round() as i32;
    let from = (whole(from.0), whole(from.1));
    // The lower right corner is the first pixel that is not drawn.
    let to = (whole(to.0).max(from.0 + 1), whole(to.1).max(from.1 + 1));
    paper.draw_rect(from, to, &solid(colour, 1.0), true)
}

/// A thick line with round ends: each pixel is covered as far as it is within half of the width of the line.
fn line(paper: &mut BitMapBackend, points: &[(f64, f64)], width: f64, colour: Colour) -> Drawn {
    let (w, h) = paper.get_size();
    let reach = width / 2.0 + 1.0;
    let ends = |all: fn(&(f64, f64)) -> f64, most: u32| {
        let (low, high) =
            points.iter().map(all).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        (
            (low - reach).floor().clamp(0.0, f64::from(most)) as usize,
            (high + reach).ceil().clamp(0.0, f64::from(most)) as usize,
        )
    };
    let ((x0, x1), (y0, y1)) = (ends(|p| p.0, w), ends(|p| p.1, h));
    let columns = x1.saturating_sub(x0);
    let mut cover = vec![0.0f32; columns * y1.saturating_sub(y0)];
    for segment in points.windows(2) {
        let [(ax, ay), (bx, by)] = [segment[0], segment[1]];
        let (dx, dy) = (bx - ax, by - ay);
        let length = dx * dx + dy * dy;
        let rows = (ay.min(by) - reach).floor().max(y0 as f64) as usize
            ..(ay.max(by) + reach).ceil().min(y1 as f64).max(0.0) as usize;
        for y in rows {
            // Only as far along the row as the line is near.
            let cy = y as f64 + 0.5;
            let near = |t: f64| ax + t * dx;
            let (t0, t1) = match dy == 0.0 {
                true => (0.0, 1.0),
                false => {
                    let (a, b) = ((cy - reach - ay) / dy, (cy + reach - ay) / dy);
                    (a.min(b).clamp(0.0, 1.0), a.max(b).clamp(0.0, 1.0))
                }
            };
            let (l, r) = (near(t0).min(near(t1)) - reach, near(t0).max(near(t1)) + reach);
            for x in l.floor().max(x0 as f64) as usize..r.ceil().min(x1 as f64).max(0.0) as usize {
                let (px, py) = (x as f64 + 0.5 - ax, cy - ay);
                let t = if length > 0.0 { ((px * dx + py * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
                let away = (px - t * dx).hypot(py - t * dy);
                let covered = (width / 2.0 + 0.5 - away).clamp(0.0, 1.0) as f32;
                let at = &mut cover[(y - y0) * columns + x - x0];
                *at = at.max(covered);
            }
        }
    }
    for (i, covered) in cover.iter().enumerate().filter(|(_, c)| **c > 0.0) {
        let at = ((x0 + i % columns) as i32, (y0 + i / columns) as i32);
        paper.draw_pixel(at, solid(colour, f64::from(*covered)))?;
    }
    Ok(())
}

fn text(paper: &mut BitMapBackend, label: &Text) -> Result<Drawn> {
    let width = font::width(&label.text, label.size)?;
    let back = match label.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    };
    let (w, h) = paper.get_size();
    // A baseline between rows of pixels is a sharp one.
    let (start, base) = match label.upwards {
        true => (label.at.1 + back, label.at.0.round()),
        false => (label.at.0 - back, label.at.1.round()),
    };
    let whole = start.floor();
    let part = if label.upwards { whole + 1.0 - start } else { start - whole };
    font::draw(&label.text, label.size, part, |x, y, cover| {
        let (x, y) = match label.upwards {
            true => (base as i32 + y, whole as i32 - x),
            false => (whole as i32 + x, base as i32 + y),
        };
        match (0..w as i32).contains(&x) && (0..h as i32).contains(&y) {
            true => paper.draw_pixel((x, y), solid(BLACK, f64::from(cover))),
            false => Ok(()),
        }
    })
}
