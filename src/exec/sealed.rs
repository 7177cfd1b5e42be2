//! Partials and values on their way to another process, as bytes that say whose they are.
//!
//! In front stand the versions of the package, of plans and of the numerics, the plan's fingerprint and the stage, at the
//! end a checksum (CRC-32), so that what was cut off, damaged, or made by another version or for another plan is told apart before
//! anything is merged. The rest is postcard's binary form.

use super::reader::Values;
use super::value::Value;
use super::wire::StagePartial;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{NUMERICS_VERSION, PLAN_VERSION, Plan, PlanFingerprint};
use crate::sink::crc32;
use serde::{Deserialize, Serialize};

/// What each begins with.
const MAGIC: [u8; 8] = *b"\x89CWpart\n";
const PACKAGE: &str = env!("CARGO_PKG_VERSION");

/// What is in front of all else.
#[derive(Serialize, Deserialize)]
struct Head {
    package: String,
    plans: u32,
    numerics: u32,
    /// What follows.
    kind: Kind,
    plan: PlanFingerprint,
    stage: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Partial,
    Values,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Partial => "partial",
            Kind::Values => "list of values",
        }
    }
}

fn internal(e: postcard::Error) -> Error {
    Error::new(ErrorKind::Internal, "this cannot be written as bytes").caused_by(e)
}

fn sealed(kind: Kind, plan: PlanFingerprint, stage: usize, body: &impl Serialize) -> Result<Vec<u8>> {
    let (package, plans, numerics) = (PACKAGE.to_string(), PLAN_VERSION, NUMERICS_VERSION);
    let head =
        postcard::to_stdvec(&Head { package, plans, numerics, kind, plan, stage }).map_err(internal)?;
    let mut out = MAGIC.to_vec();
    out.extend((head.len() as u32).to_le_bytes());
    out.extend(head);
    let at = out.len();
    out.extend([0; 8]);
    let mut out = postcard::to_extend(body, out).map_err(internal)?;
    let len = (out.len() - at - 8) as u64;
    out[at..at + 8].copy_from_slice(&len.to_le_bytes());
    out.extend(crc32(&out).to_le_bytes());
    Ok(out)
}

