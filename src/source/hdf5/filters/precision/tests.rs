use super::super::stored::{Stored, integer, random};
use super::*;

/// The value of one element, bit by bit, as 8 bytes.
fn value(element: &[u8], bits: Bits) -> i64 {
    let mut v = 0i64;
    for k in 0..64 {
        // Above the top bit, the sign or zeros.
        let k_of = k.min(bits.precision - 1);
        let at = (bits.offset + k_of) as usize;
        let byte = element[if bits.big { element.len() - 1 - at / 8 } else { at / 8 }];
        if (k < bits.precision || bits.signed) && byte >> (at % 8) & 1 == 1 {
            v |= 1 << k;
        }
    }
    v
}

/// Elements with all bits random: against their bits one by one, and libhdf5's own conversion.
#[test]
fn integers_of_any_bits_have_their_values() {
    let (mut next, mut compared) = (random(9), 0);
    for size in [1, 2, 4, 8usize] {
        for precision in [1, 2, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64usize] {
            for offset in [0, 1, 5, 8, 8 * size - precision.min(8 * size)] {
                if precision + offset > 8 * size {
                    continue;
                }
                let (signed, big) = (next() % 2 == 0, next() % 2 == 0);
                let data: Vec<u8> = (0..100 * size).map(|_| next() as u8).collect();
                let t = integer(size, big, signed, precision, offset);
                let deflate = |p| assert!(unsafe { hdf5_sys::h5p::H5Pset_deflate(p, 1) } >= 0);
                let s = Stored::new(&t, &[100], deflate, &data, None);
                let e = s.element_type();
                let what = format!("{size} {precision} {offset} {signed} {big} {}", e.text);
                if !e.convert {
                    assert_eq!((precision, offset, e.bits), (8 * size, 0, None), "{what}");
                    continue;
                }
                let bits = Bits { offset: offset as u32, precision: precision as u32, signed, big };
                assert_eq!(e.bits, Some(bits), "{what}");
                let mut out = data.clone();
                if big != cfg!(target_endian = "big") {
                    super::super::swap_bytes(&mut out, size);
                }
                widen(&mut out, size, bits).unwrap();
                for (e, o) in data.chunks(size).zip(out.chunks(size)) {
                    let want = value(e, bits);
                    let want = if cfg!(target_endian = "big") {
                        want.to_be_bytes()[8 - size..].to_vec()
                    } else {
                        want.to_le_bytes()[..size].to_vec()
                    };
                    assert_eq!(o, want, "{what}: {e:?}");
                }
                let to = e.dtype.unwrap().size();
                // libhdf5 1.10 only swaps the bytes of a type of the other order if it has the native one's
                // size and no offset: it takes what is above the precision as part of the value.
                let only_swapped = offset == 0 && big != cfg!(target_endian = "big");
                if size == to && !only_swapped {
                    assert_eq!(out, s.read(Some(&e.memory), 100 * to), "{what}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 40, "only {compared} compared");
}

#[test]
fn known_values() {
    let bits = Bits { offset: 3, precision: 5, signed: true, big: false };
    let mut data = [0b1000_0101u8, 0b0111_1111, 0b1111_1000];
    widen(&mut data, 1, bits).unwrap();
    assert_eq!(data.map(|b| b as i8), [-16, 15, -1]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let of = |offset, precision| Bits { offset, precision, signed: true, big: false };
    let data = &mut [0u8; 16];
    for (bits, size) in [
        (of(0, 0), 2),
        (of(1, 16), 2),
        (of(u32::MAX, 2), 2),
        (of(3, u32::MAX), 4),
        (of(0, 1), 0),
        (of(0, 1), 9),
    ] {
        assert!(widen(data, size, bits).is_err());
    }
    assert!(widen(data, 3, of(0, 1)).is_err());
}
