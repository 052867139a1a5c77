//! What the blocks of a plain text are, told by the shape of their lines: pure judgement, no HTML.
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
    /// A list: the number of its first item, where it is numbered.
    List { start: Option<u32>, items: Vec<String> },
    /// Code, a table, a drawing: as it stands.
    Pre(Vec<String>),
    /// A quotation, without its marks.
    Quote(String),
    /// A line of dashes or asterisks.
    Rule,
}

/// A line longer than this was not broken to fit a screen: it is a paragraph as it is.
const LONG_COLUMNS: usize = 100;

/// No editor wraps prose to less than this.
const WRAP_COLUMNS_MIN: usize = 50;

/// Wrapped prose may leave this much free at the end of a line beyond what its next word would have needed.
const SLACK_COLUMNS: usize = 10;

/// A paragraph of this many characters is long enough to stand under a heading.
const HEADED_CHARS_MIN: usize = 80;

/// A heading and a title have at most this many characters.
const TITLE_CHARS_MAX: usize = 80;

/// The blocks of a text.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let lines = dedented(lines);
    let wrap = wrap_columns(&lines);
    let mut found = Vec::new();
    for chunk in lines.split(|line| line.is_empty()) {
        for run in chunk.chunk_by(|a, b| a.starts_with('>') == b.starts_with('>')) {
            read_chunk(run, wrap, &mut found);
        }
    }
    join_lists(with_headings(found))
}

/// The first line where it reads as a title, and the text after it.
///
/// It is short, has words, ends with nothing that ends or continues a sentence, opens no list, quote or letter, and
/// something follows it: a blank line, an underline, or prose that it does not belong to.
pub(crate) fn title(text: &str) -> Option<(&str, &str)> {
    let from = text.len() - text.trim_start().len();
    let line_start = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let (first, rest) = text[line_start..].split_once('\n')?;
    let (first, second) = (first.trim_end(), rest.lines().next().unwrap_or_default().trim());
    if !reads_as_title(first) || rest.trim().is_empty() {
        return None;
    }
    if is_underline(second) {
        let after = rest.split_once('\n').map_or("", |(_, after)| after);
        return (!after.trim().is_empty()).then_some((first, after));
    }
    let stands_alone = second.is_empty() || is_title_of_run(first, rest);
    stands_alone.then_some((first, rest))
}

fn reads_as_title(line: &str) -> bool {
    let is_short = line.chars().count() <= TITLE_CHARS_MAX;
    let ends_open = line.ends_with(['.', ',', ';', ':', '…', '。', '、']);
    let lower = line.to_lowercase();
    let is_salutation = ["dear ", "hi ", "hello ", "hey ", "liebe ", "lieber ", "cher ", "chère "]
        .iter()
        .any(|start| lower.starts_with(start));
    is_short
        && !ends_open
        && !is_salutation
        && !line.starts_with([' ', '\t', '>'])
        && marker(line).is_none()
        && !lower.contains("://")
        && line.chars().any(char::is_alphabetic)
}

/// Is the first line, with no blank line after it, the title of what follows? The rest is prose, and the line is far
/// too short to be the beginning of it.
fn is_title_of_run(first: &str, rest: &str) -> bool {
    let run: Vec<&str> = rest.lines().map(str::trim_end).take_while(|line| !line.is_empty()).collect();
    let Some(next) = run.first() else { return false };
    let widest = run.iter().map(|line| columns(line)).max().unwrap_or(0);
    let is_prose = widest > LONG_COLUMNS || is_wrapped(&run, wrap_columns(&run));
    let width = columns(first);
    let ends_sentence = first.ends_with(['!', '?']) && widest <= LONG_COLUMNS;
    let is_prose_line = |line: &str| columns(line) >= WRAP_COLUMNS_MIN;
    is_prose
        && !ends_sentence
        && is_prose_line(next)
        && width <= 60
        && width + 1 + first_word(next) + SLACK_COLUMNS < columns(next).min(LONG_COLUMNS)
}

/// Without the indentation that all lines share.
fn dedented(lines: Vec<&str>) -> Vec<&str> {
    let indent = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let common = lines.iter().filter(|line| !line.is_empty()).map(indent).min().unwrap_or(0);
    lines.into_iter().map(|line| line.get(common..).unwrap_or_default()).collect()
}

/// The width that the text was wrapped to: that of its longest line which was wrapped at all.
fn wrap_columns(lines: &[&str]) -> usize {
    let fitting = |line: &&&str| columns(line) <= LONG_COLUMNS && !line.starts_with("    ") && !line.contains('\t');
    lines.iter().filter(fitting).map(|line| columns(line)).max().unwrap_or(0)
}

