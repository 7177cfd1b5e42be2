//! A fold and a feed from outside the crate: all that `CONTRIBUTING.md` says that one takes. (A source from outside is
//! in `foreign.rs`.)

mod common;

use chunkwise::grid::{Chunks, Dims, Slab};
use chunkwise::unstable::feeds::{FeedBytes, Fetch, Pieces, Reach, SubKernel};
use chunkwise::unstable::folds::{
    Along, Block, FoldBytes, Given, Landing, Load, LogOf, Made, Makes, Notes, Port, Ports, Ready, Role, Runs,
    Scratch, SharedFold, Simd, State, Tile, Update, state_as, state_ref,
};
use chunkwise::unstable::{Feed, Fold, FoldRow, feed, fold, register_feed, register_fold};
use chunkwise::{Array, Buffer, DType, Error, ErrorKind, Over, Plan, PlanOptions, Result, Session};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The last element along the reduced axes that is not NaN: a fold of float64 whose states remember a position.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Last {
    axes: Landing,
}

const LAST: FoldRow = FoldRow {
    name: "toy/last",
    read: |data| {
        let wrong = |e| Error::new(ErrorKind::Format, "this is no toy").caused_by(Box::new(e) as Box<_>);
        Ok(SharedFold::new(serde_json::from_value::<Last>(data).map_err(wrong)?))
    },
};

impl Last {
    fn outputs(&self, block: &[u64]) -> u64 {
        self.axes.kept(block).iter().product()
    }
}

impl Fold for Last {
    fn name(&self) -> &'static str {
        LAST.name
    }
    fn data(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap()
    }
    fn ports(&self) -> Ports {
        [Port { role: Role::Values, dtype: DType::F64 }].into_iter().collect()
    }
    fn landing(&self) -> &Landing {
        &self.axes
    }
    fn makes(&self, domain: &[u64]) -> Makes {
        Makes { shape: self.axes.kept(domain), dtype: DType::F64, histogram: false }
    }
    fn bytes(&self, block: &[u64]) -> FoldBytes {
        FoldBytes { state: 16 * self.outputs(block), scratch: ("toy", 0) }
    }
    fn load(&self) -> Load {
        Load::Reduced
    }
    fn ready(&self, _: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        Ok(Arc::new(self.clone()))
    }
}

/// Per output, the position plus one and the element.
struct Seen(Vec<(u64, f64)>);

impl Ready for Last {
    fn state(&self, block: &[u64]) -> Result<Box<dyn State>> {
        Ok(Box::new(Seen(vec![(0, f64::NAN); self.outputs(block) as usize])))
    }
    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let seen: Vec<(u64, f64)> = serde_json::from_slice::<Vec<(u64, u64)>>(bytes)
            .map_err(|e| Error::new(ErrorKind::Format, "no toy").caused_by(e))?
            .into_iter()
            .map(|(at, bits)| (at, f64::from_bits(bits)))
            .collect();
        match seen.len() as u64 == self.outputs(block) {
            true => Ok(Box::new(Seen(seen))),
            false => Err(Error::new(ErrorKind::Format, "another number of outputs")),
        }
    }
    fn update(&self, _: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        Box::new(Looking { reduced: self.axes.reduced().to_vec(), runs: None })
    }
}

impl State for Seen {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        for (mine, &theirs) in self.0.iter_mut().zip(&state_ref::<Seen>(other)?.0) {
            if theirs.0 > mine.0 {
                *mine = theirs;
            }
        }
        Ok(())
    }
    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        let mut out = Buffer::zeroed(8 * self.0.len());
        out.chunks_exact_mut(8).zip(&self.0).for_each(|(to, (_, v))| to.copy_from_slice(&v.to_ne_bytes()));
        Ok((Made::Elements(out), Notes::new()))
    }
    fn write(&self) -> Result<Vec<u8>> {
        let bits: Vec<(u64, u64)> = self.0.iter().map(|(at, v)| (*at, v.to_bits())).collect();
        Ok(serde_json::to_vec(&bits).unwrap())
    }
}

struct Looking {
    reduced: Vec<bool>,
    runs: Option<Runs>,
}

impl Update for Looking {
    fn begin(&mut self, block: &Block, _: &mut dyn State) -> Result<()> {
        self.runs = Some(Runs::new(block.region, block.domain, &self.reduced));
        Ok(())
    }
    fn tile(&mut self, state: &mut dyn State, tile: &Tile, _: &mut Scratch) -> Result<()> {
        let seen = state_as::<Seen>(state)?;
        let values: &[f64] = bytemuck::cast_slice(tile.columns[0]);
        self.runs.as_ref().unwrap().each(tile.start, tile.n, |run| {
            for k in 0..run.len {
                let (v, kept) = (values[run.start + k], run.along == Along::Kept);
                let (output, at) =
                    if kept { (run.output + k, run.position) } else { (run.output, run.position + k as u64) };
                if !v.is_nan() && at + 1 > seen.0[output].0 {
                    seen.0[output] = (at + 1, v);
                }
            }
        });
        Ok(())
    }
}

