//! Lines and columns of a text, as editors show them, from byte offsets.

use serde::{Deserialize, Serialize};

/// A place in a text file; both numbers count from 1, columns in characters.
///
/// ```
/// use dropfeed::base::Place;
///
/// assert_eq!(Place::at("one\ntwü o", 8), Place { line: 2, column: 4 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The place of a line and a column that a parser counted in its own type, each from 1.
    pub fn new(line: usize, column: usize) -> Self {
        Self { line: saturated(line), column: saturated(column) }
    }

    /// The place of a byte offset. An offset inside a character is that character's, one beyond the
    /// end is the end's.
    pub fn at(text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = match before.rfind('\n') {
            Some(line_break) => line_break + 1,
            None => 0,
        };
        Self {
            line: line_breaks(before).saturating_add(1),
            column: saturated(before[line_start..].chars().count() + 1),
        }
    }
}

/// The number of line breaks in a text, which is the number of lines that it moves what follows it
/// down by.
pub fn line_breaks(text: &str) -> u32 {
    saturated(text.bytes().filter(|byte| *byte == b'\n').count())
}

/// The beginnings of a text's lines, for many offsets in one text: finding a place takes
/// logarithmic time and the length of its line.
///
/// ```
/// use dropfeed::base::place::{Lines, Place};
///
/// let lines = Lines::new("one\ntwü o");
/// assert_eq!(lines.place(8), Place { line: 2, column: 4 });
/// ```
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of `text`.
    pub fn new(text: &'a str) -> Self {
        let mut starts = vec![0];
        for (at, _) in text.match_indices('\n') {
            starts.push(at + 1);
        }
        Self { text, starts }
    }

    /// The place of a byte offset, as [`Place::at`] gives it.
    pub fn place(&self, offset: usize) -> Place {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        // The first line starts at 0, so that every offset has a line.
        let start = self.starts[line.saturating_sub(1)];
        Place::new(line, self.text[start..offset].chars().count() + 1)
    }
}

/// The number, or the largest that fits: a place in a file of more than 4 GiB is only shown, so it
/// may be wrong.
fn saturated(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_count_from_one_and_in_characters() {
        for (text, offset, line, column) in [
            ("", 0, 1, 1),
            ("", 9, 1, 1),
            ("ab", 1, 1, 2),
            ("a\nb", 1, 1, 2),
            ("a\nb", 2, 2, 1),
            ("a\nüb", 3, 2, 1),
            ("a\nüb", 4, 2, 2),
            ("a\n", 2, 2, 1),
            ("a\n", 9, 2, 1),
        ] {
            assert_eq!(Place::at(text, offset), Place { line, column }, "{text:?} {offset}");
        }
    }

    proptest! {
        #[test]
        fn lines_know_the_same_places(text in "(\n|a|ü|漢){0,20}", offset in 0_usize..70) {
            prop_assert_eq!(Lines::new(&text).place(offset), Place::at(&text, offset));
        }
    }
}
