//! What tells one plan from another, in any process.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The version of the numerics: which bits a plan's results, and the states on the way to them, have. It goes
/// up whenever either may change, so that partials of two such versions are never merged.
pub const NUMERICS_VERSION: u32 = 3;

/// A short name of a plan that two plans share only if they are the same: 128 bits of a hash of what
/// [`Plan::to_json`](super::Plan::to_json) writes and of [`NUMERICS_VERSION`]. It is the same in every process and
/// on every machine. As text it is 32 hexadecimal digits.
///
/// The hash is FNV-1a: it tells plans apart that differ by chance, not ones that were made to look alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanFingerprint(u128);

impl PlanFingerprint {
    /// Of the bytes of a plan.
    pub(super) fn of(canonical: &[u8]) -> PlanFingerprint {
        let version = NUMERICS_VERSION.to_le_bytes();
        PlanFingerprint(fnv(version.iter().chain(canonical)))
    }
}

/// FNV-1a of 128 bits (Fowler, Noll, Vo; RFC 9923).
fn fnv<'a>(bytes: impl Iterator<Item = &'a u8>) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = (1 << 88) + 0x13b;
    bytes.fold(BASIS, |hash, &b| (hash ^ u128::from(b)).wrapping_mul(PRIME))
}

impl fmt::Display for PlanFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for PlanFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlanFingerprint({self})")
    }
}

impl FromStr for PlanFingerprint {
    type Err = crate::error::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = if digits { u128::from_str_radix(text, 16).ok() } else { None };
        number.map(PlanFingerprint).ok_or_else(|| {
            let what = "a plan's fingerprint is 32 hexadecimal digits";
            crate::error::Error::new(crate::error::ErrorKind::Value, what)
        })
    }
}

impl Serialize for PlanFingerprint {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match s.is_human_readable() {
            true => s.collect_str(self),
            false => self.0.to_le_bytes().serialize(s),
        }
    }
}

impl<'de> Deserialize<'de> for PlanFingerprint {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match d.is_human_readable() {
            true => String::deserialize(d)?
                .parse()
                .map_err(|_| serde::de::Error::custom("a plan's fingerprint is 32 hexadecimal digits")),
            false => <[u8; 16]>::deserialize(d).map(|bytes| PlanFingerprint(u128::from_le_bytes(bytes))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the authors' own program.
    #[test]
    fn the_hash_is_fnv_1a() {
        for (text, hash) in [
            ("", "6c62272e07bb014262b821756295c58d"),
            ("a", "d228cb696f1a8caf78912b704e4a8964"),
            ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
        ] {
            assert_eq!(format!("{:032x}", fnv(text.as_bytes().iter())), hash);
        }
    }

    #[test]
    fn a_fingerprint_travels_as_text_and_as_bytes() {
        let of = PlanFingerprint::of(b"a plan");
        let text = serde_json::to_string(&of).unwrap();
        assert_eq!(text, format!("\"{of}\""));
        assert_eq!(serde_json::from_str::<PlanFingerprint>(&text).unwrap(), of);
        let bytes = postcard::to_stdvec(&of).unwrap();
        assert_eq!(bytes.len(), 16);
        assert_eq!(postcard::from_bytes::<PlanFingerprint>(&bytes).unwrap(), of);
        assert_eq!(format!("{of}").parse::<PlanFingerprint>().unwrap(), of);
        for bad in ["", "12", "+6c62272e07bb014262b821756295c58", &format!("{of}0"), &format!("g{of}")[..32]]
        {
            assert!(bad.parse::<PlanFingerprint>().is_err(), "{bad}");
        }
    }
}
