//! Entries that were composed before, to be used again.
//!
//! An entry is made of its article, its body, the configuration, and what its references lead to.
//! While one is made, what it asks for is noted with the answer. As long as all of that is the same,
//! so is the entry, and nothing of it is made again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::article::Body;
use crate::base::{Route, UrlPath, each};
use crate::config::{Content, Feeds, Site};
use crate::library::{Article, Seq};

use super::compose::{Numbered, entry};
use super::links::Locate;

/// Fewer entries than this are made, or compared, one after the other: one takes some microseconds.
const PARALLEL_MIN: usize = 32;

/// The entries of a feed as they were last composed.
#[derive(Debug, Clone, Default)]
pub struct Composed {
    /// The part of the configuration that they contain.
    config: Option<Arc<(Site, Content)>>,
    entries: HashMap<Seq, Arc<Made>>,
}

/// An entry, and all that it was made of but for the configuration.
#[derive(Debug)]
struct Made {
    article: Arc<Article>,
    body: Arc<Body>,
    asked: Asked,
    entry: Numbered,
}

/// The questions of an entry, with their answers.
#[derive(Debug, Default)]
struct Asked {
    routes: Vec<(String, Option<Route>)>,
    articles: Vec<(UrlPath, Option<Arc<Article>>)>,
}

/// Answers as `places` does, and notes it.
struct Noting<'a> {
    places: &'a dyn Locate,
    asked: RefCell<Asked>,
}

impl Locate for Noting<'_> {
    fn locate(&self, reference: &str) -> Option<Route> {
        let route = self.places.locate(reference);
        self.asked.borrow_mut().routes.push((reference.to_owned(), route.clone()));
        route
    }

    fn article_at(&self, url: &UrlPath) -> Option<Arc<Article>> {
        let article = self.places.article_at(url);
        self.asked.borrow_mut().articles.push((url.clone(), article.clone()));
        article
    }
}

impl Asked {
    /// Whether every question still has its answer.
    fn still(&self, places: &dyn Locate) -> bool {
        let routes =
            self.routes.iter().all(|(reference, route)| places.locate(reference) == *route);
        routes && self.articles.iter().all(|(url, article)| places.article_at(url) == *article)
    }
}

impl Made {
    fn new(
        (site, content): &(Site, Content),
        article: &Arc<Article>,
        body: Arc<Body>,
        places: &dyn Locate,
    ) -> Self {
        let noting = Noting { places, asked: RefCell::default() };
        let entry = entry(site, *content, article, &body, &noting);
        let (asked, entry) = (noting.asked.into_inner(), Numbered::new(article.seq, entry));
        Self { article: Arc::clone(article), body, asked, entry }
    }

    /// Whether the same entry would be made now.
    fn is_of(&self, article: &Article, body: &Arc<Body>, places: &dyn Locate) -> bool {
        let has_same_body = Arc::ptr_eq(&self.body, body) || self.body == *body;
        has_same_body && *self.article == *article && self.asked.still(places)
    }
}

