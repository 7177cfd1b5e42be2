//! `chunkwise bench`: what this machine can do, and how near to it each work comes.

#[allow(dead_code)]
mod result;
