//! Numbers of attributes in the dtype of the data, only where they are the same numbers.

use crate::dtype::{DType, Kind, Scalar, Weak};

/// The largest whole number of a float that is looked at as an integer.
const WHOLE: f64 = 1e30;

/// `v` in `dtype`, if `dtype` has exactly this number.
pub(super) fn exact(v: Scalar, dtype: DType) -> Option<Scalar> {
    match dtype.kind() {
        Kind::Float => {
            let wide = v.to_f64();
            let same = v.to_i128().is_none_or(|i| wide as i128 == i);
            let narrow = Weak::Float(wide).to_scalar(dtype).ok().filter(|_| same)?;
            (narrow.to_f64() == wide || wide.is_nan()).then_some(narrow)
        }
        _ => Weak::Int(integer(v)?).to_scalar(dtype).ok(),
    }
}

/// `v` as an integer, if it is one.
fn integer(v: Scalar) -> Option<i128> {
    let whole = |f: f64| f.fract() == 0.0 && f.abs() < WHOLE;
    v.to_i128().or_else(|| Some(v.to_f64()).filter(|&f| whole(f)).map(|f| f as i128))
}

/// A number that the attributes give of data whose integers are stored as `stored` and read as `read`: the number
/// itself, or the one whose bits it has in `stored`.
pub(super) fn as_read(v: Scalar, stored: DType, read: DType) -> Option<Scalar> {
    exact(v, read).or_else(|| {
        let twin = exact(v, stored).filter(|_| stored != read)?;
        Scalar::from_bytes(read, &twin.to_bytes())
    })
}

/// The integer of `dtype` that is the nearest bound from inside: the least that is at least `v`, or the greatest that
/// is at most `v`. `Ok(None)`: every integer of the dtype is within it. `Err`: none is.
pub(super) fn bound(v: Scalar, dtype: DType, lowest: bool) -> Result<Option<Scalar>, ()> {
    let rounded = match v.to_i128() {
        Some(i) => i,
        None if v.to_f64().is_nan() => return Err(()),
        // Beyond the integers of every dtype the value itself does not matter.
        None => {
            let f = v.to_f64().clamp(-WHOLE, WHOLE);
            (if lowest { f.ceil() } else { f.floor() }) as i128
        }
    };
    match Weak::Int(rounded).to_scalar(dtype) {
        Ok(bound) => Ok(Some(bound)),
        Err(_) if (rounded < 0) == lowest => Ok(None),
        Err(_) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_number_fits() {
        let f32_of = |v: f64| exact(Scalar::F64(v), DType::F32);
        assert_eq!(f32_of(0.5), Some(Scalar::F32(0.5)));
        assert_eq!(f32_of(0.1), None);
        assert_eq!(f32_of(1e300), None);
        assert!(matches!(f32_of(f64::NAN), Some(Scalar::F32(v)) if v.is_nan()));
        assert_eq!(exact(Scalar::I64(i64::MAX), DType::F64), None);
        assert_eq!(exact(Scalar::F32(-999.0), DType::I16), Some(Scalar::I16(-999)));
        assert_eq!(exact(Scalar::F64(1e20), DType::I64), None);
        assert_eq!(exact(Scalar::F64(f64::NAN), DType::I16), None);
        assert_eq!(exact(Scalar::U64(u64::MAX), DType::U64), Some(Scalar::U64(u64::MAX)));
    }

    #[test]
    fn the_bits_of_another_sign_fit() {
        assert_eq!(as_read(Scalar::I16(-1), DType::I16, DType::U16), Some(Scalar::U16(65535)));
        assert_eq!(as_read(Scalar::I32(65535), DType::I16, DType::U16), Some(Scalar::U16(65535)));
        assert_eq!(as_read(Scalar::I16(7), DType::I16, DType::U16), Some(Scalar::U16(7)));
        assert_eq!(as_read(Scalar::I16(-1), DType::U16, DType::U16), None);
        assert_eq!(as_read(Scalar::U8(200), DType::U8, DType::I8), Some(Scalar::I8(-56)));
    }

    #[test]
    fn bounds_are_rounded_inwards() {
        let i8_of = |v: f64, lowest| bound(Scalar::F64(v), DType::I8, lowest);
        assert_eq!(i8_of(0.5, true), Ok(Some(Scalar::I8(1))));
        assert_eq!(i8_of(0.5, false), Ok(Some(Scalar::I8(0))));
        assert_eq!(i8_of(-200.0, true), Ok(None));
        assert_eq!(i8_of(-200.0, false), Err(()));
        assert_eq!(i8_of(200.0, false), Ok(None));
        assert_eq!(i8_of(f64::INFINITY, true), Err(()));
        assert_eq!(i8_of(f64::NAN, true), Err(()));
        assert_eq!(bound(Scalar::I32(-1), DType::U8, true), Ok(None));
        assert_eq!(bound(Scalar::I32(-1), DType::U8, false), Err(()));
    }
}
