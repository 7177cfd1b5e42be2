//! Leaves out of a shader's text what its entry point does not reach.
//!
//! A kernel's text holds the whole library, of which it uses a few functions; reading and validating
//! the rest would take most of the time of making a pipeline. Only the outline of WGSL is read here: where
//! declarations begin and end, what they are called, and which names they hold. A name that is not
//! a declaration's (a variable's, a member's) can keep too much, never too little.

use std::collections::HashMap;
use std::ops::Range;

/// One declaration: its text, the name that it declares if any, and the names in it.
struct Item<'a> {
    text: Range<usize>,
    name: Option<&'a str>,
    words: Vec<&'a str>,
    /// Kept whether it is named elsewhere or not.
    root: bool,
}

/// The text without declarations that no entry point reaches; all of it if there is no entry point.
pub fn used(source: &str) -> String {
    let items = items(source);
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (n, item) in items.iter().enumerate() {
        item.name.into_iter().for_each(|name| by_name.entry(name).or_default().push(n));
    }
    if !items.iter().any(|item| item.root && item.name.is_some()) {
        return source.to_string();
    }
    let mut kept: Vec<bool> = items.iter().map(|item| item.root).collect();
    let mut open: Vec<usize> = (0..items.len()).filter(|&n| kept[n]).collect();
    while let Some(n) = open.pop() {
        for word in &items[n].words {
            // Each name is looked up once.
            for k in by_name.remove(word).unwrap_or_default() {
                if !std::mem::replace(&mut kept[k], true) {
                    open.push(k);
                }
            }
        }
    }
    let mut out = String::new();
    for (item, _) in items.iter().zip(&kept).filter(|(_, kept)| **kept) {
        out.push_str(&source[item.text.clone()]);
        out.push('\n');
    }
    out
}

fn items(source: &str) -> Vec<Item<'_>> {
    let bytes = source.as_bytes();
    let mut items = Vec::new();
    let (mut at, mut depth) = (0, 0usize);
    let mut begin = None;
    let mut words: Vec<&str> = Vec::new();
    while at < bytes.len() {
        let from = at;
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|&b| b == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            // A number with its suffix, or a word.
            b if b.is_ascii_alphanumeric() || b == b'_' => {
                at += bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
                if !b.is_ascii_digit() {
                    words.push(&source[from..at]);
                }
            }
            _ => at += 1,
        }
        let begins = *begin.get_or_insert(from);
        match bytes[from] {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(bytes[from], b';' | b'}') {
            items.push(Item::new(begins..at, std::mem::take(&mut words)));
            begin = None;
        }
    }
    if let Some(begins) = begin {
        // What does not end is the compiler's to complain of.
        items.push(Item { text: begins..at, name: None, words, root: true });
    }
    items
}

impl<'a> Item<'a> {
    fn new(text: Range<usize>, words: Vec<&'a str>) -> Item<'a> {
        // Attributes come first, then the keyword; a variable's address space stands between it and its name.
        let keyword = words.iter().position(|w| matches!(*w, "fn" | "const" | "alias" | "struct" | "var"));
        let mut name = keyword.map_or(0, |k| k + 1);
        while keyword.is_some_and(|k| words[k] == "var")
            && words.get(name).is_some_and(|w| {
                matches!(
                    *w,
                    "storage" | "private" | "workgroup" | "uniform" | "read" | "write" | "read_write"
                )
            })
        {
            name += 1;
        }
        let entry = words[..keyword.unwrap_or(0)].contains(&"compute");
        let name = keyword.and_then(|_| words.get(name).copied());
        Item { text, name, root: entry || name.is_none(), words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "enable f16;
        // A comment with main() { and used.
        struct Pair { a: u32, b: array<vec2<u32>, 4> };
        alias Two = vec2<f32>;
        const ONE: u32 = 1u; const TWO = 2u;
        @group(0) @binding(1) var<storage, read_write> out: array<u32>;
        @group(0) @binding(2) var<storage, read> idle: array<u32>;
        var<private> state: u32;
        var<workgroup> near: array<atomic<u32>, TWO>;
        fn deep(x: u32) -> u32 { if (x > 0x1fu) { return ONE; } return 2u; }
        fn through(x: u32) -> u32 { return deep(x); }
        fn lonely(x: u32) -> u32 { return through(x) + near_not; }
        @compute @workgroup_size(64, 1, 1)
        fn main(@builtin(global_invocation_id) g: vec3<u32>) { out[g.x] = through(g.x); state = 1u; }";

    #[test]
    fn what_main_reaches_is_kept_in_its_order_and_nothing_else() {
        let text = used(SOURCE);
        let order =
            ["enable", "ONE", "out:", "state:", "fn deep", "fn through", "@compute @workgroup_size(64"];
        let at: Vec<usize> =
            order.iter().map(|w| text.find(w).unwrap_or_else(|| panic!("{w}: {text}"))).collect();
        assert!(at.is_sorted(), "{text}");
        for gone in ["lonely", "idle", "near", "TWO", "Pair", "Two", "comment"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        // Once more changes nothing.
        assert_eq!(used(&text), text);
    }

    #[test]
    fn text_without_an_entry_point_or_an_end_is_left_to_the_compiler() {
        for source in ["fn f() -> f32 { return 1u; }", "", "@compute fn main( {"] {
            assert_eq!(used(source).trim(), source);
        }
    }

    /// Every binding of a real kernel's text stays, where the kernel uses it.
    #[test]
    fn a_kernel_is_the_same_module_with_less_text() {
        use super::super::spirv;
        let source = concat!(
            include_str!("../../../shaders/core.wgsl"),
            include_str!("../../../shaders/integer32.wgsl"),
            include_str!("../../../shaders/float32.wgsl"),
            "@group(0) @binding(4) var<storage, read_write> out: array<u32>;
            @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
                out[g.x] = add_float32(load_float32(g.x), params[0]);
                report_events();
            }"
        );
        let less = used(source);
        assert!(less.len() < source.len() / 3);
        let parts = |text: &str| {
            let (module, _) = spirv::parse("test", text).unwrap();
            let functions = module.functions.iter().map(|(_, f)| (f.name.clone(), f.expressions.len()));
            let globals = module.global_variables.iter().map(|(_, v)| (v.name.clone(), v.binding));
            (functions.collect::<Vec<_>>(), globals.collect::<Vec<_>>())
        };
        assert_eq!(parts(&less), parts(source));
    }
}
