//! Clocks that step: back an hour, to 1970, ten years ahead and back. What is public stays public,
//! with what it has.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::base::{Scope, Timestamp};

use super::{World, check, operation};

const A: &str = "1 a.md /a \"A\" 03-01T11:00:00 03-01T11:00:00";
const DATED: &str = "write a.md ---|date: 2026-03-01T11:00:00Z|---|# A||x\n.";
const STEPS: [&str; 4] =
    ["back 7200", "back 172800", "clock 1970-01-01T00:00:05Z", "ahead 315360000"];

#[test]
fn what_is_public_stays_public() {
    for step in STEPS {
        for then in ["", "restart\n", "write a.md ---|date: 2026-03-01T11:00:00Z|---|# A||x y\n"] {
            check(&format!("{DATED}\n{step}\n{then}."), &[A]);
        }
        let zone = "write a.md ---|date: 2026-03-01T11:00:00|publishDate: 2026-03-01T11:30:00|---|# A||x\n.";
        check(&format!("{zone}\n{step}\nzone Europe/London\n."), &[A]);
        let moved = format!("{DATED}\n{step}\nmv a.md b.md\n.");
        check(&moved, &["1 b.md /b \"A\" 03-01T11:00:00 03-01T11:00:00"]);
        // It loses its date, and keeps the one it had.
        check(&format!("{DATED}\n{step}\nwrite a.md # A||x\n."), &[A]);
    }
}

#[test]
fn its_author_withdraws_it_by_any_clock() {
    for step in STEPS {
        check(&format!("{DATED}\n{step}\nwrite a.md ---|date: 2099-01-01|---|# A||x\n."), &[]);
        let drafted = format!(
            "{DATED}\n{step}\nwrite a.md ---|draft: true|date: 2026-03-01T11:00:00Z|---|# A||x\n."
        );
        check(&drafted, &[]);
        // What was public with this date is public with it again.
        check(&format!("{drafted}\nwrite a.md ---|date: 2026-03-01T11:00:00Z|---|# A||x\n."), &[A]);
    }
}

#[test]
fn what_a_clock_ahead_published_stays() {
    let held = "write a.md ---|date: 2030-03-01T11:00:00Z|---|# A||x\n.";
    check(held, &[]);
    check(&format!("{held}\nahead 315360000\n.\nback 315360000\n.\nrestart\n."), &[A]);
    check(&format!("{held}\nback 172800\n.\nahead 172800\n."), &[]);
}

#[test]
fn what_a_clock_ahead_expired_comes_back() {
    let expires = "write a.md ---|expires: 2026-03-02|date: 2026-03-01T11:00:00Z|---|# A||x\n.";
    check(expires, &[A]);
    let ahead = format!("{expires}\nahead 315360000\n.");
    check(&ahead, &[]);
    for restart in ["", "restart\n"] {
        check(&format!("{ahead}\n{restart}back 315360000\n."), &[A]);
        check(&format!("{ahead}\n{restart}back 315360000\n.\nwait 86400\n."), &[]);
        // A clock without a battery does not bring it back; nor does it when it is set right.
        let boot = format!("{ahead}\n{restart}clock 1970-01-01T00:00:05Z\n.");
        check(&boot, &[]);
        check(&format!("{boot}\nclock 2026-03-03T00:00:00Z\n."), &[]);
        check(&format!("{boot}\nclock 2026-03-01T13:00:00Z\n."), &[A]);
        // Its author gives it more time.
        check(&format!("{boot}\nwrite a.md ---|date: 2026-03-01T11:00:00Z|---|# A||x\n."), &[A]);
    }
    // A file that was never public is as it is by the clock.
    let late = "write a.md ---|expires: 2026-02-01|date: 2026-01-01|---|# A||x\n.";
    check(late, &[]);
    check(
        &format!("{late}\nclock 2026-01-03T00:00:00Z\n."),
        &["1 a.md /a \"A\" 01-01T00:00:00 01-01T00:00:00"],
    );
}

/// What subscribers keep of each article and of each channel.
type Kept = (
    BTreeMap<u64, (String, String, Timestamp, Timestamp)>,
    BTreeMap<Scope, (Timestamp, Timestamp)>,
);

fn kept(world: &World) -> Kept {
    let library = world.state.library();
    let articles = library.articles().map(|article| {
        let url = article.url.to_string();
        (article.seq, (article.id.clone(), url, article.published, article.updated))
    });
    let channels = library.scopes().filter_map(|scope| {
        let channel = library.channel(scope)?;
        Some((scope.clone(), (channel.modified, channel.watermark)))
    });
    (articles.collect(), channels.collect())
}

fn step() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        [&STEPS[..], &["back 1", "ahead 60", "clock 2026-03-01T12:00:10Z"]].concat(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// No step of the clock, and no restart after it, withdraws an article whose file is there, or
    /// gives it another number, id, URL or date; and no date of a channel goes back.
    #[test]
    fn no_step_withdraws_or_changes(
        script in prop::collection::vec(operation(), 1..30),
        steps in prop::collection::vec((step(), any::<bool>()), 1..6),
    ) {
        let mut world = World::new();
        // What expires, and what is deleted, goes with the time.
        for line in script.iter().filter(|line| !line.contains("expires")) {
            world.run(line);
        }
        for line in [".", "wait 30", ".", "wait 30", "."] {
            world.run(line);
        }
        for (step, restart) in steps {
            let (articles, channels) = kept(&world);
            world.run(step);
            if restart {
                world.run("restart");
            }
            world.run("reweigh");
            let (articles_now, channels_now) = kept(&world);
            for (seq, article) in &articles {
                prop_assert_eq!(articles_now.get(seq), Some(article), "{}", world.script.join("\n"));
            }
            for (scope, (modified, watermark)) in &channels {
                let (modified_now, watermark_now) = channels_now[scope];
                prop_assert!(*modified <= modified_now && *watermark <= watermark_now, "{}", world.script.join("\n"));
            }
        }
    }
}