/// Reads the lines between two blank ones.
fn read_chunk(chunk: &[&str], wrap: usize, found: &mut Vec<Block>) {
    if chunk.iter().all(|line| line.starts_with('>')) {
        let inner: Vec<&str> = chunk.iter().map(|line| line[1..].strip_prefix(' ').unwrap_or(&line[1..])).collect();
        found.push(Block::Quote(inner.join("\n")));
    } else if is_preformatted(chunk) {
        found.push(Block::Pre(chunk.iter().map(|line| (*line).to_owned()).collect()));
    } else if let [line] = chunk
        && is_rule(line)
    {
        found.push(Block::Rule);
    } else if let [line, under] = chunk
        && is_underline(under)
        && line.chars().count() <= TITLE_CHARS_MAX
    {
        found.push(Block::Heading(line.trim().to_owned()));
    } else if let Some(at) = (0..chunk.len()).find(|at| starts_list(chunk, *at)) {
        if at > 0 {
            read_prose(&chunk[..at], wrap, found);
        }
        read_list(&chunk[at..], found);
    } else {
        read_prose(chunk, wrap, found);
    }
}

/// Does a list begin here? One item is a list only where nothing stands before it, and more than one line of dialogue
/// (which many languages open with a dash) is not told from a list.
fn starts_list(chunk: &[&str], at: usize) -> bool {
    let Some((kind, number, _)) = marker(chunk[at]) else { return false };
    let goes_on = chunk[at + 1..].iter().find_map(|line| marker(line)).is_some_and(|(next, _, _)| next == kind);
    goes_on || at == 0 && (kind != '.' || number == Some(1) || chunk.len() == 1)
}

/// The bullet or number that a line begins with: its kind, its number, and how long it is.
fn marker(line: &str) -> Option<(char, Option<u32>, usize)> {
    let bare = line.trim_start_matches(' ');
    let indent = line.len() - bare.len();
    if indent > 3 {
        return None;
    }
    if let Some(bullet) = bare.chars().next().filter(|c| matches!(c, '-' | '*' | '+' | '•' | '–' | '·')) {
        let after = &bare[bullet.len_utf8()..];
        let is_item = after.starts_with([' ', '\t']) && after.trim_start().starts_with(|c: char| c != bullet);
        return is_item.then(|| (bullet, None, indent + bullet.len_utf8() + 1));
    }
    let digits = bare.bytes().take_while(u8::is_ascii_digit).count();
    let close = bare[digits..].chars().next().filter(|c| matches!(c, '.' | ')'))?;
    let is_item = (1..=3).contains(&digits) && bare[digits + 1..].starts_with(' ');
    is_item.then(|| (close, bare[..digits].parse().ok(), indent + digits + 2))
}

fn read_list(chunk: &[&str], found: &mut Vec<Block>) {
    let mut list: Option<(char, Option<u32>, Vec<String>)> = None;
    for line in chunk {
        match (marker(line), &mut list) {
            (Some((other, _, len)), Some((kind, _, items))) if other == *kind => {
                items.push(line[len..].trim().to_owned())
            }
            (Some((kind, start, len)), _) => {
                let before = list.replace((kind, start, vec![line[len..].trim().to_owned()]));
                found.extend(before.map(|(_, start, items)| Block::List { start, items }));
            }
            (None, Some((_, _, items))) => {
                if let Some(item) = items.last_mut() {
                    item.push_str(if joins_tightly(item, line.trim()) { "" } else { " " });
                    item.push_str(line.trim());
                }
            }
            (None, None) => {}
        }
    }
    found.extend(list.map(|(_, start, items)| Block::List { start, items }));
}

/// Reads lines that are no list: a wrapped paragraph, a paragraph a line, or verse.
fn read_prose(lines: &[&str], wrap: usize, found: &mut Vec<Block>) {
    let is_long = lines.iter().any(|line| columns(line) > LONG_COLUMNS);
    if lines.len() == 1 || is_long {
        found.extend(lines.iter().map(|line| Block::Paragraph(line.trim().to_owned())));
    } else if is_wrapped(lines, wrap) {
        found.push(Block::Paragraph(joined(lines)));
    } else {
        found.push(Block::Verse(lines.iter().map(|line| (*line).to_owned()).collect()));
    }
}

