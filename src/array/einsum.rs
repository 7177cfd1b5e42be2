//! `numpy.einsum`: sums of products whose axes are named by letters.
//!
//! Two factors at a time become a product of matrices (with the letters that both have and the result keeps as its
//! leading axes), from the first to the last, as they are written. What a letter of one factor alone is not wanted for
//! is summed before.

use super::{Array, Over, attempt, show};
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::panic::Location;

/// A factor and the letters of its axes.
struct Factor {
    array: Array,
    letters: Vec<char>,
}

/// `numpy.einsum`: the sum over the letters that the result has not of the products of elements at equal letters, as in
/// `"ij,jk->ik"`. Without `->`, the letters that come once are the result's, in the order of the alphabet.
///
/// ```
/// use chunkwise::{Array, Session, einsum};
/// # fn main() -> chunkwise::Result<()> {
/// let m = Array::arange_int(0, 6, 1).reshape(&[2, 3]);
/// let squares = einsum("ij,ij->i", &[m.clone(), m]);
/// assert_eq!(Session::new()?.compute(&squares)?.as_slice::<i64>()?, [5, 50]);
/// # Ok(())
/// # }
/// ```
///
/// Errors, when it is computed: `Value` for subscripts that cannot be read (`...` among them) or are not those of the
/// arrays; `Shape` for a letter that stands for different lengths.
#[track_caller]
pub fn einsum(subscripts: &str, arrays: &[Array]) -> Array {
    let (mut factors, wanted) = attempt!("einsum", read(subscripts, arrays));
    for f in &mut factors {
        attempt!("einsum", f.once());
    }
    // In the dtype of the result from the start: what is summed of one factor alone counts in it too.
    let dtypes = attempt!("einsum", factors.iter().map(|f| f.array.dtype()).collect::<Result<Vec<_>>>());
    if let Some(dtype) = dtypes.into_iter().reduce(|a, b| a.promote(b)) {
        factors.iter_mut().for_each(|f| f.array = f.array.cast(dtype));
    }
    let mut factors = factors.into_iter();
    let Some(mut product) = factors.next() else {
        attempt!("einsum", Err(wrong("there are no arrays".into())))
    };
    let mut rest: Vec<Factor> = factors.collect();
    while !rest.is_empty() {
        let next = rest.remove(0);
        let later = |c: char| wanted.contains(&c) || rest.iter().any(|f| f.letters.contains(&c));
        product = attempt!("einsum", product.times(next, &later));
    }
    attempt!("einsum", product.summed(&|c| wanted.contains(&c)));
    let order: Vec<i64> =
        wanted.iter().filter_map(|c| product.letters.iter().position(|l| l == c)).map(|d| d as i64).collect();
    product.array.transpose(&order)
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Value, message)
}

/// The factors, and the letters of the result.
fn read(subscripts: &str, arrays: &[Array]) -> Result<(Vec<Factor>, Vec<char>)> {
    let text: String = subscripts.chars().filter(|c| *c != ' ').collect();
    if text.contains('.') {
        return Err(
            wrong(format!("'{subscripts}': '...' cannot be used")).hint("name every axis by a letter")
        );
    }
    let (from, to) = match text.split_once("->") {
        Some((from, to)) => (from, Some(to)),
        None => (text.as_str(), None),
    };
    let lists: Vec<Vec<char>> = from.split(',').map(|t| t.chars().collect()).collect();
    if let Some(c) =
        lists.iter().flatten().copied().chain(to.unwrap_or("").chars()).find(|c| !c.is_ascii_alphabetic())
    {
        return Err(wrong(format!("'{subscripts}': '{c}' is no letter that names an axis")));
    }
    if lists.len() != arrays.len() {
        return Err(wrong(format!(
            "'{subscripts}' names {} arrays, and there are {}",
            lists.len(),
            arrays.len()
        )));
    }
    let mut lengths: HashMap<char, u64> = HashMap::new();
    let mut factors = Vec::new();
    for (letters, array) in lists.into_iter().zip(arrays) {
        let shape = array.shape()?;
        if shape.len() != letters.len() {
            let names: String = letters.iter().collect();
            return Err(wrong(format!(
                "'{names}' names {} axes of an array of shape {}",
                letters.len(),
                show(shape)
            )));
        }
        for (&c, &n) in letters.iter().zip(shape) {
            let known = *lengths.entry(c).or_insert(n);
            if known != n {
                let message = format!("'{subscripts}': '{c}' is {known} long and {n} long");
                return Err(Error::new(ErrorKind::Shape, message));
            }
        }
        factors.push(Factor { array: array.clone(), letters });
    }
    let all: String = factors.iter().flat_map(|f| &f.letters).collect();
    let wanted: Vec<char> = match to {
        Some(to) => to.chars().collect(),
        None => {
            let mut once: Vec<char> = all.chars().filter(|c| all.matches(*c).count() == 1).collect();
            once.sort_unstable();
            once
        }
    };
    for (i, c) in wanted.iter().enumerate() {
        if !all.contains(*c) {
            return Err(wrong(format!("'{subscripts}': no array has the axis '{c}' of the result")));
        }
        if wanted[..i].contains(c) {
            return Err(wrong(format!("'{subscripts}': the result names '{c}' twice")));
        }
    }
    Ok((factors, wanted))
}

