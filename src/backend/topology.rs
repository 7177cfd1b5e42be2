//! What the system tells of the processors that this process may use: which hardware threads share a core,
//! which NUMA node each belongs to, how large the last-level cache is.
//!
//! Linux tells it in `/sys/devices/system` (Documentation/ABI/stable/sysfs-devices-system-cpu and -node) and,
//! for the affinity, in `/proc/thread-self/status`. Elsewhere, and where files are missing or say what cannot
//! be, the answer is `None`: nobody may depend on it.

use std::collections::BTreeSet;
use std::path::Path;

/// More CPUs than any system has; a list that names more is not believed.
const MOST: usize = 1 << 16;

/// A hardware thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Its number, as the system counts.
    pub number: usize,
    /// The lowest number of those that share its core.
    pub core: usize,
    /// Its NUMA node, where the system tells.
    pub node: Option<usize>,
}

/// The hardware threads that the calling thread may run on, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// At least one.
    pub cpus: Vec<Cpu>,
    /// Bytes of the last-level caches behind them, each counted once.
    pub last_cache: Option<u64>,
}

/// Physical cores behind the CPUs that the calling thread may use.
pub fn cores() -> Option<usize> {
    Some(Topology::of_this_thread()?.cores())
}

/// NUMA nodes of the CPUs that the calling thread may use.
pub fn numa_nodes() -> Option<usize> {
    Topology::of_this_thread()?.nodes()
}

impl Topology {
    /// What is behind the calling thread's affinity. Threads that it starts inherit that.
    pub fn of_this_thread() -> Option<Topology> {
        let status = std::fs::read_to_string("/proc/thread-self/status").ok()?;
        Topology::read(Path::new("/sys/devices/system"), &allowed(&status)?)
    }

    /// What the tree `root`, as `/sys/devices/system`, tells of the CPUs `allowed`.
    pub fn read(root: &Path, allowed: &[usize]) -> Option<Topology> {
        let nodes = nodes(root);
        let mut caches = BTreeSet::new();
        let mut cpus = Vec::new();
        for &number in allowed {
            let folder = root.join(format!("cpu/cpu{number}"));
            let siblings = list_in(&folder.join("topology/thread_siblings_list"))?;
            // A list without the CPU itself is of something else.
            let core = *siblings.first().filter(|_| siblings.contains(&number))?;
            let node = nodes.iter().find(|(_, cpus)| cpus.contains(&number)).map(|(node, _)| *node);
            caches.extend(last_cache(&folder.join("cache")));
            cpus.push(Cpu { number, core, node });
        }
        cpus.sort_by_key(|c| c.number);
        cpus.dedup();
        let bytes = caches.iter().map(|(_, bytes)| bytes).sum();
        (!cpus.is_empty()).then_some(Topology { cpus, last_cache: (bytes > 0).then_some(bytes) })
    }

    /// How many cores.
    pub fn cores(&self) -> usize {
        self.cpus.iter().map(|c| c.core).collect::<BTreeSet<_>>().len()
    }

    /// How many NUMA nodes; `None` unless the node of every CPU is known.
    pub fn nodes(&self) -> Option<usize> {
        let nodes = self.cpus.iter().map(|c| c.node).collect::<Option<BTreeSet<_>>>()?;
        Some(nodes.len())
    }
}

/// Every NUMA node with its CPUs.
fn nodes(root: &Path) -> Vec<(usize, Vec<usize>)> {
    let Ok(entries) = std::fs::read_dir(root.join("node")) else { return Vec::new() };
    let node = |entry: std::fs::DirEntry| {
        let number = entry.file_name().to_str()?.strip_prefix("node")?.parse().ok()?;
        Some((number, list_in(&entry.path().join("cpulist"))?))
    };
    entries.flatten().filter_map(node).collect()
}

/// The lowest CPU that shares the highest level of a CPU's caches, and the bytes of that level.
fn last_cache(folder: &Path) -> Option<(usize, u64)> {
    let mut last = None;
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let text = |name: &str| std::fs::read_to_string(entry.path().join(name)).ok();
        let cache = || {
            let level: u32 = text("level")?.trim().parse().ok()?;
            let bytes = crate::size::parse_size(&text("size")?).ok()?;
            let first = *list_in(&entry.path().join("shared_cpu_list"))?.first()?;
            Some((level, first, bytes))
        };
        last = last.max(cache());
    }
    last.map(|(_, first, bytes)| (first, bytes))
}

/// The affinity in a thread's status.
fn allowed(status: &str) -> Option<Vec<usize>> {
    list(status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?)
}

fn list_in(path: &Path) -> Option<Vec<usize>> {
    list(&std::fs::read_to_string(path).ok()?)
}

