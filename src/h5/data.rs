//! Stored chunks and selections.

use super::*;

/// The stored bytes of the chunk that starts at element `origin`; 0 if it is not allocated.
pub(crate) fn stored_size(dataset: &Id, origin: &[u64]) -> Result<u64> {
    locked(|| {
        let mut size = 0;
        if call!(H5Dget_chunk_storage_size(dataset.0, origin.as_ptr(), &mut size)) >= 0 {
            return Ok(size);
        }
        // 1.10 fails for a chunk that is not allocated where others are; only the text of the
        // error tells that from damage.
        let text = hdf5::Error::query().map_or_else(|e| e.to_string(), |e| e.to_string());
        if text.contains("chunk storage is not allocated") {
            return Ok(0);
        }
        Err(Error::new(ErrorKind::Format, "cannot find the chunk").caused_by(format!("libhdf5: {text}")))
    })
}

/// Copies the stored bytes of a chunk into `out`, whose length is `stored_size`'s answer, and
/// returns the mask of the filters that were skipped when it was written.
pub(crate) fn read_stored(dataset: &Id, origin: &[u64], out: &mut [u8]) -> Result<u32> {
    let mut mask = 0;
    let to = out.as_mut_ptr().cast::<c_void>();
    #[cfg(feature = "static")]
    let code = {
        let mut length = out.len();
        call!(H5Dread_chunk2(dataset.0, H5P_DEFAULT, origin.as_ptr(), &mut mask, to, &mut length))
    };
    #[cfg(not(feature = "static"))]
    let code = call!(H5Dread_chunk1(dataset.0, H5P_DEFAULT, origin.as_ptr(), &mut mask, to));
    check(code, || "cannot read the stored chunk".into())?;
    Ok(mask)
}

/// Writes the stored bytes of a chunk.
pub(crate) fn write_stored(dataset: &Id, origin: &[u64], mask: u32, bytes: &[u8]) -> Result<()> {
    let from = bytes.as_ptr().cast::<c_void>();
    let code = call!(H5Dwrite_chunk(dataset.0, H5P_DEFAULT, mask, origin.as_ptr(), bytes.len(), from));
    check_write(code, || "cannot write the chunk".into())
}

/// Reads a selection through libhdf5. `out` is what `memory_space` says, in `memory_type`.
pub(crate) fn read_selection(
    dataset: &Id,
    memory_type: &Id,
    memory_space: &Id,
    file_space: &Id,
    out: &mut [u8],
) -> Result<()> {
    locked(|| {
        let elements = call!(H5Sget_simple_extent_npoints(memory_space.0));
        let size = call!(H5Tget_size(memory_type.0));
        if elements < 0 || (elements as u64).checked_mul(size as u64) != Some(out.len() as u64) {
            return Err(Error::new(ErrorKind::Internal, "a buffer that does not fit the selection"));
        }
        let to = out.as_mut_ptr().cast::<c_void>();
        let code = call!(H5Dread(dataset.0, memory_type.0, memory_space.0, file_space.0, H5P_DEFAULT, to));
        check(code, || "libhdf5 cannot read the data".into())
    })
}

/// Writes a selection through libhdf5.
pub(crate) fn write_selection(
    dataset: &Id,
    memory_type: &Id,
    memory_space: &Id,
    file_space: &Id,
    bytes: &[u8],
) -> Result<()> {
    locked(|| {
        let elements = call!(H5Sget_simple_extent_npoints(memory_space.0));
        let size = call!(H5Tget_size(memory_type.0));
        if elements < 0 || (elements as u64).checked_mul(size as u64) != Some(bytes.len() as u64) {
            return Err(Error::new(ErrorKind::Internal, "a buffer that does not fit the selection"));
        }
        let from = bytes.as_ptr().cast::<c_void>();
        let code = call!(H5Dwrite(dataset.0, memory_type.0, memory_space.0, file_space.0, H5P_DEFAULT, from));
        check_write(code, || "cannot write the data".into())
    })
}
