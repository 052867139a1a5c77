//! Who sees an article: feeds, lists, search engines, or only a reader with its address.

use crate::fixture::{Site, eventually};

fn article(title: &str, fields: &str) -> String {
    format!("---\ntitle: {title}\n{fields}\n---\n\nSome words of {title}.\n")
}

#[test]
fn a_feed_holds_what_became_public_last_and_not_what_stays_out_of_feeds() {
    let site = Site::started("feeds.limit = 2");
    for (file, title, date) in [("a.md", "A", "2026-01-01"), ("b.md", "B", "2026-02-01")] {
        site.drop_in(file, article(title, &format!("date: {date}")));
        site.appears(title);
    }
    site.drop_in("c.md", article("C", "date: 2026-03-01\nfeed: false"));
    eventually("C is public", || site.get("/c").status == 200);
    // The two newest by date are C and B; the two that became public last, of those in feeds, are
    // Old and B.
    site.drop_in("old.md", article("Old", "date: 2020-01-01"));
    site.appears("Old");
    assert_eq!(site.titles(), ["B", "Old"]);
    assert!(site.get("/").text().contains(">C</a>"));
}

#[test]
fn each_word_of_the_front_matter_takes_an_article_out_of_the_places_it_names() {
    let site = Site::started("");
    let kinds = [
        ("everywhere", "", true, true),
        ("listed", "feed: false", false, true),
        ("fed", "feed_only: true", true, false),
        ("hidden", "unlisted: true", false, false),
    ];
    for (name, fields, ..) in kinds {
        site.drop_in(&format!("{name}.md"), article(name, fields));
        eventually("it is public", || site.get(&format!("/{name}")).status == 200);
    }
    let (feed, home) = (site.titles(), site.get("/").text());
    let (sitemap, atom) = (site.get("/sitemap.xml").text(), site.get("/atom.xml").text());
    for (name, _, in_feeds, in_lists) in kinds {
        assert_eq!(feed.iter().any(|title| title == name), in_feeds, "{name} in the JSON feed");
        assert_eq!(atom.contains(&format!("/{name}\"")), in_feeds, "{name} in the Atom feed");
        assert_eq!(home.contains(&format!(">{name}</a>")), in_lists, "{name} on the home page");
        assert_eq!(sitemap.contains(&format!("/{name}<")), in_lists, "{name} in the sitemap");
        let page = site.get(&format!("/{name}")).text();
        let is_hidden = page.contains("<meta name=\"robots\" content=\"noindex\">");
        assert_eq!(is_hidden, name == "hidden", "{name} for search engines");
    }
}
