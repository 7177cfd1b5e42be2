use super::*;
use crate::dtype::{DType, Scalar};
use crate::grid::Grid;

fn spec(name: &str, dtype: DType, chunks: Option<&[u64]>) -> DatasetSpec {
    DatasetSpec {
        chunks: chunks.map(<[u64]>::to_vec),
        attributes: vec![
            ("units".into(), AttributeData::Text("km/s µ".into())),
            ("scale".into(), AttributeData::Numbers(vec![Scalar::F64(0.5)])),
            ("pair".into(), AttributeData::Numbers(vec![Scalar::I16(-1), Scalar::I16(2)])),
        ],
        ..DatasetSpec::new(name, &[13, 11], dtype)
    }
}

fn bytes(dtype: DType, n: usize) -> Vec<u8> {
    (0..n * dtype.size())
        .map(|i| if dtype == DType::Bool { i as u8 & 1 } else { (i * 37 % 101) as u8 })
        .collect()
}

/// libhdf5's own read.
fn read(path: &Path, name: &str, dtype: DType) -> Vec<u8> {
    h5::locked(|| {
        let file = h5::open_file(path).unwrap();
        let d = h5::open_dataset(&file, name).unwrap();
        let mut out = vec![0; 143 * dtype.size()];
        let space = h5::simple_space(&[13, 11]).unwrap();
        h5::read_selection(
            &d,
            &h5::file_type(dtype).unwrap(),
            &space,
            &h5::dataset_space(&d).unwrap(),
            &mut out,
        )
        .unwrap();
        assert_eq!(h5::attribute_count(&d), 3);
        let units = h5::attribute(&d, 2, 9).unwrap();
        assert!(units.name == "units" && matches!(units.value, h5::RawValue::Strings(s) if s == ["km/s µ"]));
        out
    })
}

/// The part of `all` (13 × 11) in a region.
fn part(all: &[u8], region: &Region, size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for i in 0..region.shape[0] {
        let at = ((region.start[0] + i) * 11 + region.start[1]) as usize * size;
        out.extend(&all[at..at + region.shape[1] as usize * size]);
    }
    out
}

#[test]
fn many_threads_write_every_dtype() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.h5");
    std::fs::write(&target, "old").unwrap();
    let mut specs = Vec::new();
    for dtype in DType::ALL {
        specs.push(spec(&format!("plain/{dtype}"), dtype, Some(&[5, 4])));
        specs.push(DatasetSpec {
            filters: Filter::shuffle_deflate(4),
            ..spec(&format!("packed/{dtype}"), dtype, Some(&[5, 4]))
        });
        specs.push(spec(&format!("flat/{dtype}"), dtype, None));
    }
    let writer = Hdf5Writer::create(&target, &specs).unwrap();
    std::thread::scope(|s| {
        for t in 0..3 {
            let (writer, specs) = (&writer, &specs);
            s.spawn(move || {
                let mut scratch = WriteScratch::new();
                for (i, spec) in specs.iter().enumerate() {
                    let (all, size) = (bytes(spec.dtype, 143), spec.dtype.size());
                    let Some(chunks) = &spec.chunks else {
                        if t == 0 {
                            writer.write_region(i, &Region::whole(&[13, 11]), &all).unwrap();
                        }
                        continue;
                    };
                    let grid = Grid::regular(&spec.shape, chunks);
                    for k in (0..grid.blocks()).filter(|k| k % 3 == t) {
                        let coords = crate::grid::unravel(k, &grid.counts());
                        let block = part(&all, &grid.region(&coords), size);
                        writer.write_chunk(i, &coords, &block, &mut scratch).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(std::fs::read(&target).unwrap(), b"old");
    writer.finish().unwrap();
    for spec in &specs {
        assert_eq!(read(&target, &spec.name, spec.dtype), bytes(spec.dtype, 143), "{}", spec.name);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn regions_of_chunked_data_are_whole_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.h5");
    let chunked = DatasetSpec { filters: Filter::shuffle_deflate(1), ..spec("x", DType::F32, Some(&[5, 4])) };
    let writer = Hdf5Writer::create(&target, &[chunked]).unwrap();
    let all = bytes(DType::F32, 143);
    let region =
        |start: [u64; 2], shape: [u64; 2]| Region { start: start[..].into(), shape: shape[..].into() };
    for (start, shape) in [([0, 0], [5, 11]), ([5, 0], [8, 4]), ([5, 4], [8, 7])] {
        let region = region(start, shape);
        writer.write_region(0, &region, &part(&all, &region, 4)).unwrap();
    }
    for (start, shape) in [([1, 0], [4, 4]), ([0, 0], [5, 3]), ([0, 0], [12, 11])] {
        let region = region(start, shape);
        let e = writer.write_region(0, &region, &part(&all, &region, 4)).unwrap_err();
        assert!(e.kind() == ErrorKind::Value && e.to_string().contains("whole chunks"), "{e}");
    }
    writer.finish().unwrap();
    assert_eq!(read(&target, "x", DType::F32), all);
}

#[test]
fn a_dropped_writer_leaves_the_old_file_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.h5");
    std::fs::write(&target, "old").unwrap();
    let writer = Hdf5Writer::create(&target, &[spec("x", DType::F32, Some(&[13, 11]))]).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    writer.write_chunk(0, &[0, 0], &bytes(DType::F32, 143), &mut WriteScratch::new()).unwrap();
    drop(writer);
    assert_eq!(std::fs::read(&target).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_a_socket_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::os::unix::fs::symlink("far.h5", at("link.h5")).unwrap();
    std::fs::write(at("far.h5"), "old").unwrap();
    let specs = [spec("x", DType::F32, None)];
    Hdf5Writer::create(at("link.h5"), &specs).unwrap().finish().unwrap();
    assert!(at("link.h5").symlink_metadata().unwrap().is_symlink());
    assert!(std::fs::read(at("far.h5")).unwrap().starts_with(b"\x89HDF"));

    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let error = Hdf5Writer::create(at("socket"), &specs).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("socket"), "{error}");
}

#[test]
fn wrong_requests_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.h5");
    let kind = |spec: DatasetSpec| Hdf5Writer::create(&target, &[spec]).unwrap_err().kind();
    assert_eq!(kind(spec("x", DType::F32, Some(&[0, 1]))), ErrorKind::Shape);
    assert_eq!(kind(spec("x", DType::F32, Some(&[1]))), ErrorKind::Shape);
    assert_eq!(kind(spec("x", DType::F32, Some(&[1 << 20, 1 << 20]))), ErrorKind::Shape);
    assert_eq!(kind(spec("/", DType::F32, None)), ErrorKind::Value);
    assert_eq!(
        kind(DatasetSpec { filters: Filter::shuffle_deflate(4), ..spec("x", DType::F32, None) }),
        ErrorKind::Value
    );
    assert!(Hdf5Writer::create("/nowhere/x.h5", &[]).is_err());
    let writer = Hdf5Writer::create(&target, &[spec("x", DType::U8, Some(&[5, 4]))]).unwrap();
    let mut scratch = WriteScratch::new();
    assert_eq!(writer.write_chunk(0, &[3, 0], &[0; 20], &mut scratch).unwrap_err().kind(), ErrorKind::Index);
    assert_eq!(writer.write_chunk(0, &[0, 0], &[0; 19], &mut scratch).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(writer.write_chunk(1, &[0, 0], &[0; 20], &mut scratch).unwrap_err().kind(), ErrorKind::Index);
}
