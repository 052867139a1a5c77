//! The own hub, as its subscribers meet it: <https://www.w3.org/TR/websub/>, sections 5 to 8.

mod subscriber;

use std::os::unix::fs::PermissionsExt as _;

use crate::fixture::{Site, eventually, send};
use subscriber::{Subscribers, post, post_body, post_to};

fn article(title: &str) -> String {
    format!("---\ntitle: {title}\ntags: [rust]\n---\n\nText of {title}.")
}

fn started(subscribers: &Subscribers) -> Site {
    let site = Site::started(&subscribers.settings());
    site.drop_in("first.md", article("First"));
    site.appears("First");
    site
}

/// HMAC-SHA256 (RFC 2104), in hexadecimal digits.
fn hmac(key: &str, body: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key.as_bytes());
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(body);
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c));
    let digest = outer.chain_update(inner.finalize()).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_subscriber_is_verified_and_gets_what_a_get_answers() {
    let subscribers = Subscribers::new();
    let site = started(&subscribers);
    let callback = subscribers.callback("c1?id=7&hub.mode=mine");
    let topic = "http://test.example/atom.xml";
    let fields = [
        ("hub.mode", "subscribe"),
        ("hub.topic", topic),
        ("hub.callback", &callback),
        ("hub.secret", "a word of ours"),
        ("hub.lease_seconds", "7200"),
    ];
    let answer = post(&site, &fields);
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let verification = subscribers.receives("GET", "c1", 1);
    assert_eq!(verification.fields("id"), ["7"]);
    assert_eq!(verification.fields("hub.mode"), ["mine", "subscribe"]);
    assert_eq!(verification.field("hub.topic"), topic);
    assert_eq!(verification.field("hub.lease_seconds"), "7200");
    assert!(verification.field("hub.challenge").len() >= 32);
    eventually("it is confirmed", || site.log().iter().any(|line| line.contains("confirmed")));
    site.drop_in("second.md", article("Second"));
    let delivery = subscribers.receives("POST", "c1", 1);
    let feed = site.get("/atom.xml");
    assert_eq!(delivery.body, feed.body);
    assert!(String::from_utf8(delivery.body.clone()).unwrap().contains("Second"));
    assert_eq!(delivery.url.query(), Some("id=7&hub.mode=mine"));
    assert_eq!(delivery.header("content-type"), feed.header("content-type"));
    let link =
        "<http://test.example/-/hub>; rel=\"hub\", <http://test.example/atom.xml>; rel=\"self\"";
    assert_eq!(delivery.header("link"), Some(link));
    let signature = format!("sha256={}", hmac("a word of ours", &delivery.body));
    assert_eq!(delivery.header("x-hub-signature"), Some(&*signature));
    // A renewal without a secret replaces it.
    let mut renewal = fields.to_vec();
    renewal.remove(3);
    assert_eq!(post(&site, &renewal).status, 202);
    let again = subscribers.receives("GET", "c1", 2);
    assert_ne!(again.field("hub.challenge"), verification.field("hub.challenge"));
    let confirmed = || site.log().iter().filter(|line| line.contains("confirmed")).count();
    eventually("it is renewed", || confirmed() == 2);
    site.drop_in("third.md", article("Third"));
    let unsigned = subscribers.receives("POST", "c1", 2);
    assert_eq!(unsigned.header("x-hub-signature"), None);
    let log = site.log().join("\n");
    for secret in ["a word of ours", "id=7", &verification.field("hub.challenge")] {
        assert!(!log.contains(secret), "{log}");
    }
    // Without a subscription nothing comes any more.
    subscribers.subscribe(&site, "other", "/atom.xml");
    renewal[0].1 = "unsubscribe";
    assert_eq!(post(&site, &renewal).status, 202);
    assert_eq!(subscribers.receives("GET", "c1", 3).fields("hub.mode"), ["mine", "unsubscribe"]);
    eventually("it is ended", || site.log().iter().any(|line| line.contains("unsubscribed")));
    site.drop_in("fourth.md", article("Fourth"));
    subscribers.receives("POST", "other", 1);
    subscribers.receives("POST", "c1", 2);
}

