//! `[[Name]]` in properties, as Obsidian writes what it links to.

/// The target of a text that is one wiki link, as Obsidian's properties hold them; else the text.
pub(super) fn wiki_target(text: &str) -> &str {
    let Some(inside) = wiki_link(text) else { return text };
    inside.split(['|', '#']).next().unwrap_or_default().trim()
}

/// The name that a text shows which may be one wiki link: its label, else the last part of its
/// target.
pub(super) fn without_wiki_link(text: &str) -> &str {
    let Some(inside) = wiki_link(text) else { return text };
    match inside.split_once('|') {
        Some((_, label)) if !label.trim().is_empty() => label.trim(),
        _ => wiki_target(text).rsplit('/').next().unwrap_or_default(),
    }
}

fn wiki_link(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_prefix('!').unwrap_or(text);
    let inside = text.strip_prefix("[[")?.strip_suffix("]]")?;
    if inside.contains("[[") { None } else { Some(inside) }
}
