//! The list of all feeds (OPML).

use crate::base::Scope;
use crate::config::Config;
use crate::feed::{self, Basis, opml};
use crate::publish::Snapshot;

/// Feeds of one kind in the list of all feeds: some 3 MB, and more than anybody subscribes to.
const GROUP_MAX: usize = 10_000;

/// The list of all feeds, each in the advertised format: the site's, then the others by kind.
pub(super) fn write(snapshot: &Snapshot) -> Vec<u8> {
    let mut kinds: [Vec<opml::Subscription>; 5] = Default::default();
    for scope in snapshot.library.subscribable() {
        let kind = match scope {
            Scope::Site => 0,
            Scope::Directory(_) => 1,
            Scope::Tag(_) => 2,
            Scope::Author(_) => 3,
            Scope::View(_) => 4,
        };
        if kinds[kind].len() < GROUP_MAX {
            kinds[kind].extend(subscription(snapshot, scope));
        }
    }
    let [site, groups @ ..] = kinds;
    let mut outlines: Vec<opml::Outline> = site.into_iter().map(opml::Outline::Feed).collect();
    for (title, feeds) in ["Sections", "Tags", "Authors", "Views"].into_iter().zip(groups) {
        if !feeds.is_empty() {
            outlines.push(opml::Outline::Group { title: title.to_owned(), feeds });
        }
    }
    opml::write(&snapshot.config.site.title, &outlines)
}

/// A feed as the list of all feeds has it.
fn subscription(snapshot: &Snapshot, scope: &Scope) -> Option<opml::Subscription> {
    let Config { site, feeds, .. } = &*snapshot.config;
    let channel = snapshot.library.channel(scope)?;
    // Without its entries: its name and its URL.
    let basis = Basis { site, feeds, scope, channel: &channel, places: &|_: &str| None };
    let feed = feed::compose(basis, &[], &|_| None);
    let xml_url = feed.self_url(feeds.advertise).to_owned();
    Some(opml::Subscription { title: feed.title, html_url: feed.home_url, xml_url })
}
