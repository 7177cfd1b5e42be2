pub fn markdown(_: &super::result::Results) -> String {
    String::new()
}
