//! Images that do not fit the budget: strips of rows, one after the other.

use crate::array::fold;
use crate::error::{ErrorKind, Result};
use crate::ops::fold::Splat;
use crate::{Array, ArrayValue, Session};

/// The most strips of an image: all particles are read for each.
const MOST: u64 = 64;

/// The images of particles beside each other, by what draws some rows of them, the columns that it takes, and the sums of
/// magnitudes.
pub(super) fn draw(
    rows: u64,
    splat: impl Fn([u64; 2]) -> Result<Splat>,
    columns: &[&Array],
    magnitudes: Array,
    session: &Session,
) -> Result<Vec<f64>> {
    let whole = fold(splat([0, rows])?, columns, &[&magnitudes]);
    let refused = match session.compute(&whole) {
        Ok(image) => return Ok(image.as_slice::<f64>()?.to_vec()),
        Err(e) if e.kind() == ErrorKind::Budget && e.needed().is_some() => e,
        Err(e) => return Err(e),
    };
    let most = rows.min(MOST);
    let magnitudes = Array::from_ndarray(session.compute(&magnitudes)?.to_ndarray::<f64>()?.into_shared());
    let strip = |rows| splat(rows).map(|splat| fold(splat, columns, &[&magnitudes]));
    // A run that does not fit is refused before anything is read.
    let needed = refused.needed().unwrap_or(u64::MAX);
    let mut strips = needed.div_ceil(session.memory().max(1)).clamp(2, most.max(2));
    loop {
        let high = rows.div_ceil(strips);
        let first = match session.compute(&strip([0, high.min(rows)])?) {
            Ok(first) => first,
            Err(e) if e.kind() == ErrorKind::Budget && e.needed().is_some() && strips < most => {
                strips = (strips + strips.div_ceil(4)).min(most);
                continue;
            }
            Err(e) => return Err(e),
        };
        let mut out = Vec::new();
        place(&mut out, &first, 0, rows)?;
        for begin in (high..rows).step_by(high as usize) {
            let part = session.compute(&strip([begin, (begin + high).min(rows)])?)?;
            place(&mut out, &part, begin, rows)?;
        }
        return Ok(out);
    }
}

/// Puts a strip of several images where it belongs in these, which are so many rows high.
fn place(out: &mut Vec<f64>, strip: &ArrayValue, begin: u64, rows: u64) -> Result<()> {
    let [images, high, columns] = [0, 1, 2].map(|d| strip.shape()[d] as usize);
    let image = rows as usize * columns;
    out.resize(images * image, 0.0);
    let (strip, begin) = (strip.as_slice::<f64>()?, begin as usize * columns);
    for (i, part) in strip.chunks_exact(high * columns).enumerate() {
        out[i * image + begin..][..part.len()].copy_from_slice(part);
    }
    Ok(())
}
