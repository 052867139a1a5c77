//! One formula of TeX -> MathML, bounded.
//!
//! The converter calls itself for each argument, so that a formula of 10 KB could use up the stack.
//! A formula is therefore weighed before it is converted.

use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};

use crate::article::feed_html::mathml::{Formula, formula};
use crate::base::{catch_panic, text};

/// Bytes of one formula: some 60 lines. Runs of spaces cost the converter the square of their
/// number.
const FORMULA_MAX_BYTES: usize = 4096;

/// Bytes of all formulas of an article.
const TOTAL_MAX_BYTES: usize = 512 * 1024;

/// Calls inside one another that a formula may cause, about; each takes some 1.5 KB of stack.
const NESTING_MAX: usize = 200;

/// Arguments that a command of TeX takes at most (`\genfrac`).
const ARGUMENTS_MAX: usize = 6;

/// The formulas of one article. Equations are numbered through all of it.
pub(crate) struct Converter {
    converter: Option<LatexToMathML>,
    bytes: usize,
}

impl Converter {
    pub(crate) fn new() -> Self {
        // It fails on macros that the configuration defines, and there are none.
        let converter = LatexToMathML::new(MathCoreConfig::default()).ok();
        Self { converter, bytes: 0 }
    }

    /// Converts one formula.
    ///
    /// # Errors
    ///
    /// A clause that says what is wrong with it.
    pub(crate) fn convert(&mut self, tex: &str, is_block: bool) -> Result<Formula, String> {
        self.bytes = self.bytes.saturating_add(tex.len());
        if tex.len() > FORMULA_MAX_BYTES {
            return Err(format!("it is longer than {FORMULA_MAX_BYTES} bytes"));
        }
        if self.bytes > TOTAL_MAX_BYTES {
            return Err(format!(
                "the formulas of the article are longer than {TOTAL_MAX_BYTES} bytes"
            ));
        }
        if nesting(tex) > NESTING_MAX {
            return Err("it is nested too deeply".to_owned());
        }
        let Some(converter) = &mut self.converter else {
            return Err("there is no converter".to_owned());
        };
        let display = if is_block { MathDisplay::Block } else { MathDisplay::Inline };
        let converted = catch_panic(|| {
            converter.convert_with_global_state(tex, display).map_err(|why| why.to_string())
        });
        match converted {
            Ok(Ok(result)) => formula(&result.mathml, is_block, text::line(tex).as_str())
                .ok_or_else(|| "the converter cannot write it".to_owned()),
            Ok(Err(why)) => Err(text::line(why.trim_end_matches('.'))),
            Err(_) => Err("the converter fails on it".to_owned()),
        }
    }
}

/// One level of braces, of `\left` or of an environment.
#[derive(Default)]
struct Level {
    /// Commands of which each may be an argument of the one before it.
    chain: usize,
    /// Characters since the last command.
    gap: usize,
}

/// The number of calls inside one another that the formula causes at most: one for each level that
/// is open, and one for each command that may be an argument of the one before it.
fn nesting(tex: &str) -> usize {
    let mut levels = vec![Level::default()];
    let (mut total, mut max) = (0_usize, 0);
    let mut rest = tex;
    while let Some(c) = rest.chars().next() {
        let len = if c == '\\' { command_len(rest) } else { c.len_utf8() };
        let token = &rest[..len];
        rest = &rest[len..];
        // The first level is the formula and never closed.
        let Some(level) = levels.last_mut() else { break };
        match token {
            "{" | "[" | "\\left" | "\\begin" => {
                levels.push(Level::default());
                total += 1;
            }
            "}" | "]" | "\\right" | "\\end" => {
                if levels.len() > 1
                    && let Some(level) = levels.pop()
                {
                    total -= 1 + level.chain;
                }
                // What was closed is one argument.
                if let Some(level) = levels.last_mut() {
                    total -= level.gap_by_one();
                }
            }
            // No argument goes over the end of a cell.
            "&" | "\\\\" => {
                total -= level.chain;
                *level = Level::default();
            }
            "^" | "_" => {}
            _ if token.starts_with('\\') => {
                level.chain += 1;
                level.gap = 0;
                total += 1;
            }
            _ if c.is_whitespace() => {}
            _ => total -= level.gap_by_one(),
        }
        max = max.max(total);
    }
    max
}

impl Level {
    /// Counts a character. Returns the number of commands whose arguments are complete by now.
    fn gap_by_one(&mut self) -> usize {
        self.gap += 1;
        if self.gap < ARGUMENTS_MAX { 0 } else { std::mem::take(&mut self.chain) }
    }
}

