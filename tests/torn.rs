//! Files that are written while they are read: what comes out is of the state that was opened, or an error that
//! says that the file changed.
#![cfg(unix)]

mod common;

use chunkwise::{Array, DType, ErrorKind};
use common::{dataset, folder, session, write_file};
use std::fs::File;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Longer than the clock of any file system stands still.
const TICK: Duration = Duration::from_millis(30);

const LEN: u64 = 4 << 20;

/// A file of `LEN` float32 that are all `value`.
fn write(path: &Path, value: f32, chunks: Option<&[u64]>, deflate: Option<u8>) {
    let values: Vec<u8> = std::iter::repeat_n(value.to_ne_bytes(), LEN as usize).flatten().collect();
    write_file(path, &[(dataset("x", &[LEN], DType::F32, chunks, deflate), &values)]);
}

#[test]
fn a_sum_is_of_one_state_or_an_error() {
    let dir = folder();
    let path = dir.path().join("t.h5");
    let (mut old, mut changed) = (0, 0);
    for (chunks, deflate) in
        [(None, None), (Some([LEN]), None), (Some([LEN / 64]), None), (Some([LEN / 8]), Some(1))]
    {
        let bytes = [1.0f32, 2.0].map(|value| {
            write(&path, value, chunks.as_ref().map(|c| &c[..]), deflate);
            std::fs::read(&path).unwrap()
        });
        for round in 0..12u64 {
            std::fs::write(&path, &bytes[0]).unwrap();
            std::thread::sleep(TICK);
            let x = Array::open(&path, "/x").unwrap();
            let (file, new) = (File::options().write(true).open(&path).unwrap(), &bytes[1]);
            let sum = std::thread::scope(|scope| {
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_micros(400 * round));
                    for (n, piece) in new.chunks(64 << 10).enumerate() {
                        file.write_all_at(piece, (n * (64 << 10)) as u64).unwrap();
                    }
                });
                session(1 + round as usize % 2, "64MiB").compute(&x.sum())
            });
            match sum {
                Ok(sum) => {
                    assert_eq!(sum.item::<f32>().unwrap(), LEN as f32, "{chunks:?} {round}");
                    old += 1;
                }
                Err(e) => {
                    assert_eq!(e.kind(), ErrorKind::Changed, "{e}");
                    assert_eq!(e.context("file"), Some(&*path.display().to_string()), "{e}");
                    changed += 1;
                }
            }
        }
    }
    println!("{old} of the old state, {changed} changed");
    assert!(changed > 0);
}

#[test]
fn a_time_that_is_put_back_hides_nothing_and_attributes_may_change() {
    let dir = folder();
    let path = dir.path().join("t.h5");
    for chunks in [None, Some(&[LEN / 4][..])] {
        write(&path, 1.0, chunks, None);
        std::thread::sleep(TICK);
        let x = Array::open(&path, "/x").unwrap();
        let sum = || session(1, "64MiB").compute(&x.sum());
        assert_eq!(sum().unwrap().item::<f32>().unwrap(), LEN as f32);
        // Another mode, another name: the same bytes.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(sum().unwrap().item::<f32>().unwrap(), LEN as f32);
        std::fs::hard_link(&path, dir.path().join("other")).unwrap();
        assert_eq!(sum().unwrap().item::<f32>().unwrap(), LEN as f32);
        std::fs::remove_file(dir.path().join("other")).unwrap();
        let x = Array::open(&path, "/x").unwrap();
        let sum = || session(1, "64MiB").compute(&x.sum());
        let file = File::options().write(true).open(&path).unwrap();
        let before: SystemTime = file.metadata().unwrap().modified().unwrap();
        let end = file.metadata().unwrap().len() - 4096;
        file.write_all_at(&[0; 8], end).unwrap();
        file.set_modified(before).unwrap();
        let e = sum().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Changed, "{e}");
        // Opened again, it is what it is now.
        let x = Array::open(&path, "/x").unwrap();
        let again = session(1, "64MiB").compute(&x.sum()).unwrap().item::<f32>().unwrap();
        assert!(again == LEN as f32 || again == LEN as f32 - 2.0, "{again}");
    }
}
