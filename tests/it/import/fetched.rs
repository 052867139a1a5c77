//! Old feeds at an address: older pages, redirects, proxies, and what goes wrong.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::fixture::Site;

use super::{ADDRESS, Run, article, build, check, guids, run};

/// What a page answers: the status, more header lines, and the body.
type Page = (u16, String, Vec<u8>);

/// A server of these pages, by the target of the request, at an address, with the targets that it
/// was asked for.
fn server(pages: impl FnOnce(&str) -> Vec<(String, Page)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let pages: HashMap<String, Page> = pages(&address).into_iter().collect();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    // Ends with the process.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut target = String::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap();
                if line.is_empty() {
                    break;
                }
                if target.is_empty() {
                    target = line.split(' ').nth(1).unwrap().to_owned();
                }
            }
            noted.lock().unwrap().push(target.clone());
            let nothing = (404, String::new(), Vec::new());
            let (status, headers, body) = pages.get(&target).unwrap_or(&nothing);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} x\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            // A client that has seen enough may be gone.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    (address, asked)
}

fn rss(head: &str, ids: &[u32]) -> Vec<u8> {
    let mut text =
        format!("<rss version='2.0' xmlns:a='http://www.w3.org/2005/Atom'><channel>{head}");
    for id in ids {
        text.push_str(&format!(
            "<item><title>Post {id}</title><link>https://blog.example/post-{id}</link><guid isPermaLink='false'>id-{id}\
             </guid><pubDate>{id:02} Jan 2020 09:00:00 GMT</pubDate></item>"
        ));
    }
    text.push_str("</channel></rss>");
    text.into_bytes()
}

fn ok(body: Vec<u8>) -> Page {
    (200, String::new(), body)
}

fn posts(count: u32) -> Site {
    let site = Site::new(ADDRESS);
    for id in 1..=count {
        let text = article(&format!("title: Post {id}\ndate: 2020-01-{id:02}\ntags: [x]"));
        site.write(&format!("post-{id}.md"), text);
    }
    site
}

fn import(site: &Site, arguments: &[&str]) -> Run {
    run(site, &[&["import"], arguments].concat())
}

#[test]
fn older_pages_are_followed_until_they_end() {
    let (address, _) = server(|address| {
        let next = |rel: &str, to: &str| format!("<a:link rel='{rel}' href='{to}'/>");
        vec![
            ("/feed".to_owned(), ok(rss(&next("prev-archive", &format!("{address}/2")), &[4, 3]))),
            ("/2".to_owned(), ok(rss(&next("prev-archive", &format!("{address}/1")), &[2]))),
            // The oldest leads back to the first: that is the end.
            ("/1".to_owned(), ok(rss(&next("prev-archive", &format!("{address}/feed")), &[1]))),
        ]
    });
    let site = posts(4);
    check(&import(&site, &[&format!("{address}/feed")]), 0, "4 of 4 entries imported", "lead back");
    build(&site);
    assert_eq!(guids(&site), ["id-4", "id-3"]);
    let tagged = std::fs::read_to_string(site.feeds().join("tags/x/rss.xml")).unwrap();
    assert!(tagged.contains(">id-1<") && tagged.contains(">id-2<"), "{tagged}");
}

#[test]
fn pages_of_wordpress_are_counted_and_may_be_compressed() {
    let (address, asked) = server(|_| {
        let generator = "<generator>https://wordpress.org/?v=6.4</generator>";
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&rss(generator, &[1])).unwrap();
        let zipped = (200, "Content-Encoding: gzip\r\n".to_owned(), gzip.finish().unwrap());
        vec![
            ("/?feed=rss2".to_owned(), ok(rss(generator, &[3, 2]))),
            ("/?feed=rss2&paged=2".to_owned(), zipped),
        ]
    });
    let site = posts(3);
    let run = import(&site, &["--dry-run", &format!("{address}/?feed=rss2")]);
    check(&run, 0, "3 of 3 entries would be imported", "");
    let asked = asked.lock().unwrap();
    assert_eq!(*asked, ["/?feed=rss2", "/?feed=rss2&paged=2", "/?feed=rss2&paged=3"]);
}

