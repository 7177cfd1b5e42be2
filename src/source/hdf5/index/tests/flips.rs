//! Single bits of an index, flipped one by one: a lookup gives what it gave before, or an error.
//!
//! Newer indexes have checksums. Version 1 B-trees have none, so what their nodes say is checked against
//! the array and against each other. What no check can tell from another valid file are the fields of one
//! leaf entry: the address of a chunk, and for filtered chunks the stored size and the filter mask. A flip
//! there may change that field of that chunk, and nothing else. Where chunks are missing an entry's key can also become
//! that of one that is missing, between the same neighbours: then that chunk is there, and the other is not, or, where the entry
//! is the first of its node, an error.

use super::hostile::{Rng, Subject, subjects};
use super::*;

/// Lookups tried in each dataset, and the most flips.
const LOOKUPS: u64 = 30_000;
const FLIPS: u64 = 240;

/// What lookups of all chunks give, missing ones included.
fn all(bytes: &[u8], facts: &Facts) -> Result<Vec<Result<Option<Stored>>>> {
    let index = ChunkIndex::locate(&bytes, facts.header, &facts.expect())?;
    let (mut memo, grid) = (Memo::default(), facts.grid());
    let count = grid.iter().product::<u64>();
    Ok((0..count).map(|i| index.find(&bytes, &unravel(i, &grid), &mut memo)).collect())
}

/// Whether two places differ in one bit of one field that nothing guards. A file holds addresses from the end of its
/// user block on.
fn unguarded(before: &Stored, now: &Stored, filtered: bool, user_block: u64) -> bool {
    let bits = |a: u64, b: u64| (a ^ b).count_ones();
    let address = bits(before.address - user_block, now.address - user_block);
    let (size, mask) = (bits(before.size, now.size), bits(u64::from(before.mask), u64::from(now.mask)));
    match filtered {
        true => [address, size, mask].iter().sum::<u32>() == 1,
        // The mask is of no filter.
        false => size == 0 && address + mask == 1,
    }
}

/// What is wrong with lookups in damaged bytes, if something is; else whether any of them noticed.
fn judge(
    subject: &Subject,
    good: &[Result<Option<Stored>>],
    bad: &[u8],
    style: Style,
) -> std::result::Result<bool, String> {
    let Ok(found) = all(bad, &subject.facts) else { return Ok(true) };
    let (mut noticed, mut other) = (false, 0);
    let (mut lost, mut gained, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (i, (before, now)) in good.iter().zip(&found).enumerate() {
        match (before.as_ref().unwrap(), now) {
            (before, Err(e)) => {
                // A version that is not known is seen before a checksum.
                assert!([ErrorKind::Format, ErrorKind::Unsupported].contains(&e.kind()), "{e}");
                refused.extend(before);
                noticed = true;
            }
            (before, Ok(now)) if before == now => {}
            (Some(before), Ok(Some(now)))
                if !style.latest && unguarded(before, now, subject.facts.filtered, style.user_block) =>
            {
                other += 1;
            }
            (Some(before), Ok(None)) if !style.latest => lost.push((i, *before)),
            (None, Ok(Some(now))) if !style.latest => gained.push((i, *now)),
            (before, Ok(now)) => return Err(format!("chunk {i}: {now:?} instead of {before:?}")),
        }
    }
    match (&lost[..], &gained[..]) {
        ([], []) => {}
        ([(_, was)], [(_, is)]) if was == is && other == 0 => return Ok(noticed),
        ([], [(_, is)]) if refused.contains(is) && other == 0 => return Ok(noticed),
        _ => return Err(format!("{lost:?} are lost and {gained:?} are gained")),
    }
    match other {
        0 | 1 => Ok(noticed),
        n => Err(format!("{n} chunks elsewhere")),
    }
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let mut rng = Rng::seeded("a_flipped_bit_is_noticed_or_harmless");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let (mut flips, mut noticed, mut wrong) = (0u64, 0u64, Vec::new());
    for style in [OLD, NEW, Style { half: 2, ..OLD }, Style { half: 3, user_block: 512, ..OLD }] {
        let (bytes, subjects) = subjects(&path, style);
        for subject in &subjects {
            let good = all(&bytes, &subject.facts).unwrap();
            let mut bad = bytes.clone();
            let trees = |(at, _): &&(u64, u64)| bytes[*at as usize..].starts_with(b"TREE\x01");
            // The object headers of old files have no checksum; they are no part of an index.
            let structures: Vec<_> = match style.latest {
                true => subject.sums.clone(),
                false => subject.reads.iter().filter(trees).copied().collect(),
            };
            let all_flips = FLIPS.min(LOOKUPS / good.len() as u64);
            let each = all_flips.div_ceil(structures.len() as u64);
            for &(at, len) in &structures {
                let len = len.min(bytes.len() as u64 - at);
                for n in 0..each.min(8 * len) {
                    // The head of a node decides the most.
                    let byte = at + if n % 4 == 0 { rng.below(len.min(64)) } else { rng.below(len) };
                    let bit = rng.below(8);
                    bad[byte as usize] ^= 1 << bit;
                    flips += 1;
                    match judge(subject, &good, &bad, style) {
                        Ok(seen) => noticed += u64::from(seen),
                        Err(why) => wrong.push(format!(
                            "{} (half {}): byte {} of the structure at {at}, bit {bit}: {why}",
                            subject.name,
                            style.half,
                            byte - at
                        )),
                    }
                    bad[byte as usize] ^= 1 << bit;
                }
            }
            assert!(bad == bytes);
        }
    }
    println!("{flips} flips, {noticed} noticed");
    assert!(flips > 3000 && noticed > 1000, "{flips} {noticed}");
    let shown = &wrong[..wrong.len().min(40)];
    assert!(wrong.is_empty(), "{} of {flips} flips give other chunks:\n{}", wrong.len(), shown.join("\n"));
}
