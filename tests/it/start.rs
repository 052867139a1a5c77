//! Starts that could cost subscribers their ids: without an address, over another directory, without the state.

use crate::fixture::{Item, Site};

/// The settings of a site that was begun without an address.
const NO_ADDRESS: &str = "site.url = \"http://127.0.0.1:8080/\"";

fn warnings(site: &Site) -> usize {
    site.log().iter().filter(|line| line.contains("`site.url` is not set")).count()
}

/// The ids of the articles and of the feed itself.
fn ids(site: &Site) -> Vec<String> {
    let mut ids: Vec<String> = site.items().into_iter().map(|item: Item| item.id).collect();
    let atom = site.get("/atom.xml").text();
    let id = atom.split("<id>").nth(1).and_then(|rest| rest.split("</id>").next());
    ids.extend(id.map(str::to_owned));
    ids.sort();
    assert_eq!(ids.len(), 3, "{ids:?}");
    ids
}

#[test]
fn sites_without_an_address_share_no_id_and_keep_theirs() {
    let begin = || {
        let mut site = Site::new(NO_ADDRESS);
        site.write("a.md", "# A\n\ntext\n");
        site.write("b.md", "# B\n\ntext\n");
        site.start();
        site.settles(&["A", "B"]);
        assert_eq!(warnings(&site), 1);
        site
    };
    let (mut one, other) = (begin(), begin());
    let before = ids(&one);
    let others = ids(&other);
    assert!(before.iter().all(|id| !others.contains(id)), "{before:?} {others:?}");

    one.stop();
    one.start();
    assert_eq!(ids(&one), before, "after a restart");
    one.stop();
    one.configure("site.url = \"https://notes.example/\"");
    one.start();
    assert_eq!((ids(&one), warnings(&one)), (before.clone(), 0), "with an address");
    assert!(!one.log().iter().any(|line| line.contains("site.id stays")));
    one.drop_in("c.md", "# C\n\ntext\n");
    let id = one.appears("C").id;
    assert!(!before.contains(&id));
}
