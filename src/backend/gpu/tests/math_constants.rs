//! The constants of the float functions' shaders against the CPU's, bit by bit, from the sources.

/// `NAME: TYPE = VALUE;` of every constant in a source, digits ungrouped, and arrays as their elements.
fn constants(text: &str) -> Vec<(String, Vec<String>)> {
    let items = text.split("const ").skip(1).filter_map(|item| item.split_once('='));
    items
        .filter(|(head, _)| head.contains(": "))
        .map(|(head, rest)| {
            let value = rest.split(';').next().unwrap().replace(['_', '[', ']', '(', ')'], "");
            let name = head.split(':').next().unwrap().to_string();
            (name, value.split(',').map(|v| v.trim().to_string()).filter(|v| !v.is_empty()).collect())
        })
        .collect()
}

/// The bits of a number as a float of `width` bits.
fn float_bits(text: &str, width: u32) -> u64 {
    let text = text.trim_end_matches('f').trim_end_matches('l');
    let value = |t: &str| t.trim().parse::<f64>().unwrap_or_else(|e| panic!("{t}: {e}"));
    match (text.split_once('/'), width) {
        (Some((a, b)), 32) => ((value(a) / value(b)) as f32).to_bits() as u64,
        (Some((a, b)), _) => (value(a) / value(b)).to_bits(),
        (None, 32) => text.parse::<f32>().unwrap().to_bits() as u64,
        (None, _) => value(text).to_bits(),
    }
}

fn integer(text: &str) -> i128 {
    let text = text.trim_end_matches('u').trim_end_matches('l');
    text.strip_prefix("0x").map_or_else(|| text.parse().unwrap(), |t| i128::from_str_radix(t, 16).unwrap())
}

#[test]
fn constants_are_the_cpus() {
    macro_rules! file {
        ($name:literal) => {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), $name))
        };
    }
    let widths = [
        (
            32,
            [
                file!("/src/ops/elementwise/math/constants_f32.rs"),
                file!("/src/ops/elementwise/math/single.rs"),
            ],
            [file!("/shaders/math_constants32.wgsl"), file!("/shaders/math_format32.wgsl")],
        ),
        (
            64,
            [
                file!("/src/ops/elementwise/math/constants_f64.rs"),
                file!("/src/ops/elementwise/math/double.rs"),
            ],
            [file!("/shaders/math_constants64.wgsl"), file!("/shaders/math_format64.wgsl")],
        ),
    ];
    for (width, rust, wgsl) in widths {
        let shader: std::collections::HashMap<String, Vec<String>> =
            constants(&wgsl.concat()).into_iter().collect();
        let find = |name: &str| {
            let gap = if name.ends_with(|c: char| c.is_ascii_digit()) && name.starts_with("PIO2") {
                "_"
            } else {
                ""
            };
            &shader.get(&format!("{name}{gap}{width}")).unwrap_or_else(|| panic!("{name}{width}"))[0]
        };
        let checked = std::cell::Cell::new(0);
        let float = |name: &str, value: &str| {
            assert_eq!(float_bits(find(name), width), float_bits(value, width), "{name}{width}");
            checked.set(checked.get() + 1);
        };
        for (name, values) in constants(rust[0]) {
            if let [value] = &values[..] {
                float(&name, value);
                continue;
            }
            // A polynomial: its coefficients, the last one first.
            let head = format!("fn poly_{}{width}(", name.to_lowercase());
            let body = wgsl[0].split_once(&head).unwrap().1.split_once("return").unwrap().0;
            let terms = body.lines().skip(1).filter(|l| !l.trim().is_empty());
            let terms: Vec<u64> = terms
                .map(|l| {
                    let value = l.trim().trim_end_matches(';').split_once('=').unwrap().1;
                    // Of pairs, `Pair(term, 0.0)` at first and `step(v, x, term)` after it.
                    let term = match value.trim().strip_prefix("Pair") {
                        Some(pair) => pair.split_once('(').unwrap().1.split_once(',').unwrap().0,
                        None => value.rsplit_once(['+', ',']).map_or(value, |(_, term)| term),
                    };
                    float_bits(term.trim().trim_matches(['(', ')']), width)
                })
                .collect();
            let expected: Vec<u64> = values.iter().rev().map(|v| float_bits(v, width)).collect();
            assert_eq!(terms, expected, "{name}{width}");
            checked.set(checked.get() + 1);
        }
        let half = |n: &str| integer(find(n));
        for (name, values) in constants(rust[1]) {
            match (&name[..], &values[..]) {
                ("P", [v]) => {
                    assert_eq!(half("P"), integer(v));
                    assert_eq!(half("FRACTION"), integer(v) - 1);
                    assert_eq!(half("HIDDEN"), 1 << (integer(v) - 1));
                    assert_eq!(half("STEP"), width as i128 - integer(v));
                }
                ("BIAS", [v]) => assert_eq!(half("BIAS"), integer(v)),
                ("LOW", [v]) => assert_eq!(half("UPPER"), (1 << width) - 1 - integer(v)),
                ("SQRT_HALF_BITS", [v]) => assert_eq!(half("SQRT_HALF_BITS"), integer(v)),
                ("ROUND_LOW", [v]) => assert_eq!(half("ROUND_LOW"), integer(v)),
                ("HYPOT", [v]) => assert_eq!(half("SHIFT"), integer(v)),
                ("HYPOT_RANGE", [large, small]) => {
                    for (name, e) in [("LARGE_POINT", large), ("SMALL_POINT", small)] {
                        let power = 2f64.powi(integer(e) as i32);
                        let bits =
                            if width == 32 { (power as f32).to_bits() as u64 } else { power.to_bits() };
                        assert_eq!(float_bits(find(name), width), bits, "{name}{width}");
                    }
                }
                ("EXP_RANGE" | "EXP2_RANGE", [low, high]) => {
                    float(&name.replace("RANGE", "LEAST"), low);
                    float(&name.replace("RANGE", "MOST"), high);
                }
                ("WHOLE", [v]) => {
                    float("WHOLE", v);
                    assert_eq!(half("WHOLE_BITS") as u64, float_bits(v, width));
                }
                ("MAGIC", [v]) => {
                    float("MAGIC", v);
                    assert_eq!(half("MAGIC_WORD") as u32, float_bits(v, width) as u32);
                }
                (name, [v]) => float(name, v),
                other => panic!("{other:?}"),
            }
        }
        assert!(checked.get() > 30, "{checked:?}");
        let arc = file!("/src/ops/elementwise/math/shared/arc.rs").replace('_', "");
        assert!(arc.contains(find("DIAGONAL").trim_end_matches(['l', 'f'])));
    }
    let words = |text: &str| -> Vec<String> {
        let hex = text.split("0x").skip(1);
        hex.map(|w| w.chars().take_while(char::is_ascii_hexdigit).collect()).collect()
    };
    let table = file!("/shaders/math_constants32.wgsl").split_once("TWO_OVER_PI_BITS").unwrap().1;
    assert_eq!(words(table), words(file!("/src/ops/elementwise/math/two_over_pi.rs")));
    assert_eq!(words(table).len(), 42);
}
