//! The modules of a crate, and what each of them names: imports and inline paths, resolved through
//! re-exports.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::code::{Code, Token};

/// The segments of a path. The first is `crate`, or the name of another crate.
pub(super) type Path = Vec<String>;

/// One place where a module names something.
#[derive(Debug)]
pub(super) struct Mention {
    /// The module that names it, from `crate`.
    pub(super) module: Path,
    /// The file of that module, beneath `src/`.
    pub(super) file: String,
    pub(super) line: usize,
    /// What is named: a path, `*` for all that is beneath it, or a macro such as `println!`.
    pub(super) path: Path,
    /// The same before re-exports are followed.
    pub(super) through: Path,
    /// Is it passed on (`pub use`) rather than used?
    pub(super) passed_on: bool,
}

impl Mention {
    /// The place and the name, for a report.
    pub(super) fn show(&self) -> String {
        format!("{}:{}: {}", self.file, self.line, self.path.join("::"))
    }
}

/// The modules of a crate without those that exist for tests.
#[derive(Debug, Default)]
pub(super) struct Modules {
    pub(super) files: BTreeMap<String, Code>,
    /// Everything that is named anywhere, resolved.
    pub(super) mentions: Vec<Mention>,
    modules: HashMap<Path, Module>,
}

#[derive(Debug, Default)]
struct Module {
    file: String,
    /// What a name that was imported stands for.
    aliases: HashMap<String, Path>,
    /// The paths of `use path::*`.
    globs: Vec<Path>,
    /// As written: path, line, and is it passed on?
    written: Vec<(Path, usize, bool)>,
}

impl Modules {
    /// The modules of these files: paths beneath `src/`, and texts.
    pub(super) fn of<S: AsRef<str>>(texts: &[(S, S)]) -> Self {
        let mut files: BTreeMap<String, Code> = texts
            .iter()
            .map(|(file, text)| (file.as_ref().to_owned(), Code::of(text.as_ref())))
            .collect();
        let mut for_tests = HashSet::new();
        for (file, code) in &files {
            for name in &code.test_files {
                let mut path = module_of(file);
                path.push(name.clone());
                for_tests.insert(path);
            }
        }
        files.retain(|file, _| {
            !(1..=module_of(file).len()).any(|n| for_tests.contains(&module_of(file)[..n]))
        });
        let mut modules = HashMap::new();
        for (file, code) in &files {
            parse(file, code, &mut modules);
        }
        let mut read = Self { files, modules, mentions: Vec::new() };
        read.mentions = read.find_mentions();
        read
    }

    fn find_mentions(&self) -> Vec<Mention> {
        let mut mentions = Vec::new();
        for (path, module) in &self.modules {
            for (written, line, passed_on) in &module.written {
                mentions.push(Mention {
                    module: path.clone(),
                    file: module.file.clone(),
                    line: *line,
                    path: self.resolve(path, written),
                    through: self.absolute(path, written),
                    passed_on: *passed_on,
                });
            }
        }
        mentions.sort_by(|a, b| (&a.file, a.line, &a.path).cmp(&(&b.file, b.line, &b.path)));
        mentions
    }

