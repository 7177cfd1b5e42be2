use super::super::stored::{Stored, can_write, check_goldens, float, integer, random};
use super::*;
use hdf5_sys::h5p::H5Pset_nbit;

#[test]
fn goldens_and_their_damage() {
    check_goldens(5, decode, 25);
}

fn nbit(p: hdf5_sys::h5i::hid_t) {
    assert!(unsafe { H5Pset_nbit(p) } >= 0);
}

/// Elements with all bits random, and what of them n-bit keeps.
fn data(n: usize, size: usize, precision: usize, offset: usize, big: bool) -> (Vec<u8>, Vec<u8>) {
    let mut next = random((size * 1000 + precision * 10 + offset) as u64);
    let (mut data, mut kept) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let mut e: Vec<u8> = (0..size).map(|_| next() as u8).collect();
        let mut k = vec![0; size];
        for bit in offset..offset + precision {
            k[bit / 8] |= e[bit / 8] & 1 << (bit % 8);
        }
        if big {
            e.reverse();
            k.reverse();
        }
        data.extend(e);
        kept.extend(k);
    }
    (data, kept)
}

#[test]
fn what_libhdf5_packs_comes_back() {
    assert!(can_write(5, "n-bit"));
    for size in [1usize, 2, 3, 4, 5, 6, 7, 8, 12, 16] {
        let bits = 8 * size;
        let mut cases = vec![];
        for precision in
            [1, 2, 3, 5, 7, 8, 9, 12, 15, 16, 17, 23, 24, 31, 32, 33, 40, 57, 58, 63, 64, 65, 90, 128]
        {
            let free = bits as isize - precision;
            for offset in [0, 1, 3, 7, 8, 9, free / 2, free] {
                if offset >= 0 && offset <= free && !cases.contains(&(precision, offset)) {
                    cases.push((precision, offset));
                }
            }
        }
        for (i, (precision, offset)) in cases.into_iter().enumerate() {
            let (precision, offset, big) = (precision as usize, offset as usize, i % 2 == 1);
            let (data, kept) = data(77, size, precision, offset, big);
            let t = integer(size, big, true, precision, offset);
            let s = Stored::new(&t, &[7, 11], nbit, &data, None);
            assert_eq!(s.mask, 0);
            let what = format!("{size} {precision} {offset} {big} {:?}", s.values);
            let got = s.decode(decode, data.len());
            assert!(got == s.read(None, data.len()), "{what}");
            assert!(got == if precision == bits { data } else { kept }, "{what}");
        }
    }
}

#[test]
fn what_was_not_packed_is_as_it_was() {
    let (data, _) = data(77, 4, 32, 0, false);
    let s = Stored::new(&float(4, true), &[77], nbit, &data, None);
    assert_eq!((s.values[1], &s.bytes), (1, &data));
    assert_eq!(s.decode(decode, data.len()), data);
    // Types that are not numbers have no description.
    let (work, out) = (&mut Work::default(), &mut [0u8; 5]);
    assert_eq!(decode(&[3, 1, 5], b"abcde", out, work), Ok(5));
    assert_eq!(out, b"abcde");
    assert!(decode(&[3, 1, 5], b"abcdef", out, work).is_err());
}

#[test]
fn hostile_parameters_are_refused() {
    let good = [8u32, 0, 10, 1, 2, 0, 11, 3];
    let (input, work, out) = ([0xa5u8; 14], &mut Work::default(), &mut [0u8; 20]);
    assert_eq!(decode(&good, &input, out, work), Ok(20));
    assert!(decode(&good, &input[..13], out, work).unwrap_err().contains("ends early"));
    assert!(decode(&good, &input, &mut out[..19], work).unwrap_err().contains("19 have room"));
    for (i, value, say) in [
        (0, 9, "says 9"),
        (2, u32::MAX, "have room"),
        (3, 2, "arrays"),
        (3, 3, "compounds"),
        (3, 4, "not a number"),
        (4, 0, "0 bytes"),
        (4, 1, "1 bytes"),
        (4, u32::MAX, "have room"),
        (5, 2, "byte order 2"),
        (6, 0, "0 bits"),
        (6, 14, "14 bits"),
        (6, u32::MAX, "bits"),
        (7, 6, "from bit 6"),
        (7, u32::MAX, "from bit"),
    ] {
        let mut values = good;
        values[i] = value;
        let why = decode(&values, &input, out, work).unwrap_err();
        assert!(why.contains(say), "{i} {value}: {why}");
    }
    for n in 0..8 {
        let mut values = good[..n].to_vec();
        if n > 0 {
            values[0] = n as u32;
        }
        assert!(decode(&values, &input, out, work).is_err());
    }
    // No elements of any size are nothing.
    assert_eq!(decode(&[8, 0, 0, 1, u32::MAX, 0, 11, 3], &[], &mut [], work), Ok(0));
}
