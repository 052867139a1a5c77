//! Tests with texts that were made to hurt, and with texts of no sense at all.
//!
//! `DROPFEED_BOMB_SIZE` multiplies the size of the bombs. With 10 they are as large as an article
//! may sensibly be: work that grows with the square of the text then takes minutes, and who sets it
//! also sets a time limit (`.ci/run`).

use proptest::prelude::*;

use crate::base::RelPath;

use super::testing::{LIMITS, head};
use super::{Head, TitleFrom, body, html, invariants, markdown, plain_text};

fn holds(name: &str, input: &[u8]) -> Result<(), String> {
    let path = RelPath::new(name).unwrap();
    for (title_from, math) in [(TitleFrom::Heading, true), (TitleFrom::FirstLine, false)] {
        let head = Head { math: Some(math), ..head(title_from) };
        match body(&path, input, &head, &LIMITS) {
            Ok((body, _)) => {
                invariants::check(&body.html)?;
                if body.html.len() > LIMITS.max_bytes || body.summary.chars().count() > 600 {
                    return Err("it is too large".to_owned());
                }
            }
            Err(errors) if errors.is_empty() || errors[0].code == "panic" => {
                return Err(format!("{errors:?}"));
            }
            Err(_) => {}
        }
    }
    if let Ok(text) = std::str::from_utf8(input) {
        markdown::outline(text);
        html::outline(text);
        plain_text::outline(text);
    }
    Ok(())
}

/// Pieces of which hostile texts are made.
const SEEDS: [&str; 91] = [
    ">",
    "> ",
    "- ",
    "1. ",
    "* ",
    "[",
    "![",
    "[[",
    "]",
    "](",
    "[a](",
    "*",
    "**a",
    "_a_",
    "`",
    "``a",
    "~~",
    "<",
    "</",
    "<a",
    "<div>",
    "<p>",
    "<b>",
    "<b id=x>",
    "<table>",
    "<table><tr><td>",
    "<td>",
    "<li>",
    "<svg>",
    "<a href=x>",
    "&",
    "&#0;",
    "&#x1;",
    "{{",
    "{% raw %}",
    "{{<",
    "{% highlight x %}",
    "|",
    "|-|\n",
    "a|b\n-|-\n",
    "[^1]",
    "[^1]: a\n",
    "\n\n[x]: y\n",
    "\n",
    "\n\n",
    "    ",
    "\t",
    "#",
    "<!--",
    "<!-- more -->",
    "<script>",
    "<pre>",
    "<![CDATA[",
    "<?",
    "a@a.a",
    "http://a",
    "</b>",
    "</p>",
    "<p><b>",
    "<select><option>",
    "{# ",
    "{/*",
    "{% comment %}",
    "{::comment}",
    "{: #x}\n",
    ":::a\n",
    "!!! a\n",
    "/// a\n",
    "/// a\n///\n",
    "==a",
    "==a== ",
    "a ^bc\n\n",
    "import {\n",
    "import a from 'b';\n\n",
    "<a b={",
    "<a b={c} ",
    "${toc}\n",
    "![a|1](b.png)",
    "{{< code >}}",
    "https://a.b/_c_ ",
    "<textarea>",
    "$",
    "$a$ ",
    "$$a$$ ",
    "$$\n- a\n$$\n",
    "\\(a\\) ",
    "\\[",
    "$\\sqrt$ ",
    "{$",
    "\n```math\n{\n```\n",
    "$<!--$ ",
];

/// Pieces that hide their `hid`, show nothing, or show something of their own, in any order.
const CONSTRUCTS: [&str; 28] = [
    "{# hid #}",
    "{#\nhid\n\nhid\n#}",
    "{/* hid */}",
    "{{/* hid */}}",
    "{% comment %}hid{% endcomment %}",
    "{%- comment -%}\n\nhid\n{%- endcomment -%}",
    "{{< comment >}}hid{{< / comment >}}",
    "{{% comment %}}hid{{% /comment %}}",
    "{::comment}hid{:/comment}",
    "%%hid%%",
    "<!-- hid -->",
    "<span hidden>hid</span>",
    "{% hid %}",
    "{{ hid }}",
    "{{hid}}",
    "`a`",
    "[[Note | shown]]",
    "[a](b){:target=\"_blank\"}",
    "https://e.org/x_y",
    "{{< ref \"b.md\" >}}",
    "<svg>",
    "~a~",
    "{% img left /a.png 1 2 %}",
    "[a]({{ hid }}/b)",
    "<https://{{ hid }}/b>",
    "<img src={hid} alt=\"a\">",
    "a ==b== c",
    "![a]({photo}hid.png)",
];

/// The contexts of a piece.
const PLACES: [(&str, &str); 8] = [
    ("", "\n\n"),
    ("- ", "\n\n"),
    ("> ", "\n\n"),
    ("# ", "\n\n"),
    (":::tip\n\n", "\n\n:::\n\n"),
    ("!!! note\n\n    ", "\n\n"),
    ("| a |\n|---|\n| ", " |\n\n"),
    ("<div>\n\n", "\n\n</div>\n\n"),
];

/// The factor of all sizes.
fn scale() -> usize {
    let asked = std::env::var("DROPFEED_BOMB_SIZE").ok();
    asked.map_or(1, |asked| asked.parse().expect("DROPFEED_BOMB_SIZE is a number"))
}

#[test]
fn repetitions_of_any_piece_hold_and_end() {
    for seed in SEEDS {
        let text = seed.repeat(2_000 * scale() / seed.len());
        for name in ["a.md", "a.html", "a.txt"] {
            holds(name, text.as_bytes()).unwrap_or_else(|error| panic!("{name} {seed:?}: {error}"));
        }
    }
}

