//! The text of a source file as tokens, without comments, literals and unit tests.

use std::ops::Range;

/// A word, a number, `::`, or one character of punctuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// Counted from 1.
    pub(super) line: usize,
    /// Where it begins, in bytes.
    at: usize,
}

impl Token<'_> {
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(is_word_character)
    }
}

/// A source file: what the compiler sees of it outside of tests.
#[derive(Debug)]
pub(super) struct Code {
    /// The text with a blank for each byte of a comment, a literal or a test module. Lines keep
    /// their numbers.
    text: String,
    /// The modules that exist for tests only and are files of their own.
    pub(super) test_files: Vec<String>,
    /// The number of lines outside of test modules, comments included.
    pub(super) lines: usize,
}

impl Code {
    pub(super) fn of(text: &str) -> Self {
        let mut code = blank_literals(text);
        let (bodies, test_files) = test_modules(&tokens(&code));
        let mut lines = text.lines().count();
        for body in bodies {
            lines -= code[body.clone()].matches('\n').count();
            blank(&mut code, body);
        }
        Self { text: code, test_files, lines }
    }

    pub(super) fn tokens(&self) -> Vec<Token<'_>> {
        tokens(&self.text)
    }

    /// The name and the number of lines of each function that has a body.
    pub(super) fn functions(&self) -> Vec<(&str, usize)> {
        let tokens = self.tokens();
        let mut found = Vec::new();
        for (n, pair) in tokens.windows(2).enumerate() {
            // `fn(` is a type.
            if pair[0].text != "fn" || !pair[1].is_word() {
                continue;
            }
            let Some(open) = tokens[n..].iter().position(|token| ["{", ";"].contains(&token.text))
            else {
                continue;
            };
            let Some(close) = closing(&tokens, n + open) else { continue };
            found.push((pair[1].text, tokens[close].line - pair[0].line + 1));
        }
        found
    }
}

/// The bodies of `#[cfg(test)] mod x { … }`, and the names of `#[cfg(test)] mod x;`.
fn test_modules(tokens: &[Token<'_>]) -> (Vec<Range<usize>>, Vec<String>) {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut bodies: Vec<Range<usize>> = Vec::new();
    let mut files = Vec::new();
    for (n, window) in tokens.windows(ATTRIBUTE.len()).enumerate() {
        if !window.iter().map(|token| token.text).eq(ATTRIBUTE) {
            continue;
        }
        let item = skip_attributes_and_visibility(tokens, n + ATTRIBUTE.len());
        let Some([keyword, name, open]) = tokens.get(item..item + 3) else { continue };
        // What is inside of a test module is blanked with it.
        if keyword.text != "mod" || bodies.last().is_some_and(|body| body.contains(&keyword.at)) {
            continue;
        }
        match closing(tokens, item + 2) {
            Some(close) => bodies.push(open.at + 1..tokens[close].at),
            None => files.push(name.text.to_owned()),
        }
    }
    (bodies, files)
}

fn skip_attributes_and_visibility(tokens: &[Token<'_>], mut at: usize) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    while text(at) == "#" {
        at = closing(tokens, at + 1).map_or(tokens.len(), |close| close + 1);
    }
    if text(at) == "pub" {
        at += 1;
        at = closing(tokens, at).map_or(at, |close| close + 1);
    }
    at
}

/// The index of the bracket that closes the one at `open`; nothing where there is no bracket.
fn closing(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let (opens, closes) = match tokens.get(open)?.text {
        "{" => ("{", "}"),
        "[" => ("[", "]"),
        "(" => ("(", ")"),
        _ => return None,
    };
    let mut depth = 0;
    for (n, token) in tokens.iter().enumerate().skip(open) {
        if token.text == opens {
            depth += 1;
        } else if token.text == closes {
            depth -= 1;
            if depth == 0 {
                return Some(n);
            }
        }
    }
    None
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = code[at..].chars().next() {
        let rest = &code[at..];
        let length = if is_word_character(first) {
            rest.find(|c| !is_word_character(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            tokens.push(Token { text: &rest[..length], line, at });
        }
        line += usize::from(first == '\n');
        at += length;
    }
    tokens
}

/// The text with a blank for each byte of a comment or of the content of a literal.
fn blank_literals(text: &str) -> String {
    let mut code = text.to_owned();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let in_a_word = text[..at].ends_with(is_word_character);
        if let Some(length) = comment(rest).or_else(|| if in_a_word { None } else { literal(rest) })
        {
            blank(&mut code, at..at + length);
            at += length;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    code
}

fn blank(code: &mut String, range: Range<usize>) {
    let blank: String =
        code[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    code.replace_range(range, &blank);
}

/// The length of the comment that the text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    // Block comments nest.
    let (mut at, mut depth) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(text.len())
}

/// The length of the string or character that the text begins with, with its prefix.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))
        .unwrap_or_default();
    let unprefixed = &text[prefix.len()..];
    let hashes = if prefix.ends_with('r') {
        unprefixed.bytes().take_while(|byte| *byte == b'#').count()
    } else {
        0
    };
    let opened = &unprefixed[hashes..];
    let opening = prefix.len() + hashes + 1;
    if let Some(content) = opened.strip_prefix('"') {
        if !prefix.ends_with('r') {
            return Some(opening + quoted(content, '"'));
        }
        let close = format!("\"{}", "#".repeat(hashes));
        return Some(content.find(&close).map_or(text.len(), |end| opening + end + close.len()));
    }
    if let Some(content) = opened.strip_prefix('\'') {
        let mut characters = content.chars();
        let is_escape = characters.next()? == '\\';
        // `'a` without a second quote is a lifetime.
        return (is_escape || characters.next() == Some('\''))
            .then(|| opening + quoted(content, '\''));
    }
    None
}

/// The length of a text up to its closing quote, with it.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn literals_and_comments_are_blanked() {
    let check = |text: &str, code: &str| assert_eq!(blank_literals(text), code);
    check("a // b\nc /* d /* e */ f */ g", "a     \nc                   g");
    check(r##"("a\"b", r#"c"d"#, b'\'', '"', 'x')"##, r"(      ,         ,      ,    ,    )");
    check("fn a<'b>(c: &'b str) {}", "fn a<'b>(c: &'b str) {}");
    check("'\"' {", "    {");
    check("number\"a\"", "number\"a\"");
}

#[test]
fn test_modules_are_left_out_wherever_they_are() {
    let text = "use a;\n#[cfg(test)]\nmod near { use b; }\nuse c;\n#[cfg(test)]\n#[allow(x)]\npub(super) mod far;\nfn d() {\n}\n";
    let code = Code::of(text);
    let words: Vec<&str> =
        code.tokens().iter().filter(|token| token.is_word()).map(|token| token.text).collect();
    assert!(
        ["a", "c", "d"].iter().all(|name| words.contains(name)) && !words.contains(&"b"),
        "{words:?}"
    );
    assert_eq!(code.test_files, ["far"]);
    assert_eq!(code.functions(), [("d", 2)]);
    assert_eq!(code.lines, text.lines().count());
    assert_eq!(Code::of("#[cfg(test)]\nmod a {\n\n\n}\nfn b() {}").lines, 3);
}
