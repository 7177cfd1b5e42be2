//! Which files of a crate use each other, by their text alone, and where that goes round in circles.
//!
//! A path is followed, through `use` and `pub use`, to the file that defines its item. Declaring or
//! re-exporting a child is no use of it; naming its item in code is. What is compiled for tests only is left out.
//! Limits: names that macros make are taken to be of the file where the macro is called; a function that comes by
//! `*` or by a re-export is used where it is called, not where it is handed on.

use std::collections::{BTreeMap, BTreeSet};

/// Files by their path under `src`, with their text.
pub type Files = BTreeMap<String, String>;

/// By file, the files that it uses, and the names that it uses of them.
pub type Uses = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

#[derive(Default)]
struct Module {
    name: String,
    file: String,
    root: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// The code without its imports.
    body: Vec<String>,
}

#[derive(Clone)]
struct Import {
    path: Vec<String>,
    /// The name that it has here; `*` for all.
    name: String,
    exported: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Target {
    Module(usize),
    /// Something that the file of this module defines.
    Item(usize),
}

/// Words, `::` and signs. A string keeps its opening quote, so that it is no word.
fn tokens(text: &str) -> Vec<String> {
    let c: Vec<char> = text.chars().collect();
    let at = |i: usize| c.get(i).copied().unwrap_or('\0');
    let is_word = |x: char| x.is_alphanumeric() || x == '_';
    let mut out = Vec::new();
    let mut i = 0;
    while i < c.len() {
        let hashes = (i + 1..).take_while(|&k| at(k) == '#').count();
        if at(i) == '/' && at(i + 1) == '/' {
            while i < c.len() && at(i) != '\n' {
                i += 1;
            }
        } else if at(i) == '/' && at(i + 1) == '*' {
            while i < c.len() && !(at(i) == '*' && at(i + 1) == '/') {
                i += 1;
            }
            i += 2;
        } else if at(i) == 'r' && at(i + 1 + hashes) == '"' {
            let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            i += 2 + hashes;
            while i < c.len() && !(i..i + end.len()).map(at).eq(end.chars()) {
                i += 1;
            }
            i += end.len();
        } else if at(i) == '"' {
            let start = i;
            i += 1;
            while i < c.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            out.push(c[start..i.min(c.len())].iter().collect());
            i += 1;
        } else if at(i) == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            // A character, not a lifetime.
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            while i < c.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
        } else if at(i) == ':' && at(i + 1) == ':' {
            out.push("::".into());
            i += 2;
        } else if is_word(at(i)) {
            let start = i;
            while is_word(at(i)) {
                i += 1;
            }
            out.push(c[start..i].iter().collect());
        } else {
            if !at(i).is_whitespace() {
                out.push(at(i).into());
            }
            i += 1;
        }
    }
    out
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The place after the bracket that closes the one at `i`.
fn closed(t: &[String], i: usize) -> usize {
    let mut depth = 0;
    for (k, token) in t.iter().enumerate().skip(i) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return k + 1;
        }
    }
    t.len()
}

/// The place after the item that begins at `i`.
fn item_end(t: &[String], mut i: usize) -> usize {
    while i < t.len() {
        match t[i].as_str() {
            ";" => return i + 1,
            "}" => return i,
            "{" => return closed(t, i),
            "(" | "[" => i = closed(t, i),
            _ => i += 1,
        }
    }
    i
}

/// The imports of a tree like `a::{b, c::D as E}`, up to its end.
fn tree(t: &[String], i: &mut usize, prefix: &[String], out: &mut Vec<(Vec<String>, String)>) {
    let mut path = prefix.to_vec();
    let mut name = None;
    while *i < t.len() {
        match t[*i].as_str() {
            "{" => {
                *i += 1;
                while *i < t.len() && t[*i] != "}" {
                    tree(t, i, &path, out);
                    if t.get(*i).is_some_and(|x| x == ",") {
                        *i += 1;
                    }
                }
                *i += 1;
                return;
            }
            "," | "}" | ";" => break,
            "as" => {
                name = t.get(*i + 1).cloned();
                *i += 2;
            }
            "::" => *i += 1,
            "*" => {
                name = Some("*".into());
                *i += 1;
            }
            word => {
                // `a::{self}` is `a`.
                if word != "self" || path.is_empty() {
                    path.push(word.into());
                }
                *i += 1;
            }
        }
    }
    if let Some(name) = name.or_else(|| path.last().cloned()) {
        out.push((path, name));
    }
}

struct House<'f> {
    files: &'f Files,
    modules: Vec<Module>,
}

