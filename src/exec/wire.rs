//! What one process has gathered from some of a stage's tasks, for another that merges it.
//!
//! States travel as bytes, in binary formats as they are and in text as hexadecimal digits. Whoever takes them
//! in checks them: they may come from anywhere.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What one process has gathered for one output of a stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartialOutput {
    /// The tiles of the output that its tasks go into, in ascending order.
    pub tiles: Vec<PartialTile>,
}

/// A part of one tile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartialTile {
    /// The tile: the C-order position among the blocks of the axes that are kept.
    pub tile: u64,
    /// How many tasks it holds.
    pub tasks: u64,
    /// What they have gathered.
    pub state: StateBytes,
}

/// A state as [`State::write`](crate::ops::fold::State::write) writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateBytes(pub Vec<u8>);

impl Serialize for StateBytes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        bytes_or_text::serialize(&self.0, s)
    }
}

impl<'de> Deserialize<'de> for StateBytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<StateBytes, D::Error> {
        bytes_or_text::deserialize(d).map(StateBytes)
    }
}

/// Bytes as bytes in binary formats, and as hexadecimal digits in text.
pub(super) mod bytes_or_text {
    use serde::de::{Error, Visitor};
    use serde::{Deserialize, Deserializer, Serializer};
    use std::fmt;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        if !s.is_human_readable() {
            return s.serialize_bytes(bytes);
        }
        let digit = |n: u8| char::from_digit(n as u32, 16).unwrap_or('0');
        s.serialize_str(&bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect::<String>())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        if !d.is_human_readable() {
            return d.deserialize_byte_buf(Bytes);
        }
        let text = String::deserialize(d)?;
        let digits: Option<Vec<u8>> =
            text.bytes().map(|c| (c as char).to_digit(16).map(|d| d as u8)).collect();
        match digits {
            Some(digits) if digits.len() % 2 == 0 => {
                Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
            }
            _ => Err(D::Error::custom("the data are not hexadecimal")),
        }
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }
    }
}
