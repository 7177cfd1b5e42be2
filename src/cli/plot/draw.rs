//! From the command line to the file: what is asked for is looked at before anything runs.

use super::axis::Scale;
use super::file::Format;
use super::scene::{Area, Drawn, Scene};
use super::subject::{COUNT, Kind, Labels, Missing, Subject};
use super::values::Values;
use super::{histogram, image, line, panels, png, svg};
use crate::cli::plot_kinds::Panel;
use crate::cli::render::Of;
use crate::cli::{Failure, output};
use chunkwise::expr::Output;
use chunkwise::{Error, ErrorKind, Result, Value};
use std::io::{self, Write};
use std::path::Path;

/// The size of a picture of one result, and of each of several.
const ALONE: (u32, u32) = (1280, 960);
const SEVERAL: (u32, u32) = (1120, 840);
/// The most results on a picture.
const MOST: usize = 16;

/// A picture that is asked for.
#[derive(Debug)]
pub struct Plot {
    format: Format,
    scale: Scale,
    /// Whether lines are drawn in one frame.
    together: bool,
}

/// A picture of results: of some of them, each with its position among all.
#[derive(Debug)]
pub struct Picture {
    plot: Plot,
    subjects: Vec<(usize, Subject)>,
}

impl Plot {
    /// The picture that a file's name and the scale of its values say.
    ///
    /// # Errors
    /// `Usage` for an ending other than .png and .svg.
    pub fn new(path: &Path, log: bool) -> std::result::Result<Plot, Failure> {
        let format = Format::of(path)?;
        Ok(Plot { format, scale: if log { Scale::Log } else { Scale::Linear }, together: false })
    }

    /// With all lines in one frame.
    pub fn together(self) -> Plot {
        Plot { together: true, ..self }
    }

    /// What is to be drawn of all results, each with its label and whether this is a name that was given. Single
    /// numbers are left out, which a note says.
    ///
    /// # Errors
    /// `Usage` for results that have no picture, if there are no others than single numbers, and for too many.
    pub fn of<'a>(
        self,
        results: impl IntoIterator<Item = ((&'a str, bool), &'a Output)>,
    ) -> std::result::Result<Picture, Failure> {
        let (mut subjects, mut scalars) = (Vec::new(), Vec::new());
        for (i, ((label, given), output)) in results.into_iter().enumerate() {
            let shown = output::plain(label);
            match Subject::of(given.then_some(label), output) {
                Ok(subject) => subjects.push((i, subject)),
                Err(Missing::Scalar) => scalars.push(shown),
                Err(Missing::Other(why)) => {
                    return Err(Failure::Usage(format!("--plot: {shown} has no picture: {why}")));
                }
            }
        }
        let number = |names: &[String]| match names {
            [one] => format!("{one} is one number and has no picture"),
            many => format!("{} are single numbers and have no picture", many.join(", ")),
        };
        if subjects.is_empty() {
            return Err(Failure::Usage(format!("--plot: {}", number(&scalars))));
        }
        if subjects.len() > MOST {
            let message = format!("--plot: {} results; a picture has at most {MOST} of them", subjects.len());
            return Err(Failure::Usage(message));
        }
        if self.together {
            check_together(&subjects)?;
        }
        if !scalars.is_empty() {
            // Nobody to tell if stderr is closed.
            let _ = writeln!(io::stderr(), "note: --plot: {}", number(&scalars));
        }
        Ok(Picture { plot: self, subjects })
    }
}

impl Plot {
    /// The file of panels beside each other, row by row.
    ///
    /// # Errors
    /// `Value` for too many; `Internal` if the font cannot be read.
    pub fn panels(&self, all: &[Panel]) -> Result<Vec<u8>> {
        if all.len() > MOST {
            let e = format!("{} profiles and images; a picture has at most {MOST} of them", all.len());
            return Err(Error::new(ErrorKind::Value, e));
        }
        let scene = arranged(all.len(), |i, area| panels::draw(&all[i], self.scale, area))?;
        encoded(self.format, &scene)
    }
}

impl Picture {
    /// The file of the results among `values`, each `of` something.
    ///
    /// # Errors
    /// `Internal` if they are not those that it is a picture of.
    pub fn draw(&self, values: &[Value], of: &[Of]) -> Result<Vec<u8>> {
        if self.plot.together {
            return self.draw_together(values, of);
        }
        let scene = arranged(self.subjects.len(), |i, area| {
            let (at, subject) = &self.subjects[i];
            let nothing = Of::default();
            let of = of.get(*at).unwrap_or(&nothing);
            panel_of(subject, values.get(*at).ok_or_else(lost)?, of, self.plot.scale, area)
        })?;
        encoded(self.plot.format, &scene)
    }
}

