pub fn page(_: &super::result::Results) -> String {
    String::new()
}
