//! Suggestions for unknown words.

/// Finds the known word that is most like `word`; `None` if none is similar enough.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // One typing mistake for every three characters; more is another word.
    let limit = (word.chars().count() / 3).max(1);
    let mut nearest = None;
    for candidate in known {
        let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
        // Of several equally near words the first is suggested.
        let best = match nearest {
            Some((best, _)) => best,
            None => limit + 1,
        };
        if distance < best {
            nearest = Some((distance, candidate));
        }
    }
    nearest.map(|(_, candidate)| candidate)
}

/// The end of a message: ``, did you mean `listen`?``, or nothing.
pub(super) fn did_you_mean(word: Option<&str>) -> String {
    match word {
        Some(word) => format!(", did you mean `{word}`?"),
        None => String::new(),
    }
}

/// The choices as a sentence lists them: `"a", "b" or "c"`.
pub(super) fn any_of(words: &[&str]) -> String {
    let mut list = String::new();
    for (n, word) in words.iter().enumerate() {
        list += match n {
            0 => "",
            n if n + 1 == words.len() => " or ",
            _ => ", ",
        };
        list += &format!("\"{word}\"");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_named_and_far_ones_are_not() {
        let known = ["listen", "max_connections", "idle_timeout_s"];
        for (word, hint) in [
            ("lstien", Some("listen")),
            ("Listen", Some("listen")),
            ("max_conections", Some("max_connections")),
            ("idle_timeout", Some("idle_timeout_s")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), hint, "{word}");
        }
    }

    #[test]
    fn choices() {
        assert_eq!(any_of(&["rss", "atom", "json"]), "\"rss\", \"atom\" or \"json\"");
    }
}
