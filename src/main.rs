//! The `chunkwise` command.
#[allow(dead_code, unused_imports, reason = "the commands that call these come next")]
mod cli;

fn main() {}
