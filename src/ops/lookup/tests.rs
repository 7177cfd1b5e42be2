//! Whether elements are in a table, beside a comparison with all of them.

use super::there::There;
use super::*;
use crate::dtype::Element;

/// Whether each is there, one compared with all.
fn holds<T: Element + Sorts>(table: &[T], x: &[T]) {
    let lookup = Lookup::among(&Table::new(table), T::DTYPE).unwrap();
    let mut out = vec![7; x.len()];
    lookup.find(bytemuck::cast_slice(x), &mut out);
    let want: Vec<u8> = x.iter().map(|x| table.iter().any(|t| t.same(*x)).into()).collect();
    assert_eq!(out, want, "{} in {}", T::DTYPE, table.len());
}

fn hashed<T: Element + Sorts>(table: &[T]) -> bool {
    matches!(Lookup::among(&Table::new(table), T::DTYPE).unwrap().there, Some(There::Hashes { .. }))
}

#[test]
fn what_is_there_is_found_and_nothing_else() {
    let mut seed = 1u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 17
    };
    for n in [0, 1, 2, 7, 100, 3000] {
        for range in [3u64, 1000, 1 << 40] {
            let mut draw = |count: usize| (0..count).map(|_| next() % range).collect::<Vec<_>>();
            let (table, mut x) = (draw(n), draw(500));
            x.extend(&table);
            let ints = |v: &[u64]| v.iter().map(|&v| v as i64 - range as i64 / 2).collect::<Vec<_>>();
            holds(&table, &x);
            holds(&ints(&table), &ints(&x));
            let small = |v: &[u64]| v.iter().map(|&v| v as i16).collect::<Vec<_>>();
            holds(&small(&table), &small(&x));
            let doubles = |v: &[u64]| ints(v).iter().map(|&v| v as f64 / 8.0).collect::<Vec<_>>();
            let singles = |v: &[u64]| ints(v).iter().map(|&v| v as f32 / 8.0).collect::<Vec<_>>();
            holds(&doubles(&table), &doubles(&x));
            holds(&singles(&table), &singles(&x));
        }
    }
    let ends = [i64::MIN, -1, 0, 1, i64::MAX];
    holds(&ends, &ends);
    holds(&[u64::MAX, 0], &[0, 1, u64::MAX - 1, u64::MAX]);
    holds(&[i64::MAX], &ends);
    holds(&[i8::MIN, i8::MAX], &(i8::MIN..=i8::MAX).collect::<Vec<_>>());
    let odd = [f64::NAN, -0.0, 0.0, f64::INFINITY, -1.0, 5e-324];
    holds(&odd, &odd);
    holds(&[-0.0], &odd);
    let halves: Vec<half::f16> = (0..=u16::MAX).map(half::f16::from_bits).collect();
    holds(&halves[0x7f00..0x8100], &halves);
    assert!(hashed(&[1i64, 1 << 40]) && hashed(&[1.0f32]) && !hashed(&[5i32, 400]));
}
