//! Configurations of other programs, told by their names and their marks, so that the answer is one sentence and
//! not a list of unknown keys.

use toml::de::DeTable;

/// Top-level names that only Zola's configuration has.
const ZOLA: [&str; 9] = [
    "base_url",
    "generate_feeds",
    "generate_feed",
    "feed_filenames",
    "compile_sass",
    "build_search_index",
    "minify_html",
    "markdown",
    "slugify",
];

/// Top-level names that only Hugo's configuration has, in lower case: Hugo does not mind the case.
const HUGO: [&str; 9] = [
    "baseurl",
    "languagecode",
    "defaultcontentlanguage",
    "permalinks",
    "markup",
    "paginate",
    "pagination",
    "enablerobotstxt",
    "params",
];

/// The sentence for a file that is, by its name, not ours at all.
pub(super) fn by_name(file: &str) -> Option<String> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let lower = name.to_lowercase();
    match lower.as_str() {
        "hugo.toml" | "hugo.yaml" | "hugo.json" => Some(belongs_to("Hugo")),
        "_config.yml" | "_config.yaml" => Some(belongs_to("Jekyll")),
        _ => match lower.rsplit_once('.') {
            Some((_, "yml" | "yaml" | "json")) => Some("the configuration of dropfeed must be TOML".to_owned()),
            _ => None,
        },
    }
}

/// The sentence for a file whose top level says that it is another program's.
pub(super) fn by_marks(table: &DeTable<'_>) -> Option<String> {
    let names = || table.keys().map(|key| key.get_ref().as_ref());
    if names().any(|name| ZOLA.contains(&name)) {
        return Some(belongs_to("Zola"));
    }
    names().any(|name| HUGO.contains(&name.to_lowercase().as_str())).then(|| belongs_to("Hugo"))
}

fn belongs_to(program: &str) -> String {
    let articles = if program == "Jekyll" { "_posts" } else { "content" };
    format!(
        "this is the configuration of {program}, not of dropfeed; to publish the articles of that site, write a \
         dropfeed.toml beside it with dir = \"{articles}\" under [articles], and run dropfeed --config dropfeed.toml"
    )
}
