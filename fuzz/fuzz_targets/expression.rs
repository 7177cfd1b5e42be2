//! Expressions: what is read of one is printed as one that is read as the same.
#![no_main]

use chunkwise::expr::Expression;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(expression) = Expression::parse(text) {
        let printed = expression.to_string();
        let again = Expression::parse(&printed).expect("what is printed can be read");
        assert_eq!(again.to_string(), printed);
    }
});
