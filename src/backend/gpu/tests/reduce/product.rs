//! Products: factors whose product is exact, is cut, is a tie, or leaves the range on the way or for
//! good; integers that fit, just fit, and do not.

use super::data::{Class, Input, Random, float_bits, format, number};
use super::exact::magnitude;
use super::{
    Abilities, Block, GpuRunner, Operand, Region, Runner, both, check, context, has, inputs, reduce,
    reduce_kernel, repeated, same, spec, state_ref,
};
use crate::dtype::DType;
use num_bigint::BigUint;

/// Kinds of factors; their products are mostly in range.
#[derive(Clone, Copy, Debug)]
enum Factors {
    /// Between 1 ± 1/256: all bits count, so most are cut.
    AboutOne,
    /// Small odd numbers times powers of two that cancel: exact, and often near a tie.
    Few,
    /// Near the largest and the smallest magnitudes in turn, so that what one invocation has is far out
    /// of range.
    Ends,
    /// Subnormals and the largest magnitudes in turn.
    Subnormal,
}

const FACTORS: [Factors; 4] = [Factors::AboutOne, Factors::Few, Factors::Ends, Factors::Subnormal];

fn factor(random: &mut Random, dtype: DType, kind: Factors, n: usize) -> u64 {
    let (exponent, fraction) = format(dtype);
    let sign = (random.next() & 1) << (exponent + fraction);
    let highest = (1u64 << exponent) - 2;
    let is_even = n.is_multiple_of(2);
    let bits = match kind {
        Factors::AboutOne => float_bits(dtype, 1.0 + (random.unit() - 0.5) / 128.0),
        Factors::Few => {
            let odd = if random.below(6) == 0 { 3 + 2 * random.below(3) } else { 1 };
            let power = (n / 2 * 7 % (highest as usize / 3)) as i32;
            float_bits(dtype, odd as f64 * 2f64.powi(if is_even { power } else { -power }))
        }
        Factors::Ends => {
            let below = random.below(3) as u64;
            let field = if is_even { highest - below } else { 1 + below };
            field << fraction | random.next() & ((1 << fraction) - 1)
        }
        Factors::Subnormal => match is_even {
            true => highest << fraction | random.next() & ((1 << fraction) - 1),
            false => (1u64 << (fraction - 1)) | random.next() & ((1 << fraction) - 1),
        },
    };
    bits ^ sign
}

fn floats(context: &super::Context) -> Vec<DType> {
    [DType::F16, DType::F32, DType::F64].into_iter().filter(|&d| has(context, d)).collect()
}

#[test]
fn products_of_floats_are_exact() {
    let Some(context) = context() else { return };
    let mut random = Random(11);
    let shapes: [(&[u64], &[bool]); 7] = [
        (&[3, 81], &[false, true]),
        (&[90, 3], &[true, false]),
        (&[40, 2], &[false, true]),
        (&[20_003], &[true]),
        (&[3, 3001], &[false, true]),
        (&[3001, 3], &[true, false]),
        (&[2, 301, 3], &[true, false, true]),
    ];
    for dtype in floats(&context) {
        for kind in FACTORS {
            for (shape, reduced) in shapes {
                let len = shape.iter().product::<u64>() as usize;
                let bits = (0..len).map(|n| factor(&mut random, dtype, kind, n)).collect();
                let input = Input::dense(dtype, bits, shape);
                let spec = spec("prod", dtype);
                check(&context, &spec, shape, &Region::whole(shape), reduced, &[input]);
            }
        }
    }
}

