//! The rounded product of two float64 and its error, at vector speed; see `product`.

use crate::per_simd;

/// The upper half of `x`, to nearest.
#[inline(always)]
fn upper(x: f64) -> f64 {
    f64::from_bits(x.to_bits().wrapping_add(1 << 26) & !((1 << 27) - 1))
}

#[inline(always)]
fn two_product_body(a: &[f64], b: &[f64], product: &mut [f64], error: &mut [f64]) {
    for (((&x, &y), p), e) in a.iter().zip(b).zip(product).zip(error) {
        let (x1, y1) = (upper(x), upper(y));
        let (x2, y2) = (x - x1, y - y1);
        *p = x * y;
        *e = ((x1 * y1 - *p) + x1 * y2 + x2 * y1) + x2 * y2;
    }
}
#[inline(always)]
fn two_product_fused(a: &[f64], b: &[f64], product: &mut [f64], error: &mut [f64]) {
    for (((&x, &y), p), e) in a.iter().zip(b).zip(product).zip(error) {
        *p = x * y;
        *e = x.mul_add(y, -*p);
    }
}
per_simd!(
    /// `product` + `error` is a · b exactly, for factors within the bounds.
    pub(super) fn two_product(a: &[f64], b: &[f64], product: &mut [f64], error: &mut [f64])
        = two_product_body, fused two_product_fused
);

#[inline(always)]
fn two_square_body(v: &[f64], square: &mut [f64], error: &mut [f64]) {
    for ((&x, s), e) in v.iter().zip(square).zip(error) {
        let x1 = upper(x);
        let x2 = x - x1;
        *s = x * x;
        *e = ((x1 * x1 - *s) + (x1 + x1) * x2) + x2 * x2;
    }
}
#[inline(always)]
fn two_square_fused(v: &[f64], square: &mut [f64], error: &mut [f64]) {
    for ((&x, s), e) in v.iter().zip(square).zip(error) {
        *s = x * x;
        *e = x.mul_add(x, -*s);
    }
}
per_simd!(
    pub(super) fn two_square(v: &[f64], square: &mut [f64], error: &mut [f64])
        = two_square_body, fused two_square_fused
);
