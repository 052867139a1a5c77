//! What the author did, and what readers may therefore expect. Knows nothing of how dropfeed
//! decides.
//!
//! A **work** is what an author would call one article. Works whose files came to a path of each
//! other form a **group**: "a path that exists is itself", so that which of them keeps which id
//! depends on the moment at which dropfeed looks. A group may have as many ids as works were made
//! in it, and no more: an id beyond that is an old article that is new to subscribers. The groups
//! of most works are they alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::base::{Digest, Timestamp};

/// A version of a work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) work: usize,
    pub(super) version: u32,
    pub(super) draft: bool,
    pub(super) date: Option<Timestamp>,
    pub(super) tagged: bool,
    /// Whether it cannot be parsed.
    pub(super) bad: bool,
}

/// A file of the author's.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) text: Text,
    /// Whether it is open, and only its beginning is written.
    pub(super) part: bool,
    /// Whether readers saw it, and the author did nothing since that would take it away.
    pub(super) shown: bool,
    /// Whether dropfeed saw this inode, so that a rename can be recognised by it.
    pub(super) linked: bool,
}

/// A file that was removed.
#[derive(Debug, Clone)]
pub(super) struct Grave {
    pub(super) path: String,
    pub(super) text: Text,
    /// Whether dropfeed knew the path, so that the article is known again there.
    pub(super) path_known: bool,
    /// Whether these bytes were public, so that they are known again anywhere.
    pub(super) bytes_known: bool,
}

#[derive(Debug, Default)]
struct Group {
    /// The group that it is a part of.
    parent: Option<usize>,
    budget: usize,
    ids: BTreeSet<String>,
    /// The dates that its works may have.
    dates: BTreeSet<Timestamp>,
}

/// The author.
#[derive(Debug, Default)]
pub(super) struct Author {
    pub(super) files: BTreeMap<String, File>,
    pub(super) graves: Vec<Grave>,
    groups: Vec<Group>,
    /// The group of the last work that had a file at a path.
    owners: BTreeMap<String, usize>,
    /// Every text that was ever complete.
    complete: HashSet<Digest>,
    /// The number of names that were made up.
    names: usize,
}

impl Text {
    pub(super) fn title(&self) -> String {
        format!("Work {}", self.work)
    }

    /// The file. Any two versions of a work share most of their words, and no two works share many.
    pub(super) fn render(&self) -> String {
        let Self { work, version, draft, date, tagged, bad } = self;
        let mut text = "---\n".to_owned();
        if *bad {
            // A file that was emptied, or a front matter that no parser takes.
            let broken = format!("---\ntitle: [{work}\n\tdate: {{\n---\n\ntext {version}\n");
            return if version.is_multiple_of(3) { String::new() } else { broken };
        }
        text.push_str(&format!("title: Work {work}\ndraft: {draft}\n"));
        if let Some(date) = date {
            text.push_str(&format!("date: {date}\n"));
        }
        if *tagged {
            text.push_str("tags: [even]\n");
        }
        text.push_str("---\n\n");
        for n in 0..16 {
            text.push_str(&format!("word{work}x{n} "));
        }
        for n in 0..version % 5 {
            text.push_str(&format!("edit{version}x{n} "));
        }
        text.push_str(&format!("end {version}\n"));
        text
    }

    fn is_public(&self, now: Timestamp) -> bool {
        !self.draft && !self.bad && self.date.is_none_or(|date| date <= now)
    }
}

impl Author {
    /// A new work, with a group of its own.
    pub(super) fn new_work(&mut self) -> Text {
        self.groups.push(Group { budget: 1, ..Group::default() });
        let work = self.groups.len() - 1;
        Text {
            work,
            version: 1,
            draft: false,
            date: None,
            tagged: work.is_multiple_of(2),
            bad: false,
        }
    }

    /// A name that no file has had.
    pub(super) fn new_name(&mut self) -> String {
        self.names += 1;
        format!("f{}", self.names)
    }