#[test]
fn a_fold_from_outside() {
    register_fold(LAST).unwrap();
    register_fold(LAST).unwrap();
    let e = register_fold(FoldRow { name: "reduce", ..LAST }).unwrap_err();
    assert!(e.to_string().contains("'reduce' already"), "{e}");

    let x = common::array(DType::F64, &[37, 23], 5, "nan");
    let data = Session::new().unwrap().compute(&x).unwrap();
    let data = data.as_slice::<f64>().unwrap();
    let column = |j: usize| (0..37).rev().map(|i| data[i * 23 + j]).find(|v| !v.is_nan()).unwrap_or(f64::NAN);
    let right: Vec<u64> = (0..23).map(|j| column(j).to_bits()).collect();
    let last = fold(Last { axes: Landing::over(&[true, false]) }, &[&x], &[]);
    let bits = |a: &Array, s: &Session| -> Vec<u64> {
        s.compute(a).unwrap().as_slice::<f64>().unwrap().iter().map(|v| v.to_bits()).collect()
    };
    for threads in [1, 3] {
        let options = PlanOptions::new().block_bytes(200);
        let session = Session::builder()
            .device(common::device())
            .threads(threads)
            .plan_options(options)
            .build()
            .unwrap();
        assert_eq!(bits(&last, &session), right);
        // Its result goes on like any other, and it shares its stage with others.
        let outcome = session.run(&[&(&last - &last), &x.nanmax_with(Over::axis(0))]).unwrap();
        assert_eq!(outcome.values[0].as_array().unwrap().as_slice::<f64>().unwrap(), [0.0; 23]);
    }
    // It travels, by its name, and in pieces.
    let session = Session::builder().threads(2).build().unwrap();
    let generated = Array::random(&[50, 8], 3, DType::F64);
    let last = fold(Last { axes: Landing::over(&[true, false]) }, &[&generated], &[]);
    let plan = session.plan(&[&last]).unwrap();
    let json = plan.to_json().unwrap();
    assert!(json.contains("toy/last"));
    let again = Plan::from_json(&json).unwrap();
    let n = again.stages()[0].grid.blocks();
    let values = chunkwise::Values::new();
    let parts = vec![
        session.run_tasks(&again, 0, 0..n / 2, &values).unwrap(),
        session.run_tasks(&again, 0, n / 2..n, &values).unwrap(),
    ];
    let merged = session.merge_tasks(&again, 0, parts, &values).unwrap();
    let merged = merged[&again.results()[0]].as_array().unwrap().as_slice::<f64>().unwrap().to_vec();
    assert_eq!(merged, session.compute(&last).unwrap().as_slice::<f64>().unwrap());
    let e = Plan::from_json(&json.replace("toy/last", "toy/lost")).unwrap_err();
    assert!(format!("{e:?}").contains("toy/lost"), "{e:?}");
    // What it is not given right is told.
    let wrong = fold(Last { axes: Landing::over(&[true]) }, &[&x], &[]);
    assert_eq!(session.compute(&wrong).unwrap_err().kind(), ErrorKind::Shape);
    let wrong = fold(Last { axes: Landing::over(&[true, false]) }, &[&x.cast(DType::F32)], &[]);
    assert_eq!(session.compute(&wrong).unwrap_err().kind(), ErrorKind::Type);
}

/// Every second row, twice: a feed whose blocks are made of single rows of its child.
#[derive(Debug, Serialize, Deserialize)]
struct Doubled {}

impl Feed for Doubled {
    fn name(&self) -> &'static str {
        "toy/doubled"
    }
    fn data(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap()
    }
    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        match of {
            [of] if !of.shape.is_empty() => Ok((of.shape.clone(), of.dtype()?)),
            _ => Err(Error::new(ErrorKind::Format, "a toy takes one array of some axes")),
        }
    }
    fn describe(&self, _: &[SubKernel]) -> String {
        "every second row, twice".into()
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
        (one.count[0], one.step[0]) = (1, 1);
        for (k, to) in out.chunks_exact_mut(one.len() as usize * dtype.size()).enumerate() {
            one.start[0] = (slab.start[0] + k as u64 * slab.step[0]) / 2 * 2;
            get.child(0, &one, dtype, to)?;
        }
        Ok(())
    }
}

#[test]
fn a_feed_from_outside() {
    register_feed::<Doubled>("toy/doubled").unwrap();
    register_feed::<Doubled>("toy/doubled").unwrap();
    assert!(register_feed::<Doubled>("matmul").unwrap_err().to_string().contains("'matmul' already"));

    let x = Array::arange_int(0, 6, 1).reshape(&[6, 1]) * 10 + Array::arange_int(0, 2, 1);
    let twice = feed(Doubled {}, &[&x], &[6, 2], DType::I64);
    let session = common::session(2, "64MiB");
    let right = [0, 1, 0, 1, 20, 21, 20, 21, 40, 41, 40, 41];
    assert_eq!(session.compute(&twice).unwrap().as_slice::<i64>().unwrap(), right);
    let plan = session.plan(&[&(&twice * 2).sum_with(Over::axis(0))]).unwrap();
    let again = Plan::from_json(&plan.to_json().unwrap()).unwrap();
    let sums = session.run_plan(&again).unwrap();
    assert_eq!(sums.values[0].as_array().unwrap().as_slice::<i64>().unwrap(), [240, 252]);
    let wrong = feed(Doubled {}, &[&x], &[7, 2], DType::I64);
    let e = session.compute(&wrong).unwrap_err();
    assert!(e.to_string().contains("another shape"), "{e}");
}
