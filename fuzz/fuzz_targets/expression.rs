//! Expressions of the program: what is read of one is printed as one that is read as the same.
#![no_main]

#[allow(dead_code, unused_imports)]
#[path = "../../src/cli/expr/mod.rs"]
mod expr;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(ast) = expr::parse(text) {
        let printed = ast.to_string();
        let again = expr::parse(&printed).expect("what is printed can be read");
        assert_eq!(again.to_string(), printed);
    }
});
