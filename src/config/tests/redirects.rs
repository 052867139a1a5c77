//! Redirects and the paths of feeds: text in, answers or messages out.

use std::path::Path;

use proptest::prelude::*;

use crate::base::url_table::path_key;
use crate::config::*;

const SITE: &str = "[site]\nurl = \"https://example.org/blog/\"\n";

/// The configuration with these redirects: `FROM > TO STATUS`, one a line.
fn parse(redirects: &str) -> Result<Config, Errors> {
    let mut text = SITE.to_owned();
    for line in redirects.lines() {
        let (from, to) = line.split_once(" > ").unwrap();
        let (to, status) = to.split_once(' ').unwrap_or((to, ""));
        text += &format!("[[redirect]]\nfrom = \"{from}\"\n");
        if !to.is_empty() {
            text += &format!("to = \"{to}\"\n");
        }
        if !status.is_empty() {
            text += &format!("status = {status}\n");
        }
    }
    Config::of(&text, Path::new("/srv"))
}

#[track_caller]
fn check(redirects: &str, messages: &[&str]) {
    let got = parse(redirects).err().map(|errors| errors.to_string()).unwrap_or_default();
    assert_eq!(got.lines().collect::<Vec<_>>(), messages, "{redirects}");
}

/// What answers to `path?query` beneath `site.url` where nothing else does.
fn answer(config: &Config, asked: &str) -> String {
    let (path, query) = match asked.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (asked, None),
    };
    let Some(key) = path_key(path) else { return "no path".to_owned() };
    let Config { redirects, site, .. } = config;
    let named = query.and_then(|query| redirects.with_query(site, &key, query));
    match named.or_else(|| redirects.find(site, path, query)) {
        Some(Redirected::Gone) => "410".to_owned(),
        Some(Redirected::To(url, status)) => format!("{status:?} {url}"),
        None => "-".to_owned(),
    }
}

