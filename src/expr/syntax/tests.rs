use super::*;
use crate::ErrorKind;
use proptest::prelude::*;

const GOLDEN: &str = include_str!("../../../tests/goldens/expr_precedence.tsv");

/// Parentheses around everything, as `make_expr.py` prints them.
fn full(ast: &Ast, id: Id) -> String {
    let all = |ids: &[Id]| ids.iter().map(|i| full(ast, *i)).collect::<Vec<_>>();
    match &ast.node(id).expr {
        Expr::Int(v) => v.to_string(),
        Expr::Float(v) => format!("f:{:016x}", v.to_bits()),
        Expr::Str(v) => format!("s:{}", v.bytes().map(|b| format!("{b:02x}")).collect::<String>()),
        Expr::Bool(true) => "True".into(),
        Expr::Bool(false) => "False".into(),
        Expr::None => "None".into(),
        Expr::Name(name) => name.clone(),
        Expr::Unary(op, x) => format!("({}{})", op.symbol(), full(ast, *x)),
        Expr::Binary(op, l, r) => format!("({} {} {})", full(ast, *l), op.symbol(), full(ast, *r)),
        Expr::Tuple(items) => format!("tuple({})", all(items).join(", ")),
        Expr::List(items) => format!("list({})", all(items).join(", ")),
        Expr::Call { function, args, keywords, .. } => {
            let mut args = all(args);
            args.extend(keywords.iter().map(|(k, v)| format!("{}={}", k.name, full(ast, *v))));
            format!("{}({})", function.name, args.join(", "))
        }
        Expr::Attribute { object, name } => format!("{}.{}", full(ast, *object), name.name),
        Expr::Subscript { object, indices } => {
            let part = |p: &Option<Id>| p.map_or(String::new(), |p| full(ast, p));
            let index = |i: &Index| match i {
                Index::At(id) => full(ast, *id),
                Index::NewAxis => "None".into(),
                Index::Ellipsis => "...".into(),
                Index::Slice { start, stop, step } => {
                    format!("{}:{}:{}", part(start), part(stop), part(step))
                }
            };
            let indices: Vec<String> = indices.iter().map(index).collect();
            format!("{}[{}]", full(ast, *object), indices.join(", "))
        }
    }
}

/// Every node but the last is used once, later than it stands; spans are places in the text.
fn check(ast: &Ast) {
    let mut uses = vec![0; ast.nodes().len()];
    for (i, node) in ast.nodes().iter().enumerate() {
        assert!(ast.text.get(node.span.start..node.span.end).is_some_and(|s| !s.is_empty()));
        node.expr.operands().into_iter().for_each(|id| {
            assert!(id.index() < i);
            uses[id.index()] += 1;
        });
    }
    let root = uses.pop();
    assert_eq!(root, Some(0));
    assert!(uses.iter().all(|n| *n == 1), "{uses:?}");
}

fn round_trip(ast: &Ast) {
    let printed = ast.to_string();
    let again = parse(&printed).unwrap_or_else(|e| panic!("{printed}\n{e}"));
    assert_eq!(*ast, again, "{printed}");
    assert_eq!(printed, again.to_string());
}

#[test]
fn groups_as_pythons_own_parser() {
    let mut counts = [0; 3];
    for line in GOLDEN.lines() {
        if let Some(bad) = line.strip_prefix('?') {
            assert_eq!(parse(bad).expect_err(bad).kind(), ErrorKind::Expression);
            counts[0] += 1;
            continue;
        }
        let (text, form) = line.split_once('\t').unwrap();
        if form == "!" {
            assert!(parse(text).expect_err(text).message().contains("chain"), "{text}");
            counts[1] += 1;
            continue;
        }
        let ast = parse(text).unwrap_or_else(|e| panic!("{text}\n{e}"));
        assert_eq!(full(&ast, ast.root()), form, "{text}");
        check(&ast);
        round_trip(&ast);
        counts[2] += 1;
    }
    assert!(counts[0] >= 35 && counts[1] >= 3 && counts[2] >= 400, "{counts:?}");
}

