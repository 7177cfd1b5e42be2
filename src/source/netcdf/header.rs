//! The header of a netCDF classic file: what is in it, and where.
//!
//! After the format's specification ("NetCDF Classic Format Specification", the file `file_format_specifications.md`
//! of netCDF-C, and that of CDF-5). All numbers are big-endian. Values of attributes are left where they are.
//!
//! Nothing is believed: every count is checked against the bytes that are left before there is memory for it,
//! and every identifier against what it names. What the format has twice (`vsize`) is computed and not read.

use super::bytes::{Cursor, damaged};
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::source::hdf5::ReadAt;

/// What a file begins with, before the byte that says its version.
pub(super) const MAGIC: &[u8; 3] = b"CDF";

/// Dimensions, attributes, variables and their axes that are kept.
const MAX_ITEMS: u64 = 1 << 20;
/// A longer name is not believed (netCDF-C writes 256 bytes at most).
const MAX_NAME: u64 = 64 << 10;

/// The versions of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// CDF-1: 32 bits for all numbers.
    Classic,
    /// CDF-2: 64 bits for places in the file.
    Offset64,
    /// CDF-5: 64 bits for lengths too, and the other integers.
    Data64,
}

/// Element types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// A number.
    Number(DType),
    /// A byte of text.
    Char,
}

impl Type {
    /// The type that a file names by a number.
    fn of(number: u32, version: Version) -> Result<Type> {
        Ok(Type::Number(match number {
            1 => DType::I8,
            2 => return Ok(Type::Char),
            3 => DType::I16,
            4 => DType::I32,
            5 => DType::F32,
            6 => DType::F64,
            7 if version == Version::Data64 => DType::U8,
            8 if version == Version::Data64 => DType::U16,
            9 if version == Version::Data64 => DType::U32,
            10 if version == Version::Data64 => DType::I64,
            11 if version == Version::Data64 => DType::U64,
            _ => return Err(damaged(format!("an element type of the number {number}"))),
        }))
    }

    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Type::Number(dtype) => dtype.size(),
            Type::Char => 1,
        }
    }
}

/// A dimension.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dimension {
    pub name: String,
    /// Nothing for that of the records.
    pub len: Option<u64>,
}

/// An attribute, and where its values are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attribute {
    pub name: String,
    pub of: Type,
    pub len: u64,
    pub at: u64,
}

/// A variable.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable {
    pub name: String,
    /// Numbers of dimensions. Those of the records can be the first only.
    pub dimensions: Vec<u32>,
    pub attributes: Vec<Attribute>,
    pub of: Type,
    /// Where its elements begin.
    pub begin: u64,
}

/// A header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// How many records there are; nothing where the file was written by one who could not go back to say it.
    pub records: Option<u64>,
    pub dimensions: Vec<Dimension>,
    pub attributes: Vec<Attribute>,
    pub variables: Vec<Variable>,
    /// The first byte after it.
    pub end: u64,
}

