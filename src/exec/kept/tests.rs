//! What is kept, under crowds and failures.

use super::*;
use crate::array::Array;
use crate::backend::cpu::Cpu;
use crate::error::{Error, ErrorKind};
use crate::graph::Graph;
use crate::grid::Slab;
use crate::ops::simd::Simd;
use crate::plan::{Ends, Machine, PlanOptions, Wish};
use crate::source::{ReadCx, Source};
use crate::{BinAxis, DType};

const CHUNKS: u64 = 40;
const LEN: usize = 800;

/// A chunked array, of which only the geometry is asked here.
#[derive(Debug)]
struct Chunked(Chunks);

impl Source for Chunked {
    fn shape(&self) -> &[u64] {
        &[CHUNKS * 100]
    }
    fn dtype(&self) -> DType {
        DType::F64
    }
    fn chunks(&self) -> Option<&Chunks> {
        Some(&self.0)
    }
    fn describe(&self) -> String {
        "chunked".into()
    }
    fn scratch_bytes(&self) -> u64 {
        0
    }
    fn read_region(&self, _: &Slab, _: &mut [u8], _: &mut ReadCx) -> Result<()> {
        Err(Error::new(ErrorKind::Internal, "nobody reads this"))
    }
}

/// A run that reads the source twice, with room for so many chunks.
fn kept(chunks: u64, meter: &Arc<Meter>) -> Kept {
    let x = Array::new(Arc::new(Chunked(Chunks::from(&[100u64][..]))));
    let targets = [x.histogram(BinAxis::Auto(4))];
    let roots: Vec<_> = targets.iter().map(|t| crate::array::Target::built(t).unwrap().clone()).collect();
    let plan = Plan::new(&Graph::new(&roots), &PlanOptions::default()).unwrap();
    let cpu = Cpu::new(1, Simd::best());
    let bind = |memory| {
        Bound::new(
            &plan,
            &Ends::default(),
            &Machine { memory, threads: 1, cpu: &cpu, device: Wish::Cpu(String::new()) },
        )
    };
    let free = bind(1 << 30).unwrap();
    let stages = free.stages.iter().map(|s| s.peak_bytes()).max().unwrap();
    let each = kept_chunk_bytes(LEN as u64);
    let bound = bind(stages + chunks * each + each - 1).unwrap();
    assert_eq!((free.kept[0].chunks, free.kept[0].wanted, free.kept[0].decodes), (CHUNKS, CHUNKS, CHUNKS));
    assert_eq!(bound.kept.first().map_or(0, |k| k.chunks), chunks);
    Kept::new(&plan, &bound, meter)
}

/// Many threads that want the same chunks at once, loads that fail now and then: right bytes, each chunk
/// that has a place loaded once in it, nothing counted that is not there, and nobody waits for ever.
#[test]
fn a_crowd_gets_what_it_asks_for() {
    for room in [1, 7, CHUNKS - 1, CHUNKS] {
        let meter = Arc::new(Meter::default());
        let mut kept = kept(room, &meter);
        let each = kept_chunk_bytes(LEN as u64);
        let stats = ReadStats::default();
        let loads: Vec<AtomicU64> = (0..CHUNKS).map(|_| AtomicU64::new(0)).collect();
        let visit = |kept: &Kept, fails: bool| {
            std::thread::scope(|s| {
                for t in 0..8u64 {
                    let (stats, loads) = (&stats, &loads);
                    s.spawn(move || {
                        for i in 0..4 * CHUNKS {
                            let n = (i * 7 + t / 4) % CHUNKS;
                            let fails = fails && (i + t) % 11 == 0;
                            let load = |out: &mut [u8]| {
                                std::thread::yield_now();
                                if fails {
                                    return Err(Error::new(ErrorKind::Io, "no"));
                                }
                                loads[n as usize].fetch_add(1, Relaxed);
                                out.fill(n as u8);
                                Ok(())
                            };
                            match kept.get(0, &[n], LEN, stats, load) {
                                Ok(Some(chunk)) => {
                                    assert!(chunk.len() == LEN && chunk.iter().all(|&b| b == n as u8))
                                }
                                Ok(None) => assert!(room < CHUNKS || fails || t > 0),
                                Err(_) => assert!(fails),
                            }
                        }
                    });
                }
            });
        };
        assert!(kept.get(0, &[0], LEN, &stats, |_| panic!("no pass is under way")).unwrap().is_none());
        kept.begin(0, 0);
        visit(&kept, true);
        visit(&kept, false);
        assert_eq!(meter.now(), room * each);
        assert_eq!(meter.peak(), room * each);
        let held: Vec<u64> = (0..CHUNKS).filter(|&n| kept.holds(0, &[n])).collect();
        assert_eq!(held.len() as u64, room);
        assert!(loads.iter().all(|n| n.load(Relaxed) <= 1));
        kept.end();
        // All wait for the second stage.
        assert_eq!(meter.now(), room * each);
        kept.begin(1, 0);
        let before = stats.chunks_kept.load(Relaxed);
        visit(&kept, true);
        // The last reading takes nothing in and loads nothing.
        assert_eq!(stats.chunks_kept.load(Relaxed) - before, 8 * 4 * room);
        assert_eq!(loads.iter().map(|n| n.load(Relaxed)).sum::<u64>(), room);
        kept.end();
        assert_eq!(meter.now(), 0);
        kept.begin(0, 0);
        kept.get(0, &[3], LEN, &stats, |_| Ok(())).unwrap();
        drop(kept);
        assert_eq!((meter.now(), meter.peak()), (0, room * each));
    }
}

#[test]
fn a_failed_load_gives_its_place_back() {
    let meter = Arc::new(Meter::default());
    let mut kept = kept(1, &meter);
    let stats = ReadStats::default();
    kept.begin(0, 0);
    let no = |_: &mut [u8]| Err(Error::new(ErrorKind::Io, "no"));
    assert!(kept.get(0, &[5], LEN, &stats, no).is_err());
    assert_eq!(meter.now(), 0);
    assert!(kept.get(0, &[6], LEN, &stats, |_| Ok(())).unwrap().is_some());
    assert!(kept.get(0, &[5], LEN, &stats, no).unwrap().is_none());
    // Another source is nobody's business here.
    assert!(kept.get(1, &[6], LEN, &stats, no).unwrap().is_none() && !kept.has(1));
    drop(kept);
    assert_eq!(meter.now(), 0);
}