#[test]
fn known_bombs_hold_and_end() {
    for (what, text) in bombs(100 * scale()) {
        for name in ["a.md", "a.html", "a.txt"] {
            holds(name, text.as_bytes()).unwrap_or_else(|error| panic!("{name} {what}: {error}"));
        }
    }
}

/// Texts that made a renderer slow or large, of a size in proportion to `n`.
fn bombs(n: usize) -> Vec<(&'static str, String)> {
    let definition = format!("[x]: /{}\n\n", "y".repeat(50 * n));
    let lists: String = (0..n * 2 / 5).map(|n| format!("{}- x\n", "  ".repeat(n))).collect();
    let footnotes: String = (0..5 * n).map(|n| format!("[^{n}]: [^{}]\n\n", n + 1)).collect();
    let attributes: String = (0..10 * n).map(|n| format!("a{n}=b ")).collect();
    vec![
        ("a reference bomb", format!("{definition}{}", "[x] ".repeat(20 * n))),
        (
            "a table bomb",
            format!("{}\n{}\n{}", "|a".repeat(n), "|-".repeat(n), "|\n".repeat(20 * n)),
        ),
        (
            "nested lists and blank lines",
            format!("{}x\n{}", "- ".repeat(25 * n), "\n".repeat(50 * n)),
        ),
        ("growing lists", lists + &"\n".repeat(50 * n)),
        ("growing backticks", (1..n * 2 / 5).map(|n| format!("{} ", "`".repeat(n))).collect()),
        ("nested emphasis", format!("{}x{}", "*a **b ".repeat(10 * n), "** *".repeat(10 * n))),
        ("nested elements", format!("{}x{}", "<div>".repeat(20 * n), "</div>".repeat(20 * n))),
        ("unclosed formatting", (0..5 * n).map(|n| format!("<b id=b{n}><p>x")).collect()),
        ("cells without a table", "<table>x<br>".repeat(10 * n)),
        ("footnotes in footnotes", footnotes + "[^0]"),
        ("headings of one name", "# a\n".repeat(25 * n)),
        ("ends in capitals", format!("{{{{ x }}}}{}", "<pre></PRE>".repeat(10 * n))),
        ("attributes", format!("<a {attributes}>")),
        ("nested quotes of text", format!("{} a\n", ">".repeat(n)).repeat(n / 10)),
        ("lists of two kinds", "- a\n* b\n".repeat(50 * n)),
        ("lines of spaces", " \n".repeat(200 * n) + "a\n\nb"),
        ("tags on one line", "x{{ a }}".repeat(50 * n)),
        ("image nesting", format!("{}a{}", "![".repeat(20 * n), "](b)".repeat(20 * n))),
        ("a long formula", format!("${}$", r"\quad ".repeat(100 * n))),
        ("nested groups", format!("${}x{}$", "{".repeat(100 * n), "}".repeat(100 * n))),
        ("nested roots", format!("$${}x$$", r"\sqrt ".repeat(100 * n))),
        ("many formulas", format!("${}$ ", r"\quad ".repeat(500)).repeat(n)),
        ("many bad formulas", r"$\a$ ".repeat(100 * n)),
        ("many different formulas", (0..20 * n).map(|n| format!("$\\a{n}$ <b>")).collect()),
        ("nested spans", format!("{}]{{.x}} ", "[".repeat(290)).repeat(n / 3)),
        ("notes without an end", "^[a ".repeat(50 * n)),
        ("tags with open quotes", "{{< \"a ".repeat(20 * n)),
        ("definitions", (0..20 * n).map(|n| format!("[{n}]: x\n")).collect()),
    ]
}

proptest! {
    #[test]
    fn what_is_hidden_leaves_and_the_words_around_it_stay(
        pieces in proptest::collection::vec(
            (proptest::sample::select(PLACES.to_vec()), proptest::sample::select(CONSTRUCTS.to_vec())),
            1..12,
        )
    ) {
        let mut text = String::new();
        for (number, ((before, after), piece)) in pieces.iter().enumerate() {
            // A line within a table or a quote would end it.
            let piece = if before.is_empty() { (*piece).to_owned() } else { piece.replace('\n', " ") };
            text.push_str(&format!("{before}w{number} {piece} v{number}{after}"));
        }
        let path = RelPath::new("a.md").unwrap();
        let (body, _) = body(&path, text.as_bytes(), &head(TitleFrom::FileName), &LIMITS).unwrap();
        prop_assert_eq!(invariants::check(&body.html), Ok(()));
        prop_assert!(!body.html.contains("hid"), "{}\n{}", text, body.html);
        for (number, (_, piece)) in pieces.iter().enumerate() {
            let is_shown = body.html.contains(&format!("v{number}")) || *piece == "<svg>";
            prop_assert!(body.html.contains(&format!("w{number}")) && is_shown, "{}\n{}", text, body.html);
        }
    }

    #[test]
    fn no_bytes_panic(input in proptest::collection::vec(any::<u8>(), 0..400)) {
        for name in ["a.md", "a.html", "a.txt"] {
            prop_assert_eq!(holds(name, &input), Ok(()));
        }
    }

    #[test]
    fn no_mixture_panics(pieces in proptest::collection::vec(proptest::sample::select(SEEDS.to_vec()), 0..60)) {
        let input = pieces.concat();
        for name in ["a.md", "a.html", "a.txt"] {
            prop_assert_eq!(holds(name, input.as_bytes()), Ok(()));
        }
    }
}
