//! What a dataset says about itself.

use super::*;

/// How a dataset is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Compact,
    Contiguous,
    Chunked,
    Virtual,
}

impl Layout {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Layout::Compact => "compact",
            Layout::Contiguous => "contiguous",
            Layout::Chunked => "chunked",
            Layout::Virtual => "virtual",
        }
    }
}

/// One filter of a pipeline, as the file states it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FilterInfo {
    pub id: i32,
    pub name: String,
    pub values: Vec<u32>,
}

/// The creation list of a dataset.
pub(crate) fn creation(dataset: &Id) -> Result<Id> {
    Id::new(call!(H5Dget_create_plist(dataset.0)), || "cannot read the dataset's creation properties".into())
}

/// The storage layout.
pub(crate) fn layout(dcpl: &Id) -> Result<Layout> {
    match call!(H5Pget_layout(dcpl.0)) {
        H5D_layout_t::H5D_COMPACT => Ok(Layout::Compact),
        H5D_layout_t::H5D_CONTIGUOUS => Ok(Layout::Contiguous),
        H5D_layout_t::H5D_CHUNKED => Ok(Layout::Chunked),
        H5D_layout_t::H5D_VIRTUAL => Ok(Layout::Virtual),
        _ => Err(failure("cannot read the storage layout".into())),
    }
}

/// The chunk shape, and whether partial edge chunks are stored without the filters.
pub(crate) fn chunk_shape(dcpl: &Id) -> Result<(Dims, bool)> {
    let mut dims = [0u64; MAX_RANK];
    let rank = call!(H5Pget_chunk(dcpl.0, MAX_RANK as c_int, dims.as_mut_ptr()));
    if rank < 0 || rank as usize > MAX_RANK {
        return Err(failure("cannot read the chunk shape".into()));
    }
    let mut options: c_uint = 0;
    check(call!(H5Pget_chunk_opts(dcpl.0, &mut options)), || "cannot read the chunk options".into())?;
    Ok((Dims::from_slice(&dims[..rank as usize]), options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS != 0))
}

/// How many external files hold the data.
pub(crate) fn external_files(dcpl: &Id) -> Result<usize> {
    let n = call!(H5Pget_external_count(dcpl.0));
    if n < 0 { Err(failure("cannot read the external file list".into())) } else { Ok(n as usize) }
}

/// The filters, in the order in which they are applied when writing.
pub(crate) fn filters(dcpl: &Id) -> Result<Vec<FilterInfo>> {
    locked(|| {
        let n = call!(H5Pget_nfilters(dcpl.0));
        if !(0..=32).contains(&n) {
            return Err(failure(format!("a pipeline of {n} filters")));
        }
        (0..n as c_uint)
            .map(|i| {
                let (mut flags, mut config, mut count) = (0, 0, 64usize);
                let mut values = vec![0u32; count];
                let mut name = [0u8; 256];
                let id = call!(H5Pget_filter2(
                    dcpl.0,
                    i,
                    &mut flags,
                    &mut count,
                    values.as_mut_ptr(),
                    name.len(),
                    name.as_mut_ptr().cast(),
                    &mut config,
                ));
                check(id, || format!("cannot read filter {i} of the pipeline"))?;
                values.truncate(count.min(64));
                let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
                Ok(FilterInfo { id, name: String::from_utf8_lossy(&name[..end]).into_owned(), values })
            })
            .collect()
    })
}

/// Whether this libhdf5 has a filter (built in or as a plugin).
pub(crate) fn has_filter(id: i32) -> bool {
    call!(H5Zfilter_avail(id)) > 0
}

/// The fill value as `memory_type` (`size` bytes); zeros where none is defined.
pub(crate) fn fill_value(dcpl: &Id, memory_type: &Id, size: usize) -> Result<Vec<u8>> {
    locked(|| {
        let mut out = vec![0u8; size];
        let mut status = H5D_fill_value_t::H5D_FILL_VALUE_DEFAULT;
        check(call!(H5Pfill_value_defined(dcpl.0, &mut status)), || "cannot read the fill value".into())?;
        if status == H5D_fill_value_t::H5D_FILL_VALUE_USER_DEFINED {
            let code = call!(H5Pget_fill_value(dcpl.0, memory_type.0, out.as_mut_ptr().cast()));
            check(code, || "cannot read the fill value".into())?;
        }
        Ok(out)
    })
}

/// The address of contiguous data in the file; `None` where nothing is allocated. (In a file with a user
/// block libhdf5 adds its length to the undefined address too, so the address alone does not tell.)
pub(crate) fn offset(dataset: &Id) -> Option<u64> {
    locked(|| {
        let address = Some(call!(H5Dget_offset(dataset.0))).filter(|&a| a != HADDR_UNDEF);
        address.filter(|_| storage_size(dataset) > 0)
    })
}

/// Bytes that the dataset takes in the file.
pub(crate) fn storage_size(dataset: &Id) -> u64 {
    call!(H5Dget_storage_size(dataset.0))
}
