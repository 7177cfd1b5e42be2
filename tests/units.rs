//! What numbers mean on their way: units and names into results, pictures and files, and what is refused for their sake.

mod common;

use chunkwise::Array;
use std::path::Path;
use std::process::Command;

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn chunkwise(args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_chunkwise")).args(args).output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// What a command that succeeds prints.
fn done(args: &[&str]) -> String {
    let ran = chunkwise(args);
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
    ran.out
}

fn at(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_string()
}

fn units(file: &str, name: &str) -> Option<String> {
    Array::open_decoded(file, name).unwrap().annotations().unwrap().get("units").cloned()
}

#[test]
fn means_have_the_units_of_their_values() {
    let folder = common::folder();
    let (a, b) = (at(folder.path(), "a.h5"), at(folder.path(), "b.h5"));
    done(&["eval", "x=arange(6.0)", "--output", &a, "--attr", "units=K"]);
    let input = format!("f={a}");
    let results =
        ["m=mean(f.x)", "q=quantile(f.x, 0.5)", "v=var(f.x)", "c=f.x - 273.15", "d=f.x - mean(f.x)"];
    done(&[&["eval", "-i", &input, "--output", &b][..], &results].concat());
    let kelvin = Some("K".to_string());
    let found = ["m", "q", "v", "c", "d"].map(|name| units(&b, name));
    assert_eq!(found, [kelvin.clone(), kelvin.clone(), None, None, kelvin]);
}

#[test]
fn numbers_in_other_units_follow_no_dataset() {
    let folder = common::folder();
    let (a, b) = (at(folder.path(), "a.h5"), at(folder.path(), "b.h5"));
    let first = ["--maxshape", "none", "--chunks", "4", "--attr", "units=hours since 1900-01-01"];
    done(&[&["eval", "time=arange(3.0)", "--output", &a][..], &first].concat());
    done(&["eval", "time=arange(2.0)", "--output", &b, "--attr", "units=days since 2020-01-01"]);
    let before = std::fs::read(&a).unwrap();
    let input = format!("f={b}");
    for part in [["--append-axis", "0"], ["--region", "0:"]] {
        let ran = chunkwise(&[&["eval", "-i", &input, "time=f.time", "--output", &a][..], &part].concat());
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        for said in ["hours since 1900-01-01", "days since 2020-01-01", "hint"] {
            assert!(ran.err.contains(said), "{}", ran.err);
        }
    }
    assert!(std::fs::read(&a).unwrap() == before);
    // Of numbers without units nothing is known.
    done(&["eval", "time=arange(2.0)", "--output", &a, "--append-axis", "0"]);
    assert_eq!(Array::open(&a, "time").unwrap().shape().unwrap(), [5]);
}

#[test]
fn what_is_missing_is_no_zero_in_whole_numbers() {
    let folder = common::folder();
    let (a, b) = (at(folder.path(), "a.h5"), at(folder.path(), "b.h5"));
    done(&["eval", "x=array([3, 4, -999], dtype=int16)", "--output", &a, "--attr", "_FillValue=-999"]);
    let input = format!("f={a}");
    let to = ["eval", "-i", &input, "y=f.x * 2", "--dtype", "int16", "--output", &b];
    let ran = chunkwise(&to);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("stands for what is missing") && ran.err.contains("--fillvalue"), "{}", ran.err);
    assert!(!ran.err.contains("StoreOptions"), "{}", ran.err);
    done(&[&to[..], &["--fillvalue", "-1"]].concat());
    assert_eq!(done(&["eval", "--raw", "-i", &format!("f={b}"), "f.y"]), "f.y = [ 6  8 -1]\n");
}

#[test]
fn a_copy_without_its_dimensions_has_no_numbers_of_them() {
    let folder = common::folder();
    let (a, b) = (at(folder.path(), "a.nc"), at(folder.path(), "b.nc"));
    done(&["eval", "t=ones((2, 3))", "--output", &a, "--dims", "y,x", "--attr", "t@_Netcdf4Dimid=0"]);
    assert!(done(&["info", "--all", &a]).contains("_Netcdf4Dimid"));
    done(&["copy", &format!("{a}:/t"), &format!("{b}:/t")]);
    let listing = done(&["info", "--all", &b]);
    assert!(listing.contains("(2, 3)") && !listing.contains("_Netcdf4Dimid"), "{listing}");
}