impl House<'_> {
    /// A module, all or a part of a file, and those below it. `dir` is where its children lie.
    fn module(&mut self, name: &str, parent: Option<usize>, file: &str, dir: &str, t: &[String]) -> usize {
        let me = self.modules.len();
        let root = parent.map_or(me, |p| self.modules[p].root);
        self.modules.push(Module { name: name.into(), file: file.into(), root, parent, ..Module::default() });
        if let Some(parent) = parent {
            self.modules[parent].children.insert(name.into(), me);
        }
        let own = &file[..file.rfind('/').map_or(0, |slash| slash + 1)];
        let (mut i, mut depth, mut exported, mut at_root) = (0, 0, false, false);
        let mut path: Option<String> = None;
        while i < t.len() {
            let next = |k: usize| t.get(i + k).map_or("", |x| x.as_str());
            match t[i].as_str() {
                "#" if next(1) == "[" => {
                    let end = closed(t, i + 1);
                    let attribute = &t[i + 2..end - 1];
                    match attribute.first().map(String::as_str) {
                        Some("cfg") if attribute[1..].join("") == "(test)" => {
                            i = end;
                            while t.get(i).is_some_and(|x| x == "#") {
                                i = closed(t, i + 1);
                            }
                            i = item_end(t, i);
                            continue;
                        }
                        Some("path") => path = Some(attribute[2][1..].into()),
                        Some("macro_export") => at_root = true,
                        _ => {}
                    }
                    i = end;
                    continue;
                }
                "pub" => {
                    exported = true;
                    i = if next(1) == "(" { closed(t, i + 1) } else { i + 1 };
                    continue;
                }
                "use" if next(1) != "<" => {
                    let mut found = Vec::new();
                    i += 1;
                    tree(t, &mut i, &[], &mut found);
                    let imports = found.into_iter().map(|(path, name)| Import { path, name, exported });
                    self.modules[me].imports.extend(imports);
                }
                "mod" if depth == 0 && is_name(next(1)) => {
                    let name = next(1);
                    if next(2) == "{" {
                        let end = closed(t, i + 2);
                        self.module(name, Some(me), file, &format!("{dir}{name}/"), &t[i + 3..end - 1]);
                        i = end;
                    } else {
                        let places = match path.take() {
                            Some(p) => vec![(format!("{own}{p}"), own.to_string())],
                            None => [".rs", "/mod.rs"]
                                .map(|end| (format!("{dir}{name}{end}"), format!("{dir}{name}/")))
                                .to_vec(),
                        };
                        if let Some((file, dir)) = places.iter().find(|p| self.files.contains_key(&p.0)) {
                            self.module(name, Some(me), file, dir, &tokens(&self.files[file]));
                        }
                        i += 2;
                    }
                }
                word => {
                    let name = match word {
                        "struct" | "enum" | "trait" | "type" | "union" | "static" | "fn" => Some(next(1)),
                        "const" if next(1) != "fn" => Some(next(1)),
                        "macro_rules" => Some(next(2)),
                        _ => None,
                    };
                    if let Some(name) = name.filter(|_| depth == 0) {
                        self.modules[me].items.insert(name.into());
                        if std::mem::take(&mut at_root) && word == "macro_rules" {
                            let path = [self.path_of(me), vec![name.into()]].concat();
                            let import = Import { path, name: name.into(), exported: true };
                            self.modules[root].imports.push(import);
                        }
                    }
                    match word {
                        "{" | "(" | "[" => depth += 1,
                        "}" | ")" | "]" => depth -= 1,
                        _ => {}
                    }
                    self.modules[me].body.push(t[i].clone());
                    i += 1;
                }
            }
            exported = false;
        }
        me
    }

    /// The path of a module from the root of its crate.
    fn path_of(&self, module: usize) -> Vec<String> {
        let Module { name, parent, .. } = &self.modules[module];
        let mut path = parent.map_or(Vec::new(), |p| self.path_of(p));
        path.push(name.clone());
        path
    }

    /// What a path means in a module; nothing if it begins outside of the crate.
    fn resolve(&self, module: usize, path: &[String], seen: &mut Vec<(usize, Vec<String>)>) -> Vec<Target> {
        let key = (module, path.to_vec());
        if path.is_empty() || seen.contains(&key) {
            return Vec::new();
        }
        seen.push(key);
        let here = &self.modules[module];
        let rest = &path[1..];
        let start = match path[0].as_str() {
            "crate" => vec![Target::Module(here.root)],
            // The library, as its program names it.
            "chunkwise" => vec![Target::Module(0)],
            "self" => vec![Target::Module(module)],
            "super" => here.parent.map(Target::Module).into_iter().collect(),
            name => self.name(module, name, !rest.is_empty(), seen),
        };
        let mut out = Vec::new();
        let leads_on = |t: &Target| matches!(t, Target::Module(_));
        let only_modules = !rest.is_empty() && start.iter().any(leads_on);
        for target in start.into_iter().filter(|t| !only_modules || leads_on(t)) {
            match target {
                Target::Module(m) if !rest.is_empty() => {
                    let on = self.resolve(m, rest, seen);
                    // What nobody is seen to define, a macro of that file does.
                    out.extend(if on.is_empty() { vec![Target::Item(m)] } else { on });
                }
                other => out.push(other),
            }
        }
        out
    }

    fn name(
        &self,
        module: usize,
        name: &str,
        leads_on: bool,
        seen: &mut Vec<(usize, Vec<String>)>,
    ) -> Vec<Target> {
        let here = &self.modules[module];
        let mut out: Vec<Target> = here.children.get(name).map(|&c| Target::Module(c)).into_iter().collect();
        if leads_on && !out.is_empty() {
            return out;
        }
        if here.items.contains(name) {
            out.push(Target::Item(module));
        }
        for import in here.imports.iter().filter(|i| i.name == name) {
            out.extend(self.resolve(module, &import.path, seen));
        }
        if out.is_empty() {
            for import in here.imports.iter().filter(|i| i.name == "*") {
                for target in self.resolve(module, &import.path, seen) {
                    if let Target::Module(m) = target {
                        out.extend(self.name(m, name, leads_on, seen));
                    }
                }
            }
        }
        out
    }

    fn is_below(&self, module: usize, ancestor: usize) -> bool {
        let up = |m: &usize| self.modules[*m].parent;
        std::iter::successors(Some(module), up).any(|m| m == ancestor)
    }

    fn uses(&self) -> Uses {
        let mut out = Uses::new();
        for (me, module) in self.modules.iter().enumerate() {
            let mut add = |path: &[String], reexport: bool| {
                let targets = self.resolve(me, path, &mut Vec::new());
                // What is a module too is one, until something of it is named.
                if targets.iter().any(|t| matches!(t, Target::Module(_))) {
                    return;
                }
                for target in targets {
                    let Target::Item(of) = target else { continue };
                    let file = &self.modules[of].file;
                    if *file != module.file && !(reexport && self.is_below(of, me)) {
                        let names = out.entry(module.file.clone()).or_default();
                        names.entry(file.clone()).or_default().insert(path.join("::"));
                    }
                }
            };
            for import in module.imports.iter().filter(|i| i.name != "*") {
                add(&import.path, import.exported);
            }
            let t = &module.body;
            let mut i = 0;
            while i < t.len() {
                let at = |k: usize| t.get(k).map_or("", |x| x.as_str());
                let (before, after) = (if i == 0 { "" } else { at(i - 1) }, at(i + 1));
                // A small name by itself is a function's where it is called, and else a variable's.
                let is_variable = t[i].starts_with(char::is_lowercase) && !["::", "(", "!"].contains(&after);
                if !is_name(&t[i]) || is_variable || [".", "::", "fn"].contains(&before) {
                    i += 1;
                    continue;
                }
                let mut path = vec![t[i].clone()];
                i += 1;
                while i + 1 < t.len() && t[i] == "::" && is_name(&t[i + 1]) {
                    path.push(t[i + 1].clone());
                    i += 2;
                }
                add(&path, false);
            }
        }
        out
    }
}

