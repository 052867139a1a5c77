//! What a file says: pure functions from bytes to a `Head` (cheap, for every file) and a `Body`
//! (only where wanted).
//!
//! Bad input is data: a file that cannot be used gives diagnostics, never an `Err` and never a
//! panic.
//!
//! Read it in the order of the data. `decode` makes text of bytes, and `location` reads the path.
//! `front_matter` splits off the front matter, reads it as one tree whatever its syntax, and types
//! its keys (`dates` parses the dates). `foreign` converts the template tags of other generators.
//! `markdown`, `html` and `plain_text` turn the text into HTML, and what an author wrote as HTML
//! passes through `sanitize`; `addresses` finds the bare addresses of a text. `feed_html` defines
//! the form of all HTML written here and its references. `signs` shows what a text may hold.
//! `title`, `summary` and `word_sketch` derive what is shown or compared. `head` and `body` put
//! these together; `pictures` adds to a body what only a page has; `model` has the values that they
//! return.

mod addresses;
mod body;
mod dates;
pub(crate) mod decode;
mod feed_html;
mod findings;
mod foreign;
pub mod front_matter;
mod head;
#[cfg(test)]
mod hostile;
mod html;
pub(crate) mod location;
mod markdown;
mod model;
pub(crate) mod pictures;
mod plain_text;
mod private_files;
mod rendering;
mod sanitize;
mod signs;
mod summary;
pub mod symbol;
#[cfg(test)]
mod testing;
mod title;
pub(crate) mod word_sketch;

pub use body::body;
pub(crate) use feed_html::attributes;
pub use feed_html::invariants;
pub use head::{HEAD_VERSION, head};
pub use location::Location;
pub use model::{Body, Head, Person, Reading, TitleFrom};
pub use private_files::private_files;
pub use rendering::Limits;
pub use word_sketch::WordSketch;

use crate::base::time::Written;

/// The date that `text` means, in any form that authors write; `None` where it means none, or may
/// mean two.
pub(crate) fn date(text: &str) -> Option<Written> {
    dates::parse(text).ok().map(|dated| dated.written)
}
