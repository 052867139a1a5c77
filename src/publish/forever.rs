//! The law of URLs, at random: whatever happens to files, a URL that was public leads to its
//! article or says that it is gone, and never shows another article.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use crate::base::{Format, Route, Scope, UrlPath};
use crate::config::Config;
use crate::library::simulation::World;
use crate::library::{Lookup, Seq, alias_url};

use super::snapshot::{Extent, Found, Redirect, Snapshot};

const PATHS: [&str; 8] =
    ["a.md", "b.md", "A.md", "n/a.md", "n/b.md", "n/index.md", "m/a.md", "2026/01/02/s.md"];

const TEXTS: [&str; 11] = [
    "# One||alpha beta gamma delta epsilon",
    "# Other||nothing like the words before it",
    "---|slug: s|---|# Two||something else entirely",
    "---|slug: s|date: 2026-01-02|---|# Three||third words here",
    "---|path: x/y|---|# Four||a path of its own",
    "---|path: n/a.html|---|# Five||the path of another",
    "---|aliases: [/old/one, b.html, /n/a, /x/y/]|---|# Six||aliases in front",
    "---|aliases: [s.html, /M/, 'https://example.org/a']|redirect_from: /n|---|# Seven||more aliases",
    "---|draft: true|---|# Draft||draft words",
    "---|date: 2026-03-01T12:01:00Z|---|# Held||held words",
    "",
];

/// Lines of a script: one operation on a file, or the rename of a directory.
fn operation() -> impl Strategy<Value = Vec<String>> {
    let path = || prop::sample::select(PATHS.to_vec());
    let line = prop_oneof![
        4 => (path(), prop::sample::select(TEXTS.to_vec()))
            .prop_map(|(path, text)| format!("write {path} {text}")),
        2 => (path(), path()).prop_map(|(from, to)| format!("mv {from} {to}")),
        1 => (path(), path()).prop_map(|(from, to)| format!("cp {from} {to}")),
        2 => path().prop_map(|path| format!("rm {path}")),
        2 => (0u32..40).prop_map(|seconds| format!("wait {seconds}")),
        4 => Just(".".to_owned()),
        1 => Just("restart".to_owned()),
        1 => Just("reweigh".to_owned()),
    ];
    let directory = prop::sample::select(vec![("n", "m"), ("m", "n"), ("n", "n/deeper")]);
    prop_oneof![
        8 => line.prop_map(|line| vec![line]),
        1 => directory.prop_map(|(from, to)| {
            let names = ["a.md", "b.md", "index.md"];
            names.iter().map(|name| format!("mv {from}/{name} {to}/{name}")).collect()
        }),
    ]
}

/// A configuration, of this text.
fn config(text: &str) -> Arc<Config> {
    Arc::new(Config::of(text, Path::new("/nowhere")).unwrap())
}

/// What is public in this world, under this configuration.
fn snapshot(world: &World, config: &Arc<Config>) -> Snapshot {
    Snapshot {
        generation: 1,
        extent: Extent::Whole,
        config: Arc::clone(config),
        library: world.state.library().clone(),
        hot: HashMap::new(),
        bodies: Default::default(),
        next_due: None,
    }
}

/// The article that answers at `route`, after one redirect at most; `None` where it is gone.
fn article_at(snapshot: &Snapshot, route: &Route) -> Result<Option<Seq>, String> {
    let shown = |route: &Route| match snapshot.article(route) {
        Some(article) => Ok(Some(article.seq)),
        None => Err(format!("{route} is a page of another kind")),
    };
    match snapshot.find(route) {
        Found::Render(route, _) => shown(&route),
        Found::Gone => Ok(None),
        Found::Redirect(Redirect { to, permanent: true }) => match snapshot.find(&to) {
            Found::Render(route, _) => shown(&route),
            other => Err(format!("{route} leads to {to}, where there is {other:?}")),
        },
        other => Err(format!("{route} is {other:?}")),
    }
}

/// Everything that ever was public.
#[derive(Default)]
struct Public {
    /// URLs of articles and their aliases, with their owners.
    urls: BTreeMap<UrlPath, Seq>,
    scopes: BTreeSet<Scope>,
}

