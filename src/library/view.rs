//! Views: selections of articles, as the configuration has them, ready to be matched.
//!
//! Pure functions of an article's path and head. Tags and authors are compared as in URLs, so that
//! case and punctuation do not matter.

use crate::article::Head;
use crate::base::route::slug;
use crate::base::{Digest, RelPath, Scope};
use crate::config::{self, Selection};

use super::address::{directories, tag_slug};

/// Every `[[view]]` of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Views {
    list: Vec<View>,
    digest: Digest,
}

/// One `[[view]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Its scope.
    pub scope: Scope,
    /// Its title. Not empty.
    pub title: String,
    /// One sentence about it.
    pub description: Option<String>,
    /// The names that its articles must have.
    with: Names,
    /// The names that its articles must not have.
    without: Names,
}

/// Names by kind, in the form in which they are compared.
#[derive(Debug, Clone, Default, PartialEq)]
struct Names {
    directories: Vec<Scope>,
    tags: Vec<String>,
    authors: Vec<String>,
}

impl Default for Views {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Views {
    /// Takes over the views of a configuration.
    pub fn of(views: &[config::View]) -> Self {
        let list: Vec<View> = views.iter().map(View::of).collect();
        let digest = Digest::of(format!("{list:?}").as_bytes());
        Self { list, digest }
    }

    /// Every view, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &View> {
        self.list.iter()
    }

    /// The view with this scope, unless it is not configured any more.
    pub fn get(&self, scope: &Scope) -> Option<&View> {
        self.list.iter().find(|view| view.scope == *scope)
    }

    /// A digest that changes whenever any view does.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The views that select an article. `author`: the one of articles that name none.
    pub(super) fn selecting(&self, path: &RelPath, head: &Head, author: &str) -> Vec<&View> {
        // Most sites have no views, and then no names need to be made.
        if self.list.is_empty() {
            return Vec::new();
        }
        let names = Names::of_article(path, head, author);
        self.list.iter().filter(|view| view.selects(&names)).collect()
    }
}

impl View {
    fn of(view: &config::View) -> Self {
        Self {
            scope: Scope::View(view.name.clone()),
            title: view.title.clone(),
            description: view.description.clone(),
            with: Names::of_selection(&view.with),
            without: Names::of_selection(&view.without),
        }
    }

    fn selects(&self, article: &Names) -> bool {
        fits(&self.with.directories, &article.directories)
            && fits(&self.with.tags, &article.tags)
            && fits(&self.with.authors, &article.authors)
            && !meet(&self.without.directories, &article.directories)
            && !meet(&self.without.tags, &article.tags)
            && !meet(&self.without.authors, &article.authors)
    }
}

impl Names {
    fn of_selection(selection: &Selection) -> Self {
        let mut names = Self::default();
        for directory in &selection.directories {
            // The directory as an article in it has it: `_posts` is not part of any URL.
            let inside = directory.join("x.md").unwrap_or_else(RelPath::root);
            if let Some((scope, _)) = directories(&inside).pop() {
                names.directories.push(scope);
            }
        }
        for tag in &selection.tags {
            names.tags.push(tag_slug(tag));
        }
        for author in &selection.authors {
            names.authors.push(slug(author));
        }
        names
    }

    fn of_article(path: &RelPath, head: &Head, author: &str) -> Self {
        let mut names = Self::default();
        for (scope, _) in directories(path) {
            names.directories.push(scope);
        }
        for tag in &head.tags {
            names.tags.push(tag_slug(tag));
        }
        for author in &head.authors {
            names.authors.push(slug(&author.name));
        }
        if head.authors.is_empty() {
            names.authors.push(slug(author));
        }
        names
    }
}

/// Whether any of the wanted names is among the article's; a kind without names fits every article.
fn fits<T: PartialEq>(wanted: &[T], article: &[T]) -> bool {
    wanted.is_empty() || meet(wanted, article)
}

fn meet<T: PartialEq>(some: &[T], others: &[T]) -> bool {
    some.iter().any(|name| others.contains(name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::article::{self, Reading};
    use crate::config::Config;

    const VIEWS: &str = r#"
        [[view]]
        name = "best"
        tags = ["C++", "machine learning"]
        [[view]]
        name = "ada-s-news"
        directories = ["News", "blog/_posts"]
        authors = "ada lovelace"
        not_tags = ["draft ideas"]
        [[view]]
        name = "rest"
        not_directories = "news"
        not_authors = "Bob"
    "#;

    /// The names of the views that select the article with this header at `path`.
    #[track_caller]
    fn check(path: &str, header: &str, expected: &[&str]) {
        let views = Views::of(&Config::of(VIEWS, Path::new("/srv")).unwrap().views);
        let text = format!("---\ntitle: T\n{header}\n---\nWords.\n");
        let path = RelPath::new(path).unwrap();
        let Reading::Article { head, .. } = article::head(&path, text.as_bytes()) else {
            panic!("{text}");
        };
        let found = views.selecting(&path, &head, "Ada Lovelace");
        let names: Vec<String> = found.iter().map(|view| view.scope.to_string()).collect();
        let expected: Vec<String> = expected.iter().map(|name| format!("/views/{name}/")).collect();
        assert_eq!(names, expected, "{path} {header}");
    }

    #[test]
    fn all_kinds_have_to_fit_and_any_name_of_a_kind() {
        check("a.md", "", &["rest"]);
        check("a.md", "tags: [c++]", &["best", "rest"]);
        check("a.md", "tags: [x, Machine-Learning]", &["best", "rest"]);
        check("a.md", "tags: [c]", &["rest"]);
        check("a.md", "author: Bob", &[]);
        check("a.md", "authors: [Bob, Eve]", &[]);
        check("news/a.md", "", &["ada-s-news"]);
        check("news/deep/a.md", "author: ADA LOVELACE", &["ada-s-news"]);
        check("news/a.md", "author: Eve", &[]);
        check("news/a.md", "authors: [Eve, Ada Lovelace]", &["ada-s-news"]);
        check("news/a.md", "tags: [Draft-Ideas, c++]", &["best"]);
        check("newspaper/a.md", "", &["rest"]);
        check("blog/_posts/2026-01-02-a.md", "", &["ada-s-news", "rest"]);
    }
}
