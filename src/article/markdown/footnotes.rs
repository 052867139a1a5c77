//! Footnotes of one article: their numbers by first reference, their ids, and their texts until the
//! end.

use std::collections::HashMap;

/// Back links that a note shows.
const BACK_LINKS_MAX: usize = 8;

/// Stands on both sides of a reference that waits inside of a note. A noncharacter, which no text
/// keeps.
pub(crate) const HELD: char = '\u{fdd8}';

/// One reference to a note.
pub(crate) struct Reference {
    /// The number of the note, from 1.
    pub(crate) number: usize,
    /// The reference's own id.
    pub(crate) id: String,
    /// The note's id.
    pub(crate) target: String,
}

/// The footnotes of an article.
pub(crate) struct Footnotes {
    prefix: String,
    /// Labels by number, less 1.
    labels: Vec<String>,
    numbers: HashMap<String, usize>,
    /// The number of references to each note.
    counts: Vec<usize>,
    texts: HashMap<String, String>,
    /// The definitions that are being written: the label, and what was written before.
    open: Vec<(String, String)>,
    /// References inside of notes, and whether each is a link.
    held: Vec<(String, bool)>,
    len_bytes: usize,
}

impl Footnotes {
    /// Ids hold `prefix`.
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            labels: Vec::new(),
            numbers: HashMap::new(),
            counts: Vec::new(),
            texts: HashMap::new(),
            open: Vec::new(),
            held: Vec::new(),
            len_bytes: 0,
        }
    }

    /// Bytes of HTML that wait for the end.
    pub(crate) fn len_bytes(&self) -> usize {
        self.len_bytes + self.open.iter().map(|(_, outer)| outer.len()).sum::<usize>()
    }

    /// Whether a note is being written.
    pub(crate) fn is_inside(&self) -> bool {
        !self.open.is_empty()
    }

    /// A reference to the note of that label stands here.
    pub(crate) fn refer(&mut self, label: &str) -> Reference {
        let number = match self.numbers.get(label) {
            Some(number) => *number,
            None => {
                self.labels.push(label.to_owned());
                self.counts.push(0);
                self.numbers.insert(label.to_owned(), self.labels.len());
                self.labels.len()
            }
        };
        self.counts[number - 1] += 1;
        Reference {
            number,
            id: self.reference_id(number, self.counts[number - 1]),
            target: self.note_id(number),
        }
    }

    /// A reference inside of a note: what stands for it until the note is written.
    pub(crate) fn hold(&mut self, label: &str, is_linked: bool) -> String {
        self.held.push((label.to_owned(), is_linked));
        format!("{HELD}{}{HELD}", self.held.len() - 1)
    }

    /// The reference that was held.
    pub(crate) fn release(&mut self, held: &str) -> Option<(Reference, bool)> {
        let (label, is_linked) = self.held.get(held.parse::<usize>().ok()?)?.clone();
        Some((self.refer(&label), is_linked))
    }

    /// The text of the note of that label follows; `outer` is what was written before.
    pub(crate) fn begin(&mut self, label: &str, outer: String) {
        self.open.push((label.to_owned(), outer));
    }

    /// The text of the innermost note ends: takes it from `out`, and gives back what was written
    /// before. The first definition of a label counts, as in GitHub's Markdown.
    pub(crate) fn end(&mut self, out: &mut String) {
        let Some((label, outer)) = self.open.pop() else { return };
        let text = std::mem::replace(out, outer);
        self.len_bytes += text.len();
        self.texts.entry(label).or_insert(text);
    }

    /// The text of the note of that number; `None` past the last that was referred to.
    pub(crate) fn take(&mut self, number: usize) -> Option<String> {
        let label = self.labels.get(number - 1)?;
        Some(self.texts.remove(label).unwrap_or_default())
    }

    /// The id of the note of that number.
    pub(crate) fn note_id(&self, number: usize) -> String {
        format!("fn-{}-{number}", self.prefix)
    }

    /// The ids of the references to the note of that number.
    pub(crate) fn back_links(&self, number: usize) -> Vec<String> {
        let count = self.counts.get(number - 1).copied().unwrap_or(0).min(BACK_LINKS_MAX);
        (1..=count).map(|nth| self.reference_id(number, nth)).collect()
    }

    fn reference_id(&self, number: usize, nth: usize) -> String {
        let suffix = if nth == 1 { String::new() } else { format!("-{nth}") };
        format!("fnref-{}-{number}{suffix}", self.prefix)
    }
}
