//! Blocks of plain text, recognised by the shape of their lines. No HTML is written here.
//!
//! Widths are in columns: a character of an East Asian script takes two.

/// A block of plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    /// Prose on one line.
    Paragraph(String),
    /// Lines that their author broke: a poem, an address, a signature.
    Verse(Vec<String>),
    /// A short line between long paragraphs.
    Heading(String),
    /// A list, with the number of its first item if it is numbered.
    List { start: Option<u32>, items: Vec<String> },
    /// Code, a table or a drawing, unchanged.
    Pre(Vec<String>),
    /// A quotation, without its marks.
    Quote(String),
    /// A line of dashes or asterisks.
    Rule,
}

/// The longest line, in columns, that an editor may have wrapped; a longer one is a paragraph of
/// its own.
const LONG_COLUMNS: usize = 100;

/// The narrowest width that an editor wraps prose to.
const WRAP_COLUMNS_MIN: usize = 50;

/// Columns that wrapped prose may leave free at the end of a line, beyond the width of the next
/// word.
const SLACK_COLUMNS: usize = 10;

/// Characters that a paragraph needs so that the line above it can be its heading.
const HEADED_CHARS_MIN: usize = 80;

/// The longest heading or title, in characters.
const TITLE_CHARS_MAX: usize = 80;

/// The widest first line, in columns, that is the title of prose which follows without a blank
/// line.
const RUN_TITLE_COLUMNS_MAX: usize = 60;

/// Splits a text into its blocks.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let lines = dedented(text);
    let wrap = wrap_columns(&lines);
    let mut found = Vec::new();
    for chunk in lines.split(|line| line.is_empty()) {
        for run in chunk.chunk_by(|a, b| a.starts_with('>') == b.starts_with('>')) {
            read_chunk(run, wrap, &mut found);
        }
    }
    mark_headings(&mut found);
    join_lists(found)
}

/// The first line, if it reads as a title, and the text after it.
///
/// Such a line is short and has words; it does not end like a sentence or a part of one; it does
/// not begin a list, a quotation or a letter; and it is followed by a blank line, an underline, or
/// prose that it does not belong to.
pub(crate) fn title(text: &str) -> Option<(&str, &str)> {
    // The indentation of the first line stays: an indented line is not a title.
    let from = text.len() - text.trim_start().len();
    let line_start = match text[..from].rfind('\n') {
        Some(line_break) => line_break + 1,
        None => 0,
    };
    let (first, rest) = text[line_start..].split_once('\n')?;
    let first = first.trim_end();
    if !reads_as_title(first) || rest.trim().is_empty() {
        return None;
    }
    let (second, after) = rest.split_once('\n').unwrap_or((rest, ""));
    let second = second.trim();
    if is_underline(second) {
        return if after.trim().is_empty() { None } else { Some((first, after)) };
    }
    if second.is_empty() || is_title_of_run(first, rest) { Some((first, rest)) } else { None }
}

fn reads_as_title(line: &str) -> bool {
    const SALUTATIONS: [&str; 8] =
        ["dear ", "hi ", "hello ", "hey ", "liebe ", "lieber ", "cher ", "chère "];
    let lower = line.to_lowercase();
    let is_salutation = SALUTATIONS.iter().any(|start| lower.starts_with(start));
    line.chars().count() <= TITLE_CHARS_MAX
        && !line.ends_with(['.', ',', ';', ':', '…', '。', '、'])
        && !is_salutation
        && !line.starts_with([' ', '\t', '>'])
        && marker(line).is_none()
        && !lower.contains("://")
        && line.contains(char::is_alphabetic)
}