/// Checks that results are lines of one length, and not too many.
fn check_together(subjects: &[(usize, Subject)]) -> std::result::Result<(), Failure> {
    let [(_, first), ..] = subjects else { return Ok(()) };
    let fits = |s: &Subject| matches!(s.kind, Kind::Line(_)) && s.kind == first.kind;
    if let Some((_, subject)) = subjects.iter().find(|(_, subject)| !fits(subject)) {
        let title = &subject.labels.title;
        return Err(Failure::Usage(format!(
            "--plot-together: {title} is no line as long as the first result\nhint: without it each result has a panel"
        )));
    }
    if subjects.len() > line::MOST {
        let (n, most) = (subjects.len(), line::MOST);
        return Err(Failure::Usage(format!("--plot-together: {n} lines; at most {most} are told apart")));
    }
    Ok(())
}

impl Picture {
    /// The file of lines in one frame.
    fn draw_together(&self, values: &[Value], of: &[Of]) -> Result<Vec<u8>> {
        let line = |(at, subject): &(usize, Subject)| {
            let value = values.get(*at).ok_or_else(lost)?.as_array()?;
            Ok((Values::of_array(value), subject.labels.clone()))
        };
        let lines = self.subjects.iter().map(line).collect::<Result<Vec<_>>>()?;
        // Lines along several dimensions lie beside each other by their places.
        let mut along = self.subjects.iter().map(|(at, _)| of.get(*at).and_then(|of| of.dimension(0)));
        let first = along.next().flatten();
        let along = first.filter(|first| along.all(|other| other.is_some_and(|o| o.is(first))));
        let scene = arranged(1, |_, area| line::draw(&lines, along, self.plot.scale, area))?;
        encoded(self.plot.format, &scene)
    }
}

fn encoded(format: Format, scene: &Scene) -> Result<Vec<u8>> {
    match format {
        Format::Png => png::encode(scene),
        Format::Svg => svg::encode(scene),
    }
}

/// So many panels, row by row, all of one width.
fn arranged(n: usize, draw: impl Fn(usize, Area) -> Result<Drawn>) -> Result<Scene> {
    let (width, height) = if n == 1 { ALONE } else { SEVERAL };
    let columns = (1..).find(|c| c * c >= n).unwrap_or(n);
    let (mut shapes, mut y, mut at) = (Vec::new(), 0, 0);
    while at < n {
        let mut used = 0;
        for column in 0..columns.min(n - at) {
            let drawn = draw(at + column, Area { x: column as u32 * width, y, width, height })?;
            shapes.extend(drawn.shapes);
            used = used.max(drawn.height);
        }
        at += columns;
        y += used;
    }
    Ok(Scene { width: columns as u32 * width, height: y, shapes })
}

fn panel_of(subject: &Subject, value: &Value, of: &Of, scale: Scale, panel: Area) -> Result<Drawn> {
    let labels = &subject.labels;
    match subject.kind {
        Kind::Line(_) => {
            let line = (Values::of_array(value.as_array()?), labels.clone());
            line::draw(&[line], of.dimension(0), scale, panel)
        }
        Kind::Image => {
            let array = value.as_array()?;
            let &[rows, columns] = array.shape() else { return Err(other()) };
            let along = (of.dimension(0), of.dimension(1));
            image::array(Values::of_array(array), (rows, columns), along, scale, labels, panel)
        }
        Kind::Profile => {
            let values = Values::of_array(value.as_array()?);
            match of.edges() {
                [x] => histogram::draw(values, x, scale, labels, panel),
                [x, y] => image::histogram(values, (x, y), scale, labels, panel),
                _ => Err(other()),
            }
        }
        Kind::Histogram | Kind::Histogram2d => {
            let found = value.as_histogram()?;
            let counted = Labels { values: COUNT.to_string(), ..labels.clone() };
            let labels = if found.weights().is_some() { labels } else { &counted };
            let values = Values::of_histogram(found);
            match found.edges() {
                [x] => histogram::draw(values, x, scale, labels, panel),
                [x, y] => image::histogram(values, (x, y), scale, labels, panel),
                _ => Err(other()),
            }
        }
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "a result that is drawn is not there")
}

fn other() -> Error {
    Error::new(ErrorKind::Internal, "a result that is drawn has another shape")
}