#[test]
fn every_feed_is_a_topic_and_nothing_else_is() {
    let subscribers = Subscribers::new();
    let site = started(&subscribers);
    let feeds =
        ["/rss.xml", "/atom.xml", "/feed.json", "/tags/rust/rss.xml", "/tags/rust/feed.json"];
    for (index, feed) in feeds.into_iter().enumerate() {
        subscribers.subscribe(&site, &format!("s{index}"), feed);
    }
    for (topic, status) in [
        ("http://test.example/", 404),
        ("http://test.example/first", 404),
        ("http://test.example/tags/none/rss.xml", 404),
        ("http://test.example/feeds.opml", 404),
        ("http://test.example/atom.xml?a", 404),
        ("http://test.example/atom.xml#a", 404),
        ("https://test.example/atom.xml", 404),
        ("http://test.example:81/atom.xml", 404),
        ("http://me@test.example/atom.xml", 404),
        ("http://other.example/atom.xml", 404),
        ("/atom.xml", 404),
    ] {
        let callback = subscribers.callback("none");
        let fields = [("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.callback", &callback)];
        assert_eq!(post(&site, &fields).status, status, "{topic}");
    }
    site.drop_in("second.md", article("Second"));
    for (index, feed) in feeds.into_iter().enumerate() {
        let delivery = subscribers.receives("POST", &format!("s{index}"), 1);
        assert_eq!(delivery.body, site.get(feed).body, "{feed}");
    }
    assert!(subscribers.received("GET", "none").is_empty());
}