/// Whether the first line, without a blank line after it, is the title of the lines after it: these
/// are prose, and the line is far too short to be the beginning of it.
fn is_title_of_run(first: &str, rest: &str) -> bool {
    let mut run = Vec::new();
    for line in rest.lines().map(str::trim_end) {
        if line.is_empty() {
            break;
        }
        run.push(line);
    }
    let Some(next) = run.first() else { return false };
    let next_width = columns(next);
    let widest = widest(&run);
    let is_prose = widest > LONG_COLUMNS || is_wrapped(&run, wrap_columns(&run));
    if !is_prose || next_width < WRAP_COLUMNS_MIN {
        return false;
    }
    // In wrapped prose, a first line that ends a sentence may as well be a paragraph of its own.
    if first.ends_with(['!', '?']) && widest <= LONG_COLUMNS {
        return false;
    }
    let width = columns(first);
    let with_next_word = width + 1 + first_word(next) + SLACK_COLUMNS;
    width <= RUN_TITLE_COLUMNS_MAX && with_next_word < next_width.min(LONG_COLUMNS)
}

/// The lines without white space at their ends, and without the indentation that all of them share.
fn dedented(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut common = usize::MAX;
    for line in &lines {
        if !line.is_empty() {
            common = common.min(line.len() - line.trim_start_matches(' ').len());
        }
    }
    for line in &mut lines {
        *line = line.get(common..).unwrap_or_default();
    }
    lines
}

/// The width to which the text was wrapped: that of its longest line, except lines that no editor
/// wraps.
fn wrap_columns(lines: &[&str]) -> usize {
    let mut widest = 0;
    for line in lines {
        let width = columns(line);
        // Code and tables have their own width.
        if width <= LONG_COLUMNS && !line.starts_with("    ") && !line.contains('\t') {
            widest = widest.max(width);
        }
    }
    widest
}

fn widest(lines: &[&str]) -> usize {
    lines.iter().map(|line| columns(line)).max().unwrap_or(0)
}

/// Reads the lines between two blank ones; quoted lines are not mixed with others.
fn read_chunk(chunk: &[&str], wrap: usize, found: &mut Vec<Block>) {
    if chunk.iter().all(|line| line.starts_with('>')) {
        let mut inner = Vec::new();
        for line in chunk {
            let bare = &line[1..];
            inner.push(bare.strip_prefix(' ').unwrap_or(bare));
        }
        found.push(Block::Quote(inner.join("\n")));
        return;
    }
    if is_preformatted(chunk) {
        found.push(Block::Pre(owned(chunk)));
        return;
    }
    match *chunk {
        [line] if is_rule(line) => found.push(Block::Rule),
        [line, under] if is_heading(line, under) => {
            found.push(Block::Heading(line.trim().to_owned()));
        }
        _ => {
            let (prose, list) = chunk.split_at(list_start(chunk));
            if !prose.is_empty() {
                read_prose(prose, wrap, found);
            }
            read_list(list, found);
        }
    }
}

/// The index of the line on which a list begins; the number of lines if none does.
fn list_start(chunk: &[&str]) -> usize {
    let mut at = 0;
    while at < chunk.len() && !starts_list(chunk, at) {
        at += 1;
    }
    at
}

fn is_heading(line: &str, under: &str) -> bool {
    is_underline(under) && line.chars().count() <= TITLE_CHARS_MAX
}

/// Whether a list begins on this line. A single item is a list only if no line is before it.
/// Several lines of dialogue, which many languages open with a dash, cannot be distinguished from a
/// list.
fn starts_list(chunk: &[&str], at: usize) -> bool {
    let Some(first) = marker(chunk[at]) else { return false };
    for line in &chunk[at + 1..] {
        if let Some(next) = marker(line) {
            if next.kind == first.kind {
                return true;
            }
            break;
        }
    }
    // A number such as `12. ` alone may be a date that begins a sentence.
    at == 0 && (first.kind != '.' || first.number == Some(1) || chunk.len() == 1)
}

/// The bullet or number that a line begins with.
struct Marker {
    /// The bullet, or the `.` or `)` behind the number.
    kind: char,
    number: Option<u32>,
    /// Bytes of the line before the item's text.
    len: usize,
}

