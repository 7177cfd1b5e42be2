//! Pictures that `eval --plot` draws: which colours are where, and what they say.

use std::path::Path;
use std::process::Command;

type Colour = [u8; 3];

const DARK: Colour = [68, 1, 84];
const YELLOW: Colour = [253, 231, 37];
const WHITE: Colour = [255, 255, 255];
const BLUE: Colour = [31, 119, 180];
const FILL: Colour = [166, 201, 225];

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn eval(args: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_chunkwise")).arg("eval").args(args).output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// The picture of some results.
    fn of(args: &[&str]) -> Picture {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.png");
        let run = eval(&[args, &["--plot", path.to_str().unwrap()]].concat());
        assert_eq!(run.code, Some(0), "{}", run.err);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        Picture::read(&path)
    }

    fn read(path: &Path) -> Picture {
        let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        Picture { width: info.width as usize, height: info.height as usize, rgb }
    }

    fn at(&self, x: usize, y: usize) -> Colour {
        let i = 3 * (y * self.width + x);
        self.rgb[i..i + 3].try_into().unwrap()
    }

    /// Where the pixels of a colour are.
    fn places(&self, colour: Colour) -> Vec<(usize, usize)> {
        let all = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        all.filter(|&(x, y)| self.at(x, y) == colour).collect()
    }

    /// The middle of most of the pixels of a colour, though some may be in the colour bar.
    fn middle(&self, colour: Colour) -> (usize, usize) {
        let places = self.places(colour);
        assert!(places.len() > 1000, "{} pixels of {colour:?}", places.len());
        let median = |mut v: Vec<usize>| {
            v.sort_unstable();
            v[v.len() / 2]
        };
        (median(places.iter().map(|p| p.0).collect()), median(places.iter().map(|p| p.1).collect()))
    }
}

fn svg(args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.svg");
    let run = eval(&[args, &["--plot", path.to_str().unwrap()]].concat());
    assert_eq!(run.code, Some(0), "{}", run.err);
    std::fs::read_to_string(path).unwrap()
}

/// The texts of an SVG file.
fn texts(svg: &str) -> Vec<String> {
    let text = |part: &str| {
        let text = part.split_once('>')?.1.split_once("</text>")?.0.trim();
        Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&apos;", "'").replace("&amp;", "&"))
    };
    svg.split("<text").skip(1).filter_map(text).collect()
}

fn has(texts: &[String], wanted: &[&str]) {
    for w in wanted {
        assert!(texts.iter().any(|t| t == w), "no '{w}' in {texts:?}");
    }
}

#[test]
fn a_histogram_is_steps_over_its_bins() {
    // Three in the first bin, none in the second, one in the third.
    let p = Picture::of(&["histogram(array([0, 0.1, 0.2, 2.5]), bins=3, range=(0, 3))"]);
    assert_eq!((p.width, p.height), (1280, 960));
    let fill = p.places(FILL);
    let (left, right) = (fill.iter().map(|p| p.0).min().unwrap(), fill.iter().map(|p| p.0).max().unwrap());
    let third = (right - left) / 3;
    let column = |x: usize| fill.iter().filter(|p| p.0 == x).count();
    let heights = [left + third / 2, (left + right) / 2, right - third / 2].map(column);
    assert_eq!(heights[1], 0);
    assert!(heights[0].abs_diff(3 * heights[2]) < 8, "{heights:?}");
    assert!(p.places(BLUE).len() > 2000);
    assert_eq!(p.at(2, 2), WHITE);
}

#[test]
fn log_bins_have_a_log_axis_with_decades() {
    let said = texts(&svg(&["h=histogram(10 ** linspace(-3, 3, 1000), bins=30, log=True)"]));
    has(&said, &["10⁻³", "10⁻²", "10⁰", "10³", "count", "10 ** linspace(-3, 3, 1000)"]);
    has(&said, &["h = histogram(10 ** linspace(-3, 3, 1000), bins=30, log=True)"]);
    let plain = texts(&svg(&["histogram(linspace(0, 10, 101), bins=30)"]));
    has(&plain, &["0", "2", "4", "6", "8", "10"]);
    let log = texts(&svg(&["histogram(arange(1.0, 1000.0), bins=[1, 10, 100, 1000])", "--plot-log"]));
    has(&log, &["10⁰", "10¹", "10²", "10³"]);
}

