//! Any cells are a row or are refused, and a row that was read is written so that the same row is read again.

#![no_main]

use std::fmt::Debug;

use dropfeed::testing::store::rows::{self, Cells, Value};
use libfuzzer_sys::fuzz_target;

// The first byte says of which table the row is; the cells follow.
fuzz_target!(|input: &[u8]| {
    let Some((table, rest)) = input.split_first() else { return };
    let cells = cells(rest);
    match table % 7 {
        0 => check(cells, rows::read_file, |(path, row)| rows::file(path, row).unwrap()),
        1 => check(
            cells,
            // The words of an article are read by themselves.
            |cells| Ok((rows::read_record(cells.clone())?, rows::read_words(cells)?)),
            |(record, words)| rows::record(record, Some(&**words)).unwrap(),
        ),
        2 => check(cells, rows::read_url, |(n, (url, seq))| rows::url(url, *seq, *n)),
        // The row of a path that is no scope is read as none, and is never written.
        3 => {
            if let Ok(Some(row)) = rows::read_channel(cells) {
                assert_eq!(rows::read_channel(rows::channel(&row)).expect("what was written is read"), Some(row));
            }
        }
        4 => check(cells, rows::read_body, |(seq, body)| rows::body(*seq, body).unwrap()),
        5 => check(cells, rows::read_document, |(path, row)| rows::document(path, row)),
        _ => check(cells, rows::read_projected, |(name, digests)| rows::projected(name, digests)),
    }
});

fn check<T: Debug + PartialEq>(cells: Cells, read: fn(Cells) -> rows::Result<T>, write: impl Fn(&T) -> Cells) {
    if let Ok(row) = read(cells) {
        assert_eq!(read(write(&row)).expect("what was written is read"), row);
    }
}

/// Cells: a byte for the kind, a byte for the length, and the content.
fn cells(mut bytes: &[u8]) -> Cells {
    let mut cells = Cells::new();
    while let [kind, length, rest @ ..] = bytes {
        let (content, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        bytes = rest;
        cells.push(match kind % 4 {
            0 => Value::Null,
            1 => {
                let mut number = [0; 8];
                let length = content.len().min(8);
                number[..length].copy_from_slice(&content[..length]);
                Value::Integer(i64::from_le_bytes(number))
            }
            2 => Value::Text(String::from_utf8_lossy(content).into_owned()),
            _ => Value::Blob(content.to_vec()),
        });
    }
    cells
}
