//! Files that grow while they are open: an array stays what it was when it was opened, and says that its file has
//! changed; refreshed it has what was appended. Writers are libhdf5, also one that still has the file open.

mod common;

use chunkwise::{Array, ErrorKind, Join, Session};
use common::{folder, session};
use std::path::Path;

/// A writer that has the file open, and appends.
struct Writer(hdf5::File);

impl Writer {
    fn create(path: &Path) -> Writer {
        let file = hdf5::File::create(path).unwrap();
        file.new_dataset::<i32>().shape(hdf5::SimpleExtents::resizable([0])).chunk((4,)).create("t").unwrap();
        file.flush().unwrap();
        Writer(file)
    }

    fn append(&self, values: &[i32]) {
        let t = self.0.dataset("t").unwrap();
        let before = t.shape()[0];
        t.resize((before + values.len(),)).unwrap();
        t.write_slice(values, before..).unwrap();
        self.0.flush().unwrap();
    }
}

fn sum(session: &Session, t: &Array) -> i64 {
    session.compute(&t.sum()).unwrap().item::<i64>().unwrap()
}

#[test]
fn what_a_writer_appends_is_there_after_a_refresh() {
    let folder = folder();
    let path = folder.path().join("log.h5");
    let writer = Writer::create(&path);
    let s = session(1, "16MiB");
    let mut t = Array::open(&path, "t").unwrap();
    assert_eq!((t.shape().unwrap(), sum(&s, &t)), (&[0][..], 0));
    let (mut len, mut total) = (0, 0);
    for n in 1..=6 {
        let values: Vec<i32> = (0..n * 3).map(|i| i * i - 7).collect();
        writer.append(&values);
        len += values.len() as u64;
        total += values.iter().map(|&v| i64::from(v)).sum::<i64>();
        // The file may have been written so quickly that only its length tells.
        let stale = s.compute(&t.sum());
        assert!(stale.is_ok() || stale.is_err_and(|e| e.kind() == ErrorKind::Changed));
        t = t.refresh().unwrap();
        assert_eq!((t.shape().unwrap(), sum(&s, &t)), (&[len][..], total));
    }
    drop(writer);
    assert_eq!(sum(&s, &t.refresh().unwrap()), total);
}

#[test]
fn of_many_files_all_are_looked_at_again() {
    let folder = folder();
    let paths = ["a.h5", "b.h5"].map(|name| folder.path().join(name));
    let writers = paths.clone().map(|path| Writer::create(&path));
    writers.iter().for_each(|w| w.append(&[1, 2, 3]));
    let t = Array::open_many(&paths, "t", Join::Concatenate { axis: 0 }).unwrap();
    let s = session(2, "16MiB");
    assert_eq!((t.shape().unwrap(), sum(&s, &t)), (&[6][..], 12));
    writers[0].append(&[10, 20, 30, 40, 50]);
    let t = t.refresh().unwrap();
    assert_eq!((t.shape().unwrap(), sum(&s, &t)), (&[11][..], 162));
}

#[test]
fn what_is_computed_or_in_memory_is_refused() {
    let x = Array::arange_int(0, 5, 1);
    for (array, what) in [(&x + 1i64, "add"), (x.clone(), "lies in files")] {
        let e = array.refresh().map(|_| ()).unwrap_err();
        assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains(what), "{e}");
    }
}