#[test]
fn a_weighted_histogram_says_what_it_adds_up() {
    let said = texts(&svg(&["histogram(arange(10), bins=3, weights=arange(10) < 5)"]));
    has(&said, &["sum of arange(10) < 5", "arange(10)"]);
}

#[test]
fn an_array_has_its_first_row_below_and_square_cells() {
    let p = Picture::of(&["x=arange(12).reshape(3, 4)"]);
    let (first, last) = (p.middle(DARK), p.middle(YELLOW));
    let (right, up) = (last.0 - first.0, first.1 - last.1);
    // Three cells to the right, two upwards.
    assert!((right / 3).abs_diff(up / 2) <= 1, "{first:?} {last:?}");
    // Element [0, 3] is 3 of 11.
    assert_eq!(p.at(last.0, first.1), [55, 88, 140]);
}

#[test]
fn a_histogram_in_two_dimensions_has_the_first_one_to_the_right() {
    let points = "histogram2d(x, array([1.5, 1.6, 1.7, 0.5]), bins=2, range=((0, 2), (0, 2)))";
    let x = ["--let", "x=array([0.1, 0.2, 0.3, 1.5])", points];
    let p = Picture::of(&x);
    let most = p.middle(YELLOW);
    let one = p.middle([48, 104, 142]);
    assert!(most.0 < one.0 && most.1 < one.1, "three are at small x and large y: {most:?} {one:?}");
    assert_eq!(p.at(most.0, one.1), DARK);
    // On a log scale what is empty is blank.
    let log = Picture::of(&[&x[..], &["--plot-log"]].concat());
    assert_eq!(log.at(most.0, one.1), WHITE);
    assert_eq!(log.at(most.0, most.1), YELLOW);
    assert_eq!(log.at(one.0, one.1), DARK);
    let said = texts(&svg(&x));
    has(&said, &["x", "array([1.5, 1.6, 1.7, 0.5])", "count"]);
    // A long title is cut.
    assert!(said.iter().any(|t| t.ends_with('…') && points.starts_with(t.trim_end_matches('…'))), "{said:?}");
}

#[test]
fn what_is_not_finite_is_a_gap() {
    let p = Picture::of(&["array([[0.0, nan], [inf, 3.0]])"]);
    let (low, high) = (p.middle(DARK), p.middle(YELLOW));
    assert_eq!((p.at(high.0, low.1), p.at(low.0, high.1)), (WHITE, WHITE));
    let p = Picture::of(&["where(abs(arange(101.0) - 50) < 20, nan, 1.0)"]);
    let line: Vec<usize> = p.places(BLUE).iter().map(|p| p.0).collect();
    let (left, right) = (*line.iter().min().unwrap(), *line.iter().max().unwrap());
    let share = |x: usize| (x - left) as f64 / (right - left) as f64;
    assert!(line.iter().all(|&x| share(x) < 0.305 || share(x) > 0.695));
    assert!(line.iter().any(|&x| share(x) > 0.29 && share(x) < 0.3));
}

