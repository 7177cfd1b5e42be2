//! Collected rows over operands of every access class, dtype size and length, and in several turns of
//! the grid.

use super::oracle::mask;
use super::{bytes, context, elements, random};
use crate::DType;
use crate::backend::gpu::Context;
use crate::backend::gpu::collect::Collect;
use crate::backend::gpu::device::{Bind, Dispatch};
use crate::backend::gpu::family::{Family, OUT, Work};
use crate::backend::gpu::layout::{Access, Layout};
use crate::backend::gpu::tests::one_row;
use crate::grid::Region;
use crate::ops::elementwise::Op;
use crate::ops::fold::Collected;
use crate::ops::kernel::Block;
use crate::ops::program::Program;
use wgpu::BufferUsages;

/// Where an operand's element with linear index `i` is.
#[derive(Clone, Debug)]
struct Place {
    access: Access,
    base: i64,
    dims: Vec<i64>,
    strides: Vec<i64>,
}

impl Place {
    /// A place of the given class for `len` elements, none of it before position 0.
    fn new(access: Access, len: i64) -> Place {
        let inner = (2..=7).rev().find(|d| len % d == 0).unwrap_or(1);
        let middle = (2..=3).find(|d| len / inner % d == 0).unwrap_or(1);
        let (base, dims, strides): (i64, Vec<i64>, Vec<i64>) = match access {
            Access::Aligned => (8, vec![len], vec![1]),
            Access::Contiguous => (5, vec![len], vec![1]),
            Access::Constant => (7, vec![len], vec![0]),
            Access::Strided(1) => (2 * len + 1, vec![len], vec![-2]),
            // Rows backwards, each of them repeated.
            Access::Strided(2) => (inner * 3, vec![len / inner, inner], vec![0, -3]),
            Access::Strided(_) => {
                let outer = len / inner / middle;
                (outer * 5 + inner, vec![outer, middle, inner], vec![-5, 0, 1])
            }
        };
        Place { access, base, dims, strides }
    }

    fn at(&self, i: usize) -> usize {
        let (mut left, mut at) = (i as i64, self.base);
        for (d, s) in self.dims.iter().zip(&self.strides).rev() {
            at += left % d * s;
            left /= d;
        }
        at as usize
    }
}

/// What a row gives over operands that lie so.
fn collect(
    context: &Context,
    family: &mut Collect,
    dtypes: &[DType],
    places: &[Place],
    columns: &[Vec<u64>],
    len: u32,
) -> Vec<u8> {
    let mut layout =
        Layout { len, classes: Default::default(), words: vec![len], parts: Default::default(), bytes: 0 };
    let mut data: Vec<u8> = Vec::new();
    for ((d, place), column) in dtypes.iter().zip(places).zip(columns) {
        data.resize(data.len().next_multiple_of(256), 0);
        layout.words.push((data.len() / d.size()) as u32 + place.base as u32);
        if let Access::Strided(_) = place.access {
            layout.words.extend(place.dims.iter().chain(&place.strides).map(|&v| v as u32));
        }
        layout.classes.push(place.access.into());
        data.extend_from_slice(&bytes(*d, column));
    }
    data.resize(data.len().next_multiple_of(16), 0);
    let shape = [len as u64];
    let region = Region::whole(&shape);
    let block = Block { region: &region, domain: &shape };
    let work = Work { context, layout: &layout, block, first_output: 0, whole_len: len as u64 };
    let launch = family.launch(&work).unwrap();
    let data = context.table("data", &data).unwrap();
    let events = context.table("events", &[0; 16]).unwrap();
    let out =
        context.buffer("out", launch.output_bytes, BufferUsages::STORAGE | BufferUsages::COPY_SRC).unwrap();
    for step in &launch.steps {
        let params = context.table("params", bytemuck::cast_slice(&step.params)).unwrap();
        let buffers = [(0, &params), (1, &data), (2, &data), (3, &events), (OUT, &out)];
        let binds: Vec<Bind> = buffers.iter().map(|&(at, buffer)| Bind { at, buffer, range: None }).collect();
        let mut encoder = context.raw().create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            let dispatch = Dispatch { pipeline: &step.pipeline, binds: &binds, groups: step.groups };
            context.encode(&mut pass, &dispatch);
        }
        context.queue().submit([encoder.finish()]);
    }
    let mut state = Collected::new(DType::U8);
    (launch.absorb)(&context.read(&out, launch.output_bytes).unwrap(), &mut state).unwrap();
    state.elements().to_vec()
}

#[test]
fn operands_of_every_class_size_and_length() {
    let Some(context) = context() else { return };
    let mut abilities = context.abilities();
    // A grid of one workgroup: longer blocks take several turns.
    abilities.max_groups = 1;
    let classes = [
        Access::Aligned,
        Access::Contiguous,
        Access::Constant,
        Access::Strided(1),
        Access::Strided(2),
        Access::Strided(3),
    ];
    let mut seed = 5;
    for t in DType::ALL {
        if t.size() == 8 && !abilities.int64 {
            continue;
        }
        let dtypes = [DType::Bool, t, t];
        let program: Program = one_row(Op::from_name("where").unwrap(), &dtypes);
        for turn in 0..classes.len() {
            let mut family = Collect::new(&program, 0, &abilities).unwrap();
            for len in [1, 2, 3, 4, 5, 6, 7, 8, 9, 63, 64, 65, 255, 1023, 1024, 1025, 3001] {
                let places: Vec<Place> = (0..3)
                    .map(|k| Place::new(classes[(turn + k * (1 + turn % 2)) % classes.len()], len))
                    .collect();
                let columns: Vec<Vec<u64>> = dtypes
                    .iter()
                    .zip(&places)
                    .map(|(d, place)| {
                        let end = (0..len as usize).map(|i| place.at(i)).max().unwrap() + 1;
                        let most = if *d == DType::Bool { 1 } else { mask(*d) };
                        (0..end).map(|_| random(&mut seed) & most).collect()
                    })
                    .collect();
                let out = collect(&context, &mut family, &dtypes, &places, &columns, len as u32);
                let expected: Vec<u64> = (0..len as usize)
                    .map(|i| {
                        let at = |k: usize| columns[k][places[k].at(i)];
                        if at(0) != 0 { at(1) } else { at(2) }
                    })
                    .collect();
                assert_eq!(elements(t, &out), expected, "{t}, {len} elements, {places:?}");
            }
        }
    }
}