#[test]
fn redirects_answer() {
    let redirects = "/old > /new
/old/über > /new?x=1#part
/2019/a.html > /grüße/ 308
/temporary > https://elsewhere.example/x y 302
/here > https://example.org/blog/there 307
/removed >  410
/?p=123 > /post
/index.php?id=7 > /seven?from=php
/shop/* > https://shop.example/*
/shop/closed/* >  410
/notes/* > /articles/*
/all/* > /one
https://example.org/blog/full > /whole";
    let redirects = redirects.replace("x y", "x%20y|");
    let config = parse(&redirects).unwrap_or_else(|errors| panic!("{errors}"));
    let base = "https://example.org/blog";
    for (asked, expected) in [
        ("/old", format!("MovedPermanently {base}/new")),
        ("/old/", format!("MovedPermanently {base}/new")),
        ("/%6fld?utm=1", format!("MovedPermanently {base}/new?utm=1")),
        ("/Old", "-".to_owned()),
        ("/old/%C3%BCber?y=2", format!("MovedPermanently {base}/new?x=1#part")),
        ("/2019/a.html", format!("PermanentRedirect {base}/gr%C3%BC%C3%9Fe/")),
        ("/temporary", "Found https://elsewhere.example/x%20y%7C".to_owned()),
        ("/here", format!("TemporaryRedirect {base}/there")),
        ("/removed", "410".to_owned()),
        ("/?p=123&utm_source=x", format!("MovedPermanently {base}/post")),
        ("/?p=1234", "-".to_owned()),
        ("/index.php?id=7", format!("MovedPermanently {base}/seven?from=php")),
        ("/index.php", "-".to_owned()),
        ("/shop", "MovedPermanently https://shop.example/".to_owned()),
        ("/shop/", "MovedPermanently https://shop.example/".to_owned()),
        ("/shop/a/%C3%BC%20b?c", "MovedPermanently https://shop.example/a/%C3%BC%20b?c".to_owned()),
        ("/shop/closed/x", "410".to_owned()),
        ("/shopping", "-".to_owned()),
        ("/notes/2020/x", format!("MovedPermanently {base}/articles/2020/x")),
        ("/all/of/them", format!("MovedPermanently {base}/one")),
        ("/full", format!("MovedPermanently {base}/whole")),
        ("/shop//evil.example", "no path".to_owned()),
        ("/shop/../x", "no path".to_owned()),
        ("/shop/%2e%2e/x", "no path".to_owned()),
        ("/shop/%00", "no path".to_owned()),
    ] {
        assert_eq!(answer(&config, asked), expected, "{asked}");
    }
}

#[test]
fn what_was_removed_is_redirected_by_name_or_to_another_site() {
    let config = parse("/a > /b\n/n/* > /m/*\n/s/* > https://shop.example/*").unwrap();
    for (path, expected) in [("/a", true), ("/n/a", false), ("/s/a", true), ("/x", false)] {
        let answer = config.redirects.for_removed(&config.site, path, None);
        assert_eq!(answer.is_some(), expected, "{path}");
    }
}

#[test]
fn everything_can_be_redirected() {
    let config = parse("/* > https://new.example/*").unwrap();
    for (asked, expected) in [
        ("/", "MovedPermanently https://new.example/"),
        ("/a/b", "MovedPermanently https://new.example/a/b"),
    ] {
        assert_eq!(answer(&config, asked), expected, "{asked}");
    }
}

#[test]
fn the_rest_of_a_path_is_passed_as_it_was_asked() {
    let redirects = "/s/* > https://shop.example/*
/f/* > https://other.example/find?q=*
/x/y/* > https://other.example/x-*
/p/* > https://other.example/p/*?from=p
/h/* > https://other.example/#*
/own/* > /new/*
/q/* > /search?for=*
/literal/* > https://other.example/a*b?c=*&d";
    let config = parse(redirects).unwrap_or_else(|errors| panic!("{errors}"));
    let base = "https://example.org/blog";
    for (asked, expected) in [
        ("/s", "https://shop.example/"),
        ("/s/", "https://shop.example/"),
        ("/s/a", "https://shop.example/a"),
        ("/s/a/b/", "https://shop.example/a/b/"),
        ("/%73/a/b/?c", "https://shop.example/a/b/?c"),
        ("/s/a;v=1", "https://shop.example/a;v=1"),
        ("/s/:@!$&'()*+,;=-._~", "https://shop.example/:@!$&'()*+,;=-._~"),
        ("/s/a%3Bv%3d1%2b%7E", "https://shop.example/a%3Bv%3d1%2b%7E"),
        ("/s/%C3%BC/%c3%bc/ü", "https://shop.example/%C3%BC/%c3%bc/%C3%BC"),
        ("/s/a\\b|c^d[e]{f}\"g", "https://shop.example/a%5Cb%7Cc%5Ed%5Be%5D%7Bf%7D%22g"),
        ("/s/%5Cevil.example", "https://shop.example/%5Cevil.example"),
        ("/s/@evil.example", "https://shop.example/@evil.example"),
        ("/s/https:/x", "https://shop.example/https:/x"),
        ("/f/a b", "https://other.example/find?q=a%20b"),
        ("/f/a/b/", "https://other.example/find?q=a/b/"),
        ("/f/a&b=c+d;e%26%2B", "https://other.example/find?q=a%26b%3Dc%2Bd%3Be%26%2B"),
        ("/f/a?b=c", "https://other.example/find?q=a"),
        ("/f", "https://other.example/find?q="),
        ("/x/y/z/", "https://other.example/x-z/"),
        ("/p/a/?b", "https://other.example/p/a/?from=p"),
        ("/h/a;b/c", "https://other.example/#a;b/c"),
        ("/own/a/b/", "https://example.org/blog/new/a/b/"),
        ("/own/a=b", "https://example.org/blog/new/a=b"),
        ("/q/a&b", "https://example.org/blog/search?for=a%26b"),
        ("/literal/z", "https://other.example/a*b?c=*&d"),
    ] {
        assert_eq!(answer(&config, asked), format!("MovedPermanently {expected}"), "{asked}");
    }
    for asked in [
        "/s//evil.example",
        "/s/a//",
        "/s/%2F/a",
        "/s/a/../b",
        "/s/%2e%2e/",
        "/s/a%0d%0aSet-Cookie:x",
        "/s/a\r\nb",
        "/own//evil.example/",
    ] {
        let answered = answer(&config, asked);
        assert!(["no path", "-"].contains(&answered.as_str()), "{asked}: {answered}");
    }
    // Without a `*` in `from`, it stands for itself.
    let config = parse("/a > /b?q=*\n/c > /d*#*").unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(answer(&config, "/a"), format!("MovedPermanently {base}/b?q=*"));
    assert_eq!(answer(&config, "/c"), format!("MovedPermanently {base}/d*#*"));
}

proptest! {
    /// Whatever is asked, a redirect leads to the host that is configured, and its location is a
    /// line of visible ASCII.
    #[test]
    fn a_redirect_leads_to_its_host(rest in "([/a.@:?#;]|//|%2f|%5c|%0a|\\\\|[\r\n\t \u{80}ü]|evil\\.example){0,8}") {
        let config = parse("/s/* > https://shop.example/*\n/o/* > /n/*").unwrap();
        for (from, host) in [("s", "shop.example"), ("o", "example.org")] {
            let asked = format!("/{from}/{}", rest.replace(['?', '#'], ""));
            let Some(Redirected::To(url, _)) = config.redirects.find(&config.site, &asked, None) else {
                continue;
            };
            prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{}", url);
            let led = url::Url::parse(&url).unwrap();
            prop_assert_eq!(led.host_str(), Some(host), "{}", url);
        }
    }
}

#[test]
fn mistakes_are_named_with_their_lines() {
    for (redirects, message) in [
        ("old > /new", "4: redirect: \"old\" must begin with a slash: did you mean \"/old\"?"),
        (
            "/a > new",
            "5: redirect: \"new\" must begin with a slash, or with https://: did you mean \"/new\"?",
        ),
        ("//a > /b", "4: redirect: \"//a\" begins with two slashes; a path has one"),
        ("/a > //b.example/", "5: redirect: \"//b.example/\" names a host without https://"),
        ("/a > /\\\\b.example/", "5: redirect: \"/\\\\b.example/\" names a host without https://"),
        (
            "/a > https://me@b.example/",
            "5: redirect: \"https://me@b.example/\" must not contain a user name or password",
        ),
        (
            "/a > ftp://b.example/",
            "5: redirect: \"ftp://b.example/\" must be http or https, not ftp",
        ),
        (
            "https://other.example/a > /b",
            "4: redirect: \"https://other.example/a\" does not begin with `site.url` (https://example.org/blog/)",
        ),
        (
            "/a#b > /c",
            "4: redirect: \"/a#b\" has a fragment, which browsers do not send; remove it",
        ),
        (
            "/a/../b > /c",
            "4: redirect: \"/a/../b\" is not a URL path: it has an empty segment, `.` or `..`",
        ),
        (
            "/a* > /c",
            "4: redirect: \"/a*\" may have a `*` only as its last segment, such as \"/old/*\"",
        ),
        (
            "/a/*?b > /c",
            "4: redirect: \"/a/*?b\" may have a `*` only as its last segment, such as \"/old/*\"",
        ),
        (
            "/*/a/* > /c",
            "4: redirect: \"/*/a/*\" may have one `*`, at its end, and no query with it",
        ),
        (
            "/a/* > https://b.example*",
            "5: redirect: \"https://b.example*\" has a `*` in its host; write it after a slash",
        ),
        ("/a > /b/*", "5: redirect: \"/b/*\" ends with `*`, but `from` does not"),
        ("/ > /b", "4: redirect: \"/\" is the home page, which cannot be redirected"),
        (
            "/rss.xml > /b",
            "4: redirect: \"/rss.xml\" is the address of a feed, which cannot be redirected",
        ),
        (
            "/atom.xml?x=1 > /b",
            "4: redirect: \"/atom.xml?x=1\" is the address of a feed, which cannot be redirected",
        ),
        ("/-/ready > /b", "4: redirect: \"/-/ready\" is reserved, and cannot be redirected"),
        ("/a > ", "4: `redirect.to` is missing"),
        ("/a > /b 410", "5: `redirect.to` must not be set with status 410"),
        ("/a > /b 303", "6: `redirect.status` must be 301, 302, 307, 308 or 410, not 303"),
        ("/a > /b\n/a/ > /c", "7: `redirect.from` \"/a/\" is redirected twice"),
        ("/a/* > /b\n/a/* > /c", "7: `redirect.from` \"/a/*\" is redirected twice"),
        ("/?a=1&b=2 > /b\n/?b=2&a=1 > /c", "7: `redirect.from` \"/?b=2&a=1\" is redirected twice"),
        (
            "/a > /b\n/b > /c",
            "4: redirect: \"/a\" leads to \"/b\", which line 7 redirects; write `to = \"/c\"`",
        ),
        ("/a > /b\n/b >  410", "4: redirect: \"/a\" leads to \"/b\", which line 7 removes"),
        (
            "/a > /?p=1\n/?p=1 > /c?d",
            "4: redirect: \"/a\" leads to \"/?p=1\", which line 7 redirects; write `to = \"/c?d\"`",
        ),
        ("/a > /a/", "4: redirect: \"/a\" leads in a circle: /a, /a"),
        ("/a/* > /a/b/*", "4: redirect: \"/a/*\" leads in a circle: /a/*, /a/*"),
        ("/a/* > /a", "4: redirect: \"/a/*\" leads in a circle: /a/*, /a/*"),
    ] {
        check(redirects, &[&format!("config.toml:{message}")]);
    }
    check(
        "/a > /b\n/b > /a",
        &[
            "config.toml:4: redirect: \"/a\" leads in a circle: /a, /b, /a",
            "config.toml:7: redirect: \"/b\" leads in a circle: /b, /a, /b",
        ],
    );
}

#[test]
fn what_may_hold_an_article_is_no_chain() {
    check("/old > /posts/new\n/posts/* > /archive-of-posts/*", &[]);
    check("/old/* > /*\n/* > https://new.example/*", &[]);
    check("/a/* > /b/*\n/b/x > /c", &[]);
    check("/a > /\n/?p=1 > /b", &[]);
}

#[test]
fn the_tables_are_checked_like_sections() {
    for (text, messages) in [
        (
            "[redirect]\nfrom = \"/a\"",
            vec!["config.toml:1: `[redirect]` must be written `[[redirect]]`"],
        ),
        (
            "[[redirects]]\nfrom = \"/a\"",
            vec!["config.toml:1: unknown section `[[redirects]]`, did you mean `redirect`?"],
        ),
        (
            "[[redirect]]\nfrom = 1\nto = \"/b\"",
            vec!["config.toml:2: `redirect.from` must be a string in quotes, not 1"],
        ),
        ("[[redirect]]\nto = \"/b\"", vec!["config.toml:1: `redirect.from` is missing"]),
        (
            "[[redirect]]\nfrom = \"/a\"\ntoo = \"/b\"\nto = \"\"\nstatus = \"301\"",
            vec![
                "config.toml:3: unknown key `too` in [[redirect]], did you mean `to`?",
                "config.toml:4: `redirect.to` is empty",
                "config.toml:5: `redirect.status` must be a whole number, not \"301\"",
            ],
        ),
    ] {
        let got = Config::of(text, Path::new("/srv")).err().map(|errors| errors.to_string());
        assert_eq!(got.unwrap_or_default().lines().collect::<Vec<_>>(), messages, "{text}");
    }
}

#[test]
fn there_may_be_ten_thousand() {
    let lines = |count: usize| {
        let lines: Vec<String> =
            (0..count).map(|n| format!("/2019/an-old-post-of-mine-{n}.html > /post-{n}")).collect();
        lines.join("\n")
    };
    let config = parse(&lines(10_000)).unwrap();
    let expected = "MovedPermanently https://example.org/blog/post-9999";
    assert_eq!(answer(&config, "/2019/an-old-post-of-mine-9999.html"), expected);
    let errors = parse(&lines(10_001)).unwrap_err().to_string();
    assert_eq!(errors, "config.toml:30003: there are 10001 redirects, but the maximum is 10000");
}

#[test]
fn feeds_have_the_paths_that_are_configured() {
    let text = format!(
        "{SITE}[feeds]\nrss_path = \"/feed/\"\natom_path = \"/f\u{fc}r.xml\"\n\
         rss_aliases = [\"/index.xml\", \"/?feed=rss2\", \"/index.php?feed=rss\"]\njson_aliases = \"/f.json\""
    );
    let config = Config::of(&text, Path::new("/srv")).unwrap_or_else(|errors| panic!("{errors}"));
    let rss = Route::Feed(Scope::Site, Format::Rss);
    let shown = |format| config.site.path(&Route::Feed(Scope::Site, format)).into_owned();
    assert_eq!(Format::ALL.map(shown), ["/feed/", "/f%C3%BCr.xml", "/feed.json"]);
    for path in ["/feed/", "/feed", "/index.xml", "/rss.xml"] {
        assert_eq!(config.route(path), Some(rss.clone()), "{path}");
    }
    let paths = &config.feeds.paths;
    assert_eq!(config.route("/f.json"), Some(Route::Feed(Scope::Site, Format::Json)));
    assert_eq!(config.route("/"), Some(Route::Home));
    assert_eq!(paths.with_query("", "feed=rss2&x=y"), Some(&Format::Rss));
    assert_eq!(paths.with_query("", "feed=atom"), None);
    assert_eq!(paths.with_query("index.php", "feed=rss"), Some(&Format::Rss));
}

#[test]
fn paths_of_feeds_are_checked() {
    for (keys, message) in [
        (
            "rss_path = \"feed.xml\"",
            "2: `feeds.rss_path`: \"feed.xml\" is not a path such as \"/feed.xml\"",
        ),
        ("rss_path = \"/\"", "2: `feeds.rss_path`: \"/\" is the home page"),
        ("rss_path = \"/atom.xml\"", "2: `feeds.rss_path`: \"/atom.xml\" is reserved"),
        ("rss_path = \"/news/rss.xml\"", "2: `feeds.rss_path`: \"/news/rss.xml\" is reserved"),
        ("rss_path = \"/tags/x\"", "2: `feeds.rss_path`: \"/tags/x\" is reserved"),
        (
            "rss_path = \"/?feed=rss2\"",
            "2: `feeds.rss_path`: \"/?feed=rss2\" must not have a query; use an alias for it",
        ),
        (
            "rss_aliases = [\"/a//b\"]",
            "2: `feeds.rss_aliases`: \"/a//b\" is not a path such as \"/feed.xml\"",
        ),
        ("rss_aliases = [\"/a\", \"/a/\"]", "2: `feeds.rss_aliases`: \"/a/\" is listed twice"),
        (
            "rss_path = \"/a\"\natom_aliases = [\"/a\"]",
            "3: `feeds.atom_aliases`: \"/a\" is listed twice",
        ),
        (
            "rss_aliases = [\"/sitemap.xml\"]",
            "2: `feeds.rss_aliases`: \"/sitemap.xml\" is reserved",
        ),
    ] {
        let text = format!("[feeds]\n{keys}");
        let errors = Config::of(&text, Path::new("/srv")).unwrap_err().to_string();
        assert_eq!(errors, format!("config.toml:{message}"), "{keys}");
    }
    let text =
        format!("{SITE}feeds.rss_aliases = [\"/a\"]\n[[redirect]]\nfrom = \"/a?b=1\"\nto = \"/b\"");
    assert!(Config::of(&text, Path::new("/srv")).is_err());
    let text = "feeds.rss_aliases = [\"/a\"]\n[[redirect]]\nfrom = \"/a\"\nto = \"/b\"";
    let errors = Config::of(text, Path::new("/srv")).unwrap_err().to_string();
    assert_eq!(
        errors,
        "config.toml:3: redirect: \"/a\" is the address of a feed, which cannot be redirected"
    );
}
