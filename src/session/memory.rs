//! How much memory there is to be had.

use std::path::{Path, PathBuf};

/// The memory that this process may still take, in bytes: what the machine has available, or less
/// where a control group allows less.
pub fn available() -> u64 {
    available_in(Path::new("/"))
}

/// As [`available`], of the system whose files are below `root`.
fn available_in(root: &Path) -> u64 {
    let machine = read(&root.join("proc/meminfo")).and_then(|text| {
        let kib = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?.trim_end_matches("kB").trim();
        kib.parse::<u64>().ok()?.checked_mul(1024)
    });
    let groups = read(&root.join("proc/self/cgroup")).unwrap_or_default();
    let mounts = read(&root.join("proc/self/mountinfo")).unwrap_or_default();
    let groups = groups.lines().filter_map(|line| {
        let (kind, path) = group(line)?;
        let (mount, folder) = kind.folder(root, &mounts, path);
        tightest(&kind, &mount, &folder)
    });
    machine.into_iter().chain(groups).min().unwrap_or(2 << 30).max(16 << 20)
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// A version of control groups, and what its files are called.
struct Kind {
    /// The type of its file system, and an option that the mount has.
    system: (&'static str, Option<&'static str>),
    /// Where it is mounted where nothing says otherwise.
    usual: &'static str,
    limit: &'static str,
    used: &'static str,
    /// The field of `memory.stat` for what of that are files that could be dropped at once.
    files: &'static str,
}

const VERSION_1: Kind = Kind {
    system: ("cgroup", Some("memory")),
    usual: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    files: "total_inactive_file",
};

const VERSION_2: Kind = Kind {
    system: ("cgroup2", None),
    usual: "sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    files: "inactive_file",
};

/// The group that a line of `/proc/self/cgroup` says, if it counts memory.
fn group(line: &str) -> Option<(Kind, &str)> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    match number {
        "0" if controllers.is_empty() => Some((VERSION_2, path)),
        _ if controllers.split(',').any(|c| c == "memory") => Some((VERSION_1, path)),
        _ => None,
    }
}

impl Kind {
    /// Where the groups are, and the folder of the group `path` among them. A container may see a part of the
    /// tree of groups only, and its own group as the top.
    fn folder(&self, root: &Path, mounts: &str, path: &str) -> (PathBuf, PathBuf) {
        let (top, place) = mounts
            .lines()
            .find_map(|line| self.mount(line))
            .unwrap_or_else(|| ("/".into(), format!("/{}", self.usual)));
        let mount = root.join(place.trim_start_matches('/'));
        // A group outside of what is mounted is shown with "..".
        let outside = path.split('/').any(|part| part == "..");
        let below = Path::new(path).strip_prefix(&top).ok().filter(|_| !outside).unwrap_or(Path::new(""));
        let folder = mount.join(below);
        if folder.is_dir() { (mount, folder) } else { (mount.clone(), mount) }
    }

    /// What a line of `/proc/self/mountinfo` says, if these groups are mounted there: which of them is the top,
    /// and where.
    fn mount(&self, line: &str) -> Option<(String, String)> {
        let (mount, system) = line.split_once(" - ")?;
        let mut system = system.split(' ');
        let (name, options) = (system.next()?, system.nth(1)?);
        let has = |wanted: &str| options.split(',').any(|option| option == wanted);
        if name != self.system.0 || !self.system.1.is_none_or(has) {
            return None;
        }
        let mut fields = mount.split(' ').skip(3);
        // Spaces and the like are written in octal digits.
        let plain = |text: &str| text.replace("\\040", " ");
        Some((plain(fields.next()?), plain(fields.next()?)))
    }
}

/// What is left in the tightest of a group and those that it is in.
fn tightest(kind: &Kind, mount: &Path, group: &Path) -> Option<u64> {
    let inside = group.ancestors().take_while(|folder| folder.starts_with(mount));
    inside.filter_map(|folder| left(kind, folder)).min()
}

