//! `dropfeed forget`: an article is taken down at once and for ever, or an empty scope is removed.
//!
//! A forgotten article keeps its number, id and URL, so that nothing else gets them: its page
//! answers 410. The bytes that its file has now are not published again, at no path, and neither is
//! what says the same at its path. Anything else there is another article, unless its front matter
//! gives the old id.

use std::sync::Arc;

use crate::article::{Head, WordSketch};
use crate::base::{Diagnostic, RelPath, Scope, Timestamp, UrlPath};

use super::super::archive::Archive;
use super::super::state::{Notice, Outcome, Policy, Reweigh, Scan, State};
use super::super::{FileRow, Kept, Record, Seq, Standing};
use super::Step;

/// A thing that an operator can forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// An article, by its number.
    Article(Seq),
    /// A scope that has no article any more.
    Scope(Scope),
}

impl State {
    /// The article whose file is or was `path`, as [`State::forget`] takes it.
    pub fn forgettable_at(&self, path: &RelPath) -> Option<Forget> {
        self.ledger.last_at(path).map(|record| Forget::Article(record.seq))
    }

    /// The article whose URL is or was `url`, as [`State::forget`] takes it.
    pub fn forgettable_url(&self, url: &UrlPath) -> Option<Forget> {
        self.ledger.owner_of_url(url).map(|record| Forget::Article(record.seq))
    }

    /// Forgets an article or a scope. Returns the next state, what has to become durable, and a
    /// sentence for the operator.
    ///
    /// # Errors
    /// A sentence that says why it is not possible.
    pub fn forget(
        &self,
        what: &Forget,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(State, Outcome, String), String> {
        let mut step = Step::new(self.clone(), policy, now, Scan::Later);
        let done = match what {
            Forget::Article(seq) => step.forget_article(*seq)?,
            Forget::Scope(scope) => {
                let done = step.forget_scope(scope)?;
                step.forgotten.push(scope.clone());
                done
            }
        };
        let (state, mut outcome) = step.finish(Reweigh::Changed);
        if let Forget::Scope(scope) = what {
            // Otherwise a list of the same name would begin with the old pages of the archive.
            outcome.commit.values.extend(Archive::default().values(scope, 1));
        }
        Ok((state, outcome, done))
    }
}

impl Step<'_> {
    fn forget_article(&mut self, seq: Seq) -> Result<String, String> {
        let Some(record) = self.state.ledger.record(seq) else {
            return Err(format!("there is no article {seq}"));
        };
        let Record { path, url, .. } = &*record;
        if record.standing == Standing::Forgotten {
            return Err(format!("{path} was forgotten before"));
        }
        // A hold counts losses, and what an operator forgets is none.
        if let (Some(hold), Standing::Missing(_)) = (&mut self.state.hold, record.standing) {
            hold.before = hold.before.saturating_sub(1);
        }
        self.set_standing(seq, Standing::Forgotten);
        let rest = match self.state.ledger.file(path) {
            Some(row) if self.state.ledger.has_file(&record) => {
                self.block(&record, row);
                "; its file is not published again until it is changed"
            }
            _ => "",
        };
        Ok(format!("forgot {path}: /{url} answers 410{rest}"))
    }

    /// Makes the bytes of the article's file those that are not published again.
    fn block(&mut self, record: &Record, row: FileRow) {
        if let Some(digest) = row.digest {
            self.put_record(Record { digest, standing: Standing::Forgotten, ..record.clone() });
        }
        let path = &record.path;
        if row.kept == Kept::Recorded {
            // The file is no longer what the record says: it is weighed, and refused, like any
            // other. Its words are asked for no more.
            let kept = Kept::Article(Arc::clone(&record.head), Arc::default());
            self.put_file(path, FileRow { kept, ..row });
        }
        self.state.ledger.wake_at(Timestamp::MIN, path);
    }

    /// The forgotten article that a file would publish again: that of these very bytes, in this file
    /// or in another; or the last one of this path, if the file says the same in other bytes, such as
    /// with other line ends. The words of a file with an `id` may be meant to return.
    pub(super) fn forgotten(
        &mut self,
        path: &RelPath,
        row: &FileRow,
        head: &Head,
        sketch: Option<&WordSketch>,
    ) -> Option<Arc<Record>> {
        let ledger = &self.state.ledger;
        if let Some(record) = ledger.forgotten(row.digest?) {
            return Some(record);
        }
        let last = ledger.last_at(path)?;
        if last.standing != Standing::Forgotten || head.id.is_some() || *last.head != *head {
            return None;
        }
        let (words, last_words) = (sketch?, self.words_of(last.seq)?);
        (words.changed_words(&last_words) == 0).then_some(last)
    }

    /// Reports that a file is not published, since its article was forgotten.
    pub(super) fn refuse_forgotten(
        &mut self,
        path: &RelPath,
        record: &Record,
        reported: Option<&Diagnostic>,
    ) {
        let why = format!("not published: {} was forgotten with this content", record.path);
        let diagnostic = Diagnostic::warning("forgotten", why);
        if reported != Some(&diagnostic) {
            self.notices.push(Notice::Diagnostic(path.clone(), diagnostic.clone()));
        }
        self.state.ledger.contest(path, diagnostic);
    }

    fn forget_scope(&mut self, scope: &Scope) -> Result<String, String> {
        if *scope == Scope::Site {
            return Err("the site itself cannot be forgotten".to_owned());
        }
        let Some(channel) = self.state.library.channels.get(scope) else {
            return Err(format!("there is nothing at {scope}"));
        };
        if !channel.members.is_empty() {
            return Err(format!("{scope} still has articles; only an empty list can be forgotten"));
        }
        self.state.library.remove_channel(scope);
        // The list of feeds is another one.
        self.touched.insert(Scope::Site);
        Ok(format!("forgot {scope}: it answers 404 until an article is in it again"))
    }
}
