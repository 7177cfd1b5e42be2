//! Links, as messages have them.

use super::bytes::{Fields, Frame, damaged, unsupported};
use crate::error::Result;

/// The name of the one link that is wanted; without it all are.
pub(super) type Wanted<'a> = Option<&'a [u8]>;

/// A link of a group.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Link {
    pub name: Vec<u8>,
    pub target: Target,
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// To the object whose header is at this address.
    Hard(u64),
    /// To a path in this file.
    Soft(String),
    /// To a path (the second) in another file.
    External(String, String),
    /// As an application knows that defined this class.
    User(i32),
}

/// Text of a file; what is not UTF-8 is replaced.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Text up to its NUL, and what follows that.
pub(super) fn until_nul(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|&b| b == 0);
    let (head, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    (text(head), rest.get(1..).unwrap_or(&[]))
}

impl Link {
    /// Reads a link message.
    pub fn read(body: &[u8], frame: &Frame) -> Result<Link> {
        let mut fields = Fields::new(body);
        let version = fields.u8()?;
        if version != 1 {
            return Err(unsupported(format_args!("version {version} of links")));
        }
        let flags = fields.u8()?;
        let kind = if flags & 0x08 != 0 { fields.u8()? } else { 0 };
        fields.take(if flags & 0x04 != 0 { 8 } else { 0 })?;
        fields.take(if flags & 0x10 != 0 { 1 } else { 0 })?;
        let len = fields.number(1 << (flags & 3))?;
        let len = usize::try_from(len).map_err(|_| damaged("a link with a name longer than memory"))?;
        let name = fields.take(len)?.to_vec();
        if name.is_empty() {
            return Err(damaged("a link without a name"));
        }
        let target = match kind {
            0 => Target::Hard(
                fields
                    .address(frame)?
                    .ok_or_else(|| damaged(format!("{:?} is a link to nowhere", text(&name))))?,
            ),
            kind => {
                let len = usize::from(fields.u16()?);
                let value = fields.take(len)?;
                match kind {
                    1 => Target::Soft(until_nul(value).0),
                    64 => {
                        // One byte of version and flags, then two texts.
                        let (file, rest) = until_nul(value.get(1..).unwrap_or(&[]));
                        Target::External(file, until_nul(rest).0)
                    }
                    kind => Target::User(i32::from(kind)),
                }
            }
        };
        Ok(Link { name, target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { base: 0, address: 8, length: 8 };

    #[test]
    fn links_of_all_classes() {
        let link = |bytes: &[u8]| Link::read(bytes, &FRAME);
        let target = |bytes: &[u8]| link(bytes).unwrap().target;
        assert_eq!(target(b"\x01\0\x01a\x10\x02\0\0\0\0\0\0"), Target::Hard(0x210));
        assert_eq!(target(b"\x01\x08\x01\x01a\x03\0x/y"), Target::Soft("x/y".into()));
        // A creation order, a character set, a length of two bytes.
        let soft = b"\x01\x1d\x01\x09\0\0\0\0\0\0\0\x01\x02\0\xc3\xa9\x02\0z\0";
        assert_eq!(link(soft).unwrap(), Link { name: "é".into(), target: Target::Soft("z".into()) });
        let external = b"\x01\x08\x40\x01e\x0a\0\0a.h5\0/b\0x";
        assert_eq!(target(external), Target::External("a.h5".into(), "/b".into()));
        assert_eq!(target(b"\x01\x08\xbb\x01u\x02\0zz"), Target::User(187));
        for (bad, words) in [
            (&b"\x02\0\x01a\x10\x02\0\0\0\0\0\0"[..], "version 2"),
            (b"\x01\0\0\x10\x02\0\0\0\0\0\0", "without a name"),
            (b"\x01\0\x09a\x10\x02\0\0\0\0\0\0", "ends early"),
            (b"\x01\0\x01a\xff\xff\xff\xff\xff\xff\xff\xff", "nowhere"),
            (b"\x01\x08\x01\x01a\x05\0x/y", "ends early"),
            (b"\x01\x03\xff\xff\xff\xff\xff\xff\xff\xffa", "ends early"),
        ] {
            let e = link(bad).unwrap_err();
            assert!(e.to_string().contains(words), "{e}");
        }
    }
}
