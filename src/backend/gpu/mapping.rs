//! Buffers on their way to be mapped.

use super::device::Context;
use crate::error::{Error, ErrorKind, Result};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// A mapping under way.
pub struct Mapping {
    submission: Option<wgpu::SubmissionIndex>,
    done: Receiver<std::result::Result<(), wgpu::BufferAsyncError>>,
}

impl Mapping {
    /// Begins to map a buffer, once `submission` is done.
    pub fn begin(
        buffer: &wgpu::Buffer,
        mode: wgpu::MapMode,
        submission: Option<wgpu::SubmissionIndex>,
    ) -> Mapping {
        let (sender, done) = channel();
        buffer.map_async(mode, .., move |result| {
            // Nobody listens any more if the buffer's user was dropped.
            let _ = sender.send(result);
        });
        Mapping { submission, done }
    }

    /// Waits until the buffer is mapped.
    ///
    /// # Errors
    /// `Device` if it cannot be, or the device is lost.
    pub fn wait(self, context: &Context) -> Result<()> {
        match self.submission {
            Some(submission) => context.wait(submission)?,
            None => context.poll()?,
        }
        // Another thread's wait may be the one that calls back.
        let mapped = loop {
            match self.done.recv_timeout(Duration::from_millis(1)) {
                Ok(mapped) => break mapped,
                Err(RecvTimeoutError::Timeout) => context.poll()?,
                Err(RecvTimeoutError::Disconnected) => break Err(wgpu::BufferAsyncError),
            }
        };
        context.check()?;
        mapped.map_err(|e| {
            Error::new(ErrorKind::Device, format!("a buffer cannot be mapped: {e}"))
                .at("device", &context.info.name)
        })
    }
}
