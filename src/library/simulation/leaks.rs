//! Nothing of an article that is held back is visible: what readers get is what they would get
//! without its file.

use proptest::prelude::*;

use super::{World, operation, seen};

/// Articles that are held back, each with a tag, an author and a directory that nothing else has.
const HELD: [&str; 6] = [
    "secret/plan.md ---|draft: true|tags: [hidden, t]|authors: [Eve]|---|# Plan||alpha [[One]]",
    "secret/plan.md ---|date: 2027-01-01|tags: [hidden, t]|authors: [Eve]|---|# Plan||alpha",
    "secret/plan.md ---|publishDate: 2027-01-01|date: 2026-01-01|tags: [hidden]|---|# Plan||x",
    "secret/plan.md ---|expires: 2026-01-01|tags: [hidden, t]|authors: [Eve]|---|# Plan||alpha",
    "secret/plan.md ---|title: [|---|x",
    "secret/drafts/plan.md ---|tags: [hidden, t]|authors: [Eve]|---|# Plan||alpha",
];

/// What anybody can see, with the versions that become ETags.
fn visible(world: &World) -> Vec<String> {
    let library = world.state.library();
    let mut lines = seen(library);
    lines.push(library.version().to_string());
    lines.extend(library.dates().map(|at| at.to_string()));
    for article in library.articles() {
        let (older, newer) = library.neighbours(article.seq);
        lines.push(format!("{:?} {:?}", older.map(|it| it.seq), newer.map(|it| it.seq)));
    }
    lines.push(format!("{:?} {:?}", library.tag("hidden"), library.author("Eve")));
    lines.push(format!("{:?}", library.locate("?Plan")));
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// A library with a file that is held back gives what the same library without it gives,
    /// whenever the file came, changed or went.
    #[test]
    fn what_is_held_leaves_no_trace(
        script in prop::collection::vec(operation(), 1..25),
        held in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(HELD.to_vec())), 1..4),
        gone in any::<prop::sample::Index>(),
    ) {
        let (mut without, mut with) = (World::new(), World::new());
        for (at, line) in script.iter().enumerate() {
            for (when, file) in &held {
                if when.index(script.len()) == at {
                    with.run(&format!("write {file}"));
                    // The other one looks as well, so that both see the rest at the same time.
                    with.run(".");
                    without.run(".");
                }
            }
            if gone.index(script.len() * 2) == at {
                with.run("rm secret/plan.md");
            }
            with.run(line);
            without.run(line);
            prop_assert_eq!(visible(&with), visible(&without), "{}", with.script.join("\n"));
        }
        for line in [".", "restart", ".", "wait 60", "."] {
            with.run(line);
            without.run(line);
            prop_assert_eq!(visible(&with), visible(&without), "{}", with.script.join("\n"));
        }
    }
}