impl Composed {
    /// The entries of `articles`, without those whose body cannot be had; and the same for the next
    /// time.
    pub fn again(
        &self,
        site: &Site,
        feeds: &Feeds,
        articles: &[Arc<Article>],
        bodies: &(dyn Fn(Seq) -> Option<Arc<Body>> + Sync),
        places: &(dyn Locate + Sync),
    ) -> (Vec<Numbered>, Self) {
        let (config, known) = match &self.config {
            Some(config) if config.0 == *site && config.1 == feeds.content => {
                (Arc::clone(config), Some(&self.entries))
            }
            // Under another configuration, every entry may be another.
            _ => (Arc::new((site.clone(), feeds.content)), None),
        };
        let make = |article: &Arc<Article>| {
            let body = bodies(article.seq)?;
            if let Some(known) = known
                && let Some(made) = known.get(&article.seq)
                && made.is_of(article, &body, places)
            {
                return Some(Arc::clone(made));
            }
            Some(Arc::new(Made::new(&config, article, body, places)))
        };
        let all = each::map(articles.iter().collect(), PARALLEL_MIN, make);
        let (mut entries, mut numbered) = (HashMap::with_capacity(all.len()), Vec::new());
        for (article, made) in articles.iter().zip(all) {
            let Some(made) = made else { continue };
            numbered.push(made.entry.clone());
            entries.insert(article.seq, made);
        }
        (numbered, Self { config: Some(config), entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Scope;
    use crate::feed::compose::{Basis, compose, compose_of};
    use crate::feed::sample::{article, channel, feeds, site};

    /// The basis of an entry, but for the article itself.
    struct World {
        site: Site,
        feeds: Feeds,
        bodies: HashMap<Seq, Arc<Body>>,
        routes: HashMap<String, Route>,
    }

    fn body(html: &str) -> Arc<Body> {
        Arc::new(Body { html: html.to_owned(), summary: "summary".to_owned() })
    }

    fn route(path: &str) -> Route {
        Route::Resource(UrlPath::new(path).unwrap())
    }

    /// Composes with what was composed before, and checks that it makes no difference. Returns the
    /// articles whose entries were made.
    fn check(world: &World, articles: &[Arc<Article>], composed: &mut Composed) -> Vec<Seq> {
        let World { site, feeds, bodies, routes } = world;
        let bodies = |seq: Seq| bodies.get(&seq).cloned();
        let locate = |reference: &str| routes.get(reference).cloned();
        let (scope, channel) = (Scope::Site, channel(""));
        let (numbered, next) = composed.again(site, feeds, articles, &bodies, &locate);
        let basis = Basis { site, feeds, scope: &scope, channel: &channel, places: &locate };
        let again = compose_of(basis, numbered);
        let whole = compose(basis, articles, &bodies);
        assert_eq!(again, whole);
        let is_new = |seq: &Seq| {
            let (old, new) = (composed.entries.get(seq), &next.entries[seq]);
            !old.is_some_and(|old| Arc::ptr_eq(old, new))
        };
        let mut made: Vec<Seq> = next.entries.keys().copied().filter(is_new).collect();
        made.sort_unstable();
        *composed = next;
        made
    }

    #[test]
    fn only_what_changed_is_made_again() {
        let mark = crate::article::symbol::MARK;
        let mut articles: Vec<Arc<Article>> =
            (1..=40).rev().map(|seq| Arc::new(article(seq, &format!("{seq}.md")))).collect();
        let linking = format!("<p><a href=\"{mark}/other{mark}\">other</a></p>");
        let mut world =
            World { site: site(), feeds: feeds(), bodies: HashMap::new(), routes: HashMap::new() };
        for seq in 1..=40 {
            world.bodies.insert(seq, body(if seq == 7 { &linking } else { "<p>text</p>" }));
        }
        let mut composed = Composed::default();
        assert_eq!(check(&world, &articles, &mut composed).len(), 40);
        assert_eq!(check(&world, &articles, &mut composed), [0; 0]);
        // The same values, made again.
        for article in &mut articles {
            *article = Arc::new((**article).clone());
        }
        assert_eq!(check(&world, &articles, &mut composed), [0; 0]);

        world.bodies.insert(3, body("<p>edited</p>"));
        assert_eq!(check(&world, &articles, &mut composed), [3]);
        Arc::make_mut(&mut articles[0]).url = UrlPath::new("moved").unwrap();
        assert_eq!(check(&world, &articles, &mut composed), [40]);
        world.routes.insert("/other".to_owned(), route("elsewhere"));
        assert_eq!(check(&world, &articles, &mut composed), [7], "its link leads elsewhere");
        world.routes.insert("/nobody".to_owned(), route("asks"));
        assert_eq!(check(&world, &articles, &mut composed), [0; 0]);

        // What leaves is forgotten, and what has no body is not there.
        let last = articles.pop().unwrap();
        world.bodies.remove(&5);
        assert_eq!(check(&world, &articles, &mut composed), [0; 0]);
        assert_eq!(composed.entries.len(), 38);
        articles.push(last);
        assert_eq!(check(&world, &articles, &mut composed), [1]);

        world.feeds.content = Content::Summary;
        assert_eq!(check(&world, &articles, &mut composed).len(), 39, "they are another kind now");
        world.site.language = "de".to_owned();
        assert_eq!(check(&world, &articles, &mut composed).len(), 39);
    }
}
