//! From the mappings of a file to elements of datasets that are there, and the shape that follows from them.
//!
//! A mapping may be without end: then its source says how long it is, or the virtual dataset has a block for each
//! file or dataset `%b` (0, 1, …) up to the first that is missing. The shape is the one that libhdf5 shows by
//! itself (`H5D_VDS_LAST_AVAILABLE`, with no gaps).

use super::super::facts::Mapping;
use super::super::selection::{Indices, Selection};
use super::sources::{Chain, Home, KEPT, Looked, Name, Sources};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, show_shape};
use crate::source::parallel::in_parallel;
use smallvec::SmallVec;
use std::collections::HashMap;

/// Datasets of a numbered list that are looked for at once.
const AHEAD: usize = 32;

/// Elements of the dataset that are elements of a source.
#[derive(Debug)]
pub(super) struct Link {
    pub source: usize,
    /// Products or rows, with an end, and of as many elements.
    pub to: Selection,
    pub from: Selection,
    /// The axes of the two that go together, if the elements do so axis by axis.
    pub pairs: Option<SmallVec<[(usize, usize); 4]>>,
    /// Whether the source does not have all of them.
    pub cut: bool,
    /// Along each axis of the dataset the first index and one past the last.
    pub bounds: Vec<(u64, u64)>,
}

/// A virtual dataset, resolved.
#[derive(Debug)]
pub(super) struct Resolved {
    pub shape: Dims,
    pub sources: Sources,
    /// In the order of the file: what comes later lies over what comes before.
    pub links: Vec<Link>,
}

struct Resolver<'a> {
    sources: Sources,
    numbers: HashMap<Name, Option<usize>>,
    chain: &'a Chain<'a>,
    fill_missing: bool,
}

/// A mapping of which it is known where its source is, with the number of indices of what has no end.
struct Placed<'a> {
    mapping: &'a Mapping,
    source: usize,
    to: Selection,
    len: Option<u64>,
}

/// Resolves the mappings of a dataset that was stored with this shape.
///
/// # Errors
/// `NotFound` for a missing source and `Format` for one that is too short, unless the options say that they are
/// read as the fill value; `Format` for mappings that contradict each other or their sources; as opening the
/// sources.
pub(super) fn resolve(mappings: &[Mapping], stored: &[u64], home: Home, chain: &Chain) -> Result<Resolved> {
    let fill_missing = home.options.fill_missing;
    let mut resolver = Resolver { sources: Sources::new(home), numbers: HashMap::new(), chain, fill_missing };
    resolver.look_at_all(mappings)?;
    let mut extents: Vec<Option<u64>> = vec![None; stored.len()];
    let mut least = vec![0u64; stored.len()];
    let mut placed = Vec::new();
    for mapping in mappings {
        if let Some(rank) = mapping.to.rank().filter(|&rank| rank != stored.len()) {
            let message = format!("a mapping of {rank} axes in a virtual dataset of {}", stored.len());
            return Err(Error::new(ErrorKind::Format, message));
        }
        let unlimited = mapping.to.unlimited();
        for (d, (_, end)) in mapping.to.bounds().into_iter().enumerate() {
            if Some(d) != unlimited {
                least[d] = least[d].max(end);
            }
        }
        match (unlimited, mapping.from.unlimited()) {
            (None, None) => resolver.place(mapping, &mut placed)?,
            (Some(d), Some(_)) => {
                let end = resolver.place_tied(mapping, d, &mut placed)?;
                extents[d] = extents[d].max(Some(end));
            }
            (Some(d), None) => {
                let end = resolver.place_numbered(mapping, d, &mut placed)?;
                extents[d] = extents[d].max(Some(end));
            }
            (None, Some(_)) => {
                return Err(Error::new(ErrorKind::Format, "a mapping from elements without end to some"));
            }
        }
    }
    let shape: Dims = (0..stored.len()).map(|d| extents[d].map_or(stored[d], |n| n.max(least[d]))).collect();
    if least.iter().zip(&shape).any(|(least, n)| least > n) {
        let message =
            format!("mappings that go beyond the shape {} of the virtual dataset", show_shape(&shape));
        return Err(Error::new(ErrorKind::Format, message));
    }
    let mut links = Vec::with_capacity(placed.len());
    for one in placed {
        let (name, known) = resolver.sources.get(one.source);
        let link = link(&one, &shape, &known.shape, fill_missing).map_err(|e| name.locate(e))?;
        links.extend(link);
    }
    Ok(Resolved { shape, sources: resolver.sources, links })
}

