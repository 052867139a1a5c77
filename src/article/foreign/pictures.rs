//! Tags that show a picture, whose arguments each generator orders in its own way.

use crate::article::feed_html::references::media_of;

use super::arguments::{Arguments, arguments, value};
use super::counterpart::Counterpart;

/// Names of tags that show a picture.
const NAMES: [&str; 5] = ["figure", "image", "img", "picture", "asset_img"];

/// Keys of a picture's address.
const SOURCES: [&str; 6] = ["src", "url", "path", "image_path", "image", "file"];

/// Reads the arguments of a tag that shows a picture.
pub(crate) fn read(name: &str, arguments: &Arguments) -> Option<Counterpart> {
    if !NAMES.contains(&name) {
        return None;
    }
    let text = |key: &str| value(arguments, key).unwrap_or_default();
    let named = SOURCES.iter().find_map(|key| value(arguments, key));
    let plain: Vec<&str> = arguments
        .iter()
        .filter(|(key, _)| key.is_none())
        .map(|(_, value)| value.as_str())
        .collect();
    let (src, titles) = match named {
        Some(src) => (src, Vec::new()),
        None => {
            let at = plain.iter().position(|word| is_address(word)).unwrap_or(0);
            (plain.get(at)?.to_string(), titles_of(&plain[at + 1..]))
        }
    };
    if src.is_empty() || src.contains(['<', '>', '\n']) {
        return None;
    }
    let (title, mut alt) = (text("title"), text("alt"));
    if let Some(at) = plain.iter().position(|word| *word == "--alt") {
        // jekyll_picture_tag has words behind options.
        let words: Vec<&str> =
            plain[at + 1..].iter().copied().take_while(|word| !word.starts_with("--")).collect();
        let alt = words.join(" ");
        return Some(Counterpart::Figure {
            src,
            alt,
            title,
            caption: String::new(),
            link: String::new(),
        });
    }
    match (name, titles.as_slice()) {
        // Octopress and Hexo: a title, which a page shows on hovering alone, then the alt, which
        // says more. Eleventy: the alt, then sizes.
        ("img" | "asset_img", [first, second]) if first.contains(' ') || second.contains(' ') => {
            alt = second.clone();
        }
        ("img" | "asset_img", [_, ..]) => alt = titles.join(" "),
        (_, [first, ..]) if alt.is_empty() => alt = first.clone(),
        _ => {}
    }
    let caption = value(arguments, "caption").unwrap_or_else(|| text("attr"));
    Some(Counterpart::Figure { src, alt, title, caption, link: text("link") })
}

/// Whether a word is the address of a picture, and not the class that Octopress and Hexo put first.
fn is_address(word: &str) -> bool {
    word.contains('/') || media_of(word).is_some()
}

/// The texts behind an address: without sizes, and with Hexo's texts in quotes within quotes apart.
fn titles_of(words: &[&str]) -> Vec<String> {
    let mut titles = Vec::new();
    for word in words {
        let is_size = word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'%' | b'x'));
        if is_size {
            continue;
        }
        if word.contains('"') {
            titles.extend(arguments(word).into_iter().map(|(_, text)| text));
        } else {
            titles.push((*word).to_owned());
        }
    }
    titles
}
