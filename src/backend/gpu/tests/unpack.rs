//! Operands as files pack them: shuffled, in foreign byte order, or both.

use super::context;
use crate::DType;
use crate::backend::Runner;
use crate::backend::cpu::CpuRunner;
use crate::backend::gpu::abilities::Abilities;
use crate::backend::gpu::code::Element;
use crate::backend::gpu::layout::Layout;
use crate::backend::gpu::runner::GpuRunner;
use crate::backend::gpu::spirv;
use crate::grid::{Region, unravel};
use crate::ops::fold::State;
use crate::ops::kernel::{Block, Kernel, Operand, Packing, Terminal};
use crate::ops::program::{Program, Step};
use crate::ops::simd::Simd;
use crate::view::Placement;
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

const PACKINGS: [Packing; 4] = [
    Packing { shuffled: true, swapped: false },
    Packing { shuffled: false, swapped: true },
    Packing { shuffled: true, swapped: true },
    Packing::PLAIN,
];

/// Bytes in which neighbours differ.
fn native(len: usize, size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as u8
    };
    (0..len * size).map(|_| next()).collect()
}

/// The bytes as a file has them.
fn pack(native: &[u8], size: usize, packing: Packing) -> Vec<u8> {
    let len = native.len() / size;
    let mut out = vec![0; native.len()];
    for i in 0..len {
        for b in 0..size {
            let stored = if packing.swapped { size - 1 - b } else { b };
            out[if packing.shuffled { stored * len + i } else { i * size + stored }] = native[i * size + b];
        }
    }
    out
}

/// The elements of both inputs over blocks of `rank` axes, collected.
fn both(dtype: DType, other: DType, rank: usize) -> Kernel {
    let program = Program {
        inputs: vec![dtype, other],
        steps: vec![Step::Input(0), Step::Input(1)],
        outputs: vec![0, 1],
    };
    Kernel { terminals: (0..2).map(|o| Terminal::collect(&program, o, rank).unwrap()).collect(), program }
}

/// Shapes of blocks, and where their elements lie in a chunk of so many.
fn cases() -> Vec<(Vec<u64>, usize, Placement)> {
    let case = |shape: &[u64], len: usize, offset: i64, strides: &[i64]| {
        (shape.to_vec(), len, Placement { offset, strides: strides.iter().copied().collect() })
    };
    let mut out: Vec<_> =
        [1, 2, 3, 4, 5, 8, 9, 1023, 1024, 3001].iter().map(|&n| case(&[n], n as usize, 0, &[1])).collect();
    out.extend([
        case(&[7, 9], 63, 0, &[9, 1]),
        // Turned, backwards, repeated along a new axis, and all at once.
        case(&[9, 7], 63, 0, &[1, 9]),
        case(&[63], 63, 62, &[-1]),
        case(&[5, 63], 63, 0, &[0, 1]),
        case(&[3, 9, 7], 63, 8, &[0, -1, 9]),
        case(&[6], 1, 0, &[0]),
        // A part of what was stored.
        case(&[13], 63, 21, &[1]),
        case(&[4, 3], 63, 10, &[9, 2]),
    ]);
    out
}

/// The block's elements, one by one.
fn gathered(shape: &[u64], place: &Placement, native: &[u8], size: usize) -> Vec<u8> {
    (0..shape.iter().product())
        .flat_map(|i| {
            let index = unravel(i, shape);
            let at = place.offset + index.iter().zip(&place.strides).map(|(&i, s)| i as i64 * s).sum::<i64>();
            native[at as usize * size..][..size].to_vec()
        })
        .collect()
}

fn collected(state: &dyn State) -> &[u8] {
    super::collected_bytes(state)
}

#[test]
fn packed_operands_give_their_elements_wherever_they_lie() {
    let Some(context) = context() else { return };
    let abilities = context.abilities();
    for dtype in DType::ALL.into_iter().filter(|d| d.size() < 8 || abilities.int64) {
        let size = dtype.size();
        let mut runners = [1, 2, 3].map(|rank| {
            let kernel = both(dtype, DType::U16, rank);
            let mut most = vec![1; rank];
            most[rank - 1] = 3001;
            let runner = GpuRunner::new(&context, &kernel, &abilities, &most, 256 << 20, None).unwrap();
            assert!(runner.takes_packed());
            (kernel, runner)
        });
        for (k, (shape, len, placement)) in cases().into_iter().enumerate() {
            let (kernel, runner) = &mut runners[shape.len() - 1];
            let mut data = native(len, size, k as u64);
            if dtype == DType::Bool {
                data.iter_mut().for_each(|b| *b &= 1);
            }
            // A second operand, before which the first one's planes end.
            let elements = shape.iter().product::<u64>() as usize;
            let plain = native(elements, 2, 99);
            let whole = Placement { offset: 0, strides: crate::grid::c_strides(&shape) };
            let region = Region::whole(&shape);
            let block = Block { region: &region, domain: &shape };
            for packing in PACKINGS {
                let bytes = pack(&data, size, packing);
                let operands = [
                    Operand { bytes: &bytes, placement: placement.clone(), packing },
                    Operand::plain(&plain, whole.clone()),
                ];
                let mut states = [0, 1].map(|n: usize| kernel.terminals[n].state(&[]).unwrap());
                runner.run(&block, &operands, &mut states).unwrap();
                runner.flush(&mut states).unwrap();
                let want = gathered(&shape, &placement, &data, size);
                assert!(collected(&*states[0]) == want, "{dtype} {packing:?} {shape:?} {placement:?}");
                assert!(collected(&*states[1]) == plain, "beside {dtype} {packing:?} {shape:?}");
            }
        }
    }
}

