//! The direction in which an article's text runs: its language's, else that of most of its letters.

/// A base direction (Unicode Standard Annex 9), as the `dir` attribute of HTML names it.
///
/// ```
/// use dropfeed::base::direction::Direction;
///
/// assert_eq!(Direction::of(Some("he"), "<p>CA</p>"), Direction::Rtl);
/// assert_eq!(Direction::of(None, "<p>HTML هي لغة ترميز</p>"), Direction::Rtl);
/// assert_eq!(Direction::of(None, "").name(), "ltr");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From left to right.
    Ltr,
    /// From right to left.
    Rtl,
}

/// Scripts that run from right to left (ISO 15924), in lower case.
const RTL_SCRIPTS: [&str; 13] = [
    "adlm", "arab", "aran", "hebr", "mand", "mend", "nkoo", "rohg", "samr", "syrc", "syre", "syrj",
    "thaa",
];

/// Languages that are usually written in one of these scripts.
const RTL_LANGUAGES: [&str; 35] = [
    "acm", "aeb", "aii", "ajp", "apc", "ar", "arb", "arc", "ars", "ary", "arz", "azb", "bal",
    "bqi", "ckb", "dv", "fa", "glk", "he", "iw", "ji", "khw", "ks", "lrc", "mzn", "nqo", "pnb",
    "prs", "ps", "sd", "skr", "syr", "ug", "ur", "yi",
];

impl Direction {
    /// The value of the `dir` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Ltr => "ltr",
            Direction::Rtl => "rtl",
        }
    }

    /// The direction of an article in `language` (BCP 47), or of most letters of its `html` if it
    /// names no language. Code is not counted, because it is Latin in all languages.
    pub fn of(language: Option<&str>, html: &str) -> Self {
        match language {
            Some(tag) => of_language(tag),
            None => of_letters(html),
        }
    }
}

/// The direction of a language's script: the one that the tag names (`ku-Arab`, `az-Latn`), or else
/// the usual one.
fn of_language(tag: &str) -> Direction {
    let tag = tag.to_ascii_lowercase();
    let mut subtags = tag.split(['-', '_']);
    let language = subtags.next().unwrap_or_default();
    let script = subtags
        .find(|subtag| subtag.len() == 4 && subtag.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let is_rtl = match script {
        Some(script) => RTL_SCRIPTS.contains(&script),
        None => RTL_LANGUAGES.contains(&language),
    };
    if is_rtl { Direction::Rtl } else { Direction::Ltr }
}

/// The direction of most letters outside of code. The HTML is dropfeed's own, in which every `<`
/// begins a tag.
fn of_letters(html: &str) -> Direction {
    // Nearly all articles have none, and need not be counted.
    if html.is_ascii() || !html.contains(is_rtl) {
        return Direction::Ltr;
    }
    let (mut ltr, mut rtl) = (0_usize, 0_usize);
    let mut code_depth = 0_usize;
    for (n, piece) in html.split('<').enumerate() {
        // Before the first `<` there is no tag.
        let (tag, text) =
            if n == 0 { ("", piece) } else { piece.split_once('>').unwrap_or_default() };
        let name = tag.split_ascii_whitespace().next().unwrap_or_default();
        match name {
            "pre" | "code" => code_depth += 1,
            "/pre" | "/code" => code_depth = code_depth.saturating_sub(1),
            _ => {}
        }
        if code_depth > 0 {
            continue;
        }
        for c in text.chars() {
            if is_rtl(c) && c.is_alphabetic() {
                rtl += 1;
            } else if c.is_alphabetic() {
                ltr += 1;
            }
        }
    }
    if rtl > ltr { Direction::Rtl } else { Direction::Ltr }
}

/// Whether a letter is in one of the blocks that Unicode keeps for scripts from right to left.
fn is_rtl(letter: char) -> bool {
    matches!(
        letter,
        '\u{590}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{feff}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions() {
        for (language, html, name) in [
            ("ar", "<p>x</p>", "rtl"),
            ("FA-ir", "", "rtl"),
            ("ckb", "", "rtl"),
            ("ku-Arab-IQ", "", "rtl"),
            ("pa_Arab", "", "rtl"),
            ("ku", "", "ltr"),
            ("ar-Latn", "", "ltr"),
            ("az-Latn", "", "ltr"),
            ("en", "<p>لغة ترميز</p>", "ltr"),
            ("", "<p>HTML هي لغة ترميز تستخدم</p>", "rtl"),
            ("", "<p>The word לחם is bread.</p>", "ltr"),
            ("", "<p>לחם</p><pre><code>let bread = flour(water);</code></pre>", "rtl"),
            ("", "<p title=\"a long title in English\">לחם</p>", "rtl"),
            ("", "<p>1 + 1</p>", "ltr"),
            ("", "𞤀𞤣𞤤𞤢𞤥", "rtl"),
        ] {
            let language = Some(language).filter(|language| !language.is_empty());
            assert_eq!(Direction::of(language, html).name(), name, "{language:?} {html}");
        }
    }
}