    /// Notes that a text is whole in a file: from now on, readers may see it.
    pub(super) fn completed(&mut self, text: &Text) {
        self.complete.insert(Digest::of(text.render().as_bytes()));
        if let Some(date) = text.date {
            let group = self.group(text.work);
            self.groups[group].dates.insert(date);
        }
    }

    /// Notes that the beginning of a text may be public: nothing can show that it is one.
    pub(super) fn begun(&mut self, part: &str) {
        self.complete.insert(Digest::of(part.as_bytes()));
    }

    pub(super) fn was_complete(&self, digest: Digest) -> bool {
        self.complete.contains(&digest)
    }

    /// Puts a file of the work at a path. Whatever work had the path before is in its group from
    /// now on.
    pub(super) fn place(&mut self, path: &str, file: File) {
        let mut group = self.group(file.text.work);
        if let Some(before) = self.owners.get(path) {
            group = self.join(*before, group);
        }
        self.owners.insert(path.to_owned(), group);
        self.files.insert(path.to_owned(), file);
    }

    /// The group of a work.
    pub(super) fn group(&self, work: usize) -> usize {
        let mut group = work;
        while let Some(parent) = self.groups[group].parent {
            group = parent;
        }
        group
    }

    fn join(&mut self, one: usize, other: usize) -> usize {
        let (one, other) = (self.group(one), self.group(other));
        if one == other {
            return one;
        }
        let joined = std::mem::take(&mut self.groups[other]);
        self.groups[other].parent = Some(one);
        let group = &mut self.groups[one];
        group.budget += joined.budget;
        group.ids.extend(joined.ids);
        group.dates.extend(joined.dates);
        one
    }

    /// Allows the group of a work one more id: a copy was made, or what proved an identity is gone.
    pub(super) fn allow_one_more(&mut self, work: usize) {
        let group = self.group(work);
        self.groups[group].budget += 1;
    }

    /// Whether readers saw the work, or one of its group.
    pub(super) fn was_seen(&self, work: usize) -> bool {
        !self.groups[self.group(work)].ids.is_empty()
    }

    /// Takes note that readers see an article with a title. `Err`: what is wrong with it.
    pub(super) fn seen(
        &mut self,
        title: &str,
        id: &str,
        published: Timestamp,
    ) -> Result<usize, String> {
        let work = title.strip_prefix("Work ").and_then(|number| number.parse::<usize>().ok());
        let Some(work) = work.filter(|work| *work < self.groups.len()) else {
            return Err(format!("there is no work {title:?}"));
        };
        let at = self.group(work);
        let group = &mut self.groups[at];
        if group.ids.insert(id.to_owned()) {
            group.dates.insert(published);
            if group.ids.len() > group.budget {
                let (ids, budget) = (&group.ids, group.budget);
                return Err(format!(
                    "an old article is new: {title} has {id}; ids of its {budget}: {ids:?}"
                ));
            }
        }
        if !group.dates.contains(&published) {
            return Err(format!("{title} has another date: {published}, of {:?}", group.dates));
        }
        Ok(at)
    }

    /// The titles that are public at `now`, if everything was seen: each file's.
    pub(super) fn public(&self, now: Timestamp) -> Vec<String> {
        let public = self.files.values().filter(|file| file.text.is_public(now));
        let mut titles: Vec<String> = public.map(|file| file.text.title()).collect();
        titles.sort();
        titles
    }

    /// The number of files of each group that readers must be able to see.
    pub(super) fn demanded(&self) -> BTreeMap<usize, usize> {
        let mut demanded = BTreeMap::new();
        for file in self.files.values() {
            if file.shown {
                *demanded.entry(self.group(file.text.work)).or_default() += 1;
            }
        }
        demanded
    }

    /// The files that fit, in order.
    pub(super) fn paths(&self, fits: impl Fn(&File) -> bool) -> Vec<String> {
        let all = self.files.iter().filter(|(_, file)| !file.part && fits(file));
        all.map(|(path, _)| path.clone()).collect()
    }
}
