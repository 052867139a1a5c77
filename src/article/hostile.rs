//! Tests with texts that were made to hurt, and with texts of no sense at all.

use proptest::prelude::*;

use crate::base::RelPath;

use super::testing::{LIMITS, head};
use super::{TitleFrom, body, html, invariants, markdown, plain_text};

fn holds(name: &str, input: &[u8]) -> Result<(), String> {
    let path = RelPath::new(name).unwrap();
    for title_from in [TitleFrom::Heading, TitleFrom::FirstLine] {
        match body(&path, input, &head(title_from), &LIMITS) {
            Ok((body, _)) => {
                invariants::check(&body.html)?;
                if body.html.len() > LIMITS.max_bytes || body.summary.chars().count() > 600 {
                    return Err("it is too large".to_owned());
                }
            }
            Err(errors) if errors.is_empty() || errors[0].code == "render" => return Err(format!("{errors:?}")),
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
const SEEDS: [&str; 60] = [
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
];

#[test]
fn repetitions_of_any_piece_hold_and_end() {
    for seed in SEEDS {
        let text = seed.repeat(20_000 / seed.len());
        for name in ["a.md", "a.html", "a.txt"] {
            holds(name, text.as_bytes()).unwrap_or_else(|error| panic!("{name} {seed:?}: {error}"));
        }
    }
}

#[test]
fn known_bombs_hold_and_end() {
    let definition = format!("[x]: /{}\n\n", "y".repeat(50_000));
    let columns = 1000;
    let bombs = [
        ("a reference bomb", format!("{definition}{}", "[x] ".repeat(20_000))),
        ("a table bomb", format!("{}\n{}\n{}", "|a".repeat(columns), "|-".repeat(columns), "|\n".repeat(20_000))),
        ("nested lists and blank lines", format!("{}x\n{}", "- ".repeat(25_000), "\n".repeat(50_000))),
        (
            "growing lists",
            (0..400).map(|n| format!("{}- x\n", "  ".repeat(n))).collect::<String>() + &"\n".repeat(50_000),
        ),
        ("growing backticks", (1..400).map(|n| format!("{} ", "`".repeat(n))).collect()),
        ("nested emphasis", format!("{}x{}", "*a **b ".repeat(10_000), "** *".repeat(10_000))),
        ("nested elements", format!("{}x{}", "<div>".repeat(20_000), "</div>".repeat(20_000))),
        ("unclosed formatting", (0..5000).map(|n| format!("<b id=b{n}><p>x")).collect()),
        ("cells without a table", "<table>x<br>".repeat(10_000)),
        ("footnotes in footnotes", (0..5000).map(|n| format!("[^{n}]: [^{}]\n\n", n + 1)).collect::<String>() + "[^0]"),
        ("headings of one name", "# a\n".repeat(25_000)),
        ("ends in capitals", format!("{{{{ x }}}}{}", "<pre></PRE>".repeat(10_000))),
        ("attributes", format!("<a {}>", (0..10_000).map(|n| format!("a{n}=b ")).collect::<String>())),
        ("nested quotes of text", format!("{} a\n", ">".repeat(1000)).repeat(100)),
        ("lists of two kinds", "- a\n* b\n".repeat(50_000)),
        ("lines of spaces", " \n".repeat(200_000) + "a\n\nb"),
        ("tags on one line", "x{{ a }}".repeat(50_000)),
        ("image nesting", format!("{}a{}", "![".repeat(20_000), "](b)".repeat(20_000))),
        ("definitions", (0..20_000).map(|n| format!("[{n}]: x\n")).collect()),
    ];
    for (what, text) in bombs {
        for name in ["a.md", "a.html", "a.txt"] {
            holds(name, text.as_bytes()).unwrap_or_else(|error| panic!("{name} {what}: {error}"));
        }
    }
}

proptest! {
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