/// The length of the command at the beginning of `rest`: a backslash and letters, or one character.
fn command_len(rest: &str) -> usize {
    let name = &rest[1..];
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    if letters > 0 {
        return 1 + letters;
    }
    1 + name.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::feed_html::invariants;

    fn convert(tex: &str) -> Result<Formula, String> {
        Converter::new().convert(tex, true)
    }

    #[test]
    fn formulas_of_every_kind() {
        for (tex, part) in [
            ("x^2", "<msup><mi>x</mi><mn>2</mn></msup>"),
            (r"\frac{a}{b}", "<mfrac><mi>a</mi><mi>b</mi></mfrac>"),
            (r"a < b \& c", "<mo>&lt;</mo>"),
            (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", "<mtd><mi>d</mi></mtd>"),
            (r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}", "<mtext>else</mtext>"),
            (
                r"\begin{align} a &= b \\ c &= d \end{align}",
                "<mtd columnalign=\"right\"><mi>c</mi></mtd>",
            ),
            (r"\mathbb{R}", "<mi>ℝ</mi>"),
            (r"\text{<b onclick=x>}", "&lt;b onclick"),
        ] {
            match convert(tex) {
                Ok(formula) => {
                    assert!(formula.html.contains(part), "{tex}: {}", formula.html);
                    assert_eq!(invariants::check(&formula.html), Ok(()), "{tex}");
                }
                Err(why) => assert!(tex.contains("onclick"), "{tex}: {why}"),
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_formula_is_said() {
        for tex in
            [r"\unknown", "{", r"\frac{a}", r"\left(", "a & b", r"\def\a{\a}\a", r"\newcommand"]
        {
            let why = convert(tex).unwrap_err();
            assert!(!why.is_empty() && !why.contains('\n'), "{tex}: {why}");
        }
    }

    #[test]
    fn depth_is_bounded_before_the_converter_recurses() {
        for (start, end) in [
            ("{", "}"),
            (r"\sqrt ", ""),
            (r"\frac a", ""),
            (r"\overset abcd", ""),
            (r"\sqrt[abcdefghi", ""),
            ("x^{", "}"),
            (r"\mathbf{", "}"),
            (r"\left(abcdefghi", r"\right)"),
            (r"\begin{matrix}abcdefghi", r"\end{matrix}"),
            (r"\sum_", ""),
            (r"\text{", "}"),
            (r"\genfrac{}{}{}{}{", "}{}"),
            (r"\not", ""),
            (r"\color{red}", ""),
            (r"\displaystyle", ""),
            ("a'", ""),
            ("a \\over ", ""),
            (r"\middle|", ""),
            (r"\mathop", ""),
        ] {
            for count in [10, 50, 150, 199, 400, 4000] {
                let tex = format!("{}x{}", start.repeat(count), end.repeat(count));
                // It ends, on the two megabytes of stack that a thread of the tests has.
                let _ = convert(&tex[..tex.floor_char_boundary(FORMULA_MAX_BYTES)]);
                if count == 4000 {
                    assert!(convert(&tex).is_err(), "{start}");
                }
            }
        }
        // A formula as people write it is far from the limit.
        let sum: String =
            (0..100).map(|n| format!(r"\alpha_{n} x^{n} + \beta_{{{n}}} &= ")).collect();
        assert!(nesting(&sum) < 10, "{}", nesting(&sum));
    }

    #[test]
    fn formulas_of_an_article_are_bounded_together() {
        let mut converter = Converter::new();
        let long = "x+".repeat(FORMULA_MAX_BYTES / 2 - 1) + "x";
        let converted = (0..200).filter(|_| converter.convert(&long, false).is_ok()).count();
        assert_eq!(converted, TOTAL_MAX_BYTES / long.len());
    }

    proptest::proptest! {
        #[test]
        fn any_formula_holds(pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..60)) {
            let tex = pieces.concat();
            if let Ok(formula) = convert(&tex) {
                proptest::prop_assert_eq!(invariants::check(&formula.html), Ok(()), "{}", tex);
            }
        }
    }

    const PIECES: [&str; 58] = [
        "a",
        "1",
        " ",
        "+",
        "=",
        "<",
        ">",
        "&",
        "\"",
        "'",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "|",
        "^",
        "_",
        "~",
        "#",
        "%",
        "$",
        "é",
        "\u{1}",
        "\u{fdda}",
        "\\\\",
        "\\{",
        "\\}",
        "\\,",
        "\\quad ",
        "\\frac",
        "\\sqrt",
        "\\left(",
        "\\right)",
        "\\middle|",
        "\\text{",
        "\\begin{align}",
        "\\end{align}",
        "\\begin{matrix}",
        "\\end{matrix}",
        "\\begin{array}{c|c}",
        "\\end{array}",
        "\\hline ",
        "\\tag{1}",
        "\\label{a}",
        "\\ref{a}",
        "\\sum",
        "\\limits",
        "\\alpha",
        "\\hat",
        "\\mathbb",
        "\\color{red}",
        "\\cancel{a}",
        "\\url{x}",
        "\\href{javascript:a}{b}",
        "\\not",
        "\\operatorname*{a}",
    ];
}
