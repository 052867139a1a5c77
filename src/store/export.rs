//! The ledger as a list that people and programs can read: every article that ever was public.
//!
//! One article a line, by number; the columns are separated by tabs and named in the first line,
//! which begins with `#`. New columns are added at the end only. In a field, a tab is `\t`, a line
//! break `\n`, a carriage return `\r` and a backslash `\\`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use crate::base::{Route, Timestamp, UrlPath};
use crate::library::adopt::Recovered;
use crate::library::{Record, Standing};

/// The first line.
const HEADER: &str =
    "#number\tid\tpath\turl\tfirst_seen\tpublished\tupdated\tstanding\tmissing_since";

/// The name, in the state directory, of an export from which a lost state is recovered.
pub const KEPT: &str = "export.tsv";

/// The largest export that is read, in bytes.
const EXPORT_MAX_BYTES: u64 = 1 << 30;

/// Lists the records, which are sorted by number.
pub fn write(records: &[Arc<Record>]) -> String {
    let mut out = format!("{HEADER}\n");
    for record in records {
        let Record { seq, id, path, url, first_seen, published, updated, standing, .. } = &**record;
        let (standing, since) = match standing {
            Standing::Public => ("public", None),
            Standing::Withdrawn => ("withdrawn", None),
            Standing::Missing(since) => ("missing", Some(since)),
            Standing::Deleted(_) => ("deleted", None),
            Standing::Forgotten => ("forgotten", None),
        };
        let (id, path) = (escaped(id), escaped(path.as_str()));
        let url = escaped(&Route::Resource(url.clone()).to_string());
        let since = since.map_or_else(String::new, ToString::to_string);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{seq}\t{id}\t{path}\t{url}\t{first_seen}\t{published}\t{updated}\t{standing}\t{since}"
        );
    }
    out
}

/// Reads the export that is kept in the state directory, if there is one.
///
/// # Errors
/// One sentence with the file and the line that cannot be read.
pub fn read_kept(state: &Path) -> Result<Vec<Recovered>, String> {
    let path = state.join(KEPT);
    if path.exists() { read_file(&path) } else { Ok(Vec::new()) }
}

/// Reads an export from a file, as [`read`] does.
///
/// # Errors
/// One sentence with the file and the line that cannot be read.
pub fn read_file(path: &Path) -> Result<Vec<Recovered>, String> {
    let shown = path.display();
    let mut text = String::new();
    let file = File::open(path).map_err(|error| format!("{shown}: {error}"))?;
    file.take(EXPORT_MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| format!("{shown}: {error}"))?;
    read(&text).map_err(|reason| format!("{shown}: {reason}"))
}

/// Reads an export back, for the recovery of a lost state: what was public, the newest first.
///
/// # Errors
/// One sentence with the line that cannot be read.
pub fn read(text: &str) -> Result<Vec<Recovered>, String> {
    let mut lines = text.lines();
    if lines.next().is_none_or(|first| !first.starts_with("#number\tid\tpath\turl\t")) {
        return Err("line 1 is not the first line of an export".to_owned());
    }
    let mut found = Vec::new();
    for (n, line) in lines.enumerate() {
        let entry = entry(line).ok_or_else(|| format!("line {} is not of an export", n + 2))?;
        found.extend(entry);
    }
    found.reverse();
    for (place, entry) in found.iter_mut().enumerate() {
        entry.place = place;
    }
    Ok(found)
}

/// The article of a line; none inside if it was taken away, none outside if the line is malformed.
fn entry(line: &str) -> Option<Option<Recovered>> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [seq, id, _path, url, _first_seen, published, updated, standing, ..] = fields[..] else {
        return None;
    };
    let _: u64 = seq.parse().ok()?;
    let Some(Route::Resource(url)) = Route::parse(&unescaped(url)) else { return None };
    let published: Timestamp = published.parse().ok()?;
    let updated: Timestamp = updated.parse().ok()?;
    if standing == "deleted" || standing == "forgotten" {
        return Some(None);
    }
    Some(Some(recovered(url, unescaped(id), published, updated)))
}

fn recovered(url: UrlPath, id: String, published: Timestamp, updated: Timestamp) -> Recovered {
    let (is_verbatim, in_site_feed, place, imported) = (true, true, 0, None);
    Recovered { url, id, is_verbatim, published, updated, in_site_feed, place, imported }
}

fn escaped(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    for c in field.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out
}

fn unescaped(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::Head;
    use crate::base::{Digest, RelPath};

    fn record(seq: u64, id: &str, path: &str, url: &str, standing: Standing) -> Arc<Record> {
        let at: Timestamp = "2026-11-29T05:00:00Z".parse().unwrap();
        Arc::new(Record {
            seq,
            id: id.to_owned(),
            path: RelPath::new(path).unwrap(),
            url: UrlPath::new(url).unwrap(),
            first_seen: at,
            published: at,
            updated: "2026-11-29T05:00:00.000017Z".parse().unwrap(),
            digest: Digest::of(b""),
            head: Arc::new(Head::default()),
            standing,
            imported: None,
            last_file: None,
        })
    }

    #[test]
    fn one_article_a_line() {
        let since = "2026-11-29T06:00:00Z".parse().unwrap();
        let records = [
            record(1, "urn:a", "a.md", "a", Standing::Public),
            record(2, "x\ty\\\n", "ü b.md", "ü-b", Standing::Missing(since)),
            record(7, "urn:c", "c.md", "c", Standing::Withdrawn),
            record(9, "urn:d", "d.md", "d", Standing::Deleted(None)),
        ];
        let dates = "2026-11-29T05:00:00Z\t2026-11-29T05:00:00Z\t2026-11-29T05:00:00.000017Z";
        let expected = format!(
            "{HEADER}\n\
             1\turn:a\ta.md\t/a\t{dates}\tpublic\t\n\
             2\tx\\ty\\\\\\n\tü b.md\t/%C3%BC-b\t{dates}\tmissing\t2026-11-29T06:00:00Z\n\
             7\turn:c\tc.md\t/c\t{dates}\twithdrawn\t\n\
             9\turn:d\td.md\t/d\t{dates}\tdeleted\t\n"
        );
        assert_eq!(write(&records), expected);
        let back = read(&expected).unwrap();
        let ids: Vec<&str> = back.iter().map(|entry| &*entry.id).collect();
        assert_eq!(ids, ["urn:c", "x\ty\\\n", "urn:a"], "the newest first, without the deleted");
        assert_eq!(back[1].url, UrlPath::new("ü-b").unwrap());
        assert_eq!(read(&write(&[])), Ok(Vec::new()));
    }

    #[test]
    fn a_line_that_is_not_of_an_export_is_named() {
        let good = write(&[record(1, "urn:a", "a.md", "a", Standing::Public)]);
        for (text, reason) in [
            (String::new(), "line 1 "),
            ("{}\n".to_owned(), "line 1 "),
            (format!("{good}nonsense\n"), "line 3 "),
            (good.replace("\t/a\t", "\t/tags/\t"), "line 2 "),
            (good.replace("2026-11-29T05:00:00Z", "someday"), "line 2 "),
        ] {
            assert!(read(&text).unwrap_err().starts_with(reason), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_field_is_read_back(field: String) {
            let text = escaped(&field);
            proptest::prop_assert!(!text.contains(['\t', '\n', '\r']));
            proptest::prop_assert_eq!(unescaped(&text), field);
        }

        #[test]
        fn no_text_stops_it(text: String) {
            let _ = read(&text);
            let _ = read(&format!("{HEADER}\n{text}"));
        }
    }
}
