//! Files made by libhdf5 itself, read back by the own path and compared with what was written.

use super::*;
use crate::grid::{Region, Slab};
use crate::source::{OpenOptions, ReadCx, ReadStats, Scratch, Source};

fn read_all(s: &Hdf5Source) -> crate::Result<(Vec<u8>, ReadStats)> {
    let n = s.shape().iter().product::<u64>() as usize * s.dtype().size();
    let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
    let mut out = vec![0xAA; n];
    let slab = Slab::dense(&Region::whole(s.shape()));
    s.read_region(&slab, &mut out, &mut ReadCx { scratch: &mut scratch, stats: &stats })?;
    Ok((out, stats))
}

#[test]
fn chunked_and_contiguous_round_trip() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let values = ndarray::Array2::from_shape_fn((37, 23), |(i, j)| (i * 100 + j) as f32 * 0.5);
    {
        let f = ::hdf5::File::create(&path).unwrap();
        f.new_dataset_builder().with_data(&values).create("plain").unwrap();
        f.new_dataset_builder().with_data(&values).chunk((8, 5)).create("chunked").unwrap();
        f.new_dataset_builder().with_data(&values).chunk((8, 5)).deflate(4).create("deflate").unwrap();
        f.new_dataset_builder()
            .with_data(&values)
            .chunk((8, 5))
            .shuffle()
            .deflate(4)
            .create("shuffle")
            .unwrap();
        f.new_dataset_builder()
            .with_data(&values)
            .chunk((8, 5))
            .shuffle()
            .deflate(4)
            .fletcher32()
            .create("all")
            .unwrap();
    }
    for name in ["plain", "chunked", "deflate", "shuffle", "all"] {
        let s = Hdf5Source::open(&path, name, OpenOptions::default()).unwrap();
        assert!(!s.through_library(), "{name}");
        let (bytes, _) = read_all(&s).unwrap();
        assert_eq!(bytes, bytemuck::cast_slice::<f32, u8>(values.as_slice().unwrap()), "{name}");
    }
}