/// Blocks larger than a slot: each piece brings its part of every plane.
#[test]
fn pieces_of_a_packed_block_bring_their_part_of_each_plane() {
    let Some(context) = context() else { return };
    let (shape, size) = ([601u64, 1001], 4);
    let len = 601 * 1001;
    let kernel = both(DType::U32, DType::U32, 2);
    let data = native(len, size, 7);
    let region = Region::whole(&shape);
    let block = Block { region: &region, domain: &shape };
    for (offset, strides) in [(0, [1001, 1]), (len as i64 - 1, [-1001, -1])] {
        let placement = Placement { offset, strides: strides.into_iter().collect() };
        for packing in PACKINGS {
            let bytes = pack(&data, size, packing);
            let mut runner =
                GpuRunner::new(&context, &kernel, &context.abilities(), &shape, 4 << 20, None).unwrap();
            let operands = [
                Operand { bytes: &bytes, placement: placement.clone(), packing },
                Operand::plain(&data, placement.clone()),
            ];
            let mut states = [0, 1].map(|n: usize| kernel.terminals[n].state(&[]).unwrap());
            runner.run(&block, &operands, &mut states).unwrap();
            runner.flush(&mut states).unwrap();
            let want = gathered(&shape, &placement, &data, size);
            for state in &states {
                assert!(collected(&**state) == want, "{packing:?} {placement:?}");
            }
        }
    }
}

#[test]
fn the_text_of_every_class_is_valid() {
    let abilities = Abilities { int64: true, max_groups: 65535, ..Abilities::default() };
    let narrow = Abilities { int64: false, ..abilities.clone() };
    let mut seen = std::collections::HashSet::new();
    for dtype in DType::ALL {
        let able = if dtype.size() == 8 { &abilities } else { &narrow };
        let element = Element::new(&both(dtype, DType::U16, 1).program, &[0, 1], able).unwrap();
        for (shape, len, placement) in cases() {
            let data = native(len, dtype.size(), 1);
            let second = native(4, 2, 1);
            for packing in PACKINGS {
                let constant = Placement { offset: 3, strides: shape.iter().map(|_| 0).collect() };
                let operands = [
                    Operand { bytes: &data, placement: placement.clone(), packing },
                    Operand { bytes: &second, placement: constant, packing },
                ];
                let layout = Layout::new(&shape, &operands, &[dtype, DType::U16]);
                if !seen.insert((dtype, layout.key().to_vec())) {
                    continue;
                }
                let text = element.code(&layout);
                spirv::parse("class", &text).unwrap();
                let module = wgpu::naga::front::wgsl::parse_str(&text).unwrap();
                let mut capabilities = Capabilities::empty();
                capabilities.set(Capabilities::SHADER_INT64, dtype.size() == 8);
                Validator::new(ValidationFlags::all(), capabilities)
                    .validate(&module)
                    .unwrap_or_else(|e| panic!("{dtype} {packing:?}: {}", e.emit_to_string(&text)));
            }
        }
    }
    assert!(seen.len() > 100, "{}", seen.len());
}

#[test]
fn the_cpu_says_no_to_a_packed_operand() {
    let kernel = both(DType::F32, DType::F32, 1);
    let mut runner = CpuRunner::new(&kernel, Simd::best());
    assert!(!runner.takes_packed());
    let data = native(8, 4, 1);
    let region = Region::whole(&[8]);
    let block = Block { region: &region, domain: &[8] };
    let placement = || Placement { offset: 0, strides: [1].into_iter().collect() };
    for packing in PACKINGS {
        let operands =
            [Operand::plain(&data, placement()), Operand { bytes: &data, placement: placement(), packing }];
        let mut states = [0, 1].map(|n: usize| kernel.terminals[n].state(&[]).unwrap());
        let done = runner.run(&block, &operands, &mut states);
        match packing {
            Packing::PLAIN => assert!(done.is_ok() && collected(&*states[1]) == data),
            _ => {
                assert_eq!(done.unwrap_err().kind(), crate::ErrorKind::Internal);
                assert!(collected(&*states[0]).is_empty());
            }
        }
    }
}
