//! The feeds that the last process left in `feeds/`, which a start serves until it has loaded the
//! articles.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crate::base::{Digest, Format, Route, Scope};
use crate::config::Config;
use crate::library::DocumentRow;
use crate::publish::{Document, Extent, Kind, Snapshot};

use super::hot;
use super::project::file_name;

/// The last hot feeds, with the dates that they had, of those scopes whose three files are as they
/// were published. `rows`: what is remembered of them; `read`: reads a file in `feeds/`.
pub fn last_feeds(
    config: &Arc<Config>,
    rows: &[(String, DocumentRow)],
    read: &dyn Fn(&str) -> io::Result<Option<Vec<u8>>>,
) -> Snapshot {
    let rows: HashMap<&str, &DocumentRow> =
        rows.iter().map(|(path, row)| (path.as_str(), row)).collect();
    let mut feeds = HashMap::new();
    for scope in hot::scopes(config) {
        if let Some(documents) = feeds_of(&scope, &rows, read) {
            feeds.extend(documents);
        }
    }
    Snapshot::restored(Extent::Loading, Arc::clone(config), feeds)
}

/// The last feeds of a scope; `None` unless all three are there.
fn feeds_of(
    scope: &Scope,
    rows: &HashMap<&str, &DocumentRow>,
    read: &dyn Fn(&str) -> io::Result<Option<Vec<u8>>>,
) -> Option<Vec<(Route, Arc<Document>)>> {
    let mut documents = Vec::new();
    for format in Format::ALL {
        let route = Route::Feed(scope.clone(), format);
        let row = rows.get(route.to_string().as_str())?;
        // A file that cannot be read now is as good as none: the articles are loaded next.
        let bytes = read(&file_name(&route)).ok()??;
        if Digest::of(&bytes) != row.digest {
            return None;
        }
        let content_type = hot::content_type(format);
        let modified = Some(row.last_modified);
        let document = Document::new(Kind::Feed, content_type, bytes.into(), modified);
        documents.push((route, Arc::new(document)));
    }
    Some(documents)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::Path;

    use super::*;
    use crate::base::Timestamp;

    #[test]
    fn only_scopes_whose_three_files_are_as_they_were_published_are_served() {
        let text = "[[view]]\nname = \"news\"\ntags = [\"news\"]\n";
        let config = Arc::new(Config::of(text, Path::new("/srv")).unwrap());
        let last_modified: Timestamp = "2026-11-20T09:30:00Z".parse().unwrap();
        let (mut rows, mut files) = (Vec::new(), HashMap::new());
        for scope in hot::scopes(&config) {
            for format in Format::ALL {
                let route = Route::Feed(scope.clone(), format);
                let bytes = route.to_string().into_bytes();
                let row = DocumentRow { digest: Digest::of(&bytes), last_modified };
                rows.push((route.to_string(), row));
                files.insert(file_name(&route), bytes);
            }
        }
        let files = RefCell::new(files);
        let read = |name: &str| Ok(files.borrow().get(name).cloned());
        let count = || {
            let snapshot = last_feeds(&config, &rows, &read);
            assert!(snapshot.is_loading());
            for (route, document) in &snapshot.hot {
                assert_eq!(document.identity, route.to_string());
                assert_eq!(document.last_modified, Some(last_modified));
            }
            snapshot.hot.len()
        };
        assert_eq!((rows.len(), count()), (6, 6));
        let rss = files.borrow_mut().insert("rss.xml".to_owned(), b"cut off".to_vec());
        assert_eq!(count(), 3);
        files.borrow_mut().insert("rss.xml".to_owned(), rss.unwrap());
        let name = file_name(&Route::parse("/views/news/atom.xml").unwrap());
        assert!(files.borrow_mut().remove(&name).is_some());
        assert_eq!(count(), 3);
    }
}
