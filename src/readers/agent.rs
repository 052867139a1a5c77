//! What a User-Agent says about the readers behind it.
//!
//! Anybody can send any User-Agent, so the figures are what clients claim. A number is believed
//! only from an aggregator of the table below, up to [`SUBSCRIBERS_MAX`]; a client with another
//! name is one reader, whatever number it names.

/// The largest number of subscribers that is believed.
pub const SUBSCRIBERS_MAX: u64 = 1_000_000;

/// The largest User-Agent that is looked at, in bytes. No feed reader's is near that.
const AGENT_BYTES_MAX: usize = 1024;

/// The program that fetched a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// A service that fetches once for all its users.
    Aggregator {
        /// Its name.
        name: &'static str,
        /// The number of users that it names; 1 if it names none.
        subscribers: u64,
    },
    /// A feed reader of one person.
    Direct,
    /// A browser, a crawler, a monitor, a script: no reader.
    NoReader,
}

/// Whether a person opened the address in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Navigation {
    /// A browser went to the address.
    Browser,
    /// A program fetched it.
    Program,
}

/// The way a client with a name of [`KNOWN`] is counted if it names no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One service with many fetchers: at least one person there reads the feed.
    Service,
    /// A program that people run on servers of their own: a direct reader.
    Software,
}

/// Aggregators that name their subscribers, by a part of their User-Agent in lower case. The first
/// that fits counts. Several claim to be `like FeedFetcher-Google`, without a semicolon.
const KNOWN: &[(&str, &str, Kind)] = &[
    ("feedly", "Feedly", Kind::Service),
    ("inoreader", "Inoreader", Kind::Service),
    ("newsblur", "NewsBlur", Kind::Service),
    ("theoldreader", "The Old Reader", Kind::Service),
    ("feedbin", "Feedbin", Kind::Service),
    ("bazqux", "BazQux Reader", Kind::Service),
    ("bloglovin", "Bloglovin", Kind::Service),
    ("feedwrangler", "Feed Wrangler", Kind::Service),
    ("netvibes", "Netvibes", Kind::Service),
    ("feedspot", "Feedspot", Kind::Service),
    ("feeder.co", "Feeder", Kind::Service),
    ("g2reader", "G2Reader", Kind::Service),
    ("newsgator", "NewsGator", Kind::Service),
    ("aolreader", "AOL Reader", Kind::Service),
    ("digg feed fetcher", "Digg Reader", Kind::Service),
    ("livedoor feedfetcher", "livedoor Reader", Kind::Service),
    ("fastladder", "Fastladder", Kind::Service),
    ("hanrss", "HanRSS", Kind::Service),
    ("livejournal.com", "LiveJournal", Kind::Service),
    ("dreamwidth", "Dreamwidth", Kind::Service),
    ("feedhq", "FeedHQ", Kind::Software),
    ("freshrss", "FreshRSS", Kind::Software),
    ("miniflux", "Miniflux", Kind::Software),
    ("commafeed", "CommaFeed", Kind::Software),
    ("tiny tiny rss", "Tiny Tiny RSS", Kind::Software),
    ("feedfetcher-google;", "Google Feedfetcher", Kind::Service),
];

/// Parts of the User-Agents of clients that no person reads with, in lower case.
const NO_READERS: &[&str] = &[
    "bot",
    "crawl",
    "spider",
    "slurp",
    "archiver",
    "facebookexternalhit",
    "superfeedr",
    "validator",
    "headlesschrome",
    "monitor",
    "uptime",
    "pingdom",
    "statuscake",
    "site24x7",
    "check_http",
    "nagios",
    "zabbix",
    "prometheus",
    "blackbox",
    "censys",
    "zgrab",
    "masscan",
    "nmap",
    "curl/",
    "wget/",
    "libwww",
    "python-requests",
    "python-urllib",
    "aiohttp",
    "httpx/",
    "scrapy",
    "go-http-client",
    "java/",
    "apache-httpclient",
    "node-fetch",
    "axios/",
    "undici",
    "guzzle",
];