impl<'a> Resolver<'a> {
    /// Looks at the sources that are named as they are, several at once.
    fn look_at_all(&mut self, mappings: &[Mapping]) -> Result<()> {
        let mut names = Vec::new();
        for mapping in mappings {
            let numbered = mapping.to.unlimited().is_some() && mapping.from.unlimited().is_none();
            if numbered || mapping.from == Selection::None {
                continue;
            }
            let name = named(mapping, None)?;
            if self.numbers.insert(name.clone(), None).is_none() {
                names.push(name);
            }
        }
        let looked = self.look(&names)?;
        for (name, looked) in names.into_iter().zip(looked) {
            self.take(name, looked?);
        }
        Ok(())
    }

    fn look(&self, names: &[Name]) -> Result<Vec<Result<Looked>>> {
        let (home, chain) = (self.sources.home(), self.chain);
        // No more stay open than are kept.
        let look = |i: usize| {
            let looked = home.look(&names[i], chain);
            Ok(looked.map(|l| l.map(|(known, source)| (known, source.filter(|_| i < KEPT)))))
        };
        // Only the first of a chain has threads: their number does not grow with its length.
        match chain.is_first() {
            true => in_parallel(names.len(), &look),
            false => (0..names.len()).map(look).collect(),
        }
    }

    fn take(&mut self, name: Name, looked: Looked) -> Option<usize> {
        let number = looked.map(|(known, source)| self.sources.push(name.clone(), known, source));
        self.numbers.insert(name, number);
        number
    }

    /// The source of a mapping that has one name; `None` where it is missing and may be.
    fn source(&self, mapping: &Mapping) -> Result<Option<usize>> {
        let name = named(mapping, None)?;
        match self.numbers.get(&name).copied().flatten() {
            None if !self.fill_missing => Err(name.missing()),
            number => Ok(number),
        }
    }

    fn place<'m>(&self, mapping: &'m Mapping, placed: &mut Vec<Placed<'m>>) -> Result<()> {
        if mapping.from == Selection::None || mapping.to == Selection::None {
            return Ok(());
        }
        if let Some(source) = self.source(mapping)? {
            placed.push(Placed { mapping, source, to: mapping.to.clone(), len: None });
        }
        Ok(())
    }

    /// Both have no end: as many indices as the source has. Gives where they end in the dataset.
    fn place_tied<'m>(&self, mapping: &'m Mapping, d: usize, placed: &mut Vec<Placed<'m>>) -> Result<u64> {
        let Some(source) = self.source(mapping)? else { return Ok(0) };
        let (name, known) = self.sources.get(source);
        let of = |selection: &Selection, d: usize| match selection {
            Selection::Product(axes) => axes.get(d).cloned(),
            _ => None,
        };
        let from = mapping.from.unlimited().unwrap_or(0);
        let (Some(from), Some(have), Some(to)) =
            (of(&mapping.from, from), known.shape.get(from), of(&mapping.to, d))
        else {
            let message = format!("a mapping from an array of {} axes", known.shape.len());
            return Err(name.locate(Error::new(ErrorKind::Format, message)));
        };
        let len = from.before(*have);
        placed.push(Placed { mapping, source, to: mapping.to.clone(), len: Some(len) });
        Ok(to.first(len).end().unwrap_or(0))
    }

    /// A block for each dataset of a numbered list. Gives where the last one ends.
    fn place_numbered<'m>(
        &mut self,
        mapping: &'m Mapping,
        d: usize,
        placed: &mut Vec<Placed<'m>>,
    ) -> Result<u64> {
        if !mapping.file.contains('%') && !mapping.dataset.contains('%') || !is_numbered(mapping)? {
            return Err(Error::new(ErrorKind::Format, "a mapping to elements without end from some"));
        }
        let Selection::Product(axes) = &mapping.to else { return Ok(0) };
        let Some(&Indices::Even { start, stride, block, .. }) = axes.get(d) else { return Ok(0) };
        let mut end = 0;
        for first in (0u64..).step_by(AHEAD) {
            let names = (first..first + AHEAD as u64).map(|n| named(mapping, Some(n)));
            let names = names.collect::<Result<Vec<_>>>()?;
            let looked = self.look(&names)?;
            for ((name, looked), n) in names.into_iter().zip(looked).zip(first..) {
                let Some(source) = self.take(name, looked?) else { return Ok(end) };
                let at = n.checked_mul(stride).and_then(|at| at.checked_add(start));
                let at = at.filter(|at| at.checked_add(block).is_some_and(|end| end <= i64::MAX as u64));
                let at = at.ok_or_else(|| Error::new(ErrorKind::Format, "a block beyond all numbers"))?;
                let mut axes = axes.clone();
                axes[d] = Indices::dense(at, block);
                placed.push(Placed { mapping, source, to: Selection::Product(axes), len: None });
                end = at + block;
            }
        }
        Ok(end)
    }
}

