//! A feed of nobody's, and feeds from plans.

use super::list::{FEEDS, read};
use super::row::data_of;
use super::*;
use crate::array::{Array, Draft};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::NodeKind;
use crate::grid::{Chunks, Dims, Slab};
use crate::ops::lookup::Lookup;
use crate::session::Session;
use serde::Serialize;
use serde_json::Value as Data;
use smallvec::SmallVec;
use std::sync::Arc;

/// The elements along the first axis in pairs that change places: all that a new feed takes.
#[derive(Debug, Serialize)]
struct Swapped {}

impl Feed for Swapped {
    fn name(&self) -> &'static str {
        "swapped"
    }
    fn data(&self) -> Data {
        data_of(self)
    }
    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        Ok((of[0].shape.clone(), of[0].dtype()?))
    }
    fn describe(&self, _: &[SubKernel]) -> String {
        "pairs that change places".into()
    }
    fn reach(&self, _: &[SubKernel], _: usize) -> Reach {
        Reach::CRuns
    }
    fn pieces(&self, of: &[SubKernel], chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        Some(Pieces::new(chunks(&of[0])?, false))
    }
    fn bytes(
        &self,
        _: &[SubKernel],
        block: &[u64],
        bytes: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let of = child(0, block);
        FeedBytes { temporary: bytes.saturating_add(of.temporary), ..of }
    }
    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let dtype = of[0].dtype()?;
        let mut one = slab.clone();
        one.count[0] = 1;
        one.step[0] = 1;
        for (k, to) in out.chunks_exact_mut(one.len() as usize * dtype.size()).enumerate() {
            one.start[0] = (slab.start[0] + k as u64 * slab.step[0]) ^ 1;
            get.child(0, &one, dtype, to)?;
        }
        Ok(())
    }
}

#[test]
fn a_feed_of_nobodys_runs_and_is_told() {
    let x = Array::arange_int(0, 6, 1).reshape(&[6, 1]).cast(DType::I32) + Array::arange_int(0, 2, 1) * 10;
    let node = x.node().unwrap().clone();
    let draft = Draft {
        shape: node.shape.clone(),
        dtype: node.dtype,
        kind: NodeKind::Feed(Arc::new(Swapped {})),
        inputs: SmallVec::from_iter([node]),
    };
    let y = Array::from_draft("swapped", Ok(draft), std::panic::Location::caller());
    let session = Session::new().unwrap();
    let got = session.compute(&(&y + 1)).unwrap();
    let got: Vec<i128> = (0..12).map(|i| got.scalar(i).unwrap().to_i128().unwrap()).collect();
    assert_eq!(got, [2, 12, 1, 11, 4, 14, 3, 13, 6, 16, 5, 15]);
    assert!(session.explain(&[&y]).unwrap().contains("pairs that change places"));
}

#[test]
fn every_feed_is_read_back_as_it_was_and_others_are_refused() {
    let shape = Dims::from_slice(&[2, 3]);
    let halo = Halo {
        before: shape.clone(),
        after: shape.clone(),
        boundary: vec![Boundary::Constant(crate::dtype::Scalar::F32(f32::NAN)), Boundary::Mirror],
    };
    let take = Take { axis: 1, picks: vec![7, 0, 7].into(), near: 5 };
    let points =
        Points { axes: vec![0, 2], picks: vec![vec![3, 1].into(), vec![0, 9].into()], near: vec![4, 5] };
    let function = BlockFunction::new("tests/nothing", |_| Ok(()));
    register_block_function(&function).unwrap();
    let mapped =
        Mapped::new(&function, DType::F16, shape.clone().into(), vec![(1, 2), (0, 0)], vec![true, false]);
    let lookup = Lookup::between(&[0.5, 7.0], &[f64::NAN, -0.0], f64::NEG_INFINITY, 1.0).unwrap();
    let lookup = LookedUp { lookup };
    let all: [&dyn Feed; 8] =
        [&Matmul {}, &Concatenate { axis: 2 }, &Reshape { shape }, &halo, &take, &points, &mapped, &lookup];
    assert_eq!(all.len(), FEEDS.len());
    for feed in all {
        let again = read(feed.name(), feed.data()).unwrap();
        assert_eq!((again.name(), again.data()), (feed.name(), feed.data()));
        assert_eq!(format!("{again:?}"), format!("{feed:?}"));
    }
    assert!(read("swapped", Data::Null).unwrap_err().to_string().contains("'swapped'"));
    assert!(read("reshape", Data::Null).unwrap_err().to_string().contains("'reshape'"));
    assert!(serde_json::from_str::<Supply>(r#"{"source": 1, "value": 2}"#).is_err());
    assert_eq!(serde_json::from_str::<Supply>(r#"{"source": 1}"#).unwrap(), Supply::Read(Read::Source(1)));
}

/// Places that there are not give the nearest element, so that nothing that travels reads beyond the list.
#[test]
fn elements_at_places() {
    let lookup = Lookup::element((&[1.5f32, -0.0, 7.0]).into()).unwrap();
    let again: Lookup = serde_json::from_value(serde_json::to_value(&lookup).unwrap()).unwrap();
    assert_eq!((again.takes(), again.gives(), again.bytes()), (DType::I64, DType::F32, 12));
    let (x, mut out) = ([2i64, 0, 1, -1, i64::MIN, 3, i64::MAX], [0f32; 7]);
    again.find(bytemuck::cast_slice(&x), bytemuck::cast_slice_mut(&mut out));
    assert_eq!(out.map(f32::to_bits), [7.0, 1.5, -0.0, 1.5, 1.5, 7.0, 7.0f32].map(f32::to_bits));
    assert!(Lookup::element(crate::Table::new::<u8>(&[])).is_err());
    for table in [crate::Table::new(&[1i64]), crate::Table::new::<u8>(&[])] {
        let mut written = serde_json::to_value(&lookup).unwrap();
        written["table"] = serde_json::to_value(&table).unwrap();
        assert!(serde_json::from_value::<Lookup>(written).is_err(), "{table:?}");
    }
}