    /// The module that owns what a resolved path names; nothing for other crates.
    pub(super) fn owner<'a>(&self, path: &'a [String]) -> Option<&'a [String]> {
        (1..=path.len()).rev().map(|n| &path[..n]).find(|prefix| self.modules.contains_key(*prefix))
    }

    /// The folders, each with the names of its modules.
    pub(super) fn folders(&self) -> BTreeMap<Path, Vec<String>> {
        let mut folders: BTreeMap<Path, Vec<String>> = BTreeMap::new();
        for file in self.files.keys() {
            let mut folder = module_of(file);
            if let Some(name) = folder.pop() {
                folders.entry(folder).or_default().push(name);
            }
        }
        folders
    }

    /// The path from `crate`, or from another crate, of what `module` calls `path`.
    fn resolve(&self, module: &[String], path: &[String]) -> Path {
        let mut path = self.absolute(module, path);
        // A chain of re-exports is short; the limit ends a circle of them.
        for _ in 0..16 {
            let Some(owner) = self.owner(&path) else { break };
            let Some(name) = path.get(owner.len()) else { break };
            let Some(target) = self.passed_on_as(owner, name) else { break };
            path = [target, path[owner.len() + 1..].to_vec()].concat();
        }
        path
    }

    /// What a module calls `name` because it imported it.
    fn passed_on_as(&self, module: &[String], name: &str) -> Option<Path> {
        let names = &self.modules[module];
        if let Some(target) = names.aliases.get(name) {
            return Some(self.absolute(module, target));
        }
        for glob in &names.globs {
            // A glob of another crate passes on nothing that this crate can look up.
            let child = [module, &glob[..1]].concat();
            if !["crate", "dropfeed", "self", "super"].contains(&glob[0].as_str())
                && !self.modules.contains_key(&child)
            {
                continue;
            }
            let from = self.absolute(module, glob);
            let target = [from.as_slice(), &[name.to_owned()]].concat();
            let Some(exported) = self.modules.get(&from) else { continue };
            if self.modules.contains_key(&target) || exported.aliases.contains_key(name) {
                return Some(target);
            }
        }
        None
    }

    /// The path with its first segment replaced by what it stands for in `module`.
    fn absolute(&self, module: &[String], path: &[String]) -> Path {
        let (first, rest) = path.split_first().expect("a path has a segment");
        if let Some(foreign) = first.strip_prefix("::") {
            return [&[foreign.to_owned()], rest].concat();
        }
        let start = match first.as_str() {
            "crate" | "dropfeed" => vec!["crate".to_owned()],
            "self" => module.to_vec(),
            "super" => {
                let parents = rest.iter().take_while(|segment| *segment == "super").count();
                let up = module.len().saturating_sub(parents + 1).max(1);
                return [&module[..up], &rest[parents..]].concat();
            }
            name => {
                let child = [module, &[name.to_owned()]].concat();
                match self.modules.get(module).and_then(|names| names.aliases.get(name)) {
                    _ if self.modules.contains_key(&child) => child,
                    // `use time::time` names the crate.
                    Some(target) if target[0] != name => self.absolute(module, target),
                    Some(_) => vec![name.to_owned()],
                    None => self.passed_on_as_or_foreign(module, name),
                }
            }
        };
        [start, rest.to_vec()].concat()
    }

    fn passed_on_as_or_foreign(&self, module: &[String], name: &str) -> Path {
        let known =
            if self.modules.contains_key(module) { self.passed_on_as(module, name) } else { None };
        known.unwrap_or_else(|| vec![name.to_owned()])
    }
}

/// The module of a file: `feed/mod.rs` is `crate::feed`, `lib.rs` is `crate`.
pub(super) fn module_of(file: &str) -> Path {
    let mut path = vec!["crate".to_owned()];
    path.extend(file.trim_end_matches(".rs").split('/').map(str::to_owned));
    if path.last().is_some_and(|name| name == "mod") || file == "lib.rs" {
        path.pop();
    }
    path
}