#[test]
fn redirects_are_followed_but_not_in_a_circle() {
    let (address, _) = server(|_| {
        let to = |path: &str| (301, format!("Location: {path}\r\n"), Vec::new());
        vec![
            ("/old".to_owned(), to("/feed")),
            ("/feed".to_owned(), ok(rss("", &[1]))),
            ("/a".to_owned(), to("/b")),
            ("/b".to_owned(), to("/a")),
            ("/out".to_owned(), to("ftp://blog.example/")),
        ]
    });
    let site = posts(1);
    let at = |path: &str| import(&site, &["--dry-run", &format!("{address}{path}")]);
    check(&at("/old"), 0, "1 of 1 entries would be imported", "");
    check(&at("/a"), 2, "", "redirects without end");
    check(&at("/out"), 2, "", "is not an http or https address");
    check(&at("/missing"), 2, "", "answers 404");
    check(
        &import(&site, &["--dry-run", "http://127.0.0.1:1/feed"]),
        2,
        "",
        "cannot connect to 127.0.0.1",
    );
}

#[test]
fn another_host_is_asked_only_if_it_is_allowed() {
    let (address, _) = server(|address| {
        let other = address.replace("127.0.0.1", "localhost");
        let next = format!("<a:link rel='next' href='{other}/2'/>");
        vec![("/feed".to_owned(), ok(rss(&next, &[2]))), ("/2".to_owned(), ok(rss("", &[1])))]
    });
    let site = posts(2);
    let feed = format!("{address}/feed");
    check(
        &import(&site, &["--dry-run", &feed]),
        0,
        "1 of 1 entries",
        "add --follow-hosts localhost",
    );
    let allowed = import(&site, &["--dry-run", "--follow-hosts", "localhost", &feed]);
    check(&allowed, 0, "2 of 2 entries", "");
}

#[test]
fn a_page_that_repeats_itself_is_the_end_and_a_lost_one_refuses_the_import() {
    let (address, asked) = server(|_| {
        let generator = "<generator>https://wordpress.org/</generator>";
        let mut pages =
            vec![("/lost".to_owned(), ok(rss("<a:link rel='next' href='gone'/>", &[1])))];
        for target in ["/wp".to_owned()].into_iter().chain((2..9).map(|n| format!("/wp?paged={n}")))
        {
            pages.push((target, ok(rss(generator, &[1]))));
        }
        pages
    });
    let site = posts(1);
    check(&import(&site, &["--dry-run", &format!("{address}/wp")]), 0, "1 of 1 entries", "");
    assert_eq!(asked.lock().unwrap().len(), 2, "the second page had nothing new");
    check(&import(&site, &[&format!("{address}/lost")]), 1, "", "answers 404");
    assert!(!site.dir.path().join(".dropfeed").exists(), "nothing was imported");
}

#[test]
fn a_proxy_is_asked_for_the_whole_address() {
    let (address, asked) =
        server(|_| vec![("http://blog.example/feed".to_owned(), ok(rss("", &[1])))]);
    let site = posts(1);
    let by_option = import(&site, &["--dry-run", "--proxy", &address, "http://blog.example/feed"]);
    check(&by_option, 0, "1 of 1 entries", "");
    let mut command = site.command(&["import", "--dry-run", "http://blog.example/feed"]);
    assert!(command.env("http_proxy", &address).status().unwrap().success());
    // TLS begins with a tunnel, which this proxy refuses.
    let tunnel = import(&site, &["--dry-run", "--proxy", &address, "https://blog.example/feed"]);
    check(&tunnel, 2, "", "cannot connect to proxy");
    assert_eq!(asked.lock().unwrap().last().unwrap(), "blog.example:443");
}