/// Were these lines broken by an editor? Then the first word of each would not have fitted on the line before, but for
/// a few: editors do not break at the same column to the letter.
fn is_wrapped(lines: &[&str], wrap: usize) -> bool {
    if wrap < WRAP_COLUMNS_MIN || lines.len() < 2 {
        return false;
    }
    let is_full = |pair: &&[&str]| columns(pair[0]) + 1 + first_word(pair[1]) + SLACK_COLUMNS > wrap;
    let full = lines.windows(2).filter(is_full).count();
    full * 5 >= (lines.len() - 1) * 4
}

fn joined(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines.iter().map(|line| line.trim()) {
        if !text.is_empty() && !joins_tightly(&text, line) {
            text.push(' ');
        }
        text.push_str(line);
    }
    text
}

/// Scripts without spaces between words have none where a line was wrapped either.
fn joins_tightly(before: &str, after: &str) -> bool {
    before.chars().next_back().is_some_and(is_wide) && after.chars().next().is_some_and(is_wide)
}

/// Indented as code is, or set in columns.
fn is_preformatted(chunk: &[&str]) -> bool {
    let is_indented = |line: &&str| line.starts_with("    ") || line.starts_with('\t');
    if chunk.iter().all(is_indented) {
        // One long indented line is a paragraph whose first line is set in.
        return chunk.len() > 1 || columns(chunk[0]) <= TITLE_CHARS_MAX;
    }
    let is_set = |line: &&&str| {
        let line = line.trim();
        line.matches('|').count() >= 2 || line.contains("\t") || line.starts_with("+-") || line.contains("   ")
    };
    chunk.len() > 1 && chunk.iter().filter(is_set).count() * 3 >= chunk.len() * 2
}

fn is_rule(line: &str) -> bool {
    let marks: Vec<char> = line.chars().filter(|c| !c.is_whitespace()).collect();
    marks.len() >= 3 && matches!(marks[0], '-' | '*' | '_' | '=' | '~' | '#') && marks.iter().all(|c| *c == marks[0])
}

fn is_underline(line: &str) -> bool {
    line.len() >= 3 && (line.bytes().all(|byte| byte == b'=') || line.bytes().all(|byte| byte == b'-'))
}

/// Makes headings of short lines in title case between long paragraphs.
fn with_headings(found: Vec<Block>) -> Vec<Block> {
    let is_long = |block: Option<&Block>| match block {
        Some(Block::Paragraph(text)) => {
            text.chars().count() >= HEADED_CHARS_MIN && !text.starts_with("P.S") && !text.starts_with("PS")
        }
        Some(Block::List { items, .. }) => items.len() > 1,
        Some(Block::Pre(_)) => true,
        _ => false,
    };
    let is_heading = |at: usize, block: &Block| {
        let Block::Paragraph(text) = block else { return false };
        at > 0 && is_long(found.get(at - 1)) && is_long(found.get(at + 1)) && reads_as_heading(text)
    };
    let headings: Vec<bool> = found.iter().enumerate().map(|(at, block)| is_heading(at, block)).collect();
    found
        .into_iter()
        .zip(headings)
        .map(|(block, is_heading)| match block {
            Block::Paragraph(text) if is_heading => Block::Heading(text),
            block => block,
        })
        .collect()
}

/// Short, no final stop, and every word of weight begins with a capital where its script has any.
fn reads_as_heading(text: &str) -> bool {
    let is_capital = |word: &str| !word.chars().find(|c| c.is_alphanumeric()).is_some_and(char::is_lowercase);
    let weighs = |word: &&str| word.chars().count() > 4;
    text.chars().count() <= 60
        && reads_as_title(text)
        && !text.ends_with('!')
        && text.split_whitespace().next().is_some_and(is_capital)
        && text.split_whitespace().filter(weighs).all(is_capital)
}

/// Items that blank lines part are one list.
fn join_lists(found: Vec<Block>) -> Vec<Block> {
    let mut joined: Vec<Block> = Vec::with_capacity(found.len());
    for block in found {
        if let (Some(Block::List { start, items }), Block::List { start: next, items: more }) =
            (joined.last_mut(), &block)
        {
            let goes_on = match (*start, *next) {
                (None, None) => true,
                (Some(first), Some(next)) => u64::from(next) == u64::from(first) + items.len() as u64,
                _ => false,
            };
            if goes_on {
                items.extend(more.iter().cloned());
                continue;
            }
        }
        joined.push(block);
    }
    joined
}

fn first_word(line: &str) -> usize {
    let line = line.trim_start();
    match line.chars().next() {
        Some(c) if is_wide(c) => 2,
        _ => line.split_whitespace().next().map_or(0, columns),
    }
}

fn columns(line: &str) -> usize {
    line.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// Scripts that are set in full-width cells: CJK ideographs, kana, hangul, full-width forms.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3fffd}')
}
