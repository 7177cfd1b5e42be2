//! How much memory there is to be had.

/// The memory that this process may still take, in bytes: what the machine has available, or less
/// where a control group allows less.
pub fn available() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let machine = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    });
    // Version 2 groups nest: the tightest limit on the way to the root counts.
    let group = read("/proc/self/cgroup").and_then(|text| {
        let path = text.lines().find_map(|l| l.strip_prefix("0::"))?.to_string();
        let mut dir = std::path::PathBuf::from("/sys/fs/cgroup").join(path.trim_start_matches('/'));
        let mut tightest: Option<u64> = None;
        loop {
            let at = |name: &str| dir.join(name).to_string_lossy().into_owned();
            if let (Some(max), Some(now)) = (number(&at("memory.max")), number(&at("memory.current"))) {
                let left = max.saturating_sub(now);
                tightest = Some(tightest.map_or(left, |t| t.min(left)));
            }
            if dir == std::path::Path::new("/sys/fs/cgroup") || !dir.pop() {
                return tightest;
            }
        }
    });
    let old = number("/sys/fs/cgroup/memory/memory.limit_in_bytes")
        .zip(number("/sys/fs/cgroup/memory/memory.usage_in_bytes"))
        .map(|(max, now)| max.saturating_sub(now));
    [machine, group, old].into_iter().flatten().min().unwrap_or(2 << 30).max(16 << 20)
}