/// Finds out who fetched a feed with this User-Agent.
pub fn classify(user_agent: &str, navigation: Navigation) -> Agent {
    let mut text = user_agent.trim().to_ascii_lowercase();
    text.truncate(text.floor_char_boundary(AGENT_BYTES_MAX));
    if let Some((_, name, kind)) = KNOWN.iter().find(|(part, ..)| text.contains(part)) {
        return match (subscribers(&text), kind) {
            (Some(subscribers), _) => Agent::Aggregator { name, subscribers },
            (None, Kind::Service) => Agent::Aggregator { name, subscribers: 1 },
            (None, Kind::Software) => Agent::Direct,
        };
    }
    // Every client that means to be known names itself.
    if text.is_empty() || navigation == Navigation::Browser {
        return Agent::NoReader;
    }
    if NO_READERS.iter().any(|part| text.contains(part)) { Agent::NoReader } else { Agent::Direct }
}

/// The number of subscribers in a User-Agent in lower case: `12 subscribers`, `1 reader`,
/// `subscribers: 12`. None where there is no number, or one that is not believed.
fn subscribers(text: &str) -> Option<u64> {
    for word in ["subscriber", "reader"] {
        for (at, _) in text.match_indices(word) {
            let after = text[at + word.len()..].trim_start_matches("(s)").trim_start_matches('s');
            let number = match number_before(&text[..at]) {
                None if word == "subscriber" => number_after(after),
                number => number,
            };
            if let Some(number) = number {
                return Some(number).filter(|number| *number <= SUBSCRIBERS_MAX);
            }
        }
    }
    None
}

/// The number at the end of a text, with a space after it: `; 1,234 `.
fn number_before(text: &str) -> Option<u64> {
    let trimmed = text.trim_end();
    let rest = trimmed.trim_end_matches(|c: char| c.is_ascii_digit() || c == ',');
    // Parts of words, versions and signs are not numbers of people: `g2reader`, `1.5`, `-5`.
    let is_apart = trimmed.len() < text.len()
        && !rest.ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '-');
    if is_apart { parse(&trimmed[rest.len()..]) } else { None }
}

/// The number after a colon or an equals sign: `: 12`.
fn number_after(text: &str) -> Option<u64> {
    let text = text.trim_start().strip_prefix([':', '='])?.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(text.len());
    parse(&text[..end])
}

