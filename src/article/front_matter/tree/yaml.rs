//! YAML 1.2 front matter. A plain scalar stays what is written: nothing here makes a boolean of
//! `no` or a number of `007`.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput};

use crate::base::Place;

use super::{Budget, DEPTH_MAX, Field, Malformed, Table, Value};

pub(crate) fn read(front_matter: &str) -> Result<Table, Malformed> {
    let mut options = Options::default();
    options.flow_nesting_limit = DEPTH_MAX;
    options.block_nesting_limit = DEPTH_MAX;
    // Front matter's last line may be a block scalar's, cut at the fence.
    options.block_scalar_eof_without_line_feed = true;
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(front_matter, options);
    let mut builder =
        Builder { front_matter, parser, budget: Budget::new(), anchors: HashMap::new() };
    let root = builder.document()?;
    match root.map(|root| (root.place, root.value)) {
        None | Some((_, Value::Absent)) => Ok(Table::default()),
        Some((_, Value::Table(table))) => Ok(table),
        Some((place, _)) => Err(builder.not_a_table(place)),
    }
}

struct Builder<'a> {
    front_matter: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    budget: Budget,
    /// The values of anchors, by the parser's number for the anchor.
    anchors: HashMap<usize, Field>,
}

impl<'a> Builder<'a> {
    /// The one document of front matter, or none where it is empty.
    fn document(&mut self) -> Result<Option<Field>, Malformed> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                _ if root.is_some() => {
                    return Err(Malformed {
                        place: place(&span),
                        message: "a second document begins here".to_owned(),
                    });
                }
                event => root = Some(self.node(event, &span, 0)?),
            }
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Malformed> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(next)) => Ok(Some(next)),
            Some(Err(error)) => Err(self.explain(&error)),
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Field, Malformed> {
        let place = place(span);
        self.budget.spend(1, depth, place)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_binary = tag.is_some_and(|tag| tag.suffix() == "binary");
                let decoded = if is_binary { base64(&text) } else { None };
                (anchor, decoded.map_or_else(|| scalar(text, style), Value::Text))
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.table(depth)?),
            Event::Alias(anchor) => return self.alias(anchor, depth, place),
            _ => (0, Value::Absent),
        };
        let field = Field::at(place, value);
        if anchor != 0 {
            self.anchors.insert(anchor, field.clone());
        }
        Ok(field)
    }

    fn alias(&mut self, anchor: usize, depth: usize, place: Place) -> Result<Field, Malformed> {
        let Some(field) = self.anchors.get(&anchor) else {
            return Err(Malformed {
                place,
                message: "the alias is inside of its own anchor".to_owned(),
            });
        };
        self.budget.spend(field.weight(), depth, place)?;
        Ok(field.clone())
    }

    fn list(&mut self, depth: usize) -> Result<Value, Malformed> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(event, &span, depth + 1)?);
        }
        Ok(Value::List(items))
    }

    fn table(&mut self, depth: usize) -> Result<Value, Malformed> {
        let mut table = Table::default();
        while let Some((event, key_span)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, &key_span, depth + 1)?;
            let Some((event, span)) = self.next()? else { break };
            let value = self.node(event, &span, depth + 1)?;
            // A key that is a list or a table is nobody's name.
            if let Value::Text(key) = key.value {
                table.add_new(key, value, place(&key_span))?;
            }
        }
        Ok(Value::Table(table))
    }

    /// The parser's error with what its author probably meant.
    fn explain(&self, error: &ScanError) -> Malformed {
        let marker = error.marker();
        let lines: Vec<&str> = self.front_matter.lines().collect();
        // The end of the front matter lies on the line of the fence; what is wrong began before it.
        let line = marker.line().clamp(1, lines.len().max(1));
        let place = Place::new(line, marker.col() + 1);
        let begins_with_tab = |line: usize| {
            let text = lines.get(line - 1).unwrap_or(&"");
            text.trim_start_matches(' ').starts_with('\t').then_some(line)
        };
        // The parser sees a tab from the line before, which it might have continued.
        if let Some(line) = begins_with_tab(line).or_else(|| begins_with_tab(line + 1)) {
            let message = "YAML indents with spaces, and this line begins with a tab".to_owned();
            return Malformed { place: Place::new(line, 1), message };
        }
        let mut message = error.info();
        let value = lines
            .get(line - 1)
            .and_then(|line| line.split_once(": "))
            .map_or("", |(_, value)| value.trim());
        if value.contains(": ") && !value.starts_with(['"', '\'', '{', '[']) {
            message += " (text with `: ` in it needs quotes)";
        }
        Malformed { place, message }
    }

    fn not_a_table(&self, place: Option<Place>) -> Malformed {
        let place = place.unwrap_or(Place { line: 1, column: 1 });
        let message = if self.front_matter.contains(" = ") {
            "this is not a list of keys and values in YAML; TOML goes between `+++` lines"
        } else {
            "this is not a list of keys and values"
        };
        Malformed { place, message: message.to_owned() }
    }
}

/// Null is nothing said; any other scalar is its text.
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    let is_null =
        style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
    if is_null { Value::Absent } else { Value::Text(text.into_owned()) }
}

/// The text that YAML's `!!binary` encodes (RFC 4648, section 4), as Ruby writes it for text beyond
/// ASCII; `None` where it is not text.
fn base64(encoded: &str) -> Option<String> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for byte in encoded.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

fn place(span: &Span) -> Place {
    Place::new(span.start.line().max(1), span.start.col() + 1)
}