/// Adds the modules of one file: that of the file, and those written inside of it.
fn parse(file: &str, code: &Code, modules: &mut HashMap<Path, Module>) {
    let tokens = code.tokens();
    let text = |n: usize| tokens.get(n).map_or("", |token| token.text);
    let mut open = vec![(module_of(file), 0)];
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let before = if at == 0 { "" } else { text(at - 1) };
        let path = open.last().map(|(path, _)| path.clone()).unwrap_or_default();
        let module = modules.entry(path.clone()).or_default();
        module.file = file.to_owned();
        match token.text {
            "{" => depth += 1,
            "}" => {
                open.retain(|(_, inside)| *inside != depth);
                depth -= 1;
            }
            "mod" if text(at + 2) == "{" => {
                depth += 1;
                open.push(([path, vec![text(at + 1).to_owned()]].concat(), depth));
                at += 2;
            }
            // `impl Trait + use<'a>` captures a lifetime.
            "use" if text(at + 1) != "<" => {
                let end = at
                    + tokens[at..]
                        .iter()
                        .position(|token| token.text == ";")
                        .unwrap_or(tokens.len() - at);
                let passed_on = ["pub", ")"].contains(&before);
                add_imports(module, &tokens[at + 1..end], &[], (token.line, passed_on));
                at = end;
            }
            _ if begins_a_path(&tokens, at) => {
                let length = inline_path(&tokens[at..]);
                let mut written = segments(&tokens[at..at + length]);
                if text(at + length) == "!" && written.len() == 1 {
                    written[0].push('!');
                }
                if written.len() > 1 || written[0].ends_with('!') {
                    module.written.push((written, token.line, false));
                }
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
}

/// Does a path, or a single word, begin with this token? What follows a dot is a method or a field.
fn begins_a_path(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map_or("", |at| tokens[at].text);
    if tokens[at].text == "::" {
        let is_word_next = tokens.get(at + 1).is_some_and(Token::is_word);
        // `Vec<T>::new` goes on after its arguments, `-> ::std::fs::File` begins.
        let goes_on = before(1) == ">" && before(2) != "-";
        let after_word = at > 0 && tokens[at - 1].is_word() && before(1) != "return";
        return is_word_next && !goes_on && !after_word;
    }
    tokens[at].is_word() && ![".", "::"].contains(&before(1))
}

/// The segments of a path. One that begins with `::` keeps that mark in its first segment.
fn segments(tokens: &[Token<'_>]) -> Path {
    let words = tokens.iter().filter(|token| token.is_word());
    let mut path: Path = words.map(|token| token.text.to_owned()).collect();
    if let (Some("::"), Some(first)) = (tokens.first().map(|token| token.text), path.first_mut()) {
        first.insert_str(0, "::");
    }
    path
}

/// The number of tokens of the path that the tokens begin with.
fn inline_path(tokens: &[Token<'_>]) -> usize {
    let mut length = if tokens[0].text == "::" { 2 } else { 1 };
    while let Some([colons, name]) = tokens.get(length..length + 2)
        && colons.text == "::"
        && name.is_word()
    {
        length += 2;
    }
    length
}

/// Adds the imports of a `use` tree beneath `prefix`.
fn add_imports(module: &mut Module, tree: &[Token<'_>], prefix: &[String], place: (usize, bool)) {
    let length = tree.iter().take_while(|token| token.is_word() || token.text == "::").count();
    let as_at = tree.iter().position(|token| token.text == "as").filter(|at| *at < length);
    let mut path = [prefix, &segments(&tree[..as_at.unwrap_or(length)])].concat();
    match tree.get(length).map(|token| token.text) {
        Some("{") => {
            for branch in branches(&tree[length + 1..tree.len() - 1]) {
                add_imports(module, branch, &path, place);
            }
            return;
        }
        Some("*") => {
            module.globs.push(path.clone());
            path.push("*".to_owned());
        }
        _ => {
            // `use a::{self}` imports `a`.
            if path.len() > 1 && path.last().is_some_and(|name| name == "self") {
                path.pop();
            }
            let name =
                as_at.map(|at| tree[at + 1].text.to_owned()).or_else(|| path.last().cloned());
            module.aliases.insert(name.unwrap_or_default(), path.clone());
        }
    }
    module.written.push((path, place.0, place.1));
}

/// The parts between the commas that are in no braces.
fn branches<'a, 'b>(tree: &'a [Token<'b>]) -> Vec<&'a [Token<'b>]> {
    let mut depth = 0;
    let at_comma = |token: &Token<'_>| {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        depth == 0 && token.text == ","
    };
    tree.split(at_comma).filter(|branch| !branch.is_empty()).collect()
}

#[test]
fn names_are_resolved() {
    let modules = Modules::of(&[
        (
            "a/mod.rs",
            "mod b; mod c; pub use b::B as Bee; use std::fs; pub(crate) use crate::d::*; fn f() { ::b::c(); }",
        ),
        (
            "a/b.rs",
            "pub struct B; use super::{c::{self, C}, Bee}; fn f() { c::g(); super::fs::read(); }",
        ),
        (
            "a/c.rs",
            "use super::*; fn g() -> ::std::io::Result<()> { fs::write(); Bee::new(); self::C::new(); println!(); }",
        ),
        (
            "d.rs",
            "pub use crate::a::Bee as D; mod e { use super::super::a; pub fn f() { super::D::new(); } }",
        ),
    ]);
    let check = |file: &str, expected: &[&str]| {
        let of_file = modules.mentions.iter().filter(|mention| mention.file == file);
        let mut found: Vec<String> = of_file.map(|mention| mention.path.join("::")).collect();
        found.sort();
        assert_eq!(found, expected, "{file}");
    };
    check("a/mod.rs", &["b::c", "crate::a::b::B", "crate::d::*", "std::fs"]);
    check(
        "a/b.rs",
        &["crate::a::b::B", "crate::a::c", "crate::a::c::C", "crate::a::c::g", "std::fs::read"],
    );
    check(
        "a/c.rs",
        &[
            "crate::a::*",
            "crate::a::b::B::new",
            "crate::a::c::C::new",
            "println!",
            "std::fs::write",
            "std::io::Result",
        ],
    );
    check("d.rs", &["crate::a", "crate::a::b::B", "crate::a::b::B::new"]);
}