/// What follows the head, if all of it is there as it was.
fn opened(kind: Kind, bytes: &[u8]) -> Result<(Head, &[u8])> {
    let what = kind.name();
    let wrong = |text: String| Error::new(ErrorKind::Format, text);
    let Some(rest) = bytes.strip_prefix(&MAGIC) else {
        return Err(wrong(format!("this is no {what} of chunkwise")));
    };
    let cut = || wrong(format!("the {what} is cut off: it has {} bytes", bytes.len()));
    let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let (head, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(cut)?;
    // The versions are looked at first: another one may have another form.
    let head: Head = postcard::from_bytes(head)
        .map_err(|e| wrong(format!("the {what} is damaged: it does not say whose it is")).caused_by(e))?;
    check_versions(what, &head.package, head.numerics, head.plans)?;
    if head.kind != kind {
        return Err(wrong(format!("this is a {}, not a {what}", head.kind.name())));
    }
    let (len, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let (body, sum) = usize::try_from(u64::from_le_bytes(*len))
        .ok()
        .and_then(|n| rest.split_at_checked(n))
        .ok_or_else(cut)?;
    match sum.split_first_chunk::<4>() {
        None => Err(cut()),
        Some((sum, [])) if u32::from_le_bytes(*sum) == crc32(&bytes[..bytes.len() - 4]) => Ok((head, body)),
        Some(_) => Err(wrong(format!("the {what} is damaged: its checksum is not that of its bytes"))),
    }
}

/// Checks that something was made by this version of the package, of plans and of the numerics.
///
/// # Errors
/// `Format`, with both versions.
pub fn check_versions(what: &str, package: &str, numerics: u32, plans: u32) -> Result<()> {
    if (package, numerics, plans) == (PACKAGE, NUMERICS_VERSION, PLAN_VERSION) {
        return Ok(());
    }
    let text = format!(
        "the {what} is of chunkwise {package} (numerics {numerics}, plans {plans}), and this is chunkwise {PACKAGE} \
         (numerics {NUMERICS_VERSION}, plans {PLAN_VERSION})"
    );
    Err(Error::new(ErrorKind::Format, text).hint("all processes of a run take the same version of chunkwise"))
}

impl StagePartial {
    /// The partial as bytes, for another process. What was done here ([`StagePartial::report`]) stays here.
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        sealed(Kind::Partial, self.plan, self.stage, self)
    }

    /// Reads what [`StagePartial::to_bytes`] wrote, in any process.
    ///
    /// # Errors
    /// `Format` for what is not such bytes, cut off, damaged, or of another version of chunkwise.
    pub fn from_bytes(bytes: &[u8]) -> Result<StagePartial> {
        let (head, body) = opened(Kind::Partial, bytes)?;
        let damaged = || Error::new(ErrorKind::Format, "the partial is damaged");
        let partial: StagePartial = postcard::from_bytes(body).map_err(|e| damaged().caused_by(e))?;
        match (partial.plan, partial.stage) == (head.plan, head.stage) {
            true => Ok(partial),
            false => Err(damaged()),
        }
    }
}

/// The values that the first stages of a plan have made and later ones, or whoever wants the results, need: what
/// processes that run a later stage are given.
#[derive(Clone, Debug, Default)]
pub struct StageValues {
    stages: usize,
    values: Values,
}

impl StageValues {
    /// Before any stage has run.
    pub fn new() -> StageValues {
        StageValues::default()
    }

    /// After the first `stages` of a plan, without what nobody needs any more.
    pub fn after(plan: &Plan, stages: usize, mut values: Values) -> StageValues {
        values.retain(|&v, _| plan.values().get(v).is_some_and(|spec| spec.last_use >= stages));
        StageValues { stages, values }
    }

    /// How many stages are done: the one that comes next.
    pub fn stages(&self) -> usize {
        self.stages
    }

    /// The values.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The values, taken out.
    pub fn into_values(self) -> Values {
        self.values
    }

    /// Only what tasks of the next stage read.
    pub fn read_next(&self, plan: &Plan) -> StageValues {
        let read = plan.stages().get(self.stages).map(|s| s.values_read()).unwrap_or_default();
        let wanted = read.iter().filter_map(|v| Some((*v, self.values.get(v)?.clone())));
        StageValues { stages: self.stages, values: wanted.collect() }
    }

    /// The values as bytes, for another process.
    ///
    /// # Errors
    /// `Internal` if they cannot be written.
    pub fn to_bytes(&self, plan: &Plan) -> Result<Vec<u8>> {
        let mut all: Vec<(usize, &Value)> = self.values.iter().map(|(&v, value)| (v, value)).collect();
        all.sort_unstable_by_key(|(v, _)| *v);
        sealed(Kind::Values, plan.fingerprint(), self.stages, &all)
    }

    /// Reads what [`StageValues::to_bytes`] wrote of this plan.
    ///
    /// # Errors
    /// `Format` as [`StagePartial::from_bytes`]; `Value` if they are of another plan.
    pub fn from_bytes(plan: &Plan, bytes: &[u8]) -> Result<StageValues> {
        let (head, body) = opened(Kind::Values, bytes)?;
        if head.plan != plan.fingerprint() || head.stage > plan.stages().len() {
            return Err(Error::new(ErrorKind::Value, "the values belong to another plan"));
        }
        let damaged = |e| Error::new(ErrorKind::Format, "the values are damaged").caused_by(e);
        let all: Vec<(usize, Value)> = postcard::from_bytes(body).map_err(damaged)?;
        Ok(StageValues { stages: head.stage, values: all.into_iter().collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partial() -> StagePartial {
        let plan = "00112233445566778899aabbccddeeff".parse().unwrap();
        let (ranges, outputs) = (vec![(3, 300)], Vec::new());
        let (notes, fallbacks, report) = (vec!["a note".into()], Vec::new(), Default::default());
        StagePartial { plan, stage: 2, ranges, outputs, notes, fallbacks, report }
    }

    #[test]
    fn bytes_say_what_is_wrong_with_them() {
        let bytes = partial().to_bytes().unwrap();
        let again = StagePartial::from_bytes(&bytes).unwrap();
        assert_eq!((again.ranges, again.notes), (partial().ranges, partial().notes));
        let fails = |bytes: &[u8]| StagePartial::from_bytes(bytes).map(drop).unwrap_err().to_string();
        assert!(fails(b"").contains("no partial"));
        assert!(fails(b"PNG and so on").contains("no partial"));
        for end in 8..bytes.len() {
            let said = fails(&bytes[..end]);
            assert!(said.contains("cut off"), "{end}: {said}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                fails(&bad);
            }
        }
        assert!(fails(&[&bytes[..], b"x"].concat()).contains("damaged"));
        // A version of another length moves all that follows, and is told all the same.
        let (package, kind, plan, stage) = ("9.10.11".to_string(), Kind::Partial, partial().plan, 0);
        let head = Head { package, plans: 1, numerics: 7, kind, plan, stage };
        let head = postcard::to_stdvec(&head).unwrap();
        let other = [&MAGIC[..], &(head.len() as u32).to_le_bytes(), &head, b"whatever"].concat();
        let said = fails(&other);
        assert!(said.contains("9.10.11 (numerics 7, plans 1)") && said.contains(PACKAGE), "{said}");
        let values = sealed(Kind::Values, partial().plan, 0, &0u8).unwrap();
        assert!(fails(&values).contains("list of values, not a partial"), "{}", fails(&values));
    }
}