/// Which file uses which.
pub fn uses(files: &Files) -> Uses {
    let mut house = House { files, modules: Vec::new() };
    for root in ["lib.rs", "main.rs"] {
        if let Some(text) = files.get(root) {
            house.module("crate", None, root, "", &tokens(text));
        }
    }
    house.uses()
}

fn reached<'u>(from: &'u String, uses: &'u Uses) -> BTreeSet<&'u String> {
    let mut out = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        next.extend(uses.get(file).into_iter().flat_map(|u| u.keys()).filter(|f| out.insert(*f)));
    }
    out
}

/// The groups of files each of which uses, by way of others, each other one.
pub fn circles(uses: &Uses) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = uses.keys().map(|f| (f, reached(f, uses))).collect();
    let mut out: Vec<Vec<String>> = Vec::new();
    for (file, to) in &reached {
        if to.contains(file) && !out.iter().any(|c| c.contains(file)) {
            let both = to.iter().filter(|o| reached.get(*o).is_some_and(|r| r.contains(file)));
            out.push(both.map(|o| o.to_string()).collect());
        }
    }
    out
}

/// A circle as text: each use within it, by name.
pub fn show(circle: &[String], uses: &Uses) -> String {
    let mut out = format!("a circle of {} files:\n", circle.len());
    for from in circle {
        for (to, names) in uses[from].iter().filter(|u| circle.contains(u.0)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            out += &format!("  {from} -> {to}: {}\n", names.join(", "));
        }
    }
    out
}
