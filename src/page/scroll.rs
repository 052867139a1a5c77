//! Code and tables that are wider than the page: each scrolls by itself, and a keyboard can reach
//! it.

/// The HTML of an article with each table in a frame that scrolls, and with `tabindex` on that and
/// on code (WCAG 2.1.1). `html` is feed HTML: its `<` begins a tag, and nothing else does.
pub(super) fn reachable(html: &str) -> String {
    html.replace("<pre", "<pre tabindex=\"0\"")
        .replace("<table", "<div class=\"wide\" tabindex=\"0\"><table")
        .replace("</table>", "</table></div>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_tables_can_be_reached() {
        assert_eq!(
            reachable(
                "<pre><code>&lt;pre&gt;</code></pre><table class=\"a\"><tr></tr></table><p>b"
            ),
            "<pre tabindex=\"0\"><code>&lt;pre&gt;</code></pre><div class=\"wide\" tabindex=\"0\">\
             <table class=\"a\"><tr></tr></table></div><p>b"
        );
    }
}