#[test]
fn large_arrays_are_drawn_by_pixels() {
    // One element of three million is far above the others, and is seen; so is its place.
    let p = Picture::of(&["where(arange(3000000) == 1500000, 9.0, sin(arange(3000000.0)))"]);
    let line = p.places(BLUE);
    let top = line.iter().map(|p| p.1).min().unwrap();
    let (left, right) = (line.iter().map(|p| p.0).min().unwrap(), line.iter().map(|p| p.0).max().unwrap());
    let peak = line.iter().find(|p| p.1 == top).unwrap();
    assert!(peak.0.abs_diff((left + right) / 2) <= 2, "{peak:?} {left} {right}");
    // A quarter of an image of four million elements is NaN, the rest the mean of 0 and 2 in each pixel.
    let p = Picture::of(&[
        "x=where((arange(2000).reshape(-1, 1) < 1000) & (arange(2000) < 1000), nan, where(arange(2000) < 1000, arange(2000) % 2 * 2.0, 7.0))",
    ]);
    let seven = p.middle(YELLOW);
    let box_of = |colour| {
        let places = p.places(colour);
        let of = |axis: fn(&(usize, usize)) -> usize| {
            (places.iter().map(axis).min().unwrap(), places.iter().map(axis).max().unwrap())
        };
        (of(|p| p.0), of(|p| p.1))
    };
    let ((x0, _), (y0, y1)) = box_of(YELLOW);
    let quarter = (x0 - (seven.0 - x0), y1 - (y1 - y0) / 4);
    assert_eq!(p.at(quarter.0, quarter.1), WHITE, "{quarter:?}");
    assert_ne!(p.at(quarter.0, y0 + (y1 - y0) / 4), WHITE);
}

#[test]
fn several_results_are_panels_and_single_numbers_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.png");
    let run = eval(&[
        "histogram(arange(9))",
        "m=mean(arange(9))",
        "arange(9)",
        "arange(9) ** 2",
        "--plot",
        path.to_str().unwrap(),
    ]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.err.contains("m is one number and has no picture"), "{}", run.err);
    assert!(run.out.contains("m = 4.0"), "results are printed as ever: {}", run.out);
    let p = Picture::read(&path);
    assert_eq!((p.width, p.height), (2240, 1680));
    let drawn = |x: usize, y: usize| p.places(BLUE).iter().any(|p| p.0 / 1120 == x && p.1 / 840 == y);
    assert!(drawn(0, 0) && drawn(1, 0) && drawn(0, 1) && !drawn(1, 1));
}