/// The marker of a list's item, if the line begins with one.
fn marker(line: &str) -> Option<Marker> {
    let bare = line.trim_start_matches(' ');
    let indent = line.len() - bare.len();
    if indent > 3 {
        return None;
    }
    let first = bare.chars().next()?;
    if matches!(first, '-' | '*' | '+' | '•' | '–' | '·') {
        let after = &bare[first.len_utf8()..];
        let text = after.trim_start();
        // `- - -` is a rule.
        if !after.starts_with([' ', '\t']) || text.is_empty() || text.starts_with(first) {
            return None;
        }
        return Some(Marker { kind: first, number: None, len: indent + first.len_utf8() + 1 });
    }
    let text = bare.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = bare.len() - text.len();
    // Four digits are a year: `1984. What a year.`
    if !(1..=3).contains(&digits) {
        return None;
    }
    let kind = text.chars().next()?;
    if !matches!(kind, '.' | ')') || !text[1..].starts_with(' ') {
        return None;
    }
    Some(Marker { kind, number: bare[..digits].parse().ok(), len: indent + digits + 2 })
}

fn read_list(chunk: &[&str], found: &mut Vec<Block>) {
    // The list that is being read: the kind of its markers, its first number and its items.
    let mut list: Option<(char, Option<u32>, Vec<String>)> = None;
    for line in chunk {
        // An item within an item may be indented by any number of columns. All are of one level.
        let line = if list.is_some() { line.trim_start() } else { line };
        let Some(marker) = marker(line) else {
            // A line without a marker continues the item before it.
            if let Some((_, _, items)) = &mut list
                && let Some(item) = items.last_mut()
            {
                append(item, line.trim());
            }
            continue;
        };
        let text = line[marker.len..].trim().to_owned();
        match &mut list {
            Some((kind, _, items)) if *kind == marker.kind => items.push(text),
            _ => {
                // Another marker begins another list.
                if let Some((_, start, items)) = list.take() {
                    found.push(Block::List { start, items });
                }
                list = Some((marker.kind, marker.number, vec![text]));
            }
        }
    }
    if let Some((_, start, items)) = list {
        found.push(Block::List { start, items });
    }
}

/// Reads lines that are not a list: a wrapped paragraph, a paragraph a line, or verse.
fn read_prose(lines: &[&str], wrap: usize, found: &mut Vec<Block>) {
    if lines.len() == 1 || widest(lines) > LONG_COLUMNS {
        for line in lines {
            found.push(Block::Paragraph(line.trim().to_owned()));
        }
    } else if is_wrapped(lines, wrap) {
        let mut text = String::new();
        for line in lines {
            append(&mut text, line.trim());
        }
        found.push(Block::Paragraph(text));
    } else {
        found.push(Block::Verse(owned(lines)));
    }
}