impl Public {
    /// Takes up what is public now.
    fn note(&mut self, world: &World) {
        let library = world.state.library();
        for article in library.articles() {
            self.urls.entry(article.url.clone()).or_insert(article.seq);
            for alias in &article.head.aliases {
                let Some(alias) = alias_url(alias, &world.policy) else { continue };
                if matches!(library.find(&alias), Lookup::Moved(owner) if owner.seq == article.seq)
                    && library.was_public(&alias)
                {
                    self.urls.entry(alias).or_insert(article.seq);
                }
            }
        }
        self.scopes.extend(library.scopes().cloned());
    }

    /// Checks that everything answers as it must.
    fn check(&self, snapshot: &Snapshot) -> Result<(), String> {
        for (url, owner) in &self.urls {
            let mut spellings = vec![url.as_str().to_owned(), url.as_str().to_uppercase()];
            if !url.as_str().ends_with(".html") {
                spellings.push(format!("{}.html", url.as_str()));
            }
            for spelling in spellings {
                let path = UrlPath::new(&spelling).ok_or("not a path")?;
                let found = article_at(snapshot, &Route::Resource(path))?;
                if found.is_some_and(|found| found != *owner) {
                    return Err(format!("/{spelling} of {owner} shows {found:?}"));
                }
            }
            let scope = Scope::Directory(url.clone());
            // A directory may have its page there.
            if !self.scopes.contains(&scope) {
                let found = article_at(snapshot, &Route::Index(scope))?;
                if found.is_some_and(|found| found != *owner) {
                    return Err(format!("/{url}/ of {owner} shows {found:?}"));
                }
            }
        }
        for scope in &self.scopes {
            let mut routes = vec![Route::Feed(scope.clone(), Format::Atom)];
            if *scope != Scope::Site {
                routes.push(Route::Index(scope.clone()));
            }
            for route in routes {
                // A site of one author has no page and no feed for the author.
                let is_there = matches!(snapshot.find(&route), Found::Render(..));
                if !is_there && !matches!(scope, Scope::Author(_)) {
                    return Err(format!("{route} is not there any more"));
                }
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_url_that_was_public_leads_to_its_article(
        script in prop::collection::vec(operation(), 1..40),
    ) {
        let (mut world, mut public, config) = (World::new(), Public::default(), config(""));
        for line in script.iter().flatten() {
            world.run(line);
            public.note(&world);
            if let Err(wrong) = public.check(&snapshot(&world, &config)) {
                prop_assert!(false, "{wrong}:\n{}", world.script.join("\n"));
            }
        }
    }
}

#[test]
fn a_guess_and_an_empty_directory_give_way_to_a_redirect() {
    let mut world = World::new();
    let script = "write n/2026-01-02-s.md # One||alpha beta\nwrite b.md # Two||gamma delta\n.\n\
        rm n/2026-01-02-s.md\n.\nwait 20\n.\nwrite m/2026-01-02-s.md # Three||epsilon zeta\n.";
    script.lines().for_each(|line| world.run(line));
    let text = "[[redirect]]\nfrom = \"/2026/01/02/s\"\nto = \"/x\"\n[[redirect]]\nfrom = \"/n/*\"\nto = \"/m/*\"\n\
        [[redirect]]\nfrom = \"/m/\"\nto = \"/b\"\n[[redirect]]\nfrom = \"/b/*\"\nto = \"/y/*\"";
    let plain = snapshot(&world, &config(""));
    let redirected = snapshot(&world, &config(text));
    for (path, before, after) in [
        ("/2026/01/02/s", "redirect", "missing"),
        ("/2026/01/02/s/", "redirect", "missing"),
        ("/2026/01/s", "redirect", "redirect"),
        ("/n/", "page", "missing"),
        ("/n", "redirect", "missing"),
        ("/n/atom.xml", "page", "missing"),
        // What is there, was there, or has articles stays.
        ("/n/s", "gone", "gone"),
        ("/m/", "page", "page"),
        ("/b", "page", "page"),
        ("/b/", "redirect", "redirect"),
        ("/N/atom.xml", "redirect", "missing"),
        ("/M/", "redirect", "redirect"),
    ] {
        let answer = |snapshot: &Snapshot| match snapshot.find(&Route::parse(path).unwrap()) {
            Found::Render(..) => "page",
            Found::Redirect(_) => "redirect",
            Found::Gone => "gone",
            Found::Missing => "missing",
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!((answer(&plain), answer(&redirected)), (before, after), "{path}");
    }
}