#[test]
fn what_cannot_be_drawn_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    std::fs::write(at("there.png"), "mine").unwrap();
    let refused = |args: &[&str], file: &str, wanted: &str| {
        let file = at(file);
        let run = eval(&[args, &["--plot", &file]].concat());
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.err);
        assert!(run.err.contains(wanted), "{args:?}: {}", run.err);
        assert_eq!(run.out, "");
    };
    refused(&["arange(3)"], "there.png", "exists already\nhint: --overwrite");
    assert_eq!(std::fs::read(at("there.png")).unwrap(), b"mine");
    // The input is not looked for.
    refused(&["-i", "x=nowhere.h5:/x", "x"], "a.jpg", "a .png or a .svg file");
    refused(&["mean(arange(3))"], "a.png", "is one number and has no picture");
    refused(&["mean(arange(3))", "max(arange(3))"], "a.png", "are single numbers");
    refused(
        &["x=zeros((2, 3, 4))", "arange(3)"],
        "a.png",
        "x has no picture: its shape (2, 3, 4) has 3 axes",
    );
    refused(&["x=zeros((0, 3))"], "a.png", "it has no elements");
    refused(&["histogramdd([arange(3), arange(3), arange(3)])"], "a.png", "it has 3 dimensions");
    let seventeen: Vec<String> = (3..20).map(|n| format!("arange({n})")).collect();
    let seventeen: Vec<&str> = seventeen.iter().map(String::as_str).collect();
    refused(&seventeen, "a.png", "at most 16");
    refused(&["arange(3)", "--explain"], "a.png", "--explain");
    assert_eq!(eval(&["arange(3)", "--plot-log"]).code, Some(2));
    let missing = at("none/a.png");
    let run = eval(&["arange(3)", "--plot", &missing]);
    assert_eq!(run.code, Some(1), "{}", run.err);
    assert!(run.err.contains("none/a.png"), "{}", run.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_result_is_called_by_its_text_whatever_it_is() {
    for e in ["arange(24).reshape(2, 3, 4).shape", "(3, 1, 2)", "unique([3, 1, 3])"] {
        let said = texts(&svg(&[e]));
        has(&said, &[e]);
        assert!(!said.iter().any(|t| t.contains(".rs:")), "{e}: {said:?}");
    }
    let said = texts(&svg(&["s=arange(24).reshape(2, 3, 4).shape"]));
    has(&said, &["s = arange(24).reshape(2, 3, 4).shape"]);
}

#[test]
fn one_element_is_a_number_whatever_its_shape() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.png");
    let path = path.to_str().unwrap();
    for e in ["arange(3).shape", "array([2.5])", "mean(arange(6).reshape(2, 3), keepdims=True)", "3", "pi"] {
        let run = eval(&[e, "--plot", path]);
        assert_eq!(run.code, Some(2), "{e}: {}", run.err);
        assert!(run.err.contains(&format!("{e} is one number and has no picture")), "{}", run.err);
        let run = eval(&[e, "arange(5)", "--plot", path]);
        assert_eq!(run.code, Some(0), "{e}: {}", run.err);
        assert!(run.err.contains("is one number and has no picture"), "{}", run.err);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_refusal_is_lines_of_text() {
    let run = eval(&["x=ones((2, 3, 4))", "--plot", "never.png"]);
    assert!(run.err.contains("a picture one or two\nhint: choose from it"), "{}", run.err);
    assert!(!run.err.contains("\\n"), "{}", run.err);
}

#[test]
fn lines_of_one_length_share_a_frame() {
    let both = Picture::of(&["up=arange(9.0)", "down=8 - arange(9.0)", "--plot-together"]);
    let orange = both.places([255, 127, 14]);
    let blue = both.places(BLUE);
    assert!(orange.len() > 1000 && blue.len() > 1000, "{} {}", orange.len(), blue.len());
    // One rises and the other falls, in the same frame, whose middle both cross.
    let left = |places: &[(usize, usize)]| places.iter().min().copied().unwrap().1;
    assert!(left(&blue) > left(&orange) + 100);
    assert_eq!(blue.iter().min().unwrap().0, orange.iter().min().unwrap().0);
    let text = svg(&["up=arange(9.0)", "down=8 - arange(9.0)", "--plot-together"]);
    assert!(text.contains(">up<") || text.contains("up\n"), "the legend names them: {text}");
    for (args, said) in [
        (&["a=arange(9.0)", "b=arange(8.0)"][..], "b = arange(8.0) is no line as long"),
        (&["a=arange(9.0)", "b=ones((9, 9))"], "b = ones((9, 9)) is no line as long"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.png");
        let run = eval(&[args, &["--plot", path.to_str().unwrap(), "--plot-together"]].concat());
        assert!(run.code == Some(2) && run.err.contains(said), "{}", run.err);
    }
}

/// A map and a line over coordinates, which the ticks say.
#[test]
fn axes_that_are_dimensions_have_their_coordinates() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.nc");
    let path = path.to_str().unwrap();
    let made = eval(&[
        "time=arange(0, 365)",
        "lat=array([60.0, 20, -20, -60])",
        "t=arange(365.0)[:, None] + array([3.0, 2, 1, 0])",
        "--dims",
        "t=time,lat",
        "--attr",
        "time@units=days since 2001-01-01",
        "--attr",
        "lat@units=degrees_north",
        "--output",
        path,
    ]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let line = svg(&["-i", path, "m=mean(t, axis='lat')"]);
    for said in ["2001-03", "time", "m = mean(t, axis='lat')"] {
        assert!(line.contains(said) || line.contains(&said.replace('\'', "&apos;")), "{said}: {line}");
    }
    let map = svg(&["-i", path, "t"]);
    assert!(
        map.contains("lat [degrees_north]") && map.contains("2001-03") && !map.contains("index"),
        "{map}"
    );
    // The north is stored first and drawn above: what is warmest is in the upper end of the last day.
    let picture = Picture::of(&["-i", path, "transpose(t[-2:])"]);
    assert!(picture.middle(YELLOW).1 < picture.middle(DARK).1);
    // Where places have no coordinates the axis counts them.
    assert!(svg(&["-i", path, "diff(mean(t, axis=1))"]).contains("index along time"));
}