/// Whether an editor broke these lines: the first word of most would not have fitted on the line
/// before. Not of all, because editors do not break at exactly the same column.
fn is_wrapped(lines: &[&str], wrap: usize) -> bool {
    if wrap < WRAP_COLUMNS_MIN || lines.len() < 2 {
        return false;
    }
    let mut full = 0;
    for pair in lines.windows(2) {
        if columns(pair[0]) + 1 + first_word(pair[1]) + SLACK_COLUMNS > wrap {
            full += 1;
        }
    }
    // Four line breaks of five.
    full * 5 >= (lines.len() - 1) * 4
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Appends a line to the line that it was wrapped from.
fn append(text: &mut String, line: &str) {
    if !text.is_empty() && !joins_tightly(text, line) {
        text.push(' ');
    }
    text.push_str(line);
}

/// Whether two lines are joined without a space, as in scripts without spaces between words.
fn joins_tightly(before: &str, after: &str) -> bool {
    before.ends_with(is_wide) && after.starts_with(is_wide)
}

/// Whether the lines are indented like code, or arranged in columns.
fn is_preformatted(chunk: &[&str]) -> bool {
    if chunk.iter().all(|line| line.starts_with("    ") || line.starts_with('\t')) {
        // One long indented line is a paragraph whose first line is indented.
        return chunk.len() > 1 || columns(chunk[0]) <= TITLE_CHARS_MAX;
    }
    // Two lines of three: tables have captions and rules.
    let set = chunk.iter().filter(|line| is_set_in_columns(line)).count();
    chunk.len() > 1 && set * 3 >= chunk.len() * 2
}

fn is_set_in_columns(line: &str) -> bool {
    let line = line.trim();
    line.matches('|').count() >= 2
        || line.contains('\t')
        || line.starts_with("+-")
        || line.contains("   ")
}

fn is_rule(line: &str) -> bool {
    let mut marks = line.chars().filter(|c| !c.is_whitespace());
    let Some(first) = marks.next() else { return false };
    let mut count = 1;
    for mark in marks {
        if mark != first {
            return false;
        }
        count += 1;
    }
    count >= 3 && matches!(first, '-' | '*' | '_' | '=' | '~' | '#')
}

fn is_underline(line: &str) -> bool {
    let other = line.trim_start_matches('=').len().min(line.trim_start_matches('-').len());
    line.len() >= 3 && other == 0
}

/// Turns short lines in title case between long paragraphs into headings.
fn mark_headings(found: &mut [Block]) {
    let mut headings = Vec::new();
    for (at, around) in found.windows(3).enumerate() {
        if let Block::Paragraph(text) = &around[1]
            && is_headed(&around[0])
            && is_headed(&around[2])
            && reads_as_heading(text)
        {
            headings.push((at + 1, text.clone()));
        }
    }
    for (at, text) in headings {
        found[at] = Block::Heading(text);
    }
}

/// Whether a block is long enough to be before or after a heading.
fn is_headed(block: &Block) -> bool {
    match block {
        Block::Paragraph(text) => {
            text.chars().count() >= HEADED_CHARS_MIN
                && !text.starts_with("P.S")
                && !text.starts_with("PS")
        }
        Block::List { items, .. } => items.len() > 1,
        Block::Pre(_) => true,
        _ => false,
    }
}

/// Whether a line is short, has no final stop, and begins every long word with a capital if its
/// script has capitals.
fn reads_as_heading(text: &str) -> bool {
    if text.chars().count() > 60 || text.ends_with('!') || !reads_as_title(text) {
        return false;
    }
    for (at, word) in text.split_whitespace().enumerate() {
        // Title case leaves short words small, except the first.
        let counts = at == 0 || word.chars().count() > 4;
        if counts && begins_small(word) {
            return false;
        }
    }
    true
}

fn begins_small(word: &str) -> bool {
    match word.chars().find(|c| c.is_alphanumeric()) {
        Some(first) => first.is_lowercase(),
        None => false,
    }
}

/// Joins lists that are parts of one, with blank lines between the items.
fn join_lists(found: Vec<Block>) -> Vec<Block> {
    let mut joined: Vec<Block> = Vec::with_capacity(found.len());
    for block in found {
        if let Block::List { start: next, items: more } = &block
            && let Some(Block::List { start, items }) = joined.last_mut()
            && goes_on(*start, items.len(), *next)
        {
            items.extend_from_slice(more);
        } else {
            joined.push(block);
        }
    }
    joined
}

/// Whether a list that starts at `next` continues one of `len` items that starts at `start`.
fn goes_on(start: Option<u32>, len: usize, next: Option<u32>) -> bool {
    match (start, next) {
        (None, None) => true,
        (Some(start), Some(next)) => u64::from(next) == u64::from(start) + len as u64,
        _ => false,
    }
}

/// The width of a line's first word in columns. In a script without spaces it is one character.
fn first_word(line: &str) -> usize {
    let line = line.trim_start();
    if line.starts_with(is_wide) {
        return 2;
    }
    columns(line.split_whitespace().next().unwrap_or_default())
}

/// The width of a line in columns.
fn columns(line: &str) -> usize {
    let mut columns = 0;
    for c in line.chars() {
        columns += if is_wide(c) { 2 } else { 1 };
    }
    columns
}

/// Whether a character is set in a full-width cell: CJK ideographs, kana, hangul, full-width forms.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}')
        || matches!(c, '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}')
        || matches!(c, '\u{20000}'..='\u{3fffd}')
}
