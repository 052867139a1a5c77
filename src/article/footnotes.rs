//! Footnotes of one article: their numbers by first reference, their ids, and their texts until the end.

use std::collections::HashMap;

/// How many ways back a note shows.
const BACK_LINKS_MAX: usize = 8;

/// One reference to a note.
pub(super) struct Reference {
    /// The number of the note, from 1.
    pub(super) number: usize,
    /// The reference's own id.
    pub(super) id: String,
    /// The note's id.
    pub(super) target: String,
}

/// A note to be written at the end.
pub(super) struct Note {
    /// Its id.
    pub(super) id: String,
    /// Its HTML.
    pub(super) html: String,
    /// The ids of the references to it.
    pub(super) references: Vec<String>,
}

/// The footnotes of an article.
pub(super) struct Footnotes {
    prefix: String,
    /// Label to number, from 1.
    numbers: HashMap<String, usize>,
    /// How often each note was referred to.
    counts: Vec<usize>,
    texts: HashMap<String, String>,
    /// The definitions that are being written: the label, and what was written before.
    open: Vec<(String, String)>,
    len_bytes: usize,
}

impl Footnotes {
    /// Ids begin with `prefix`.
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            numbers: HashMap::new(),
            counts: Vec::new(),
            texts: HashMap::new(),
            open: Vec::new(),
            len_bytes: 0,
        }
    }

    /// Bytes of HTML that wait for the end.
    pub(super) fn len_bytes(&self) -> usize {
        self.len_bytes + self.open.iter().map(|(_, outer)| outer.len()).sum::<usize>()
    }

    /// A reference to the note of that label stands here.
    pub(super) fn refer(&mut self, label: &str) -> Reference {
        let next = self.numbers.len() + 1;
        let number = *self.numbers.entry(label.to_owned()).or_insert(next);
        if number > self.counts.len() {
            self.counts.push(0);
        }
        self.counts[number - 1] += 1;
        Reference { number, id: self.reference_id(number, self.counts[number - 1]), target: self.note_id(number) }
    }

    /// The text of the note of that label follows; `outer` is what was written before.
    pub(super) fn begin(&mut self, label: &str, outer: String) {
        self.open.push((label.to_owned(), outer));
    }

    /// The text of the innermost note ends: takes it from `out`, and gives back what was written before. The first
    /// definition of a label counts, as in GitHub's Markdown.
    pub(super) fn end(&mut self, out: &mut String) {
        let Some((label, outer)) = self.open.pop() else { return };
        let text = std::mem::replace(out, outer);
        self.len_bytes += text.len();
        self.texts.entry(label).or_insert(text);
    }

    /// The notes that were referred to, by number.
    pub(super) fn take_referred(&mut self) -> Vec<Note> {
        let mut numbered: Vec<(usize, String)> = self.numbers.drain().map(|(label, number)| (number, label)).collect();
        numbered.sort_unstable();
        numbered
            .into_iter()
            .map(|(number, label)| Note {
                id: self.note_id(number),
                html: self.texts.remove(&label).unwrap_or_default(),
                references: (1..=self.counts[number - 1].min(BACK_LINKS_MAX))
                    .map(|n| self.reference_id(number, n))
                    .collect(),
            })
            .collect()
    }

    fn note_id(&self, number: usize) -> String {
        format!("fn-{}-{number}", self.prefix)
    }

    fn reference_id(&self, number: usize, count: usize) -> String {
        let suffix = if count == 1 { String::new() } else { format!("-{count}") };
        format!("fnref-{}-{number}{suffix}", self.prefix)
    }
}