impl Header {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// `Format` for a file that is no netCDF classic file, is cut off or is damaged; `Unsupported` for a version
    /// that is not known and for more than can be kept; what reading the file fails with.
    pub fn read(file: &dyn ReadAt) -> Result<Header> {
        let mut cursor = Cursor::new(file);
        let mut magic = [0; 4];
        cursor.fill(&mut magic)?;
        let [head @ .., number] = magic;
        if head != *MAGIC {
            return Err(Error::new(ErrorKind::Format, "not a netCDF classic file"));
        }
        let version = match number {
            1 => Version::Classic,
            2 => Version::Offset64,
            5 => Version::Data64,
            _ => {
                let message = format!(
                    "a netCDF classic file of the version {number}, which is not known; 1, 2 and 5 (CDF-1, CDF-2 \
                     and CDF-5) are"
                );
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        Parser { cursor, version, items: 0 }.header()
    }

    /// The dimension of a number.
    pub fn dimension(&self, number: u32) -> Option<&Dimension> {
        self.dimensions.get(number as usize)
    }

    /// Whether an array of a variable has one row for each record.
    pub fn has_records(&self, variable: &Variable) -> bool {
        let first = variable.dimensions.first().and_then(|&d| self.dimension(d));
        first.is_some_and(|d| d.len.is_none())
    }

    /// The variable at a path from the root.
    ///
    /// # Errors
    /// `Type` for the root; `NotFound`, with what there is.
    pub fn variable(&self, path: &str) -> Result<&Variable> {
        let name = path.trim_matches('/');
        if let Some(found) = self.variables.iter().find(|v| v.name == name && !name.is_empty()) {
            return Ok(found);
        }
        let mut parts = path.split('/').filter(|p| !p.is_empty() && *p != ".");
        let Some(first) = parts.next() else {
            return Err(Error::new(ErrorKind::Type, "this is a group, not a dataset")
                .hint("`chunkwise info` lists what is in the file"));
        };
        let more = parts.next().is_some();
        match self.variables.iter().find(|v| v.name == first) {
            Some(found) if !more => return Ok(found),
            Some(_) => {
                let message = format!("{:?} is a dataset, there is nothing below it", format!("/{first}"));
                return Err(Error::new(ErrorKind::NotFound, message));
            }
            None => {}
        }
        let none = format!("there is no {:?} in the file", format!("/{first}"));
        let mut e = Error::new(ErrorKind::NotFound, none).absent();
        if !more && self.dimensions.iter().any(|d| d.name == first) {
            e = e.hint(format!("{first} is a dimension without a variable of its own, and has no values"));
        }
        let mut names: Vec<&str> = self.variables.iter().map(|v| v.name.as_str()).collect();
        names.sort_unstable();
        names.truncate(12);
        Err(e.hint(match names.is_empty() {
            true => "the file has no variables".to_string(),
            false => format!("/ has {}", names.join(", ")),
        }))
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    version: Version,
    /// What is kept so far.
    items: u64,
}

impl Parser<'_> {
    fn header(mut self) -> Result<Header> {
        let records = self.count()?;
        let unknown = if self.version == Version::Data64 { u64::MAX } else { u64::from(u32::MAX) };
        let records = (records != unknown).then_some(records);
        if let Some(n) = records.filter(|&n| n > i64::MAX as u64) {
            return Err(damaged(format!("{n} records")));
        }
        let dimensions = self.list(10, "dimensions", Parser::dimension)?;
        if dimensions.iter().filter(|d| d.len.is_none()).count() > 1 {
            return Err(damaged("several dimensions of records"));
        }
        let attributes = self.attributes()?;
        let variables = self.list(11, "variables", |parser| parser.variable(&dimensions))?;
        Ok(Header { records, dimensions, attributes, variables, end: self.cursor.at() })
    }

    /// A number that counts something.
    fn count(&mut self) -> Result<u64> {
        match self.version {
            Version::Data64 => self.cursor.u64(),
            Version::Classic | Version::Offset64 => Ok(self.cursor.u32()?.into()),
        }
    }

    /// A list, behind its tag and how many it has. Without any the tag may be 0.
    fn list<T>(
        &mut self,
        tag: u32,
        what: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let at = self.cursor.at();
        let found = self.cursor.u32()?;
        let n = self.count()?;
        if found != tag && (found != 0 || n != 0) {
            return Err(damaged(format!("a list of {what} with the tag {found}")).at("byte", at));
        }
        // Each has a name behind its length, and a number at least.
        self.cursor.want(&format!("{n} {what}"), n.saturating_mul(8))?;
        self.keep(n)?;
        // It grows as they are found: what is said to be there may not be.
        let mut out = Vec::new();
        for _ in 0..n {
            out.push(item(self)?);
        }
        Ok(out)
    }

    /// Fails where so many more would be too many.
    fn keep(&mut self, n: u64) -> Result<()> {
        self.items = self.items.saturating_add(n);
        match self.items <= MAX_ITEMS {
            true => Ok(()),
            false => {
                let message =
                    format!("more than {MAX_ITEMS} dimensions, attributes, variables and axes of these");
                Err(Error::new(ErrorKind::Unsupported, message))
            }
        }
    }

    fn name(&mut self) -> Result<String> {
        let at = self.cursor.at();
        let n = self.count()?;
        if n > MAX_NAME {
            return Err(damaged(format!("a name of {n} bytes")).at("byte", at));
        }
        let mut bytes = vec![0; n as usize];
        self.cursor.fill(&mut bytes)?;
        self.cursor.skip(padding(n))?;
        Ok(match String::from_utf8(bytes) {
            Ok(name) => name,
            Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
        })
    }

    fn dimension(&mut self) -> Result<Dimension> {
        let name = self.name()?;
        let len = self.count()?;
        if len > i64::MAX as u64 {
            return Err(damaged(format!("a dimension of {len}")).at("dimension", name));
        }
        Ok(Dimension { name, len: (len > 0).then_some(len) })
    }

    fn attributes(&mut self) -> Result<Vec<Attribute>> {
        self.list(12, "attributes", Parser::attribute)
    }

    fn attribute(&mut self) -> Result<Attribute> {
        let name = self.name()?;
        let (of, len, at) = self.values().at("attribute", &name)?;
        Ok(Attribute { name, of, len, at })
    }

    /// Passes over the values of an attribute: their type, how many, and where they are.
    fn values(&mut self) -> Result<(Type, u64, u64)> {
        let of = self.of()?;
        let len = self.count()?;
        let at = self.cursor.at();
        let bytes = len.checked_mul(of.size() as u64).filter(|&n| n <= i64::MAX as u64);
        let bytes = bytes.ok_or_else(|| damaged(format!("{len} values")))?;
        self.cursor.skip(bytes)?;
        self.cursor.skip(padding(bytes))?;
        Ok((of, len, at))
    }

    fn of(&mut self) -> Result<Type> {
        let at = self.cursor.at();
        Type::of(self.cursor.u32()?, self.version).at("byte", at)
    }

    fn variable(&mut self, all: &[Dimension]) -> Result<Variable> {
        let name = self.name()?;
        let mut inner = || {
            let dimensions = self.dimensions_of(all)?;
            let attributes = self.attributes()?;
            let of = self.of()?;
            // The size in bytes: 4 bytes do not always hold it, and not all who write it pad it alike.
            self.count()?;
            let begin = match self.version {
                Version::Classic => self.cursor.u32()?.into(),
                Version::Offset64 | Version::Data64 => self.cursor.u64()?,
            };
            Ok((dimensions, attributes, of, begin))
        };
        let (dimensions, attributes, of, begin) =
            inner().map_err(|e: Error| e.at("dataset", format_args!("/{name}")))?;
        Ok(Variable { name, dimensions, attributes, of, begin })
    }

    fn dimensions_of(&mut self, all: &[Dimension]) -> Result<Vec<u32>> {
        let rank = self.count()?;
        self.cursor.want(&format!("{rank} dimensions of a variable"), rank.saturating_mul(4))?;
        self.keep(rank)?;
        let mut dimensions = Vec::new();
        for d in 0..rank {
            let id = self.count()?;
            match usize::try_from(id).ok().and_then(|id| all.get(id)) {
                None => return Err(damaged(format!("the dimension {id} of {}", all.len()))),
                Some(Dimension { len: None, .. }) if d > 0 => {
                    return Err(damaged(format!("the dimension of records at the place {d}")));
                }
                // There are not so many.
                Some(_) => dimensions.push(id as u32),
            }
        }
        Ok(dimensions)
    }
}

/// What is behind so many bytes, so that the next number is at a multiple of 4.
pub(super) fn padding(bytes: u64) -> u64 {
    bytes.wrapping_neg() % 4
}