/// The elements of a mapping; `None` where it has none.
fn link(placed: &Placed, shape: &[u64], source: &[u64], fill_missing: bool) -> Result<Option<Link>> {
    let to = placed.to.of(shape, placed.len)?;
    let from = placed.mapping.from.of(source, placed.len)?;
    let wrong = |message: String| Err(Error::new(ErrorKind::Format, message));
    let (Some(wanted), Some(have)) = (to.len(), from.len()) else {
        return wrong("a mapping of more elements than can be counted".into());
    };
    if wanted != have {
        return wrong(format!("a mapping of {have} elements of a source to {wanted} elements"));
    }
    if wanted == 0 {
        return Ok(None);
    }
    let bounds = to.bounds();
    if bounds.iter().zip(shape).any(|((_, end), n)| end > n) {
        return wrong(format!(
            "a mapping that goes beyond the shape {} of the virtual dataset",
            show_shape(shape)
        ));
    }
    let ends: Dims = from.bounds().iter().map(|b| b.1).collect();
    let cut = ends.iter().zip(source).any(|(end, n)| end > n);
    if cut && !fill_missing {
        let message = format!(
            "a dataset that the virtual dataset is made of is too short: elements up to {} are wanted, and its shape \
             is {}",
            show_shape(&ends),
            show_shape(source)
        );
        return Err(Error::new(ErrorKind::Format, message).hint(
            "read absent parts as the fill value with OpenOptions::new().fill_missing() (--fill-missing)",
        ));
    }
    let pairs = pairs(&to, &from);
    Ok(Some(Link { source: placed.source, to, from, pairs, cut, bounds }))
}

/// The axes that go together: those of several indices, if they are as many and as long.
fn pairs(to: &Selection, from: &Selection) -> Option<SmallVec<[(usize, usize); 4]>> {
    let (Selection::Product(to), Selection::Product(from)) = (to, from) else { return None };
    let long = |axes: &[Indices]| -> SmallVec<[(usize, u64); 4]> {
        let lens = axes.iter().map(|a| a.len().unwrap_or(0)).enumerate();
        lens.filter(|&(_, n)| n != 1).collect()
    };
    let (to, from) = (long(to), long(from));
    let alike = to.len() == from.len() && to.iter().zip(&from).all(|(a, b)| a.1 == b.1);
    alike.then(|| to.iter().zip(&from).map(|(a, b)| (a.0, b.0)).collect())
}

/// The names of a mapping, with the number of a dataset where they have a place for it.
fn named(mapping: &Mapping, number: Option<u64>) -> Result<Name> {
    let (file, in_file) = substituted(&mapping.file, number)?;
    let (dataset, in_dataset) = substituted(&mapping.dataset, number)?;
    if number.is_none() && (in_file || in_dataset) {
        return Err(Error::new(
            ErrorKind::Format,
            "a mapping with a number in its names, which is not of a list",
        ));
    }
    Ok(Name { file, dataset })
}

fn is_numbered(mapping: &Mapping) -> Result<bool> {
    Ok(substituted(&mapping.file, Some(0))?.1 || substituted(&mapping.dataset, Some(0))?.1)
}

/// A name with a number for each `%b`, and `%` for `%%`; and whether there was one.
fn substituted(name: &str, number: Option<u64>) -> Result<(String, bool)> {
    let (mut out, mut found, mut rest) = (String::new(), false, name);
    while let Some((head, tail)) = rest.split_once('%') {
        out += head;
        rest = match tail.as_bytes().first() {
            Some(b'b') => {
                found = true;
                out += &number.unwrap_or(0).to_string();
                &tail[1..]
            }
            Some(b'%') => {
                out.push('%');
                &tail[1..]
            }
            _ => {
                let message = format!("the name {name:?} of a source, in which % stands for nothing");
                return Err(Error::new(ErrorKind::Format, message));
            }
        };
    }
    Ok((out + rest, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_numbers() {
        assert_eq!(substituted("f%b_%%_%b.h5", Some(12)).unwrap(), ("f12_%_12.h5".into(), true));
        assert_eq!(substituted("100%%", None).unwrap(), ("100%".into(), false));
        assert_eq!(substituted("ä", None).unwrap(), ("ä".into(), false));
        assert!(substituted("50%", None).is_err() && substituted("%d", None).is_err());
    }
}
