//! Feed HTML without what lost its address: a link that leads nowhere is its text, a picture that
//! cannot be shown its description.

use crate::article::attributes;

/// The elements whose start tag was removed, because they lost the address that they exist for.
#[derive(Default)]
pub(super) struct Unlinked {
    /// The end tags that have to go, too.
    ends: Vec<&'static str>,
}

impl Unlinked {
    /// Adds `html` to `out`, without the end tags of what was removed.
    pub(super) fn push(&mut self, out: &mut String, html: &str) {
        let mut rest = html;
        while let Some(end) = self.ends.last()
            && let Some((before, after)) = rest.split_once(end)
        {
            out.push_str(before);
            rest = after;
            self.ends.pop();
        }
        out.push_str(rest);
    }

    /// Removes the address that is under way at the end of `out`, with the element that means
    /// nothing without it, and returns what follows in `rest`. Outside of a tag there is none.
    pub(super) fn leave<'a>(&mut self, out: &mut String, rest: &'a str) -> &'a str {
        let Some(start) = out.rfind(['<', '>']).filter(|at| out[*at..].starts_with('<')) else {
            return rest;
        };
        let Some((tag, _)) = out[start..].rsplit_once("=\"") else { return rest };
        let Some((before, attribute)) = tag.rsplit_once(' ') else { return rest };
        if attribute == "srcset" {
            return leave_candidate(out, rest);
        }
        let Some((_, behind)) = rest.split_once('"') else { return rest };
        let Some((behind, after)) = behind.split_once('>') else { return rest };
        let tag = format!("{before}{behind}");
        let (name, others) = tag[1..].split_once(' ').unwrap_or((&tag[1..], ""));
        let is_target = attributes(others).any(|(attribute, _)| matches!(attribute, "id" | "name"));
        let replacement = match (name, attribute) {
            ("a", "href") if !is_target => self.without_end("</a>"),
            ("video", "src") => self.without_end("</video>"),
            ("audio", "src") => self.without_end("</audio>"),
            ("source" | "track", "src") => String::new(),
            // A picture that cannot be shown is its description.
            ("img", "src") => {
                let alt = attributes(others).find(|(attribute, _)| *attribute == "alt");
                alt.map(|(_, text)| text.replace("&quot;", "\"")).unwrap_or_default()
            }
            _ => format!("{tag}>"),
        };
        out.truncate(start);
        out.push_str(&replacement);
        after
    }

    /// Has the next `end` removed.
    fn without_end(&mut self, end: &'static str) -> String {
        self.ends.push(end);
        String::new()
    }
}

/// Removes the candidate of a `srcset` that is under way at the end of `out`, and returns what
/// follows it in `rest`.
fn leave_candidate<'a>(out: &mut String, rest: &'a str) -> &'a str {
    let Some(end) = rest.find([',', '"']) else { return rest };
    if rest[end..].starts_with(',') {
        return rest[end + 1..].trim_start();
    }
    out.truncate(out.trim_end_matches([',', ' ']).len());
    if let Some(others) = out.strip_suffix(" srcset=\"") {
        // It was the only one.
        out.truncate(others.len());
        return &rest[end + 1..];
    }
    &rest[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The HTML where each `^` is an address that leads nowhere.
    fn without(html: &str) -> String {
        let (mut out, mut unlinked) = (String::new(), Unlinked::default());
        let mut rest = html;
        while let Some((before, after)) = rest.split_once('^') {
            unlinked.push(&mut out, before);
            rest = unlinked.leave(&mut out, after);
        }
        unlinked.push(&mut out, rest);
        out
    }

    #[test]
    fn what_has_no_address_is_its_text() {
        for (html, expected) in [
            ("<p>See <a href=\"^\">x</a> there.</p>", "<p>See x there.</p>"),
            ("<a href=\"^\"><em>x</em></a><a href=\"^\">y</a>", "<em>x</em>y"),
            ("<a href=\"^\">x</a> <a href=\"y\">y</a>", "x <a href=\"y\">y</a>"),
            (
                "<a href=\"^\"><img src=\"^\" alt=\"b &amp; &quot;c&quot;\"></a> <a href=\"y\">y</a>",
                "b &amp; \"c\" <a href=\"y\">y</a>",
            ),
            ("<a title=\"t\" href=\"^#f\" lang=\"de\">x</a>", "x"),
            // Another link may lead to it.
            ("<a name=\"n\" href=\"^#f\" id=\"i\">x</a>", "<a name=\"n\" id=\"i\">x</a>"),
            ("<a href=\"^\" id=\"i\">x</a>", "<a id=\"i\">x</a>"),
            ("<img src=\"^\" alt=\"a b\">", "a b"),
            ("<img src=\"^\">", ""),
            (
                "<video controls=\"\" src=\"^\">a <b>b</b></video><video></video>",
                "a <b>b</b><video></video>",
            ),
            ("<audio src=\"^\">a</audio>b", "ab"),
            (
                "<picture><source src=\"^\"><img alt=\"\"></picture>",
                "<picture><img alt=\"\"></picture>",
            ),
            ("<blockquote cite=\"^\"><p>x</p></blockquote>", "<blockquote><p>x</p></blockquote>"),
            ("<video poster=\"^\" loop=\"\">x</video>", "<video loop=\"\">x</video>"),
            (
                "<img srcset=\"a 1x, ^ 2x, c 3x\" src=\"a\">",
                "<img srcset=\"a 1x, c 3x\" src=\"a\">",
            ),
            ("<img srcset=\"^#x 1x, b 2x\" src=\"a\">", "<img srcset=\"b 2x\" src=\"a\">"),
            ("<img srcset=\"a 1x, ^ 2x\" src=\"a\">", "<img srcset=\"a 1x\" src=\"a\">"),
            ("<img srcset=\"^\" src=\"a\">", "<img src=\"a\">"),
            ("^ in text, a=\"^\"", " in text, a=\"\""),
        ] {
            assert_eq!(without(html), expected, "{html:?}");
        }
    }
}