/// What a group has left. What the system keeps of files that were read counts as used, but is given up for
/// anything else.
fn left(kind: &Kind, folder: &Path) -> Option<u64> {
    let number = |name: &str| read(&folder.join(name))?.trim().parse::<u64>().ok();
    let (limit, used) = (number(kind.limit)?, number(kind.used)?);
    let stat = read(&folder.join("memory.stat")).unwrap_or_default();
    let field = |line: &str| line.strip_prefix(kind.files)?.trim().parse::<u64>().ok();
    let files = stat.lines().find_map(field).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(files)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A system with 8 GiB, whose process is in the groups of `cgroup`.
    fn system(cgroup: &str, mountinfo: &str, files: &[(&str, u64)]) -> u64 {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("proc/meminfo", "MemTotal:   16777216 kB\nMemAvailable:    8388608 kB\n");
        put("proc/self/cgroup", cgroup);
        put("proc/self/mountinfo", mountinfo);
        for (name, mib) in files {
            match name.split_once(' ') {
                Some((name, field)) => put(name, &format!("cache 1\n{field} {}\nother 2\n", mib * MIB)),
                None if *mib == u64::MAX => put(name, "max\n"),
                None => put(name, &format!("{}\n", mib * MIB)),
            }
        }
        available_in(root.path()) / MIB
    }

    const OLD: &str = "11:cpu,cpuacct:/a\n9:memory:/slurm/uid_0/job_7/step_0\n0::/\n";

    #[test]
    fn a_group_of_version_1_far_down_the_tree_counts() {
        let at = |folder: &str, limit: u64, used: u64| {
            [
                (format!("sys/fs/cgroup/memory{folder}/memory.limit_in_bytes"), limit),
                (format!("sys/fs/cgroup/memory{folder}/memory.usage_in_bytes"), used),
            ]
        };
        let all: Vec<(String, u64)> = [
            at("", 1 << 40, 3000),
            at("/slurm", 1 << 40, 500),
            at("/slurm/uid_0/job_7", 300, 40),
            at("/slurm/uid_0/job_7/step_0", 1 << 40, 30),
        ]
        .concat();
        let files: Vec<(&str, u64)> = all.iter().map(|(name, n)| (&name[..], *n)).collect();
        assert_eq!(system(OLD, "", &files), 260);
        // Of what is used, 25 MiB are files.
        let stat = ("sys/fs/cgroup/memory/slurm/uid_0/job_7/memory.stat total_inactive_file", 25);
        assert_eq!(system(OLD, "", &[&files[..], &[stat]].concat()), 285);
    }

    #[test]
    fn a_container_sees_its_group_as_the_top() {
        let mounts = "30 24 0:27 / /sys rw - sysfs sysfs rw\n\
                      36 30 0:31 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let files = [
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", 500),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", 100),
        ];
        assert_eq!(system("4:memory:/docker/x\n", mounts, &files), 400);
        // From outside of what is mounted.
        assert_eq!(system("4:memory:/\n", mounts, &files), 400);
        // Below it.
        let below = [
            ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", 200),
            ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", 50),
        ];
        assert_eq!(system("4:memory:/docker/x/job\n", mounts, &[files, below].concat()), 150);
    }

    #[test]
    fn groups_of_version_2_nest() {
        let files = [
            ("sys/fs/cgroup/a/memory.max", 700),
            ("sys/fs/cgroup/a/memory.current", 300),
            ("sys/fs/cgroup/a/memory.stat inactive_file", 50),
            ("sys/fs/cgroup/a/b/memory.max", u64::MAX),
            ("sys/fs/cgroup/a/b/memory.current", 10),
        ];
        assert_eq!(system("0::/a/b\n", "", &files), 450);
        let elsewhere = "36 30 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let files =
            [("sys/fs/cgroup/unified/a/memory.max", 90), ("sys/fs/cgroup/unified/a/memory.current", 30)];
        assert_eq!(system("0::/a\n", elsewhere, &files), 60);
    }

    #[test]
    fn without_groups_the_machine_counts_and_never_less_than_a_little() {
        assert_eq!(system("0::/\n", "", &[]), 8192);
        assert_eq!(system("", "", &[]), 8192);
        let files = [("sys/fs/cgroup/a/memory.max", 100), ("sys/fs/cgroup/a/memory.current", 99)];
        assert_eq!(system("0::/a\n", "", &files), 16);
        assert_eq!(available_in(Path::new("/nowhere")), 2 << 30);
    }
}