impl Factor {
    /// Axes of one letter become their diagonal.
    #[track_caller]
    fn once(&mut self) -> Result<()> {
        while let Some((i, j)) = self.twice() {
            self.array = self.array.diagonal(0, (i as i64, j as i64));
            let letter = self.letters.remove(j);
            self.letters.remove(i);
            self.letters.push(letter);
        }
        self.array.check()
    }

    fn twice(&self) -> Option<(usize, usize)> {
        (0..self.letters.len())
            .find_map(|j| (0..j).find(|&i| self.letters[i] == self.letters[j]).map(|i| (i, j)))
    }

    /// Summed over the letters that nobody wants.
    #[track_caller]
    fn summed(&mut self, wanted: &dyn Fn(char) -> bool) -> Result<()> {
        let gone = (0..self.letters.len()).filter(|&d| !wanted(self.letters[d]));
        let gone: Vec<i64> = gone.map(|d| d as i64).collect();
        if !gone.is_empty() {
            let dtype = self.array.dtype()?;
            self.array = self.array.sum_with(Over::axes(gone).dtype(dtype));
            self.letters.retain(|&c| wanted(c));
        }
        self.array.check()
    }

    /// The lengths of some letters' axes.
    fn lengths(&self, letters: &[char]) -> Result<Vec<i64>> {
        let shape = self.array.shape()?;
        let of = |c: &char| self.letters.iter().position(|l| l == c).map_or(1, |d| shape[d] as i64);
        Ok(letters.iter().map(of).collect())
    }

    /// The axes of these letters in their order, the axes of each list as one.
    #[track_caller]
    fn arranged(&self, both: &[char], first: &[char], second: &[char]) -> Result<Array> {
        let place = |c: &char| self.letters.iter().position(|l| l == c).map(|d| d as i64);
        let order: Vec<i64> = both.iter().chain(first).chain(second).filter_map(place).collect();
        let one = |letters: &[char]| -> Result<i64> {
            Ok(self.lengths(letters)?.into_iter().fold(1, i64::saturating_mul))
        };
        let mut shape = self.lengths(both)?;
        shape.extend([one(first)?, one(second)?]);
        Ok(self.array.transpose(&order).reshape(&shape))
    }

    /// The product with another factor, summed over the letters that are not wanted `later`.
    #[track_caller]
    fn times(mut self, mut other: Factor, later: &dyn Fn(char) -> bool) -> Result<Factor> {
        let theirs = other.letters.clone();
        self.summed(&|c| later(c) || theirs.contains(&c))?;
        let ours = self.letters.clone();
        other.summed(&|c| later(c) || ours.contains(&c))?;
        let (shared, left): (Vec<char>, Vec<char>) = ours.iter().partition(|c| other.letters.contains(c));
        let (both, summed): (Vec<char>, Vec<char>) = shared.into_iter().partition(|&c| later(c));
        let right: Vec<char> = other.letters.iter().copied().filter(|c| !ours.contains(c)).collect();
        let letters: Vec<char> = both.iter().chain(&left).chain(&right).copied().collect();
        let mut shape = self.lengths(&both)?;
        shape.extend(self.lengths(&left)?);
        shape.extend(other.lengths(&right)?);
        let (a, b) = (self.arranged(&both, &left, &summed)?, other.arranged(&both, &summed, &right)?);
        // Nothing is summed: every element with every other.
        let product = if summed.is_empty() { a * b } else { a.matmul(&b) };
        Ok(Factor { array: product.reshape(&shape), letters })
    }
}
