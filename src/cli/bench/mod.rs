//! `chunkwise bench`: what this machine can do, and how near to it each work comes.

#[allow(dead_code)]
mod format;
#[allow(dead_code)]
mod html;
#[allow(dead_code)]
mod markdown;
#[allow(dead_code)]
mod result;
#[allow(dead_code)]
mod table;
