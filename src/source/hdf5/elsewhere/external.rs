//! Raw data in other files: pieces of them, one after the other, as one stretch of bytes.

use super::super::facts::Slot;
use super::super::handles::{self, FileState, RawFile};
use super::super::meta::ReadAt;
use super::names::{Kind, find};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::source::{Fingerprint, ReadStats};
use std::path::{Path, PathBuf};

/// Where a piece is.
#[derive(Debug)]
struct Piece {
    /// As the dataset's file names it.
    name: String,
    /// The key of the handle cache, and the file's state when it was found; `None` where it is missing.
    file: Option<(PathBuf, FileState)>,
    /// The piece's first byte in its file, and in the dataset.
    offset: u64,
    first: u64,
    /// How many bytes of the dataset it has.
    len: u64,
}

/// The bytes of a dataset in other files.
#[derive(Debug)]
pub(crate) struct External {
    pieces: Vec<Piece>,
    /// What is read where there is nothing: one element as it is stored.
    absent: Option<Vec<u8>>,
}

impl External {
    /// Finds the files of the `bytes` bytes of a dataset in the file at `path`. `absent` is one stored element,
    /// where absent parts are to be read as such.
    ///
    /// # Errors
    /// `NotFound` for a missing file and `Format` for one that is too short, unless there is an `absent` element;
    /// `Format` where the list has fewer bytes than the dataset.
    pub fn find(
        slots: &[Slot],
        bytes: u64,
        path: &Path,
        canonical: &Path,
        absent: Option<Vec<u8>>,
    ) -> Result<External> {
        let (mut pieces, mut first) = (Vec::new(), 0);
        for slot in slots {
            let len = slot.size.unwrap_or(u64::MAX).min(bytes - first);
            if len == 0 {
                continue;
            }
            let piece = piece(slot, first, len, path, canonical, absent.is_some());
            pieces.push(piece.at("external file", &slot.file)?);
            first += len;
        }
        if first < bytes {
            return Err(Error::new(
                ErrorKind::Format,
                format!("the external files have {first} bytes of the {bytes} that the dataset has"),
            ));
        }
        Ok(External { pieces, absent })
    }

    /// The states of the files.
    pub fn states(&self) -> impl Iterator<Item = &Fingerprint> {
        self.pieces.iter().filter_map(|p| p.file.as_ref().map(|(_, state)| &state.fingerprint))
    }

    /// Brings the bytes from `at` on, which the dataset has.
    pub fn read(&self, at: u64, out: &mut [u8], stats: &ReadStats) -> Result<()> {
        let (mut at, mut rest) = (at, out);
        let mut k = self.pieces.partition_point(|p| p.first <= at).saturating_sub(1);
        while !rest.is_empty() {
            let Some(piece) = self.pieces.get(k) else {
                return Err(Error::new(ErrorKind::Internal, "bytes that no external file has"));
            };
            let skip = at - piece.first;
            let n = (piece.len - skip).min(rest.len() as u64) as usize;
            let (now, later) = std::mem::take(&mut rest).split_at_mut(n);
            self.piece(piece, skip, now, stats).at("external file", &piece.name)?;
            (at, rest) = (at + n as u64, later);
            k += 1;
        }
        Ok(())
    }

    fn piece(&self, piece: &Piece, skip: u64, out: &mut [u8], stats: &ReadStats) -> Result<()> {
        let mut there = 0;
        if let Some((path, state)) = &piece.file {
            let file = handles::borrow_in(path, state)?;
            let from = piece.offset + skip;
            there = file.raw.len().saturating_sub(from).min(out.len() as u64) as usize;
            bring(&file.raw, from, &mut out[..there], stats)?;
        }
        let absent = &mut out[there..];
        match &self.absent {
            _ if absent.is_empty() => Ok(()),
            Some(element) => {
                let phase = (piece.first + skip + there as u64) % element.len() as u64;
                let bytes = element.iter().cycle().skip(phase as usize);
                absent.iter_mut().zip(bytes).for_each(|(out, b)| *out = *b);
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Internal, "an external file is shorter than it was")),
        }
    }
}

fn bring(file: &RawFile, at: u64, out: &mut [u8], stats: &ReadStats) -> Result<()> {
    match out.is_empty() {
        true => Ok(()),
        false => stats.read(out, |out| file.read_data(at, out)),
    }
}

fn piece(slot: &Slot, first: u64, len: u64, path: &Path, canonical: &Path, may_lack: bool) -> Result<Piece> {
    let hint = "put it there, or read absent parts as the fill value, as libhdf5 does, with \
                OpenOptions::new().fill_missing() (--fill-missing)";
    let end = slot.offset.checked_add(len).filter(|&end| end <= i64::MAX as u64);
    let end =
        end.ok_or_else(|| Error::new(ErrorKind::Format, format!("a piece from byte {} on", slot.offset)))?;
    let file = match find(Kind::Raw, &slot.file, path, canonical)? {
        Some(found) => {
            let found =
                std::fs::canonicalize(&found).map_err(|e| handles::io_error(e, "cannot find the file"))?;
            let state = handles::state(&found)?;
            Some((found, state))
        }
        None => None,
    };
    match &file {
        _ if may_lack => {}
        None => {
            return Err(
                Error::new(ErrorKind::NotFound, "a file that has data of the dataset is missing").hint(hint)
            );
        }
        Some((_, state)) if state.fingerprint.size < end => {
            return Err(Error::new(
                ErrorKind::Format,
                format!(
                    "a file that has data of the dataset is too short: it should go to byte {end}, and has {}",
                    state.fingerprint.size
                ),
            )
            .hint(hint));
        }
        Some(_) => {}
    }
    Ok(Piece { name: slot.file.clone(), file, offset: slot.offset, first, len })
}
