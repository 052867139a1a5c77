//! How an old site made the ids of its articles: a text with placeholders, for those that its feed
//! does not list.

use jiff::tz::TimeZone;

use crate::article::Head;
use crate::base::{Timestamp, UrlPath};

use super::old_feed::OldFeed;

/// The templates of known generators and services.
pub const PRESETS: [(&str, &str); 8] = [
    // `post.id | absolute_url`, under the default permalinks.
    ("jekyll-feed", "{home}{year}/{month}/{day}/{slug}"),
    // The permalink, which is the guid.
    ("hugo", "{home}{path}/"),
    ("zola", "{home}{path}/"),
    ("eleventy", "{home}{path}/"),
    // The number of the post has to be in its front matter.
    ("wordpress", "{home}?p={id}"),
    ("ghost", "{id}"),
    ("blogger", "{feed_id}.post-{id}"),
    ("pelican", "tag:{host},{year}-{month}-{day}:/{slug}.html"),
];

const PLACEHOLDERS: [&str; 10] =
    ["home", "host", "path", "slug", "year", "month", "day", "id", "feed_id", "title"];

/// The template of a preset, or the text itself.
///
/// # Errors
/// One sentence, where it has an unknown placeholder or none, or is the name of no preset.
pub fn resolve(text: &str) -> Result<String, String> {
    if let Some((_, template)) = PRESETS.iter().find(|(name, _)| *name == text) {
        return Ok((*template).to_owned());
    }
    let mut count = 0;
    for part in text.split('{').skip(1) {
        let Some((name, _)) = part.split_once('}') else {
            return Err(format!("{text:?} has a `{{` without a `}}`"));
        };
        if !PLACEHOLDERS.contains(&name) {
            let known = PLACEHOLDERS.join(", ");
            return Err(format!(
                "{{{name}}} is not a placeholder of --id-template; known: {known}"
            ));
        }
        count += 1;
    }
    if count == 0 {
        let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
        return Err(format!(
            "{text:?} is neither a preset ({}) nor a template with placeholders",
            names.join(", ")
        ));
    }
    Ok(text.to_owned())
}

/// The id of an article by the template of its old feed; `None` without a template, or where the
/// article lacks what it asks for.
pub(super) fn fill(
    feed: &OldFeed,
    head: &Head,
    url: &UrlPath,
    published: Timestamp,
) -> Option<String> {
    let template = feed.id_template.as_deref()?;
    let date = published.to_zoned(TimeZone::UTC).date();
    // A date without a time is the day that its author means, in whichever zone.
    let date = match head.published {
        Some(crate::base::time::Written::Day(day)) => day,
        Some(crate::base::time::Written::Local(local)) => local.date(),
        _ => date,
    };
    let mut id = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        id.push_str(before);
        let (name, after) = after.split_once('}')?;
        let path = url.to_string();
        let last = path.rsplit('/').next().unwrap_or_default().to_owned();
        let home = feed.home.as_deref().filter(|home| !home.is_empty());
        let value = match name {
            "home" => format!("{}/", home?.trim_end_matches('/')),
            "host" => url::Url::parse(home?).ok()?.host_str()?.to_owned(),
            "path" => path,
            "slug" => head.slug.clone().unwrap_or(last),
            "year" => format!("{:04}", date.year()),
            "month" => format!("{:02}", date.month()),
            "day" => format!("{:02}", date.day()),
            "id" => head.id.clone()?,
            "feed_id" => feed.feed_id.clone()?,
            "title" => head.title.clone(),
            _ => return None,
        };
        id.push_str(&value);
        rest = after;
    }
    id.push_str(rest);
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_generators() {
        let feed = |template: &str| OldFeed {
            feed_id: Some("tag:blogger.com,1999:blog-42".to_owned()),
            home: Some("https://e.org/blog".to_owned()),
            id_template: Some(resolve(template).unwrap()),
            ..OldFeed::default()
        };
        let head = Head { id: Some("7".to_owned()), ..Head::default() };
        let url = UrlPath::new("posts/hello").unwrap();
        let at: Timestamp = "2020-01-02T10:00:00Z".parse().unwrap();
        for (template, expected) in [
            ("jekyll-feed", "https://e.org/blog/2020/01/02/hello"),
            ("hugo", "https://e.org/blog/posts/hello/"),
            ("zola", "https://e.org/blog/posts/hello/"),
            ("eleventy", "https://e.org/blog/posts/hello/"),
            ("wordpress", "https://e.org/blog/?p=7"),
            ("ghost", "7"),
            ("blogger", "tag:blogger.com,1999:blog-42.post-7"),
            ("pelican", "tag:e.org,2020-01-02:/hello.html"),
            ("urn:x:{slug}:{id}", "urn:x:hello:7"),
        ] {
            assert_eq!(fill(&feed(template), &head, &url, at).as_deref(), Some(expected));
        }
        assert_eq!(fill(&feed("wordpress"), &Head::default(), &url, at), None, "it has no id");
        assert_eq!(fill(&OldFeed::default(), &head, &url, at), None, "there is no template");
    }

    #[test]
    fn wrong_templates_are_refused() {
        for (text, sentence) in [
            ("jekyl", "neither a preset"),
            ("{slugg}", "not a placeholder"),
            ("{slug", "without a `}`"),
        ] {
            let error = resolve(text).unwrap_err();
            assert!(error.contains(sentence), "{error}");
        }
    }
}
