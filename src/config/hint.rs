//! What was probably meant by a word that is not known.

/// The one of `known` that `word` most resembles, where one is near enough to be worth naming.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ``, did you mean `listen`?`` or nothing.
pub(super) fn did_you_mean(word: Option<&str>) -> String {
    word.map(|word| format!(", did you mean `{word}`?")).unwrap_or_default()
}

/// `"a", "b" or "c"`: what may be chosen, as a sentence names it.
pub(super) fn any_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("\"{one}\""),
        [rest @ .., last] => {
            let rest: Vec<String> = rest.iter().map(|word| format!("\"{word}\"")).collect();
            format!("{} or \"{last}\"", rest.join(", "))
        }
    }
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