/// The numbers of a list as `0-3,8`, in order; an empty list is of a node without CPUs.
fn list(text: &str) -> Option<Vec<usize>> {
    let text = text.trim();
    let mut numbers = BTreeSet::new();
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    /// Two sockets of two cores of two threads, numbered as Linux does: the second threads last. Each socket
    /// is a node with a cache of its own; a third node has memory alone.
    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for cpu in 0..8 {
            let core = cpu % 4;
            let folder = root.path().join(format!("cpu/cpu{cpu}"));
            create_dir_all(folder.join("topology")).unwrap();
            write(folder.join("topology/thread_siblings_list"), format!("{core},{}\n", core + 4)).unwrap();
            let socket = if core < 2 { "0-1,4-5" } else { "2-3,6-7" };
            let own = format!("{core},{}", core + 4);
            for (index, level, size, shared) in
                [(0, 1, "32K", own.as_str()), (1, 2, "1024K", own.as_str()), (2, 3, "30720K", socket)]
            {
                let cache = folder.join(format!("cache/index{index}"));
                create_dir_all(&cache).unwrap();
                write(cache.join("level"), format!("{level}\n")).unwrap();
                write(cache.join("size"), format!("{size}\n")).unwrap();
                write(cache.join("shared_cpu_list"), format!("{shared}\n")).unwrap();
            }
        }
        for (node, cpus) in [(0, "0-1,4-5"), (1, "2-3,6-7"), (2, "")] {
            let folder = root.path().join(format!("node/node{node}"));
            create_dir_all(&folder).unwrap();
            write(folder.join("cpulist"), format!("{cpus}\n")).unwrap();
        }
        write(root.path().join("node/online"), "0-2\n").unwrap();
        root
    }

    #[test]
    fn cores_nodes_and_caches_are_those_behind_the_affinity() {
        let root = tree();
        let cache = 30_720 << 10;
        for (cpus, cores, nodes, last) in [
            ((0..8).collect::<Vec<_>>(), 4, 2, 2 * cache),
            (vec![0, 4], 1, 1, cache),
            (vec![0, 1], 2, 1, cache),
            (vec![5, 6, 7], 3, 2, 2 * cache),
            (vec![7], 1, 1, cache),
        ] {
            let t = Topology::read(root.path(), &cpus).unwrap();
            assert_eq!((t.cores(), t.nodes(), t.last_cache), (cores, Some(nodes), Some(last)), "{cpus:?}");
        }
        let t = Topology::read(root.path(), &[6, 1]).unwrap();
        let cpu = |number, core, node| Cpu { number, core, node: Some(node) };
        assert_eq!(t.cpus, [cpu(1, 1, 0), cpu(6, 2, 1)]);
    }

    #[test]
    fn what_is_not_told_is_not_guessed() {
        let root = tree();
        assert_eq!(Topology::read(root.path(), &[]), None);
        assert_eq!(Topology::read(root.path(), &[0, 8]), None);
        let siblings = root.path().join("cpu/cpu3/topology/thread_siblings_list");
        for damaged in ["", "2\n", "3-", "7-3\n", "x", "3,99999999999"] {
            write(&siblings, damaged).unwrap();
            assert_eq!(Topology::read(root.path(), &[0, 3]), None, "{damaged:?}");
        }
        assert_eq!(Topology::read(root.path(), &[0]).unwrap().cores(), 1);
        std::fs::remove_dir_all(root.path().join("node/node0")).unwrap();
        let t = Topology::read(root.path(), &[0, 2]).unwrap();
        assert_eq!((t.cores(), t.nodes(), t.cpus[1].node), (2, None, Some(1)));
        for cpu in 0..8 {
            std::fs::remove_dir_all(root.path().join(format!("cpu/cpu{cpu}/cache"))).unwrap();
        }
        assert_eq!(Topology::read(root.path(), &[0]).unwrap().last_cache, None);
    }

    #[test]
    fn lists_are_read_as_linux_writes_them() {
        assert_eq!(list("0-2,8,10-11\n"), Some(vec![0, 1, 2, 8, 10, 11]));
        assert_eq!(list("\n"), Some(vec![]));
        assert_eq!(list("0,,1"), None);
        assert_eq!(allowed("Name:\tx\nCpus_allowed:\tf\nCpus_allowed_list:\t1-3\n"), Some(vec![1, 2, 3]));
        assert_eq!(allowed("Name:\tx\n"), None);
    }

    #[test]
    fn this_machine_has_no_more_cores_than_cpus() {
        if let Some(t) = Topology::of_this_thread() {
            assert!((1..=t.cpus.len()).contains(&t.cores()));
            assert!(t.nodes().is_none_or(|n| n >= 1 && n <= t.cores()));
            assert_eq!(cores(), Some(t.cores()));
            assert_eq!(numa_nodes(), t.nodes());
        }
    }
}