/// As of h5py: a part by its name.
#[test]
fn strings_name_parts() {
    let ast = parse("s[\"/PartType0/Density\"]").unwrap();
    let Expr::Subscript { indices, .. } = &ast.node(ast.root()).expr else { panic!() };
    let [Index::At(name)] = indices[..] else { panic!() };
    assert_eq!(ast.node(name).expr, Expr::Str("/PartType0/Density".into()));
    assert_eq!(ast.to_string(), "s['/PartType0/Density']");
    assert_eq!(
        parse("d['a', 'b'].attrs['x'][2:] + 1").unwrap().to_string(),
        "d['a', 'b'].attrs['x'][2:] + 1"
    );
    for bad in [
        "d['a' 'b']",
        "d['a':]",
        "d[:'a']",
        "d['a' + 1]",
        "'a'",
        "('a')",
        "x == 'a' + 1",
        "-'a' == x",
        "x == 'a' & y",
        "x == 'a' | y == 'b'",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

/// Strings are compared, and are items of lists that functions take.
#[test]
fn strings_are_compared() {
    for text in [
        "x == 'a'",
        "'a' != x",
        "isin(x, ['a', 'b'])",
        "isin(x, ('a', 'b'))",
        "x.y['z'] == 'a'",
        "(x == 'a') & (y != 'b')",
        "'a' == 'b'",
        "f('a' == x)",
        "x['a' == y]",
        "x['2001' <= y]",
        "(x < 'b') & ('2001' >= y)",
    ] {
        let printed = parse(text).unwrap().to_string();
        assert_eq!(printed, text);
    }
    let ast = parse("1 + x == 'a'").unwrap();
    let Expr::Binary(op, _, right) = &ast.node(ast.root()).expr else { panic!() };
    assert_eq!((op.symbol(), &ast.node(*right).expr), ("==", &Expr::Str("a".into())));
}

#[test]
fn assignment_is_a_name_and_one_equals_sign() {
    let target = |t| parse(t).unwrap().target().map(|i| i.name.clone());
    assert_eq!(target("rho = a + b").as_deref(), Some("rho"));
    assert_eq!(target("ρ=f(x, axis=0)").as_deref(), Some("ρ"));
    assert_eq!(target("rho == a"), None);
    assert_eq!(target("f(x=1)"), None);
    for bad in ["a = b = c", "a + b = c", "= a", "True = a", "a =", "1 = a", "a :=b", "a += b"] {
        assert!(parse(bad).is_err(), "{bad}");
    }
    assert_eq!(parse("x=a+b").unwrap().to_string(), "x = a + b");
}

fn message(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn errors_point_and_help() {
    assert_eq!(
        message("a < b < c"),
        "comparisons do not chain on arrays\n  a < b < c\n        ^\nhint: write (a < b) & (b < c); & and | \
         bind tighter than comparisons, so these need (…)"
    );
    assert_eq!(message("f(x"), "'(' is never closed\n  f(x\n   ^");
    for (text, hint) in [
        ("a and b", "logical_and"),
        ("a or b", "logical_or"),
        ("not a", "logical_not"),
        ("a if b else c", "where("),
        ("a = b == c = d", "=="),
        ("a, b", "(a, b)"),
        ("a && b", "&"),
        ("!a", "~"),
        ("a − b", "minus"),
        ("'abc' + x", "dtype="),
        ("2j", "complex"),
        ("170141183460469231731687303715884105728", "float"),
        ("(a)(b)", "by its name"),
        ("x[0](b)", "by its name"),
    ] {
        let m = message(text);
        assert!(m.split_once("hint: ").is_some_and(|(_, h)| h.contains(hint)), "{m}");
    }
    for text in
        ["", "  ", "f(*a)", "f(**a)", "x[..., ...]", "...", "a[0:1:2:3]", "lambda x: x", "f(x for x in y)"]
    {
        assert!(message(text).contains('^'), "{text}");
    }
}

#[test]
fn carets_stand_under_their_place() {
    let at = |text: &str, start, end| error_at(text, Span { start, end }, "m").message().to_string();
    assert_eq!(at("mean(rhoo)", 5, 9), "m\n  mean(rhoo)\n       ^~~~");
    assert_eq!(at("ρρ + é", 7, 9), "m\n  ρρ + é\n       ^");
    assert_eq!(at("ρρ", 1, 3), "m\n  ρρ\n  ^");
    assert_eq!(at("\ta\u{1b}b", 3, 4), "m\n   a b\n     ^");
    assert_eq!(at("a +\n  bb + c\n", 6, 8), "m\n    bb + c\n    ^~");
    assert_eq!(at("ab", 99, 7), "m\n  ab\n    ^");
    assert_eq!(at("", 0, 0), "m\n  \n  ^");
    let long = format!("{}HERE{}", "é".repeat(500), "y".repeat(500));
    let m = at(&long, 1000, 1004);
    let lines: Vec<Vec<char>> = m.lines().map(|l| l.chars().collect()).collect();
    let caret = lines[2].iter().position(|c| *c == '^').unwrap();
    assert_eq!(lines[1][caret..caret + 4].iter().collect::<String>(), "HERE");
    assert!(lines[1].len() <= 76 && lines[1].starts_with(&[' ', ' ', '…']) && lines[1].ends_with(&['…']));
    assert!(at(&long, 0, 1504).lines().all(|l| l.chars().count() < 80));
    assert_eq!(at(&long, 1504, 1504).lines().nth(2).unwrap().chars().count(), 2 + 1 + 72 + 1);
}

#[test]
fn depth_is_limited_and_length_is_not() {
    for deep in [
        format!("{}x{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("{}x", "-".repeat(100_000)),
        format!("x{}", "**x".repeat(100_000)),
        format!("{}x", "f(".repeat(100_000)),
        format!("{}x", "x[".repeat(100_000)),
        format!("{}x", "[".repeat(100_000)),
        format!("{}x", "f(a=".repeat(100_000)),
    ] {
        assert!(parse(&deep).unwrap_err().message().starts_with("the expression nests deeper than 200"));
    }
    for long in [
        format!("x{}", "+x".repeat(100_000)),
        format!("x{}", ".f()".repeat(100_000)),
        format!("x{}", "[0]".repeat(100_000)),
        format!("x{}", ".T".repeat(100_000)),
        format!("({}x)", "x,".repeat(100_000)),
        format!("f({}x)", "x,".repeat(100_000)),
        format!("{}x{}", "(".repeat(199), ")".repeat(199)),
    ] {
        let ast = parse(&long).unwrap();
        round_trip(&ast);
        drop(ast.clone());
    }
    assert_eq!(parse(&" ".repeat(17 << 20)).unwrap_err().kind(), ErrorKind::Expression);
}

#[test]
fn places_are_kept() {
    let ast = parse("y = (a + b) * mean(c, axis=0)").unwrap();
    let root = ast.node(ast.root());
    assert_eq!(ast.source(root.span), "(a + b) * mean(c, axis=0)");
    let Expr::Binary(BinaryOp::Mul, l, r) = root.expr else { panic!() };
    assert_eq!(ast.source(ast.node(l).span), "a + b");
    assert_eq!(ast.source(ast.node(r).span), "mean(c, axis=0)");
    let Expr::Call { function, keywords, .. } = &ast.node(r).expr else { panic!() };
    assert_eq!((ast.source(function.span), ast.source(keywords[0].0.span)), ("mean", "axis"));
    assert_eq!(ast.error(function.span, "m").message().lines().nth(2), Some("                ^~~~"));
}

/// Text from the grammar, with parentheses at random places.
fn grammar() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        // With a digit, so that no name is a keyword of Python.
        "[a-zé_][a-z0-9_]{0,4}[0-9]",
        "[1-9][0-9]{0,30}",
        any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(|v| format!("{:?}", v.abs())),
        Just("True".to_string()),
        Just("None".to_string()),
    ];
    leaf.prop_recursive(6, 60, 4, |inner| {
        let op = prop::sample::select(
            "< <= > >= == != | ^ & << >> + - * / // % @ **".split(' ').collect::<Vec<_>>(),
        );
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|a| format!("({a})")),
            (prop::sample::select(vec!["-", "+", "~"]), inner.clone()).prop_map(|(o, a)| format!("{o}{a}")),
            (two.clone(), op).prop_map(|((a, b), o)| format!("{a}{o} {b}")),
            two.clone().prop_map(|(a, b)| format!("({a}, {b})")),
            inner.clone().prop_map(|a| format!("[{a}]")),
            two.clone().prop_map(|(a, b)| format!("f({a}, k={b}, s='é\\n\"')")),
            two.clone().prop_map(|(a, b)| format!("({a}).m({b})")),
            inner.clone().prop_map(|a| format!("({a}).T")),
            inner.clone().prop_map(|a| format!("({a})['é/\\'', \"b\"]")),
            two.prop_map(|(a, b)| format!("({a})[{b}, {b}:, :{b}:None, (None), ..., None, ::{b}]")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        if let Ok(ast) = parse(&text) { check(&ast); round_trip(&ast); }
    }

    #[test]
    fn no_text_of_tokens_panics(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", "é", "f(", "(", ")", "[", "]", ",", ":", "...", "None", ".", "=", "==", "<", "&", "**", "-", "~",
            "1", "1.", ".5", "0x", "1e", "_", "'s'", "'", "\\", "k=", "and", "if", " ", "\n", "T", "~-",
        ]), 0..12)
    ) {
        if let Ok(ast) = parse(&parts.concat()) { check(&ast); round_trip(&ast); }
    }

    #[test]
    fn no_damaged_text_panics(
        text in grammar(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<char>()), 1..4)
    ) {
        let mut chars: Vec<char> = text.chars().collect();
        for (to, from, c) in damage {
            let n = chars.len();
            match from.index(4) {
                _ if n == 0 => chars.push(c),
                0 => chars[to.index(n)] = c,
                1 => chars[to.index(n)] = chars[from.index(n)],
                2 => drop(chars.remove(to.index(n))),
                _ => chars.insert(to.index(n), chars[from.index(n)]),
            }
        }
        let text: String = chars.into_iter().collect();
        if let Ok(ast) = parse(&text) { check(&ast); round_trip(&ast); }
    }

    #[test]
    fn printed_text_reads_back_the_same(text in grammar()) {
        // The one error that this grammar can make is a chained comparison.
        match parse(&text) {
            Ok(ast) => { check(&ast); round_trip(&ast) }
            Err(e) => prop_assert!(e.message().contains("chain"), "{text}\n{e}"),
        }
    }

    #[test]
    fn any_span_is_accepted(text in any::<String>(), start in 0usize..60, end in 0usize..60) {
        let error = error_at(&text, Span { start, end }, "m");
        prop_assert_eq!(error.message().lines().count(), 3);
    }
}
