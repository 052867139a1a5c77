//! The readers: what each kind of subscriber remembers, and what none of them may ever see.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::author::Author;
use super::machine::Projected;
use crate::base::{Digest, Format, Route, Scope, Timestamp, UrlPath};
use crate::publish::snapshot::Found;
use crate::publish::{Render as _, Snapshot};

/// The memory of subscribers.
#[derive(Default)]
pub(super) struct Readers {
    /// By id: the group of works that it belongs to, and when it was last changed.
    entries: HashMap<String, (usize, Timestamp)>,
    /// By link: the id that it leads to.
    links: BTreeMap<UrlPath, String>,
    pub(super) generation: u64,
    /// Every resident document that was ever published, with the last generation that had it.
    documents: HashMap<Digest, u64>,
    /// By name, the generation of the file that was last found in `feeds/`.
    projected: HashMap<String, u64>,
    /// Files that were parsed.
    parsed: HashSet<Digest>,
    /// The files that another program put into `feeds/`.
    pub(super) planted: HashSet<Digest>,
    /// Whether only whole texts may be seen: writers are noticed.
    whole_texts: bool,
}

impl Readers {
    /// Subscribers of a new site.
    pub(super) fn new(whole_texts: bool) -> Self {
        Self { whole_texts, ..Self::default() }
    }

    /// Looks at everything that is published.
    pub(super) fn look(&mut self, snapshot: &Snapshot, author: &mut Author) -> Result<(), String> {
        if snapshot.generation < self.generation {
            let (now, before) = (snapshot.generation, self.generation);
            return Err(format!("L3, L4: generation {now} after {before}"));
        }
        self.generation = snapshot.generation;
        self.look_at_entries(snapshot, author)?;
        self.demand(snapshot, author)?;
        self.follow_links(snapshot)?;
        self.look_at_documents(snapshot)
    }

    /// L2: ids, dates and links are given once.
    fn look_at_entries(&mut self, snapshot: &Snapshot, author: &mut Author) -> Result<(), String> {
        let mut present = BTreeSet::new();
        for article in snapshot.library.articles() {
            let (id, title) = (&article.id, &article.head.title);
            if !present.insert(id.clone()) {
                return Err(format!("two entries have the id {id}"));
            }
            let group =
                author.seen(title, id, article.published).map_err(|why| format!("L2: {why}"))?;
            let (known, updated) =
                self.entries.entry(id.clone()).or_insert((group, article.updated));
            if author.group(*known) != group {
                return Err(format!("L2: {id} was another article than {title}"));
            }
            if article.updated < *updated || article.updated < article.published {
                return Err(format!(
                    "L2: {title} was updated {}, before {updated}",
                    article.updated
                ));
            }
            (*known, *updated) = (group, article.updated);
            let owner = self.links.entry(article.url.clone()).or_insert_with(|| id.clone());
            if owner != id {
                return Err(format!("L2: /{} was {owner}, and is {id}", article.url));
            }
            if self.whole_texts && !author.was_complete(article.digest) {
                return Err(format!("L3: half of {title} is public"));
            }
        }
        Ok(())
    }

    /// L3: what was public and was not taken away is there.
    fn demand(&mut self, snapshot: &Snapshot, author: &mut Author) -> Result<(), String> {
        let mut there: BTreeMap<usize, usize> = BTreeMap::new();
        for article in snapshot.library.articles() {
            *there.entry(self.entries[&article.id].0).or_default() += 1;
        }
        for (group, demanded) in author.demanded() {
            let there = there.get(&group).copied().unwrap_or(0);
            if there < demanded {
                return Err(format!(
                    "L3: {there} of {demanded} articles of group {group} are there"
                ));
            }
        }
        for (path, file) in &mut author.files {
            let path = crate::base::RelPath::new(path).unwrap();
            // Until its file was seen, what is public at a path may be another work.
            if !file.text.draft
                && file.text.date.is_none()
                && let Some(article) = snapshot.library.at_path(&path)
                && article.head.title == file.text.title()
            {
                file.shown = true;
            }
        }
        Ok(())
    }

    /// L2: whoever follows an old link finds the article, or hears that it is gone.
    fn follow_links(&self, snapshot: &Snapshot) -> Result<(), String> {
        for (url, id) in &self.links {
            let target = match snapshot.find(&Route::Resource(url.clone())) {
                Found::Gone => continue,
                Found::Render(route, _) => snapshot.article(&route),
                Found::Redirect(redirect) => snapshot.article(&redirect.to),
                other => return Err(format!("L2: /{url} is {other:?}")),
            };
            if target.is_none_or(|article| article.id != *id) {
                return Err(format!("L2: /{url} leads to another article than {id}"));
            }
        }
        Ok(())
    }

