use super::result::Results;
pub fn table(r: &Results) -> String {
    let mut t = String::new();
    for l in &r.limits {
        t += &format!("{:24} {:.3e}/s {:?}\n", l.key, l.rate, l.unit);
    }
    for row in &r.rows {
        t += &format!(
            "{:20} {:10} {:.3e}/s {:?} share {:.2}\n",
            row.work,
            row.set,
            row.rate().unwrap_or(0.0),
            row.unit,
            row.share(&r.limits).unwrap_or(f64::NAN)
        );
    }
    for f in &r.facts {
        t += &format!("{} {} {:.4e} {:?}\n", f.group, f.title, f.value, f.unit);
    }
    t
}
