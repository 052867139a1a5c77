//! Opens channels, puts articles into them, and takes articles out as they were put in.

use crate::base::Scope;

use super::channel::{self, Members, audience};
use super::{Article, ChannelRow, ChannelState, Library, locate};

impl Library {
    /// Opens a channel, which must not be open.
    pub(super) fn add_channel(&mut self, row: ChannelRow, members: Members) {
        let number = self.scopes_by_number.get_max().map_or(0, |(last, _)| last + 1);
        let scope = row.scope.clone();
        self.scopes_by_number.insert(number, scope.clone());
        self.channels.insert(scope, ChannelState { number, row, members });
    }

    /// Forgets a channel that no article is in.
    pub(super) fn remove_channel(&mut self, scope: &Scope) {
        if let Some(channel) = self.channels.remove(scope) {
            self.scopes_by_number.remove(&channel.number);
        }
    }

    /// Puts an article into the channels of `scopes`. `fingerprint` is the article's.
    pub(super) fn insert(&mut self, article: &Article, fingerprint: u128, scopes: &[Scope]) {
        let mut numbers = Vec::with_capacity(scopes.len());
        for scope in scopes {
            if let Some(channel) = self.channels.get_mut(scope) {
                numbers.push(channel.number);
                let before = channel.members.presence();
                channel.members.insert(scope, article, fingerprint);
                self.totals.update(scope, &channel.row.name, before, channel.members.presence());
                if audience(article).feeds {
                    // It only grows: a feed's date must not go back when its newest entry is
                    // deleted.
                    channel.row.watermark = channel.row.watermark.max(article.updated);
                }
            }
        }
        // Not its names: the caller adds those of many articles at once, which are sorted once.
        self.references.insert(article);
        self.shown = self.shown.wrapping_add(fingerprint);
        self.public.insert(article.seq, &numbers);
    }

    /// Takes out an article as it was put in, and returns its scopes.
    pub(super) fn remove(&mut self, article: &Article) -> Vec<Scope> {
        let scopes = self.scopes_of(article.seq);
        if !self.public.remove(article.seq) {
            return scopes;
        }
        self.references.remove(article);
        let fingerprint = channel::fingerprint(article);
        self.shown = self.shown.wrapping_sub(fingerprint);
        for scope in &scopes {
            if let Some(channel) = self.channels.get_mut(scope) {
                let before = channel.members.presence();
                channel.members.remove(article, fingerprint);
                self.totals.update(scope, &channel.row.name, before, channel.members.presence());
            }
        }
        for pair in locate::pairs(article) {
            self.names.remove(&pair);
        }
        scopes
    }
}
