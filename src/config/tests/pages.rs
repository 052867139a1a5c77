//! `[pages]`: text in, values or messages out.

use std::path::Path;

use crate::config::resolve::pages::Link;
use crate::config::*;

fn parse(text: &str, env: &[(&str, &str)]) -> Result<(Config, Vec<Finding>), Errors> {
    let env: Vec<(String, String)> =
        env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let base = Path::new("/srv");
    Config::parse(&Input { text, file: "config.toml", base, env: &env, world: &Nowhere })
}

/// The menu as `title|rel|url`, one entry a line.
fn menu(text: &str, env: &[(&str, &str)]) -> String {
    match parse(text, env) {
        Ok((config, _)) => config.pages.menu.iter().map(shown).collect::<Vec<_>>().join("\n"),
        Err(errors) => errors.to_string(),
    }
}

fn shown(link: &Link) -> String {
    let target = match &link.target {
        LinkTarget::Local(path) => path.clone(),
        LinkTarget::Absolute(url) => format!("to {url}"),
    };
    format!("{}|{}|{target}", link.title, link.rel)
}

#[test]
fn a_menu_is_a_list_of_links() {
    let inline = "[pages]\nmenu = [\n{ title = \"About\", url = \"/about\" },\n\
                  { title = \"Mastodon\", url = \"https://social.example/@ada\", rel = \"ME\" }]";
    let tables = "[[pages.menu]]\ntitle = \"About\"\nurl = \"/about\"\n[[pages.menu]]\n\
                  title = \"Mastodon\"\nurl = \"https://social.example/@ada\"\nrel = \"me\"";
    let expected = "About||/about\nMastodon|me|to https://social.example/@ada";
    assert_eq!(menu(inline, &[]), expected);
    assert_eq!(menu(tables, &[]), expected);
    let variable = inline.split_once("menu = ").unwrap().1.replace('\n', "");
    assert_eq!(menu("", &[("DROPFEED_PAGES__MENU", &variable)]), expected);
    assert_eq!(menu(inline, &[("DROPFEED_PAGES__MENU", "")]), "");
    assert_eq!(menu("pages.menu = []", &[]), "");
}

#[test]
fn links_lead_to_the_site_or_elsewhere() {
    let site = "site.url = \"https://example.org/blog/\"\n";
    for (url, expected) in [
        ("/", "/"),
        ("/über uns/?a=b#c", "/%C3%BCber%20uns/?a=b#c"),
        ("/../../x", "/x"),
        ("https://example.org/blog/about", "/about"),
        ("https://example.org/blog", "/"),
        ("https://example.org/blogger", "to https://example.org/blogger"),
        ("https://example.org/", "to https://example.org/"),
        ("mailto:ada@example.org", "to mailto:ada@example.org"),
        ("HTTPS://Example.COM", "to https://example.com/"),
    ] {
        let text = format!("{site}pages.menu = [{{ title = \"A\", url = \"{url}\" }}]");
        assert_eq!(menu(&text, &[]), format!("A||{expected}"), "{url}");
    }
}

#[test]
fn mistakes_in_the_menu_are_named_with_their_lines() {
    let scheme = |name: &str| {
        format!(
            "config.toml:3: `pages.menu.url` must not be a link with the scheme `{name}`; known are https, http, mailto, \
             tel, sms, xmpp, matrix, gemini"
        )
    };
    for (entry, message) in [
        ("title = \"A\"", "config.toml:1: an entry of `pages.menu` has no `url`".to_owned()),
        ("url = \"/a\"", "config.toml:1: an entry of `pages.menu` has no `title`".to_owned()),
        (
            "title = \"A\"\nurl = \"/a\"\nurll = \"b\"",
            "config.toml:4: unknown key `urll` in [[pages.menu]], did you mean `url`?".to_owned(),
        ),
        ("title = \"A\"\nurl = \"javascript:alert(1)\"", scheme("javascript")),
        ("title = \"A\"\nurl = \"data:text/html,x\"", scheme("data")),
        (
            "title = \"A\"\nurl = \"about\"",
            "config.toml:3: `pages.menu.url` must begin with a slash or with https://: did you mean \"/about\"?"
                .to_owned(),
        ),
        (
            "title = \"A\"\nurl = \"//example.com/\"",
            "config.toml:3: `pages.menu.url` must begin with a slash or with https://, not \"//example.com/\""
                .to_owned(),
        ),
        (
            "title = \"A\"\nurl = \"/\\\\example.com\"",
            "config.toml:3: `pages.menu.url` is not a path of the site: \"/\\\\example.com\""
                .to_owned(),
        ),
        (
            "title = \"A\"\nurl = \"https://a:b@example.com/\"",
            "config.toml:3: `pages.menu.url` must not contain a user name or password".to_owned(),
        ),
        (
            "title = \"A\"\nurl = \"/a\"\nrel = \"a=b\"",
            "config.toml:4: `pages.menu.rel` must be words such as \"me\" or \"license\", separated by spaces".to_owned(),
        ),
        ("title = \"\"\nurl = \"/a\"", "config.toml:2: `pages.menu.title` is empty".to_owned()),
        (
            "title = \"A\"\nurl = 7",
            "config.toml:3: `pages.menu.url` must be a string in quotes, not 7".to_owned(),
        ),
        (
            "title = \"A\"\nurl = { to = \"/a\" }",
            "config.toml:3: `pages.menu.url` must be a string in quotes, not a table".to_owned(),
        ),
    ] {
        assert_eq!(menu(&format!("[[pages.menu]]\n{entry}"), &[]), message);
    }
    let list = "`pages.menu` must be a list of tables, such as [{ title = \"About\", url = \"/about\" }], not";
    for (value, shown) in [("\"/about\"", "\"/about\""), ("[\"/about\"]", "a list"), ("7", "7")] {
        let message = format!("config.toml:1: {list} {shown}");
        assert_eq!(menu(&format!("pages.menu = {value}"), &[]), message);
    }
    for value in ["[{ title = \"A\"", "[] \nx = 1", "/about"] {
        let message = menu("", &[("DROPFEED_PAGES__MENU", value)]);
        assert_eq!(
            message,
            format!("DROPFEED_PAGES__MENU: {list} {value:?}").replace("\\\\", "\\")
        );
    }
    let many = "{ title = \"A\", url = \"/a\" },".repeat(21);
    let message = "config.toml:1: `pages.menu` has more than 20 entries";
    assert_eq!(menu(&format!("pages.menu = [{many}]"), &[]), message);
}

