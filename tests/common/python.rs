//! A Python with h5py and NumPy, which reads what was written here.
#![allow(dead_code)]

use std::io::Write;
use std::process::Command;

/// The interpreter: `CHUNKWISE_PYTHON`, or else one on the path or of the system. Without one the test says so loudly and
/// passes, or fails if `CHUNKWISE_PYTHON` or `CHUNKWISE_DATA_REQUIRED` is set.
pub fn python(test: &str) -> Option<String> {
    let has = |p: &String| {
        Command::new(p).args(["-c", "import numpy, h5py"]).output().is_ok_and(|o| o.status.success())
    };
    let named = std::env::var("CHUNKWISE_PYTHON").ok();
    let required = named.is_some() || std::env::var_os("CHUNKWISE_DATA_REQUIRED").is_some();
    let candidates = named.map_or_else(|| vec!["python3".into(), "/usr/bin/python3".into()], |p| vec![p]);
    let found = candidates.into_iter().find(has);
    if found.is_none() {
        assert!(!required, "{test}: there is no Python with h5py and numpy (CHUNKWISE_PYTHON)");
        // Straight to stderr, so that the harness does not swallow it.
        let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: no Python with h5py and numpy\n");
    }
    found
}

/// What a script prints, which must succeed.
pub fn run(python: &str, script: &str, args: &[&str]) -> String {
    let output = Command::new(python).arg("-c").arg(script).args(args).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{err}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