#[test]
fn names_go_with_what_is_chosen() {
    let folder = common::folder();
    let a = at(folder.path(), "a.h5");
    // One of each season, stored as an enum.
    done(&["eval", "s=season([0, 70, 160, 250], units='days since 2000-01-01')", "--output", &a]);
    let input = format!("f={a}");
    let shown = |text: &str| done(&["eval", "-i", &input, &format!("r={text}")]);
    assert_eq!(shown("f.s[argtopk(nan_to_num([3.0, 1, nan, 7]), 3)]"), "r = ['SON' 'DJF' 'MAM']\n");
    assert_eq!(shown("f.s[[3, 0, 2]]"), "r = ['SON' 'DJF' 'JJA']\n");
    assert_eq!(shown("max(f.s)"), "r = SON\n");
    assert_eq!(shown("f.s[arange(4) > 1] == 'JJA'"), "r = [ True False]\n");
    assert_eq!(shown("sum(f.s[arange(4) > 1] != 'JJA')"), "r = 1\n");
    assert_eq!(shown("mean(f.s)"), "r = 1.5\n");
}

#[test]
fn a_time_says_its_date() {
    let folder = common::folder();
    let a = at(folder.path(), "a.nc");
    let of = ["--attr", "t@units=hours since 1900-01-01", "--dims", "t"];
    done(&[&["eval", "t=arange(3)*6 + 1043136", "--output", &a][..], &of].concat());
    let input = format!("f={a}");
    assert_eq!(done(&["eval", "-i", &input, "max(f.t)"]), "max(f.t) = 1043148 (2019-01-01T12:00:00)\n");
    assert_eq!(done(&["eval", "-i", &input, "year(min(f.t))"]), "year(min(f.t)) = 2019\n");
    assert_eq!(
        done(&["eval", "-i", &input, "sum(f.t >= '2019-01-01T06')"]),
        "sum(f.t >= '2019-01-01T06') = 2\n"
    );
    assert_eq!(done(&["eval", "-i", &input, "ptp(f.t)"]), "ptp(f.t) = 12\n");
    assert!(done(&["info", &a]).contains("2019-01-01 … 2019-01-01T12:00:00"), "{}", done(&["info", &a]));
}

#[test]
fn what_does_not_fit_is_told_how_it_would() {
    let said = |text: &str| {
        let ran = chunkwise(&["eval", "--let", "t=ones((4, 3, 2))", "--let", "w=arange(4.0)", text]);
        assert_eq!(ran.code, Some(2), "{text}: {}", ran.out);
        ran.err
    };
    for (text, hint) in [
        ("average(t, weights=w)", "the 4 lie along axis 0 as [:, None, None]"),
        ("mean(t, where=w > 1)", "the 4 lie along axis 0 as [:, None, None]"),
        ("groupby_reduce(t, int64(w), 'mean')", "axis= groups along one axis"),
        ("mean(t, axis='time')", "axes are numbers from 0 on"),
        ("nlargest(t)", "write topk(x, 3)"),
    ] {
        assert!(said(text).contains(hint), "{text}: {}", said(text));
    }
    // Two keys are two axes.
    let both = "groupby_reduce(t, (w, w), 'sum', axis=0).shape";
    assert_eq!(
        done(&["eval", "--let", "t=ones((4, 3, 2))", "--let", "w=arange(4.0)", both]),
        format!("{both} = [3 2 4 4]\n")
    );
}

#[test]
fn a_profile_takes_what_a_mask_selects() {
    let masked = "binned_statistic(x[m], y[m], 'mean', bins=3, range=(0, 9))";
    let whole = "binned_statistic(x, y, 'mean', bins=3, range=(0, 9), where=m)";
    let steps = ["--let", "x=arange(9.0)", "--let", "y=square(x)", "--let", "m=x % 2 == 0"];
    let asked = |text: &str| done(&[&["eval"][..], &steps, &[&format!("r={text}")]].concat());
    let lines = |text: String| text.lines().skip(1).map(String::from).collect::<Vec<_>>();
    assert_eq!(lines(asked(masked)), lines(asked(whole)));
    // As SciPy has it.
    assert!(
        asked(masked).ends_with("     0   3      2\n     3   6     16\n     6   9     50\n"),
        "{}",
        asked(masked)
    );
}

#[cfg(feature = "plot")]
#[test]
fn what_a_mask_selects_has_its_text_on_a_picture() {
    let folder = common::folder();
    let (svg, stored) = (at(folder.path(), "p.svg"), at(folder.path(), "p.h5"));
    let asked = ["eval", "--let", "x=arange(9.0)", "histogram(sqrt(x[x > 2]), bins=3)"];
    // Drawn and stored by one run.
    done(&[&asked[..], &["--plot", &svg, "--output", &stored]].concat());
    let text = std::fs::read_to_string(&svg).unwrap();
    assert!(text.contains("\nsqrt(x[x &gt; 2])\n") && !text.contains("src/"), "{text}");
    assert_eq!(Array::open(&stored, "result/counts").unwrap().shape().unwrap(), [3]);
}
