use super::*;
use std::io::Write;

fn write(target: &Path, text: &str) -> Result<()> {
    let file = WholeFile::beside(target)?;
    file.file().write_all(text.as_bytes()).unwrap();
    file.finish()
}

fn names(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_file_appears_when_it_is_whole_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out");
    write(&target, "one").unwrap();
    let file = WholeFile::beside(&target).unwrap();
    std::fs::write(file.path(), "tw").unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), b"one");
    drop(file);
    assert_eq!(names(dir.path()), 1);
    write(&target, "two").unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), b"two");
    assert!(write(dir.path(), "").unwrap_err().to_string().contains("folder"));
    assert!(write(&dir.path().join("none/out"), "").is_err());
}

#[test]
fn a_new_file_never_replaces_one() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out");
    let (first, second) = (WholeFile::create_new(&target).unwrap(), WholeFile::create_new(&target).unwrap());
    assert!(
        first.is_for(&target)
            && first.is_for(&dir.path().join("./out"))
            && !first.is_for(&dir.path().join("o"))
    );
    first.file().write_all(b"first").unwrap();
    first.finish().unwrap();
    let e = second.finish().unwrap_err().to_string();
    assert!(e.contains("exists already") && e.contains("appeared"), "{e}");
    assert_eq!(std::fs::read(&target).unwrap(), b"first");
    assert!(WholeFile::create_new(&target).unwrap_err().to_string().contains("exists already"));
    assert_eq!(names(dir.path()), 1);
    // Where the system cannot rename without replacing.
    let (part, other) = (dir.path().join("part"), dir.path().join("other"));
    std::fs::write(&part, "part").unwrap();
    std::fs::hard_link(&part, &other).unwrap();
    assert_eq!(place_new(&part, &target).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&target).unwrap(), b"first");
}

#[test]
fn a_name_that_no_file_can_have_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["new/", "new/.", "..", &"a".repeat(256), "a\0b"] {
        for made in [WholeFile::beside(&dir.path().join(name)), WholeFile::create_new(&dir.path().join(name))]
        {
            assert_eq!(made.unwrap_err().kind(), ErrorKind::Io, "{name}");
        }
    }
    // As long as a name may be.
    write(&dir.path().join("a".repeat(255)), "").unwrap();
    assert_eq!(names(dir.path()), 1);
}

#[cfg(unix)]
#[test]
fn links_stay_and_what_is_no_plain_file_is_never_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir(at("far")).unwrap();
    std::fs::write(at("far/file"), "old").unwrap();
    std::os::unix::fs::symlink("far/file", at("link")).unwrap();
    write(&at("link"), "new").unwrap();
    assert!(at("link").symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read(at("far/file")).unwrap(), b"new");
    assert_eq!(names(&at("far")), 1);
    assert!(is_same_file(&at("link"), &at("far/file")) && !is_same_file(&at("link"), &at("none")));

    std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
    assert!(write(&at("dangling"), "").unwrap_err().to_string().contains("leads nowhere"));
    assert!(WholeFile::create_new(&at("dangling")).is_err());

    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    std::os::unix::fs::symlink("socket", at("to_socket")).unwrap();
    for name in ["socket", "to_socket"] {
        assert!(is_stream(&at(name)));
        assert!(write(&at(name), "").unwrap_err().to_string().contains("no file replaces"));
    }
    // One that comes while the file is being written.
    let file = WholeFile::beside(&at("late")).unwrap();
    let _late = std::os::unix::net::UnixListener::bind(at("late")).unwrap();
    assert!(file.finish().is_err());
    assert!(at("late").metadata().unwrap().file_type().is_socket());
    assert_eq!(names(dir.path()), 6);
}

/// What a file under way is called.
fn part(folder: &Path) -> PathBuf {
    let mut paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.to_str().is_some_and(|name| name.ends_with(SUFFIX))).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn who_takes_the_name_gets_nothing_and_gives_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (target, victim) = (dir.path().join("out"), dir.path().join("victim"));
    std::fs::write(&victim, "precious").unwrap();
    let file = WholeFile::create_new(&target).unwrap();
    std::fs::remove_file(part(dir.path())).unwrap();
    std::os::unix::fs::symlink(&victim, &file.part.path).unwrap();
    std::fs::write(file.path(), "result").unwrap();
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    let e = file.finish().unwrap_err().to_string();
    assert!(e.contains("removed, or replaced"), "{e}");
    assert!(!target.exists());
    // What is under the name is not ours to remove.
    assert!(part(dir.path()).symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
}

#[cfg(unix)]
#[test]
fn what_a_killed_run_left_is_removed_and_what_is_under_way_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let prefix = |name: &str| prefix_of(OsStr::new(name));
    let (left, other) = (format!("{}1{SUFFIX}", prefix("out")), format!("{}1{SUFFIX}", prefix("out2")));
    std::fs::write(at(&left), "half").unwrap();
    std::fs::write(at(&other), "half").unwrap();
    std::fs::write(at("victim"), "precious").unwrap();
    std::os::unix::fs::symlink("victim", at(&format!("{}2{SUFFIX}", prefix("out")))).unwrap();
    let running = WholeFile::beside(&at("out")).unwrap();
    assert!(!at(&left).exists() && at(&other).exists() && at("victim").exists());
    let second = WholeFile::beside(&at("out")).unwrap();
    assert!(running.part.is_there() && second.part.is_there());
    drop(second);
    running.finish().unwrap();
    assert!(at("out").exists());
    assert_eq!(names(dir.path()), 4);
}
