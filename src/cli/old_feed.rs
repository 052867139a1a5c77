//! The documents of an old feed: files as they are, addresses with their older pages.
//!
//! Older pages are those that a document names (RFC 5005 `prev-archive`, `next`, JSON `next_url`),
//! and WordPress's `?paged=2` and so on, which it does not. All together they have limits, and an
//! error in any of them is the end.

use std::collections::HashSet;
use std::env;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::base::Format;
use crate::import::{self, Document};
use crate::library::old_feed::OldEntry;
use crate::ops::fetch::{FetchError, Fetched, Proxies, fetch};

/// The most bytes of all documents together.
const BYTES_MAX: u64 = 64 << 20;

/// The most documents.
const DOCUMENTS_MAX: usize = 1_000;

/// The bytes that were read so far.
pub(super) struct Sources {
    proxies: Proxies,
    follow_hosts: Vec<String>,
    left_bytes: u64,
    documents: Vec<Document>,
    notes: Vec<String>,
}

impl Sources {
    /// Nothing yet. Without a proxy, the one of the environment counts.
    pub(super) fn new(proxy: Option<&str>, follow_hosts: &[String]) -> Self {
        Self {
            proxies: proxies(proxy),
            follow_hosts: follow_hosts.to_vec(),
            left_bytes: BYTES_MAX,
            documents: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The documents, and what has to be said about them.
    pub(super) fn finish(self) -> (Vec<Document>, Vec<String>) {
        (self.documents, self.notes)
    }

    /// Reads a file, or an address with its older pages.
    pub(super) fn take(&mut self, source: &str) -> anyhow::Result<()> {
        if source.starts_with("http://") || source.starts_with("https://") {
            return self.follow(source);
        }
        let bytes = self.file(Path::new(source))?;
        let document = self.parse(source, &bytes)?;
        if let Some(next) = &document.next {
            self.notes.push(format!(
                "{source}: the feed has older pages, beginning with {next}; import the address, or download them and name \
                 them as well, if you want the ids of older posts"
            ));
        }
        self.push(document)
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<Vec<u8>> {
        let name = || path.display().to_string();
        let file = File::open(path).with_context(name)?;
        if !file.metadata().with_context(name)?.is_file() {
            bail!("{} is not a file", path.display());
        }
        let mut bytes = Vec::new();
        file.take(self.left_bytes + 1).read_to_end(&mut bytes).with_context(name)?;
        self.count(&bytes)?;
        Ok(bytes)
    }

    fn count(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match self.left_bytes.checked_sub(bytes.len() as u64) {
            Some(left) => self.left_bytes = left,
            None => bail!("the documents are larger than {} MiB together", BYTES_MAX >> 20),
        }
        Ok(())
    }

    /// The document of these bytes, which has to have entries.
    fn parse(&mut self, source: &str, bytes: &[u8]) -> anyhow::Result<Document> {
        let document = import::read(bytes).map_err(|why| anyhow::anyhow!("{source}: {why}"))?;
        if document.entries.is_empty() {
            bail!("{source}: the feed has no entries");
        }
        for note in &document.notes {
            self.notes.push(format!("{source}: {note}"));
        }
        let undated = document.entries.iter().filter(|entry| entry.published.is_none()).count();
        if undated > 0 {
            self.notes.push(format!(
                "{source}: entries without a date, or in 1970: {undated}; they get that of the article"
            ));
        }
        let is_odd =
            |entry: &&OldEntry| entry.format == Format::Atom && Url::parse(&entry.id).is_err();
        let odd = document.entries.iter().filter(is_odd).count();
        if odd > 0 {
            self.notes.push(format!(
                "{source}: ids that are not IRIs: {odd}; they are kept to the byte, though validators will complain"
            ));
        }
        Ok(document)
    }

    fn push(&mut self, document: Document) -> anyhow::Result<()> {
        if self.documents.len() == DOCUMENTS_MAX {
            bail!("the old feed has more than {DOCUMENTS_MAX} documents");
        }
        self.documents.push(document);
        Ok(())
    }

    /// Reads an address, and the older pages that follow from it.
    fn follow(&mut self, address: &str) -> anyhow::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let Fetched { url: first, bytes } = self.get(&runtime, address)?;
        self.count(&bytes)?;
        let mut document = self.parse(address, &bytes)?;
        let (mut seen, mut ids) = (HashSet::from([first.clone()]), HashSet::new());
        let (mut url, mut page) = (first.clone(), 1);
        loop {
            let mut is_new = false;
            for entry in &document.entries {
                is_new |= ids.insert(entry.id.clone());
            }
            let (next, is_wordpress) = (document.next.clone(), document.is_wordpress);
            if !is_new {
                // Some sites answer every page with the last one.
                return Ok(());
            }
            self.push(document)?;
            page += 1;
            let next = match next {
                Some(next) => url.join(&next).ok(),
                None if is_wordpress => Some(paged(&first, page)),
                None => None,
            };
            let Some(next) = next else { return Ok(()) };
            if !self.may_follow(&first, &next) {
                return Ok(());
            }
            if !seen.insert(next.clone()) {
                self.notes.push(format!("{address}: the older pages lead back to {next}"));
                return Ok(());
            }
            match self.get(&runtime, next.as_str()) {
                Ok(fetched) => {
                    self.count(&fetched.bytes)?;
                    document = self.parse(next.as_str(), &fetched.bytes)?;
                    url = fetched.url;
                }
                // WordPress does not name its pages: the first that is not there is the end.
                Err(FetchError::Status { .. }) if is_wordpress => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn get(&self, runtime: &Runtime, address: &str) -> Result<Fetched, FetchError> {
        runtime.block_on(fetch(address, &self.proxies, self.left_bytes))
    }

    /// Whether a page is on the host of its feed, or on one that the command line allows.
    fn may_follow(&mut self, first: &Url, next: &Url) -> bool {
        let host = next.host_str().unwrap_or_default();
        if first.host_str() == Some(host) || self.follow_hosts.iter().any(|known| known == host) {
            return true;
        }
        self.notes.push(format!(
            "older pages are at {next}, on another host; to read them, add --follow-hosts {host}"
        ));
        false
    }
}

/// A page of WordPress: the address with `paged`.
fn paged(first: &Url, page: usize) -> Url {
    let mut url = first.clone();
    let kept: Vec<(String, String)> = first
        .query_pairs()
        .filter(|(name, _)| name != "paged")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair("paged", &page.to_string());
    url
}

/// The proxies of the command line, or else of the environment, by the names that curl knows.
fn proxies(proxy: Option<&str>) -> Proxies {
    if let Some(proxy) = proxy {
        return Proxies {
            http: Some(proxy.to_owned()),
            https: Some(proxy.to_owned()),
            except: Vec::new(),
        };
    }
    let except = variable(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    Proxies {
        // In capitals, a server that sets variables from requests could be tricked into it.
        http: variable(&["http_proxy"]),
        https: variable(&["HTTPS_PROXY", "https_proxy"]),
        except: except.split(',').map(str::to_owned).collect(),
    }
}

/// The first of these environment variables that is set.
fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env::var(name).ok())
}
