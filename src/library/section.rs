//! The section files of the library: the titles, descriptions and texts of its directories.

use std::sync::Arc;

use crate::article::Head;
use crate::base::{Digest, RelPath, Scope};

use super::{Library, SectionFile, address, channel};

impl Library {
    /// Sets the title, description and text of the directory of an `_index.md`, or removes them.
    /// Returns the scope whose feeds show them: none for the article directory itself, since the
    /// title of the site comes from the configuration.
    pub(super) fn set_section(
        &mut self,
        path: &RelPath,
        head: Option<&Arc<Head>>,
        digest: Option<Digest>,
    ) -> Option<Scope> {
        // `_index.fr.md` is for a list in another language, and there is none.
        if path.stem() != "_index" {
            return None;
        }
        // Directories are asked for by a file in them; its name does not matter.
        let probe = path.parent()?.join("x.md")?;
        let scope = match address::directories(&probe).pop() {
            Some((scope, _)) => scope,
            None => Scope::Site,
        };
        let old = match head {
            Some(head) => {
                let section = SectionFile { path: path.clone(), head: Arc::clone(head), digest };
                let (listed, shown) = section_numbers(&scope, &section);
                self.shown = self.shown.wrapping_add(shown);
                self.totals.listing = self.totals.listing.wrapping_add(listed);
                self.sections.insert(scope.clone(), section)
            }
            None => self.sections.remove(&scope),
        };
        if let Some(old) = old {
            let (listed, shown) = section_numbers(&scope, &old);
            self.shown = self.shown.wrapping_sub(shown);
            self.totals.listing = self.totals.listing.wrapping_sub(listed);
        }
        (scope != Scope::Site).then_some(scope)
    }
}

/// The numbers of what feeds and lists show of a section, and of what its own page shows as well.
fn section_numbers(scope: &Scope, section: &SectionFile) -> (u128, u128) {
    let (title, description) = section.texts();
    let listed = format!("{scope} {title:?} {description:?}");
    let shown = format!("{listed} {:?}", section.digest);
    (channel::number(&listed), channel::number(&shown))
}