/// What the device hands on holds the exact product, and nothing is lost where 256 bits are enough.
#[test]
fn no_more_is_lost_than_is_said() {
    let Some(context) = context() else { return };
    let mut random = Random(15);
    let mut exact = [0, 0];
    for dtype in floats(&context) {
        for kind in FACTORS {
            for (outputs, len) in [(70usize, 3usize), (9, 11), (5, 26), (2, 900), (1, 20_003)] {
                let bits: Vec<u64> =
                    (0..outputs * len).map(|n| factor(&mut random, dtype, kind, n)).collect();
                let shape = [outputs as u64, len as u64];
                let input = Input::dense(dtype, bits.clone(), &shape);
                let kernel = reduce_kernel(&spec("prod", dtype), &[false, true]);
                let region = Region::whole(&shape);
                let mut states = vec![kernel.terminals[0].state(&shape).unwrap()];
                let (abilities, bytes) = (context.abilities(), input.bytes());
                let mut gpu = GpuRunner::new(&context, &kernel, &abilities, &shape, 256 << 20, None).unwrap();
                let operand = Operand::plain(&bytes, input.placement.clone());
                gpu.run(&Block { region: &region, domain: &shape }, &[operand], &mut states).unwrap();
                gpu.flush(&mut states).unwrap();
                let state: &reduce::State = state_ref(&*states[0]).unwrap();
                for (o, factors) in bits.chunks(len).enumerate() {
                    let what = format!("{dtype} {kind:?} {outputs} {len} {o}");
                    let values: Vec<f64> = factors.iter().map(|&b| number(dtype, b)).collect();
                    let (product, power) = magnitude(&values);
                    let (significand, exponent, lost) = state.float_product(o).unwrap();
                    let words = significand.iter().flat_map(|w| [*w as u32, (*w >> 32) as u32]);
                    let low = BigUint::new(words.collect()) << 255u32;
                    let high = &low + (&low >> 255u32) * lost;
                    // All in units of 2^(exponent − 255).
                    let unit = power - (exponent - 255);
                    let is_exact = product.bits() - product.trailing_zeros().unwrap() <= 256;
                    let (product, shift) =
                        if unit < 0 { (product, -unit as u64) } else { (product << unit as u64, 0) };
                    assert!(low << shift <= product && product <= high << shift, "{what}");
                    assert_eq!(lost == 0, is_exact, "{what}");
                    // Every factor, every invocation's product and the host's are cut at most once.
                    assert!(lost <= 2 * (len as u64 + 256 * 64 + 1), "{what}: {lost}");
                    exact[is_exact as usize] += 1;
                }
            }
        }
    }
    assert!(exact[0] > 50 && exact[1] > 500, "{exact:?}");
}

/// Products of two against the processor's, which rounds once too.
#[test]
fn products_of_two_are_the_processor_s() {
    let Some(context) = context() else { return };
    let mut random = Random(12);
    let shape = [4000u64, 2];
    for dtype in [DType::F32, DType::F64] {
        if !has(&context, dtype) {
            continue;
        }
        for class in [Class::AllBits, Class::Subnormal, Class::Specials, Class::Uniform] {
            let mut input = Input::of_class(&mut random, dtype, class, &shape);
            // Ties, and products at both ends.
            let known = [(4097.0, 4097.0), (4097.0, 4099.0), (1e-30, 1e-15), (1e38, 3.4028235), (-0.0, 3.0)];
            for (k, (a, b)) in known.into_iter().enumerate() {
                (input.bits[2 * k], input.bits[2 * k + 1]) = (float_bits(dtype, a), float_bits(dtype, b));
            }
            let quiet =
                |product: f64| float_bits(dtype, if product.is_nan() { f64::NAN.abs() } else { product });
            let want: Vec<u64> = input
                .bits
                .chunks(2)
                .map(|p| match dtype {
                    DType::F32 => quiet((f32::from_bits(p[0] as u32) * f32::from_bits(p[1] as u32)) as f64),
                    _ => quiet(f64::from_bits(p[0]) * f64::from_bits(p[1])),
                })
                .collect();
            let kernel = reduce_kernel(&spec("prod", dtype), &[false, true]);
            let (gpu, _) = both(&context, &kernel, &shape, &Region::whole(&shape), &[input]).unwrap();
            let bytes = gpu.unwrap().0;
            for (got, want) in bytes.chunks_exact(dtype.size()).zip(want) {
                assert_eq!(got, &want.to_le_bytes()[..dtype.size()], "{dtype} {class:?}");
            }
        }
    }
}