/// Reads digits, perhaps in groups. A number that is too large for the type is one that is not
/// believed either.
fn parse(digits: &str) -> Option<u64> {
    let digits = digits.replace(',', "");
    if digits.is_empty() {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A User-Agent as its program sends it, and the name and number that it is counted by.
    const AGGREGATORS: &[(&str, &str, u64)] = &[
        (
            "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 16 subscribers; like FeedFetcher-Google)",
            "Feedly",
            16,
        ),
        ("Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)", "Feedly", 1),
        ("FeedlyBot/1.0 (http://feedly.com)", "Feedly", 1),
        (
            "Inoreader/1.0 (+http://www.inoreader.com/feed-fetcher; 12 subscribers; )",
            "Inoreader",
            12,
        ),
        ("Mozilla/5.0 (compatible; inoreader.com; 3 subscribers)", "Inoreader", 3),
        (
            "NewsBlur Feed Fetcher - 1 subscriber - http://www.newsblur.com/site/1/x (Mozilla/5.0 \
             (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/14.0.1 Safari/605.1.15)",
            "NewsBlur",
            1,
        ),
        (
            "Mozilla/5.0 (compatible; theoldreader.com; 4 subscribers; feed-id=4fd1ca7a49bf51)",
            "The Old Reader",
            4,
        ),
        ("Feedbin feed-id:1373711 - 142 subscribers", "Feedbin", 142),
        (
            "Mozilla/5.0 (compatible; BazQux/2.4; +https://bazqux.com/fetcher; 1 subscribers)",
            "BazQux Reader",
            1,
        ),
        ("Bloglovin/1.0 (http://www.bloglovin.com; 1,204 subscribers)", "Bloglovin", 1204),
        (
            "FeedWrangler/1.0 (4 subscribers; feed-id=4567; http://feedwrangler.net; Allow like Gecko)",
            "Feed Wrangler",
            4,
        ),
        ("Netvibes (http://www.netvibes.com/; 38 subscribers; feedID: 641321)", "Netvibes", 38),
        ("Netvibes (http://www.netvibes.com; subscribers: 12)", "Netvibes", 12),
        (
            "Mozilla/5.0 (compatible; Feedspotbot/1.0; +http://www.feedspot.com/fs/bot)",
            "Feedspot",
            1,
        ),
        ("G2Reader-Bot/1.0 (+http://www.g2reader.com/; 7 subscribers)", "G2Reader", 7),
        ("NewsGatorOnline/2.0 (http://www.newsgator.com; 4 subscribers)", "NewsGator", 4),
        (
            "livedoor FeedFetcher/0.01 (http://reader.livedoor.com/; 1 subscriber)",
            "livedoor Reader",
            1,
        ),
        ("HanRSS/1.1 (http://www.hanrss.com; 5 subscribers)", "HanRSS", 5),
        (
            "LiveJournal.com (webmaster@livejournal.com; for http://www.livejournal.com/users/x/; 12 readers)",
            "LiveJournal",
            12,
        ),
        (
            "Dreamwidth Studios (webmaster@dreamwidth.org; for https://x.dreamwidth.org/; 2 readers)",
            "Dreamwidth",
            2,
        ),
        (
            "Feedfetcher-Google; (+http://www.google.com/feedfetcher.html; 9 subscribers; feed-id=1139)",
            "Google Feedfetcher",
            9,
        ),
        ("FeedHQ/1.0 (https://feedhq.org/; 2 subscribers)", "FeedHQ", 2),
        ("FreshRSS/1.24.0 (Linux; https://freshrss.org) 3 subscribers", "FreshRSS", 3),
        // What nobody would believe, or is not a number of people.
        ("Feedly/1.0 (1000000 subscribers)", "Feedly", 1_000_000),
        ("Feedly/1.0 (1000001 subscribers)", "Feedly", 1),
        ("Feedly/1.0 (99999999999999999999999999 subscribers)", "Feedly", 1),
        ("Feedly/1.0 (-5 subscribers)", "Feedly", 1),
        ("Feedly/1.5 subscribers", "Feedly", 1),
        ("Feedly/1.0 (0 subscribers)", "Feedly", 0),
        ("Feedly/1.0 (, subscribers)", "Feedly", 1),
    ];

    const DIRECT: &[&str] = &[
        "NetNewsWire (RSS Reader; https://netnewswire.com/)",
        "Mozilla/5.0 (compatible; Miniflux/2.2.3; +https://miniflux.app)",
        "FreshRSS/1.24.0 (Linux; https://freshrss.org)",
        "Tiny Tiny RSS/24.04-3c9fe1d6 (https://tt-rss.org/)",
        "Newsboat/2.32 (Linux x86_64)",
        "newsraft/0.25 (Linux)",
        "Liferea/1.14.1 (Linux; https://lzone.de/liferea/) AppleWebKit (KHTML, like Gecko)",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
        "Reeder/5050001 CFNetwork/1568.200.51 Darwin/24.1.0",
        "NextCloud-News/1.0",
        "rss2email/3.14 (https://github.com/rss2email/rss2email)",
        "FeedParser/1.0 (like FeedFetcher-Google)",
        "SpaceCowboys Android RSS Reader / 2.6.24(308)",
        // The name is not one that is known, so neither is the number.
        "Somebody/1.0 (5000 subscribers)",
    ];

    const NO_READER: &[&str] = &[
        "",
        " ",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "Baiduspider+(+http://www.baidu.com/search/spider.htm)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        "W3C_Validator/1.3 http://validator.w3.org/services",
        "Blackbox Exporter/0.25.0",
        "curl/8.9.1",
        "Wget/1.24.5",
        "python-requests/2.32.3",
        "Go-http-client/1.1",
        "Superfeedr bot/2.0 http://superfeedr.com - feed-id:1",
    ];

    #[test]
    fn user_agents() {
        for (text, name, subscribers) in AGGREGATORS {
            let expected = Agent::Aggregator { name, subscribers: *subscribers };
            assert_eq!(classify(text, Navigation::Program), expected, "{text}");
        }
        for text in DIRECT {
            assert_eq!(classify(text, Navigation::Program), Agent::Direct, "{text}");
            assert_eq!(classify(text, Navigation::Browser), navigated(text), "{text}");
        }
        for text in NO_READER {
            assert_eq!(classify(text, Navigation::Program), Agent::NoReader, "{text}");
        }
    }

    /// Somebody who looks at a feed in a browser does not read it with that.
    fn navigated(text: &str) -> Agent {
        let is_software =
            ["Miniflux", "FreshRSS", "Tiny Tiny"].iter().any(|name| text.contains(name));
        if is_software { Agent::Direct } else { Agent::NoReader }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_number_is_too_large(
            text in "(feedly|Feedbin|x|é| |,|subscriber|readers|[0-9]{1,30}|[:=-])*"
        ) {
            if let Agent::Aggregator { subscribers, .. } = classify(&text, Navigation::Program) {
                prop_assert!(subscribers <= SUBSCRIBERS_MAX);
            }
        }
    }
}