/// The footer: lines of text, links in braces.
fn footer(text: &str) -> String {
    let config = match parse(&format!("pages.footer = '''{text}'''"), &[]) {
        Ok((config, _)) => config,
        Err(errors) => return errors.to_string(),
    };
    let mut out = Vec::new();
    for line in &config.pages.footer {
        let mut pieces = String::new();
        for piece in line {
            match piece {
                Piece::Text(text) => pieces += text,
                Piece::Link(link) => pieces += &format!("{{{}}}", shown(link)),
            }
        }
        out.push(pieces);
    }
    out.join("\n")
}

#[test]
fn a_footer_is_text_with_links() {
    for (text, expected) in [
        ("", ""),
        ("© 2026 Ada", "© 2026 Ada"),
        ("[A](/a) and [B](https://b.example/x).", "{A||/a} and {B||to https://b.example/x}."),
        ("one\n\n  two [A](/a)\n", "one\ntwo {A||/a}"),
        ("[a] (b) [c", "[a] (b) [c"),
        ("[see [A](/a)", "[see {A||/a}"),
        ("<b>[A](/a)</b>", "<b>{A||/a}</b>"),
        (
            "[A](javascript:x)",
            "config.toml:1: `pages.footer` has the link \"A\", whose address must not be a link with the scheme \
             `javascript`; known are https, http, mailto, tel, sms, xmpp, matrix, gemini",
        ),
        ("[ ](/a)", "config.toml:1: `pages.footer` has a link whose text has no visible character"),
    ] {
        assert_eq!(footer(text), expected, "{text}");
    }
    let message = "config.toml:1: `pages.footer` has more than 2000 characters";
    assert_eq!(footer(&"x".repeat(2001)), message);
}

#[test]
fn a_stylesheet_is_a_file_beside_the_configuration() {
    let (config, warnings) = parse("pages.stylesheet = \"site.css\"", &[]).unwrap();
    let stylesheet = config.pages.stylesheet.unwrap();
    assert_eq!(&*stylesheet.css, "h1{color:red}");
    let digest = crate::base::Digest::of(b"h1{color:red}").short();
    assert_eq!(stylesheet.route().to_string(), format!("/-/style.{digest}.css"));
    assert_eq!(warnings, []);
    assert_eq!(
        parse("\npages.stylesheet = \"other.css\"", &[]).unwrap_err().to_string(),
        "config.toml:2: `pages.stylesheet` names /srv/other.css, which does not exist"
    );
    assert_eq!(
        Config::of("pages.stylesheet = \"\"", Path::new("/")).unwrap().pages.stylesheet,
        None
    );
}

#[test]
fn a_stylesheet_that_cannot_be_used_is_refused() {
    struct Disk(&'static [u8]);
    impl World for Disk {
        fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
            Nowhere.addresses(name)
        }
        fn real_path(&self, path: &Path) -> PathBuf {
            Nowhere.real_path(path)
        }
        fn read(&self, _: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
            Ok(self.0.iter().copied().cycle().take(self.0.len().min(bytes_max)).collect())
        }
    }
    const LARGE: &[u8] = &[b' '; 300 << 10];
    for (bytes, message) in [
        (&b"\xff"[..], "config.toml:1: `pages.stylesheet` names /srv/a.css, which is not UTF-8"),
        (
            LARGE,
            "config.toml:1: `pages.stylesheet` names /srv/a.css, which is larger than 262144 bytes",
        ),
        (
            b"@import url(https://fonts.example/x.css);",
            "config.toml:1: `pages.stylesheet` has \"@import\": browsers load nothing from other hosts for it; put the \
             file into `static/` and name its path",
        ),
    ] {
        let (text, base) = ("pages.stylesheet = \"a.css\"", Path::new("/srv"));
        let input = Input { text, file: "config.toml", base, env: &[], world: &Disk(bytes) };
        let messages = match Config::parse(&input) {
            Ok((_, warnings)) => warnings.iter().map(Finding::to_string).collect(),
            Err(errors) => errors.to_string(),
        };
        assert_eq!(messages, message);
    }
}

#[test]
fn what_pages_show_has_a_digest() {
    let digest = |text: &str| Config::of(text, Path::new("/srv")).unwrap().pages.digest;
    let menu = "pages.menu = [{ title = \"A\", url = \"/a\" }]";
    assert_eq!(digest(menu), digest(&format!("\n\n{menu}")));
    let mut digests = vec![digest("")];
    for text in [
        menu,
        "pages.footer = \"x\"",
        "pages.stylesheet = \"site.css\"",
        "pages.intro = false",
        "pages.home = \"list\"",
    ] {
        assert!(!digests.contains(&digest(text)), "{text}");
        digests.push(digest(text));
    }
}
