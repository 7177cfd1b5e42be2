//! Calibration: rates from times that are known, and files.

use super::*;
use crate::backend::cost::Sizes;

#[test]
fn a_prediction_gives_back_the_time_that_was_measured() {
    let times = |kernel: &Kernel| match (kernel.terminals[0].fold.name(), kernel.program.steps.len()) {
        ("reduce", _) => 2e-3,
        ("histogram", _) => 5e-3,
        (_, 4) if matches!(kernel.program.steps[1], Step::Const(_)) => 1e-3,
        _ => 30e-3,
    };
    for dtype in DTYPES {
        let found = kernel_rates(dtype, 1 << 20, |k| Ok(Some(times(k)))).unwrap();
        let rates = Rates { narrow: found, wide: found, ..Rates::default() };
        let sizes = Sizes { elements: 1 << 20, operand_bytes: 0, output_bytes: 0, blocks: 1 };
        for sample in Sample::ALL {
            let kernel = sample.kernel(dtype).unwrap();
            let predicted = rates.predict(&kernel, &sizes).unwrap().alone();
            let time = times(&kernel);
            assert!((predicted - time).abs() < 1e-9, "{sample:?} {dtype}: {predicted} for {time}");
        }
    }
    // What a device does not do has no rate, and the others keep theirs.
    let some =
        kernel_rates(DType::F32, 1024, |k| Ok((k.terminals[0].fold.name() != "reduce").then(|| times(k))));
    let some = some.unwrap();
    assert!(some.reduce_bytes_per_s.is_none() && some.histogram_per_s.is_some());
}

#[test]
fn every_rate_of_the_cpu_is_measured() {
    let host = calibrate_cpu(2, Simd::best()).unwrap();
    assert!(host.is_sound());
    assert_eq!(host.by_threads.iter().map(|r| r.0).collect::<Vec<_>>(), [1, 2]);
    let json = serde_json::to_value(&host).unwrap();
    for rates in json["by_threads"].as_array().unwrap() {
        for width in ["narrow", "wide"] {
            let object = rates[1][width].as_object().unwrap();
            assert_eq!(object.len(), 5);
            for (what, rate) in object {
                // Between a thousandth and a thousand times what one core of today makes.
                assert!((1e6..1e14).contains(&rate.as_f64().unwrap()), "{what}: {rate}");
            }
        }
    }
}

#[test]
fn files_are_taken_only_where_all_fits() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rates = DeviceRates {
        name: "Card (1)".into(),
        software: false,
        rates: Rates { upload_bytes_per_s: Some(1e9 / 3.0), dispatch_s: 1e-5, ..Rates::default() },
    };
    let get = |name: &str, driver: &str| load::<DeviceRates>(folder, name, driver);
    assert_eq!(get("Card (1)", "1.0"), None);
    store(folder, "Card (1)", "1.0", &rates);
    assert_eq!(get("Card (1)", "1.0"), Some(rates.clone()));
    assert_eq!(get("Card (1)", "1.1"), None);
    // A name that makes the same file name.
    assert_eq!(get("Card [1]", "1.0"), None);
    let file = path(folder, "Card (1)");
    let text = std::fs::read_to_string(&file).unwrap();
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("\"dispatch_s\": 0.00001", "\"dispatch_s\": -0.00001"),
        ("\"software\": false,", ""),
    ] {
        assert!(text.contains(from), "{text}");
        std::fs::write(&file, text.replace(from, to)).unwrap();
        assert_eq!(get("Card (1)", "1.0"), None, "{to}");
    }
    std::fs::write(&file, &text.as_bytes()[..text.len() / 2]).unwrap();
    assert_eq!(get("Card (1)", "1.0"), None);
}

#[test]
fn the_median_is_the_middle_one() {
    let mut times = [3.0, 1.0, 100.0, 2.0, 2.5].into_iter();
    assert_eq!(median(5, || Ok(times.next().unwrap())).unwrap(), 2.5);
    assert!(median(3, || Err(Error::new(ErrorKind::Device, "gone"))).is_err());
}
