//! Which name was meant by one that is not there.

/// The most names that are offered.
const OFFERED: usize = 3;

/// The candidates that `name` can be a slip for, if there are any: those that differ only in case, else those with
/// the fewest letters that are missing, too many, wrong, or swapped with their neighbour. One such slip is taken for one
/// in names of three letters or more, two from eight letters on; a name with more of them is another name.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted: Vec<char> = name.chars().collect();
    let limit = match wanted.len() {
        0..3 => 0,
        3..8 => 1,
        8..=64 => 2,
        _ => return Vec::new(),
    };
    let lower = name.to_lowercase();
    let mut best = limit;
    let mut found = Vec::new();
    for candidate in candidates {
        let other: Vec<char> = candidate.chars().take(wanted.len() + limit + 1).collect();
        let slips = match candidate.to_lowercase() == lower {
            true => 0,
            _ if other.len().abs_diff(wanted.len()) > limit => continue,
            false => distance(&wanted, &other),
        };
        if name.is_empty() || slips > best || (slips == 0 && candidate.to_lowercase() != lower) {
            continue;
        }
        if slips < best {
            (best, found) = (slips, Vec::new());
        }
        if !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found.truncate(OFFERED);
    found
}

/// `did you mean 'mean'?`, if there is something to offer.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let found: Vec<String> = nearest(name, candidates).iter().map(|n| format!("'{n}'")).collect();
    (!found.is_empty()).then(|| format!("did you mean {}?", found.join(" or ")))
}

/// Damerau–Levenshtein distance (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_known_and_other_names_are_not() {
        let names = ["rho", "temperature", "mean", "nanmean", "sqrt", "sum", "sin", "max", "x", "y"];
        for (name, found) in [
            ("rhoo", &["rho"][..]),
            ("Rho", &["rho"]),
            ("maen", &["mean"]),
            ("meam", &["mean"]),
            ("mea", &["mean"]),
            ("temprature", &["temperature"]),
            ("tempertaure", &["temperature"]),
            ("nanmaen", &["nanmean"]),
            ("sun", &["sum", "sin"]),
            ("X", &["x"]),
            ("median", &[]),
            ("std", &[]),
            ("mx", &[]),
            ("z", &[]),
            ("density", &[]),
            ("", &[]),
        ] {
            assert_eq!(nearest(name, names), found, "{name}");
        }
        assert!(nearest(&"a".repeat(1000), names).is_empty());
        assert_eq!(did_you_mean("sun", names).as_deref(), Some("did you mean 'sum' or 'sin'?"));
        assert_eq!(did_you_mean("density", names), None);
    }
}
