//! The font of bitmaps: DejaVu Sans, in the program, so that text looks the same on every machine. It has the letters
//! of European languages, Greek and Cyrillic, and signs of mathematics; what it lacks is an empty box. Its licence is
//! in `font/LICENSE`.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use chunkwise::{Error, ErrorKind, Result};
use std::sync::OnceLock;

/// What SVG names it, with those to take where it is not installed.
pub const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

fn font() -> Result<&'static FontRef<'static>> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    let font = FONT.get_or_init(|| FontRef::try_from_slice(include_bytes!("font/DejaVuSans.ttf")).ok());
    font.as_ref().ok_or_else(|| Error::new(ErrorKind::Internal, "the font of pictures cannot be read"))
}

/// The scale at which an em is `size` pixels.
fn scale(font: &FontRef, size: f64) -> PxScale {
    let per_em = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(size as f32 * font.height_unscaled() / per_em)
}

/// Where each glyph of a line begins, and where the line ends.
fn places(font: &FontRef, text: &str, size: f64) -> (Vec<(GlyphId, f32)>, f32) {
    let scaled = font.as_scaled(scale(font, size));
    let mut x = 0.0;
    let glyphs = text.chars().map(|c| {
        let id = font.glyph_id(c);
        let at = x;
        x += scaled.h_advance(id);
        (id, at)
    });
    (glyphs.collect(), x)
}

/// The width of a line of text whose em is `size` pixels.
///
/// # Errors
/// `Internal` if the font cannot be read.
pub fn width(text: &str, size: f64) -> Result<f64> {
    Ok(f64::from(places(font()?, text, size).1))
}

/// Calls `pixel` with each pixel that a line of text covers, relative to its beginning on the baseline, and with how much
/// of it is covered. The line begins `at` a part of a pixel behind that.
///
/// # Errors
/// `Internal` if the font cannot be read; the first of `pixel`.
pub fn draw<E>(
    text: &str,
    size: f64,
    at: f64,
    mut pixel: impl FnMut(i32, i32, f32) -> std::result::Result<(), E>,
) -> Result<std::result::Result<(), E>> {
    let font = font()?;
    let scale = scale(font, size);
    for (id, x) in places(font, text, size).0 {
        let glyph = id.with_scale_and_position(scale, point(x + at as f32, 0.0));
        // Spaces have no outline.
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        let mut done = Ok(());
        outline.draw(|dx, dy, cover| {
            if done.is_ok() && cover > 0.0 {
                done = pixel(corner.x as i32 + dx as i32, corner.y as i32 + dy as i32, cover.min(1.0));
            }
        });
        if done.is_err() {
            return Ok(done);
        }
    }
    Ok(Ok(()))
}

/// A line of text that is at most `room` pixels wide: as it is, or smaller, by two fifths at most, or cut.
///
/// # Errors
/// `Internal` if the font cannot be read.
pub fn fit(text: &str, size: f64, room: f64) -> Result<(String, f64)> {
    let wide = width(text, size)?;
    if wide <= room {
        return Ok((text.to_string(), size));
    }
    // A little less, for widths are rounded.
    let size = (size * room / wide * 0.999).max(size * 0.6);
    let (glyphs, wide) = places(font()?, text, size);
    if f64::from(wide) <= room {
        return Ok((text.to_string(), size));
    }
    // As many letters as end before the dots begin.
    let room = room - width("…", size)?;
    let ends = glyphs.iter().skip(1).map(|(_, at)| f64::from(*at));
    let kept: String = text.chars().zip(ends).take_while(|(_, end)| *end <= room).map(|(c, _)| c).collect();
    Ok((format!("{}…", kept.trim_end()), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_what_pictures_say() {
        let font = font().unwrap();
        let signs = ('!'..='~').chain("−×⁰¹²³⁴⁵⁶⁷⁸⁹⁻…µ°ΩÅρλΣ☉⊙".chars());
        for c in signs {
            assert_ne!(font.glyph_id(c), GlyphId(0), "{c}");
        }
    }

    #[test]
    fn an_em_is_as_large_as_asked() {
        // An H of DejaVu Sans is 1493 of 2048 units high.
        let (mut top, mut bottom) = (0, i32::MIN);
        draw("H", 100.0, 0.0, |_, y, cover| {
            if cover > 0.01 {
                (top, bottom) = (top.min(y), bottom.max(y));
            }
            Ok::<_, ()>(())
        })
        .unwrap()
        .unwrap();
        assert_eq!((top, bottom), (-73, -1));
    }

    #[test]
    fn long_text_is_cut() {
        let (text, size) = fit(&"mean(x) ".repeat(50), 20.0, 300.0).unwrap();
        assert!(text.ends_with('…') && width(&text, size).unwrap() <= 300.0, "{text}");
        assert_eq!(fit("short", 20.0, 300.0).unwrap(), ("short".to_string(), 20.0));
    }
}
