//! Whether somebody else is writing to a file.

use std::fs::File;

/// Whether somebody has this file open for writing. False where it cannot be told: on other systems than Linux, on file
/// systems without leases, and of files of others.
#[cfg(target_os = "linux")]
pub(super) fn has_writer(file: &File) -> bool {
    use std::os::fd::AsRawFd;
    /// Linux has one number for all machines; what a lease sends to its holder.
    const F_SETSIG: libc::c_int = 10;
    let fd = file.as_raw_fd();
    // SAFETY: calls on a descriptor that is open. The lease is refused where there is a writer, and else given back at once.
    // A writer that comes between waits so long, and the signal that is then sent is one that is ignored.
    unsafe {
        if libc::fcntl(fd, F_SETSIG, libc::SIGURG) != 0 {
            return false;
        }
        if libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK as libc::c_int) == 0 {
            libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK as libc::c_int);
            return false;
        }
    }
    std::io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn has_writer(_: &File) -> bool {
    false
}