#[test]
fn bad_input_is_refused_and_nothing_is_called() {
    let subscribers = Subscribers::new();
    let site = started(&subscribers);
    let good = format!(
        "hub.mode=subscribe&hub.topic=http://test.example/atom.xml&hub.callback={}",
        subscribers.callback("victim")
    );
    let address = format!("127.0.0.1:{}", subscribers.port);
    let kilobytes = "a".repeat(4096);
    for (from, to, status) in [
        ("hub.mode=subscribe", "hub.mode=publish", 400),
        ("hub.mode=subscribe", "", 400),
        ("hub.mode=subscribe", "hub.mode=subscribe&hub.mode=subscribe", 400),
        ("hub.topic", "topic", 400),
        ("test.example", "other.example", 404),
        ("/victim", "/victim%23part", 400),
        ("/victim", "/victim%00", 400),
        ("/victim", "/victim%0D%0AX:%20y", 400),
        ("/victim", "/victim%25zz", 400),
        ("/victim", "/victim%zz", 400),
        ("/atom.xml", "/atom.xml%00", 404),
        ("http://127", "http://:@127", 400),
        ("/victim", &format!("/victim?{kilobytes}"), 400),
        ("/victim", "/victim&hub.lease_seconds=0", 400),
        ("/victim", "/victim&hub.lease_seconds=-1", 400),
        ("/victim", "/victim&hub.lease_seconds=1000000000000000000000000000000", 400),
        ("/victim", &format!("/victim&hub.secret={kilobytes}"), 400),
        ("/victim", &format!("/victim&a={}", kilobytes.repeat(4)), 413),
        ("/victim", &format!("/victim&a={}", kilobytes.repeat(256)), 413),
        (&address, &format!("me:word@{address}"), 400),
        (&address, "127.0.0.1", 400),
        (&address, &format!("10.0.0.1:{}", subscribers.port), 400),
        (&address, &format!("169.254.169.254:{}", subscribers.port), 400),
        (&address, &format!("[fd00::1]:{}", subscribers.port), 400),
    ] {
        let body = good.replacen(from, to, 1);
        assert_ne!(body, good, "{from}");
        let answer = post_body(&site, &body);
        assert_eq!(answer.status, status, "{to:.80}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.text().lines().count(), 1);
    }
    let typed = |fields: &str| {
        let length = good.len();
        let head = format!("POST /-/hub HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{fields}");
        send(site.address(), &format!("{head}Content-Length: {length}\r\n\r\n{good}")).status
    };
    assert_eq!(typed(""), 415);
    assert_eq!(typed("Content-Type: application/json\r\n"), 415);
    let form = "Content-Type: application/x-www-form-urlencoded";
    assert_eq!(typed(&format!("{form}; charset=iso-8859-1\r\n")), 415);
    assert_eq!(typed(&format!("{form}\r\nContent-Encoding: gzip\r\n")), 415);
    // Another callback is verified after all of them, and the victim never was.
    subscribers.subscribe(&site, "other", "/atom.xml");
    assert!(subscribers.received("GET", "victim").is_empty());
}

#[test]
fn who_does_not_confirm_gets_one_question_and_nothing_else() {
    let subscribers = Subscribers::new();
    let site = started(&subscribers);
    for path in ["liar", "refuser", "mover"] {
        let callback = subscribers.callback(path);
        let topic = "http://test.example/rss.xml";
        let fields = [("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.callback", &callback)];
        assert_eq!(post(&site, &fields).status, 202);
        subscribers.receives("GET", path, 1);
    }
    subscribers.subscribe(&site, "good", "/rss.xml");
    site.drop_in("second.md", article("Second"));
    subscribers.receives("POST", "good", 1);
    site.drop_in("third.md", article("Third"));
    subscribers.receives("POST", "good", 2);
    for path in ["liar", "refuser", "mover", "elsewhere"] {
        assert!(subscribers.received("POST", path).is_empty(), "{path}");
        assert_eq!(subscribers.received("GET", path).len(), usize::from(path != "elsewhere"));
    }
}

#[test]
fn gone_ends_a_subscription() {
    let subscribers = Subscribers::new();
    let site = started(&subscribers);
    subscribers.subscribe(&site, "leaver", "/rss.xml");
    subscribers.subscribe(&site, "good", "/rss.xml");
    site.drop_in("second.md", article("Second"));
    subscribers.receives("POST", "leaver", 1);
    eventually("it is ended", || site.log().iter().any(|line| line.contains("ended: gone")));
    site.drop_in("third.md", article("Third"));
    subscribers.receives("POST", "good", 2);
    assert_eq!(subscribers.received("POST", "leaver").len(), 1);
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let subscribers = Subscribers::new();
    let mut site = started(&subscribers);
    subscribers.subscribe(&site, "good", "/rss.xml");
    subscribers.subscribe(&site, "tag", "/tags/rust/atom.xml");
    let database = site.dir.path().join(".dropfeed/hub.db");
    let mode = std::fs::metadata(database).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    site.stop();
    site.write("second.md", article("Second"));
    site.start();
    let delivery = subscribers.receives("POST", "good", 1);
    assert_eq!(delivery.body, site.get("/rss.xml").body);
    subscribers.receives("POST", "tag", 1);
    // What was delivered is not delivered again.
    site.stop();
    site.start();
    site.appears("Second");
    site.drop_in("third.md", article("Third"));
    subscribers.receives("POST", "good", 2);
    subscribers.receives("POST", "tag", 2);
}

#[test]
fn a_kill_during_a_delivery_repeats_it_once() {
    let subscribers = Subscribers::new();
    let mut site = started(&subscribers);
    subscribers.subscribe(&site, "sleeper", "/rss.xml");
    site.drop_in("second.md", article("Second"));
    subscribers.receives("POST", "sleeper", 1);
    site.kill();
    subscribers.wake();
    site.start();
    let delivery = subscribers.receives("POST", "sleeper", 2);
    assert!(String::from_utf8(delivery.body).unwrap().contains("Second"));
    site.drop_in("third.md", article("Third"));
    let delivery = subscribers.receives("POST", "sleeper", 3);
    assert!(String::from_utf8(delivery.body).unwrap().contains("Third"));
}

/// What comes while a delivery is under way is delivered after it, as one.
#[test]
fn a_slow_subscriber_gets_the_newest() {
    let subscribers = Subscribers::new();
    let site = started(&subscribers);
    subscribers.subscribe(&site, "sleeper", "/rss.xml");
    subscribers.subscribe(&site, "good", "/rss.xml");
    for (count, title) in ["Second", "Third", "Fourth"].into_iter().enumerate() {
        site.drop_in(&format!("{title}.md"), article(title));
        subscribers.receives("POST", "good", count + 1);
    }
    assert_eq!(subscribers.received("POST", "sleeper").len(), 1);
    subscribers.wake();
    let delivery = subscribers.receives("POST", "sleeper", 2);
    assert_eq!(delivery.body, site.get("/rss.xml").body);
}

#[test]
fn a_damaged_file_is_moved_aside() {
    let subscribers = Subscribers::new();
    let mut site = started(&subscribers);
    site.stop();
    let state = site.dir.path().join(".dropfeed");
    std::fs::write(state.join("hub.db"), "no database".repeat(99)).unwrap();
    site.start();
    subscribers.subscribe(&site, "good", "/rss.xml");
    assert!(state.join("hub.db.damaged").exists());
}

#[test]
fn other_requests_are_answered_as_without_a_hub() {
    let subscribers = Subscribers::new();
    let (with, without) = (started(&subscribers), Site::started(""));
    without.drop_in("first.md", article("First"));
    without.appears("First");
    let request = |site: &Site, method: &str, path: &str| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        send(site.address(), &format!("{head}Content-Length: 3\r\n\r\na=b"))
    };
    for (method, path) in [("POST", "/"), ("POST", "/first"), ("PUT", "/"), ("POST", "/-/hub/")] {
        let (one, other) = (request(&with, method, path), request(&without, method, path));
        assert_eq!((one.status, one.body), (other.status, other.body), "{method} {path}");
    }
    assert_eq!(request(&without, "POST", "/-/hub").status, 405);
    assert_eq!(without.get("/-/hub").status, 404);
    for (method, status) in [("GET", 405), ("PUT", 405), ("DELETE", 405), ("OPTIONS", 204)] {
        let answer = request(&with, method, "/-/hub");
        assert_eq!((answer.status, answer.header("allow")), (status, Some("POST, OPTIONS")));
    }
    // Only a hub that speaks rssCloud has an address for it.
    assert_eq!(with.get("/rsscloud/pleaseNotify").status, 404);
    assert!(!without.dir.path().join(".dropfeed/hub.db").exists());
}

