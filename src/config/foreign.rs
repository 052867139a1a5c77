//! Configurations of other programs, recognised by file name or by their keys, so that the answer
//! is one sentence instead of a list of unknown keys.

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

/// Top-level names that only Hugo's configuration has, in lower case: Hugo ignores the case.
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

/// Returns the error for a file whose name is that of another program's configuration.
pub(super) fn by_name(file: &str) -> Option<String> {
    let lower = file.to_lowercase();
    let (_, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    match name {
        "hugo.toml" | "hugo.yaml" | "hugo.json" => Some(belongs_to("Hugo")),
        "_config.yml" | "_config.yaml" => Some(belongs_to("Jekyll")),
        _ => match name.rsplit_once('.') {
            Some((_, "yml" | "yaml" | "json")) => {
                Some("the configuration of dropfeed must be TOML".to_owned())
            }
            _ => None,
        },
    }
}

/// Returns the error for a file whose top level has keys of another program.
pub(super) fn by_marks(table: &DeTable<'_>) -> Option<String> {
    let mut is_hugo = false;
    for key in table.keys() {
        let name: &str = key.get_ref();
        if ZOLA.contains(&name) {
            return Some(belongs_to("Zola"));
        }
        is_hugo |= HUGO.contains(&name.to_lowercase().as_str());
    }
    if is_hugo { Some(belongs_to("Hugo")) } else { None }
}

fn belongs_to(program: &str) -> String {
    let articles = if program == "Jekyll" { "_posts" } else { "content" };
    format!(
        "this is the configuration of {program}, not of dropfeed; to publish the articles of that site, \
         write a dropfeed.toml next to it with dir = \"{articles}\" under [articles], and run dropfeed \
         --config dropfeed.toml"
    )
}
