//! Telling the system which bytes of a file will be read soon.

use std::fs::File;

/// Tells the system that these bytes will be read soon; it may fetch them meanwhile.
pub(super) fn will_need(file: &File, at: u64, len: u64) {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    {
        use std::os::fd::AsRawFd;
        let (at, len) = (at.min(i64::MAX as u64) as libc::off_t, len.min(i64::MAX as u64) as libc::off_t);
        // SAFETY: the descriptor is open; the call takes numbers only. It is advice: what it answers
        // changes nothing.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), at, len, libc::POSIX_FADV_WILLNEED) };
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    let _ = (file, at, len);
}