#[test]
fn products_of_integers_fit_or_are_errors() {
    let Some(context) = context() else { return };
    let mut random = Random(13);
    for dtype in DType::ALL.into_iter().filter(|&d| has(&context, d) && !d.is_float()) {
        let mask = u64::MAX >> (64 - 8 * dtype.size() as u32);
        let mut fitting = 0;
        for (shape, reduced, rare) in [
            ([3, 81], [false, true], 12),
            ([81, 3], [true, false], 12),
            ([1, 9001], [false, true], 900),
            ([9001, 2], [true, false], 900),
            ([5, 700], [true, true], 3),
        ] {
            let bits: Vec<u64> = (0..shape[0] * shape[1])
                .map(|_| match random.below(rare) {
                    0 if dtype != DType::Bool => [2, 3, mask & 5, 6][random.below(4)],
                    _ if dtype.kind() == crate::dtype::Kind::Int && random.below(2) == 0 => mask,
                    _ => 1,
                })
                .collect();
            let input = Input::dense(dtype, bits, &shape);
            let spec = spec("prod", dtype);
            let region = Region::whole(&shape);
            check(&context, &spec, &shape, &region, &reduced, std::slice::from_ref(&input));
            let kernel = reduce_kernel(&spec, &reduced);
            fitting += both(&context, &kernel, &shape, &region, &[input]).unwrap().0.is_ok() as u32;
        }
        let all = if dtype == DType::Bool { 5 } else { 4 };
        assert_eq!(fitting, all, "{dtype}");
    }
    let product = |dtype: DType, factors: &[u64]| {
        let shape = [factors.len() as u64];
        let kernel = reduce_kernel(&spec("prod", dtype), &[true]);
        let input = Input::dense(dtype, factors.to_vec(), &shape);
        let (gpu, cpu) = both(&context, &kernel, &shape, &Region::whole(&shape), &[input]).unwrap();
        same(&gpu, &cpu, 8, "an edge");
        gpu.ok().map(|(bytes, _)| u64::from_le_bytes(bytes.try_into().unwrap()))
    };
    // 2^31 four times, −2^31 four times: signs and magnitudes.
    assert_eq!(product(DType::U32, &[1 << 31, 1 << 31, 2]), Some(1 << 63));
    assert_eq!(product(DType::U32, &[1 << 31, 1 << 31, 4]), None);
    assert_eq!(product(DType::U32, &[1 << 31, 1 << 31, 1 << 31, 0]), Some(0));
    assert_eq!(product(DType::I32, &[1 << 31, 1 << 30, 4]), Some(1 << 63), "−2^63");
    assert_eq!(product(DType::I32, &[1 << 31, 1 << 31, 2]), None, "2^63");
    assert_eq!(product(DType::U8, &[255; 8]), Some(255u64.pow(8)));
    assert_eq!(product(DType::U8, &[255; 9]), None);
    assert_eq!(product(DType::Bool, &[1; 300]), Some(1));
    assert_eq!(product(DType::Bool, &[1, 0, 1]), Some(0));
    if has(&context, DType::U64) {
        let factors = [3, 5, 17, 257, 641, 65537, 6700417];
        assert_eq!(product(DType::U64, &factors), Some(u64::MAX));
        assert_eq!(product(DType::U64, &[u64::MAX, 1, 1]), Some(u64::MAX));
        assert_eq!(product(DType::U64, &[1 << 32, 1 << 32]), None);
        assert_eq!(product(DType::I64, &[1 << 63, 1]), Some(1 << 63));
        assert_eq!(product(DType::I64, &[1 << 63, u64::MAX]), None);
        assert_eq!(product(DType::I64, &[u64::MAX << 32, 1 << 31, 1]), Some(1 << 63));
    }
}

/// Masks, NaN passed over, results of another dtype, small devices, several blocks.
#[test]
fn products_with_options() {
    let Some(context) = context() else { return };
    let mut random = Random(14);
    let small = Abilities { max_groups: 3, workgroup_bytes: 12 << 10, ..context.abilities() };
    for dtype in floats(&context) {
        for name in ["prod", "nanprod"] {
            let masked = spec(name, dtype).with_mask().unwrap();
            for (class, shape, reduced) in [
                (Class::Specials, [9, 70], [false, true]),
                (Class::Uniform, [70, 9], [true, false]),
                (Class::Uniform, [40, 1], [false, true]),
            ] {
                let inputs = inputs(&mut random, &masked, class, &shape);
                check(&context, &masked, &shape, &Region::whole(&shape), &reduced, &inputs);
            }
        }
        let spec = spec("prod", dtype);
        for (shape, reduced) in [([701, 5], [false, true]), ([2, 3001], [true, true])] {
            let len = shape[0] * shape[1];
            let bits = (0..len).map(|n| factor(&mut random, dtype, Factors::Ends, n as usize)).collect();
            let input = Input::dense(dtype, bits, &shape);
            let kernel = reduce_kernel(&spec, &reduced);
            let region = Region::whole(&shape);
            let block = Block { region: &region, domain: &shape };
            let (gpu, cpu) = repeated(&context, &small, &kernel, &block, &[input], 3).unwrap();
            same(&gpu, &cpu, dtype.size(), "several blocks");
        }
    }
    if has(&context, DType::F64) {
        let wide = spec("prod", DType::F32).with_dtype(DType::F64).unwrap();
        let inputs = inputs(&mut random, &wide, Class::Normal, &[500]);
        check(&context, &wide, &[500], &Region::whole(&[500]), &[true], &inputs);
    }
    let less = Abilities { workgroup_bytes: (12 << 10) - 4, ..context.abilities() };
    let kernel = reduce_kernel(&spec("prod", DType::F32), &[true]);
    let why = super::families(&kernel, &less).err().unwrap();
    assert_eq!(why, "prod needs 12288 bytes of workgroup memory");
}