    /// L3: resident documents are whole, and show what is public.
    fn look_at_documents(&mut self, snapshot: &Snapshot) -> Result<(), String> {
        for (route, document) in &snapshot.hot {
            let digest = Digest::of(&document.identity);
            let is_new = self.documents.insert(digest, snapshot.generation).is_none();
            let Route::Feed(scope, format) = route else { continue };
            if !is_new {
                continue;
            }
            let mut expected = snapshot.library.entries(scope, snapshot.config.feeds.limit);
            // An article that comes into a feed while its file cannot be parsed has no body yet.
            expected.retain(|article| snapshot.bodies.contains_key(&article.seq));
            let text = std::str::from_utf8(&document.identity).map_err(|why| why.to_string())?;
            if *format == Format::Json {
                let mut ids: Vec<String> = items(text)?.into_iter().map(|item| item.id).collect();
                let mut wanted: Vec<String> =
                    expected.iter().map(|article| article.id.clone()).collect();
                ids.sort();
                wanted.sort();
                if ids != wanted {
                    return Err(format!("L3: {route} has {ids:?}, not {wanted:?}"));
                }
            }
            for article in &expected {
                if !text.contains(&*article.id) {
                    return Err(format!("L3: {} is not in {route}", article.id));
                }
            }
        }
        Ok(())
    }

    /// L3: every state of every file in `feeds/` is whole, was published before, and is not older
    /// than the last.
    pub(super) fn open_files(&mut self, files: Vec<Projected>) -> Result<(), String> {
        for (name, bytes) in files {
            let Some(bytes) = bytes else { continue };
            let digest = Digest::of(&bytes);
            if self.planted.contains(&digest) {
                continue;
            }
            if let Some(generation) = self.documents.get(&digest)
                && is_resident(&name)
            {
                let last = self.projected.insert(name.clone(), *generation).unwrap_or(0);
                if *generation < last {
                    return Err(format!(
                        "L3: {name} is of generation {generation}, and was of {last}"
                    ));
                }
                continue;
            }
            if is_resident(&name) {
                return Err(format!("L3: {name} was never published"));
            }
            if !self.parsed.insert(digest) {
                continue;
            }
            let text = std::str::from_utf8(&bytes).map_err(|why| format!("L3: {name}: {why}"))?;
            if name.ends_with(".json") {
                for item in items(text).map_err(|why| format!("L3: {name}: {why}"))? {
                    if !self.entries.contains_key(&item.id) {
                        return Err(format!("L3: {name} has {}, which was never public", item.id));
                    }
                }
            } else {
                let mut reader = quick_xml::Reader::from_str(text);
                while !matches!(
                    reader.read_event().map_err(|why| format!("L3: {name}: {why}"))?,
                    quick_xml::events::Event::Eof
                ) {}
            }
        }
        Ok(())
    }

    /// Takes note that a power cut gave older files back.
    pub(super) fn power_cut(&mut self) {
        self.projected.clear();
    }
}

/// The files of documents that are always resident: the feeds of the site.
fn is_resident(name: &str) -> bool {
    ["rss.xml", "atom.xml", "feed.json"].contains(&name)
}

/// An entry of a JSON feed.
struct Item {
    id: String,
}

fn items(text: &str) -> Result<Vec<Item>, String> {
    let feed: Value = serde_json::from_str(text).map_err(|why| why.to_string())?;
    let items = feed["items"].as_array().ok_or("no items")?;
    let mut all = Vec::new();
    for item in items {
        all.push(Item { id: item["id"].as_str().ok_or("no id")?.to_owned() });
    }
    Ok(all)
}

/// The ids that a subscriber of a scope's feed finds who follows `next_url` to the first page.
pub(super) fn walk(
    snapshot: &Snapshot,
    render: &crate::engine::renderer::Renderer,
    scope: &Scope,
) -> Result<BTreeSet<String>, String> {
    let mut ids = BTreeSet::new();
    let mut route = Route::Feed(scope.clone(), Format::Json);
    for _ in 0..1_000 {
        let document = match snapshot.find(&route) {
            Found::Ready(document) => document,
            Found::Render(route, _) => {
                Arc::new(render.render(snapshot, &route).map_err(|why| format!("{route}: {why}"))?)
            }
            other => return Err(format!("L2: {route} is {other:?}")),
        };
        let text = std::str::from_utf8(&document.identity).map_err(|why| why.to_string())?;
        for item in items(text)? {
            ids.insert(item.id);
        }
        let feed: Value = serde_json::from_str(text).map_err(|why| why.to_string())?;
        let Some(next) = feed["next_url"].as_str() else { return Ok(ids) };
        let path = next.strip_prefix("https://example.org").ok_or("another site")?;
        route = Route::parse(path).ok_or_else(|| format!("{path} is no route"))?;
    }
    Err("the archive has no end".to_owned())
}
