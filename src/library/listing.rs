//! What feeds, archives and pages show of a scope: its texts, and its articles in their order.

use std::sync::Arc;

use crate::article::TitleFrom;
use crate::base::{Digest, Scope, Timestamp};

use super::{ArchivePage, Article, Channel, Library, SectionFile, Seq};

impl Library {
    /// The channel of a scope that has, or once had, articles. A site of one author has no author
    /// channels.
    pub fn channel(&self, scope: &Scope) -> Option<Channel> {
        if !self.is_shown(scope) {
            return None;
        }
        let channel = self.channels.get(scope)?;
        let (title, description) = self.texts(scope);
        let archive = channel.members.archive();
        let (sum, name, icon) = (channel.members.sum(), &channel.row.name, self.has_icon());
        let pages = archive.len();
        let feed_id = self.feed_id_of(scope);
        let mut shown =
            format!("{} {sum} {title:?} {description:?} {name} {icon} {pages}", self.base);
        // Without an imported id, nothing is appended: a feed keeps the version it had before.
        if let Some(id) = feed_id {
            shown.push_str(&format!(" {id:?}"));
        }
        Some(Channel {
            title,
            description,
            name: channel.row.name.clone(),
            version: Digest::of(shown.as_bytes()),
            watermark: channel.row.watermark,
            modified: channel.row.modified,
            count: channel.members.count(),
            pages,
            archived_to: archive.end(),
            feed_id: feed_id.cloned(),
        })
    }

    /// The imported id of the feed of a scope: only the site's feed has one.
    pub(super) fn feed_id_of(&self, scope: &Scope) -> Option<&Arc<str>> {
        if *scope == Scope::Site { self.feed_id.as_ref() } else { None }
    }

    /// A page of the archive of a scope, from 1; `None` where it is not closed.
    pub fn archive_page(&self, scope: &Scope, number: u64) -> Option<ArchivePage> {
        if !self.is_shown(scope) {
            return None;
        }
        let channel = self.channels.get(scope)?;
        let page = channel.members.archive().page(number)?;
        let (title, description) = self.texts(scope);
        let (sum, name, icon) = (page.sum, &channel.row.name, self.has_icon());
        let feed_id = self.feed_id_of(scope);
        let shown = format!(
            "{} {sum} {title:?} {description:?} {name} {icon} {} {feed_id:?}",
            self.base,
            page.closed()
        );
        Some(ArchivePage { number, closed: page.closed(), version: Digest::of(shown.as_bytes()) })
    }

    /// The articles on a page of the archive of a scope, newest `published` first.
    pub fn archived(&self, scope: &Scope, number: u64) -> Vec<Arc<Article>> {
        let Some(channel) = self.channels.get(scope) else { return Vec::new() };
        newest_first(self.all(channel.members.on_page(number)))
    }

    /// The title and description of its own that a scope has: a directory's `_index.md`, or a
    /// view's configuration.
    pub(super) fn texts(&self, scope: &Scope) -> (Option<String>, Option<String>) {
        if let Some(view) = self.views.get(scope) {
            return (Some(view.title.clone()), view.description.clone());
        }
        match self.sections.get(scope) {
            // The site's own texts are those of the configuration.
            Some(section) if *scope != Scope::Site => section.texts(),
            _ => (None, None),
        }
    }

    /// The file that has the text at the head of the page of a scope: the `_index.md` of a
    /// directory, or of the article directory itself.
    pub fn section_file(&self, scope: &Scope) -> Option<&SectionFile> {
        self.sections.get(scope)
    }

    /// The entries of the feed of a scope: the `limit` articles that became public last, or more
    /// where more are on no page of its archive; newest `published` first.
    pub fn entries(&self, scope: &Scope, limit: usize) -> Vec<Arc<Article>> {
        let Some(channel) = self.channels.get(scope) else { return Vec::new() };
        newest_first(self.all(channel.members.newest(limit)))
    }

    /// The newest articles of a scope by `published`, for its page: at most `limit`, after leaving
    /// out `skip`.
    pub fn listed(&self, scope: &Scope, skip: usize, limit: usize) -> Vec<Arc<Article>> {
        let Some(channel) = self.channels.get(scope) else { return Vec::new() };
        self.all(channel.members.by_date().map(|(_, seq)| seq).skip(skip).take(limit))
    }

    /// The listed articles of the site that were published in `from..to`, newest first.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Vec<Arc<Article>> {
        let Some(channel) = self.channels.get(&Scope::Site) else { return Vec::new() };
        self.all(channel.members.between(from, to))
    }

    /// The dates of the listed articles of the site, newest first.
    pub fn dates(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let site = self.channels.get(&Scope::Site).into_iter();
        let dated = site.flat_map(|channel| channel.members.by_date());
        dated.map(|(at, _)| at)
    }

    pub(super) fn all(&self, seqs: impl IntoIterator<Item = Seq>) -> Vec<Arc<Article>> {
        let mut articles = Vec::new();
        for seq in seqs {
            articles.extend(self.article(seq));
        }
        articles
    }
}

impl SectionFile {
    /// The title that its author gave it, in the front matter or as a heading. The first words of
    /// its text are no name of a directory.
    pub fn title(&self) -> Option<&str> {
        let is_given = matches!(
            self.head.title_from,
            TitleFrom::FrontMatter | TitleFrom::Heading | TitleFrom::FirstLine
        );
        if is_given && !self.head.title.is_empty() { Some(&self.head.title) } else { None }
    }

    /// Its title and its description.
    pub(super) fn texts(&self) -> (Option<String>, Option<String>) {
        (self.title().map(str::to_owned), self.head.summary.clone())
    }
}

fn newest_first(mut articles: Vec<Arc<Article>>) -> Vec<Arc<Article>> {
    articles.sort_by_key(|article| std::cmp::Reverse((article.published, article.seq)));
    articles
}