#[test]
fn a_subscriber_of_rsscloud_is_told_of_the_url() {
    let subscribers = Subscribers::new();
    let site = Site::started(&format!("{}websub.rsscloud = true", subscribers.settings()));
    site.drop_in("first.md", article("First"));
    site.appears("First");
    let cloud = "<cloud domain=\"test.example\" port=\"80\" path=\"/rsscloud/pleaseNotify\" \
                 registerProcedure=\"\" protocol=\"http-post\"";
    assert!(site.get("/rss.xml").text().contains(cloud), "{}", site.get("/rss.xml").text());
    let door = "/rsscloud/pleaseNotify";
    for (method, status) in [("GET", 405), ("HEAD", 405), ("PUT", 405), ("OPTIONS", 204)] {
        let head = format!("{method} {door} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        let answer = send(site.address(), &head);
        let allow = answer.header("allow");
        assert_eq!((answer.status, allow), (status, Some("POST, OPTIONS")), "{method}");
    }
    let ask = |path: &str, more: &str| {
        let port = subscribers.port;
        let form = format!("notifyProcedure=&port={port}&path=/{path}&protocol=http-post{more}");
        post_to(&site, "/rsscloud/pleaseNotify", &form)
    };
    let url = "&url1=http://test.example/rss.xml";
    let answer = ask("here", url);
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("<notifyResult success=\"true\""), "{}", answer.text());
    let named = format!("{url}&domain=127.0.0.1");
    assert_eq!(ask("named", &named).status, 200);
    assert_eq!(ask("liar", &named).status, 200);
    let first = subscribers.receives("POST", "here", 1);
    assert_eq!(first.body, b"url=http%3A%2F%2Ftest.example%2Frss.xml");
    assert_eq!(subscribers.receives("GET", "named", 1).field("url"), "http://test.example/rss.xml");
    subscribers.receives("GET", "liar", 1);
    let confirmed = || site.log().iter().filter(|line| line.contains("confirmed")).count();
    eventually("they are confirmed", || confirmed() == 2);
    site.drop_in("second.md", article("Second"));
    assert_eq!(subscribers.receives("POST", "here", 2).body, first.body);
    assert_eq!(subscribers.receives("POST", "named", 1).body, first.body);
    assert!(subscribers.received("POST", "liar").is_empty());
    for (more, status) in [
        ("", 400),
        ("&url1=http://other.example/rss.xml", 404),
        (&*format!("{url}&domain=10.0.0.1"), 400),
        (&*format!("{url}&port=1"), 400),
    ] {
        let answer = ask("none", more);
        assert_eq!(answer.status, status, "{more}");
        assert!(answer.text().contains("success=\"false\""), "{}", answer.text());
    }
}
