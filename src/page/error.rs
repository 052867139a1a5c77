//! The page of an error.

use askama::Template;

use crate::config::Config;

use super::frame::Frame;
use super::render;

#[derive(Template)]
#[template(path = "error.html", whitespace = "minimize")]
struct View<'a> {
    frame: Frame<'a>,
    status: u16,
    title: &'a str,
    text: &'a str,
}

/// A small page for a status code, in English: what happened in a few words (`title`), and a
/// sentence on what to do (`text`). Without a site (nothing is published yet) it has no link to the
/// home page.
pub fn error(config: Option<&Config>, status: u16, title: &str, text: &str) -> String {
    let frame = match config {
        // An error may be the answer at any URL: no link of the menu leads to it.
        Some(config) => Frame::without_url(config, title, ""),
        None => Frame { title: title.to_owned(), ..Frame::default() },
    };
    render(&View { frame: Frame { language: "en", hidden: true, ..frame }, status, title, text })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn it_leads_home_where_there_is_one() {
        let page = error(Some(&sample::config("")), 410, "Gone <b>", "It was \"here\".");
        for part in [
            "<title>Gone &#60;b&#62; – Field Notes</title>",
            "<p class=\"kind\">410</p>",
            "<p dir=\"auto\">It was &#34;here&#34;.</p>",
            "<a href=\"https://example.org/\">Go to the newest articles</a>",
            "noindex",
        ] {
            assert!(page.contains(part), "no {part} in\n{page}");
        }
        assert!(!page.contains("rel=\"alternate\"") && !page.contains("rel=\"canonical\""));
    }

    #[test]
    fn it_leads_to_the_site_that_has_the_pages() {
        let config = sample::config(
            "pages.enabled = false\nsite.home = \"https://blog.example/\"\n\
             pages.menu = [{ title = \"About\", url = \"/about\" }]\npages.footer = \"[Imprint](/imprint)\"",
        );
        let page = error(Some(&config), 404, "Not Found", "Page not found.");
        for part in [
            "rel=\"home\" href=\"https://blog.example/\">Field Notes</a>",
            "href=\"https://blog.example/about\">About</a>",
            "<a href=\"https://blog.example/\">Go to the home page</a>",
            "<a href=\"https://blog.example/imprint\">Imprint</a>",
            "<a href=\"https://blog.example/\">Home</a></p>",
        ] {
            assert!(page.contains(part), "no {part} in\n{page}");
        }
        // Nothing that a person can read is here.
        assert!(!page.contains("https://example.org/") && !page.contains("#subscribe"), "{page}");
    }

    #[test]
    fn before_the_first_publish_there_is_none() {
        let page = error(None, 503, "Not ready yet", "Try again in a moment.");
        assert!(
            page.contains("<title>Not ready yet</title>")
                && !page.contains("<footer")
                && !page.contains("href=\"\"")
        );
    }
}
