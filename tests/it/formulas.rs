//! Formulas: off until they are asked for, and then in pages and in all three feeds.

use super::fixture::{Site, eventually};

const FORMULA: &str = "<msup><mi>x</mi><mn>2</mn></msup>";

/// Whether the page of `a.md` and the three feeds of the site show MathML.
fn shown(site: &Site) -> [bool; 4] {
    // A feed has HTML in XML or in JSON.
    let escaped = FORMULA.replace('<', "&lt;").replace('>', "&gt;");
    ["/a", "/rss.xml", "/atom.xml", "/feed.json"].map(|path| {
        let text = site.get(path).text();
        text.contains(FORMULA) || text.contains(&escaped)
    })
}

#[test]
fn a_reload_turns_formulas_on_and_off() {
    let mut site = Site::started("");
    site.drop_in("a.md", "---\ntitle: A\n---\n\nThe square $x^2$ costs $5 or $6.\n");
    let before = site.appears("A");
    assert_eq!(shown(&site), [false; 4]);
    site.configure("articles.math = true");
    site.hang_up();
    eventually("formulas are shown", || shown(&site) == [true; 4]);
    let after = site.item("A").unwrap();
    assert_eq!((&after.id, &after.updated), (&before.id, &before.updated));
    let page = site.get("/a").text();
    assert!(page.contains("<math alttext=\"x^2\">") && page.contains("costs $5 or $6."), "{page}");
    assert!(page.contains("<meta name=\"description\" content=\"The square $x^2$ costs"), "{page}");
    // The next start renders what was kept under the other configuration.
    site.stop();
    site.configure("");
    site.start();
    eventually("formulas are text", || shown(&site) == [false; 4]);
}

#[test]
fn an_article_asks_for_formulas_and_check_reports_those_that_fail() {
    let site = Site::started("");
    site.drop_in("a.md", "---\ntitle: A\nmath: true\n---\n\n$x^2$\n\n$\\frac{x}$ <b>b</b>\n");
    site.appears("A");
    assert_eq!(shown(&site), [true; 4]);
    let page = site.get("/a").text();
    assert!(page.contains("<code>$\\frac{x}$</code> <b>b</b>"), "{page}");
    let output = site.command(&["check"]).output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(
        report.contains("a.md:8:1: ") && report.contains("the formula `$\\frac{x}$`"),
        "{report}"
    );
    assert_eq!(output.status.code(), Some(1), "{report}");
}
