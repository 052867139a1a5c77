//! Old feeds as generators and services write them, each with the tree that its site becomes.

/// An old site, moved in.
pub(super) struct Old {
    /// Its generator.
    pub(super) name: &'static str,
    /// The files of its feed: name and text. The newest post is "Hello & goodbye", the other one
    /// "Second".
    pub(super) feeds: &'static [(&'static str, &'static str)],
    /// The article of "Hello & goodbye": path and front matter.
    pub(super) hello: (&'static str, &'static str),
    /// The article of "Second".
    pub(super) second: (&'static str, &'static str),
    /// The line for readers that know entries by id.
    pub(super) by_id: &'static str,
    /// What has to be in `rss.xml`, `atom.xml` and `feed.json` afterwards.
    pub(super) written: [&'static [&'static str]; 3],
}

const WORDPRESS_RSS: &str = r#"<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"
	xmlns:content="http://purl.org/rss/1.0/modules/content/"
	xmlns:wfw="http://wellformedweb.org/CommentAPI/"
	xmlns:dc="http://purl.org/dc/elements/1.1/"
	xmlns:atom="http://www.w3.org/2005/Atom"
	xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"
	xmlns:slash="http://purl.org/rss/1.0/modules/slash/">
<channel>
	<title>Old blog</title>
	<atom:link href="https://blog.example/feed/" rel="self" type="application/rss+xml" />
	<link>https://blog.example/</link>
	<lastBuildDate>Fri, 03 Jan 2020 09:30:00 +0000</lastBuildDate>
	<generator>https://wordpress.org/?v=6.4</generator>
	<item>
		<title>Hello &#038; goodbye</title>
		<link>https://blog.example/2020/01/03/hello/</link>
		<comments>https://blog.example/2020/01/03/hello/#comments</comments>
		<dc:creator><![CDATA[Ada]]></dc:creator>
		<pubDate>Fri, 03 Jan 2020 09:30:00 +0000</pubDate>
		<category><![CDATA[Uncategorized]]></category>
		<guid isPermaLink="false">https://blog.example/?p=12&#038;lang=en</guid>
		<description><![CDATA[Text]]></description>
		<content:encoded><![CDATA[<p>Text</p>]]></content:encoded>
		<wfw:commentRss>https://blog.example/2020/01/03/hello/feed/</wfw:commentRss>
		<slash:comments>1</slash:comments>
	</item>
	<item>
		<title>Second</title>
		<link>https://blog.example/2020/01/02/second/</link>
		<pubDate>Thu, 02 Jan 2020 09:30:00 +0000</pubDate>
		<guid isPermaLink="false">https://blog.example/?p=7</guid>
		<description><![CDATA[Text]]></description>
	</item>
</channel>
</rss>"#;

const WORDPRESS_ATOM: &str = r#"<?xml version="1.0" encoding="UTF-8"?><feed
	xmlns="http://www.w3.org/2005/Atom"
	xmlns:thr="http://purl.org/syndication/thread/1.0"
	xml:lang="en-US">
	<title type="text">Old blog</title>
	<updated>2020-01-05T09:30:00Z</updated>
	<link rel="alternate" type="text/html" href="https://blog.example" />
	<id>https://blog.example/feed/atom/</id>
	<link rel="self" type="application/atom+xml" href="https://blog.example/feed/atom/" />
	<entry>
		<author><name>Ada</name></author>
		<title type="html"><![CDATA[Hello &#038; goodbye]]></title>
		<link rel="alternate" type="text/html" href="https://blog.example/2020/01/03/hello/" />
		<id>https://blog.example/?p=12&amp;lang=en</id>
		<updated>2020-01-05T09:30:00Z</updated>
		<published>2020-01-03T09:30:00Z</published>
		<summary type="html"><![CDATA[Text]]></summary>
		<link rel="replies" type="text/html" href="https://blog.example/2020/01/03/hello/#comments" thr:count="1" />
		<thr:total>1</thr:total>
	</entry>
	<entry>
		<title type="html"><![CDATA[Second]]></title>
		<link rel="alternate" type="text/html" href="https://blog.example/2020/01/02/second/" />
		<id>https://blog.example/?p=7</id>
		<updated>2020-01-02T09:30:00Z</updated>
		<published>2020-01-02T09:30:00Z</published>
	</entry>
</feed>"#;

const JEKYLL: &str = r#"<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" ><generator uri="https://jekyllrb.com/" version="4.3.2">Jekyll</generator><link href="https://blog.example/feed.xml" rel="self" type="application/atom+xml" /><link href="https://blog.example/" rel="alternate" type="text/html" /><updated>2020-02-01T10:00:00+00:00</updated><id>https://blog.example/feed.xml</id><title type="html">Old blog</title><entry><title type="html">Hello &amp;amp; goodbye</title><link href="https://blog.example/2020/01/03/hello.html" rel="alternate" type="text/html" title="Hello &amp;amp; goodbye" /><published>2020-01-03T09:30:00+01:00</published><updated>2020-01-03T09:30:00+01:00</updated><id>https://blog.example/2020/01/03/hello</id><content type="html" xml:base="https://blog.example/2020/01/03/hello.html"><![CDATA[<p>Text</p>]]></content><author><name>Ada</name></author></entry><entry><title type="html">Second</title><link href="https://blog.example/2020/01/02/second.html" rel="alternate" type="text/html" title="Second" /><published>2020-01-02T00:00:00+01:00</published><updated>2020-01-02T00:00:00+01:00</updated><id>https://blog.example/2020/01/02/second</id></entry></feed>"#;

const HUGO: &str = r#"<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
  <channel>
    <title>Old blog</title>
    <link>https://blog.example/</link>
    <description>Recent content on Old blog</description>
    <generator>Hugo</generator>
    <language>en</language>
    <lastBuildDate>Fri, 03 Jan 2020 09:30:00 +0100</lastBuildDate>
    <atom:link href="https://blog.example/index.xml" rel="self" type="application/rss+xml" />
    <item>
      <title>Hello &amp; goodbye</title>
      <link>https://blog.example/posts/hello/</link>
      <pubDate>Fri, 03 Jan 2020 09:30:00 +0100</pubDate>
      <guid>https://blog.example/posts/hello/</guid>
      <description>&lt;p&gt;Text&lt;/p&gt;</description>
    </item>
    <item>
      <title>Second</title>
      <link>https://blog.example/posts/second/</link>
      <pubDate>Thu, 02 Jan 2020 00:00:00 +0000</pubDate>
      <guid>https://blog.example/posts/second/</guid>
      <description>Text</description>
    </item>
  </channel>
</rss>"#;

const ZOLA: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">
    <title>Old blog</title>
    <link rel="self" type="application/atom+xml" href="https://blog.example/atom.xml"/>
    <link rel="alternate" type="text/html" href="https://blog.example"/>
    <generator uri="https://www.getzola.org/">Zola</generator>
    <updated>2020-01-03T00:00:00+00:00</updated>
    <id>https://blog.example/atom.xml</id>
    <entry xml:lang="en">
        <title>Hello &amp; goodbye</title>
        <published>2020-01-03T00:00:00+00:00</published>
        <updated>2020-01-03T00:00:00+00:00</updated>
        <author><name>Ada</name></author>
        <link rel="alternate" type="text/html" href="https://blog.example/blog/hello/"/>
        <id>https://blog.example/blog/hello/</id>
        <content type="html" xml:base="https://blog.example/blog/hello/">&lt;p&gt;Text&lt;&#x2F;p&gt;</content>
    </entry>
    <entry xml:lang="en">
        <title>Second</title>
        <published>2020-01-02T00:00:00+00:00</published>
        <updated>2020-01-02T00:00:00+00:00</updated>
        <link rel="alternate" type="text/html" href="https://blog.example/blog/second/"/>
        <id>https://blog.example/blog/second/</id>
    </entry>
</feed>"#;

const ELEVENTY_ATOM: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">
  <title>Old blog</title>
  <subtitle>Words</subtitle>
  <link href="https://blog.example/feed.xml" rel="self" />
  <link href="https://blog.example/" />
  <updated>2020-01-03T00:00:00Z</updated>
  <id>https://blog.example/</id>
  <author><name>Ada</name></author>
  <entry>
    <title>Hello &amp; goodbye</title>
    <link href="https://blog.example/blog/hello/" />
    <updated>2020-01-03T00:00:00Z</updated>
    <id>https://blog.example/blog/hello/</id>
    <content type="html">&lt;p&gt;Text&lt;/p&gt;</content>
  </entry>
  <entry>
    <title>Second</title>
    <link href="https://blog.example/blog/second/" />
    <updated>2020-01-02T00:00:00Z</updated>
    <id>https://blog.example/blog/second/</id>
  </entry>
</feed>"#;

const ELEVENTY_JSON: &str = r#"{
  "version": "https://jsonfeed.org/version/1.1", "title": "Old blog", "language": "en",
  "home_page_url": "https://blog.example/", "feed_url": "https://blog.example/feed.json",
  "items": [
    { "id": "https://blog.example/blog/hello/", "url": "https://blog.example/blog/hello/",
      "title": "Hello & goodbye", "content_html": "<p>Text</p>", "date_published": "2020-01-03T00:00:00Z" },
    { "id": "https://blog.example/blog/second/", "url": "https://blog.example/blog/second/",
      "title": "Second", "content_html": "<p>Text</p>", "date_published": "2020-01-02T00:00:00Z" }
  ]
}"#;

const GHOST: &str = r#"<?xml version="1.0" encoding="UTF-8"?><rss xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom" version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title><![CDATA[Old blog]]></title><description><![CDATA[Words]]></description><link>https://blog.example/</link><image><url>https://blog.example/favicon.png</url><title>Old blog</title><link>https://blog.example/</link></image><generator>Ghost 5.75</generator><lastBuildDate>Sat, 01 Feb 2020 00:00:00 GMT</lastBuildDate><atom:link href="https://blog.example/rss/" rel="self" type="application/rss+xml"/><ttl>60</ttl><item><title><![CDATA[Hello & goodbye]]></title><description><![CDATA[Text]]></description><link>https://blog.example/hello/</link><guid isPermaLink="false">5e0f1a2b3c4d5e6f70819203</guid><dc:creator><![CDATA[Ada]]></dc:creator><pubDate>Fri, 03 Jan 2020 09:30:00 GMT</pubDate><media:content url="https://blog.example/x.jpg" medium="image"><media:title>no</media:title></media:content><content:encoded><![CDATA[<p>Text</p>]]></content:encoded></item><item><title><![CDATA[Second]]></title><link>https://blog.example/second/</link><guid isPermaLink="false">5e0f1a2b3c4d5e6f70819204</guid><pubDate>Thu, 02 Jan 2020 09:30:00 GMT</pubDate></item></channel></rss>"#;

const BLOGGER: &str = r#"<?xml version='1.0' encoding='UTF-8'?><?xml-stylesheet href="http://www.blogger.com/styles/atom.css" type="text/css"?><feed xmlns='http://www.w3.org/2005/Atom' xmlns:openSearch='http://a9.com/-/spec/opensearchrss/1.0/' xmlns:blogger='http://schemas.google.com/blogger/2008' xmlns:thr='http://purl.org/syndication/thread/1.0'><id>tag:blogger.com,1999:blog-4242</id><updated>2020-02-01T01:02:03.004-08:00</updated><title type='text'>Old blog</title><link rel='http://schemas.google.com/g/2005#feed' type='application/atom+xml' href='https://blog.example/feeds/posts/default'/><link rel='self' type='application/atom+xml' href='https://www.blogger.com/feeds/4242/posts/default'/><link rel='alternate' type='text/html' href='https://blog.example/'/><link rel='next' type='application/atom+xml' href='https://www.blogger.com/feeds/4242/posts/default?start-index=26&amp;max-results=25'/><generator version='7.00' uri='http://www.blogger.com'>Blogger</generator><entry><id>tag:blogger.com,1999:blog-4242.post-77</id><published>2020-01-03T09:30:00.000-08:00</published><updated>2020-01-04T09:30:00.123-08:00</updated><title type='text'>Hello &amp; goodbye</title><content type='html'>&lt;p&gt;Text&lt;/p&gt;</content><link rel='replies' type='application/atom+xml' href='https://blog.example/feeds/77/comments/default' title='Post Comments'/><link rel='edit' type='application/atom+xml' href='https://www.blogger.com/feeds/4242/posts/default/77'/><link rel='self' type='application/atom+xml' href='https://www.blogger.com/feeds/4242/posts/default/77'/><link rel='alternate' type='text/html' href='https://blog.example/2020/01/hello.html' title='Hello &amp; goodbye'/><author><name>Ada</name></author><thr:total>0</thr:total></entry><entry><id>tag:blogger.com,1999:blog-4242.post-78</id><published>2020-01-02T09:30:00.000-08:00</published><updated>2020-01-02T09:30:00.000-08:00</updated><title type='text'>Second</title><link rel='alternate' type='text/html' href='https://blog.example/2020/01/second.html'/></entry></feed>"#;

const PELICAN: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Old blog</title><link href="https://blog.example/" rel="alternate"></link><link href="https://blog.example/feeds/all.atom.xml" rel="self"></link><id>https://blog.example/</id><updated>2020-01-03T09:30:00+01:00</updated><entry><title>Hello &amp; goodbye</title><link href="https://blog.example/hello.html" rel="alternate"></link><published>2020-01-03T09:30:00+01:00</published><updated>2020-01-03T09:30:00+01:00</updated><author><name>Ada</name></author><id>tag:blog.example,2020-01-03:/hello.html</id><summary type="html">&lt;p&gt;Text&lt;/p&gt;</summary></entry><entry><title>Second</title><link href="https://blog.example/second.html" rel="alternate"></link><published>2020-01-02T09:30:00+01:00</published><updated>2020-01-02T09:30:00+01:00</updated><id>tag:blog.example,2020-01-02:/second.html</id></entry></feed>"#;

const HEXO: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>Old blog</title>
  <link href="https://blog.example/atom.xml" rel="self"/>
  <link href="https://blog.example/"/>
  <updated>2020-01-03T09:30:00.000Z</updated>
  <id>https://blog.example/</id>
  <generator uri="https://hexo.io/">Hexo</generator>
  <entry>
    <title>Hello &amp; goodbye</title>
    <link href="https://blog.example/2020/01/03/hello/"/>
    <id>https://blog.example/2020/01/03/hello/</id>
    <published>2020-01-03T09:30:00.000Z</published>
    <updated>2020-01-03T09:30:00.000Z</updated>
    <content type="html"><![CDATA[<p>Text</p>]]></content>
  </entry>
  <entry>
    <title>Second</title>
    <link href="https://blog.example/2020/01/02/second/"/>
    <id>https://blog.example/2020/01/02/second/</id>
    <published>2020-01-02T09:30:00.000Z</published>
    <updated>2020-01-02T09:30:00.000Z</updated>
  </entry>
</feed>"#;

const SUBSTACK: &str = r#"<?xml version="1.0" encoding="UTF-8"?><rss xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom" version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title><![CDATA[Old blog]]></title><link>https://old.substack.com</link><image><url>https://x.example/i.png</url><title>Old blog</title><link>https://old.substack.com</link></image><generator>Substack</generator><atom:link href="https://old.substack.com/feed" rel="self" type="application/rss+xml"/><itunes:owner><itunes:name><![CDATA[Ada]]></itunes:name></itunes:owner><item><title><![CDATA[Hello & goodbye]]></title><description><![CDATA[Text]]></description><link>https://old.substack.com/p/hello</link><guid isPermaLink="false">https://old.substack.com/p/hello</guid><dc:creator><![CDATA[Ada]]></dc:creator><pubDate>Fri, 03 Jan 2020 09:30:00 GMT</pubDate><enclosure url="https://x.example/i.jpg" length="0" type="image/jpeg"/></item><item><title><![CDATA[Second]]></title><link>https://old.substack.com/p/second</link><guid isPermaLink="false">https://old.substack.com/p/second</guid><pubDate>Thu, 02 Jan 2020 09:30:00 GMT</pubDate></item></channel></rss>"#;

const MEDIUM: &str = r#"<?xml version="1.0" encoding="UTF-8"?><rss xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom" version="2.0" xmlns:cc="http://cyber.law.harvard.edu/rss/creativeCommonsRssModule.html">
    <channel>
        <title><![CDATA[Stories by Ada on Medium]]></title>
        <link>https://medium.com/@ada?source=rss-1a2b3c------2</link>
        <generator>Medium</generator>
        <item>
            <title><![CDATA[Hello & goodbye]]></title>
            <link>https://medium.com/@ada/hello-goodbye-1a2b3c4d5e6f?source=rss-1a2b3c------2</link>
            <guid isPermaLink="false">https://medium.com/p/1a2b3c4d5e6f</guid>
            <dc:creator><![CDATA[Ada]]></dc:creator>
            <pubDate>Fri, 03 Jan 2020 09:30:00 GMT</pubDate>
            <atom:updated>2020-01-04T09:30:00.123Z</atom:updated>
            <content:encoded><![CDATA[<p>Text</p>]]></content:encoded>
        </item>
        <item>
            <title><![CDATA[Second]]></title>
            <link>https://medium.com/@ada/second-6f5e4d3c2b1a?source=rss-1a2b3c------2</link>
            <guid isPermaLink="false">https://medium.com/p/6f5e4d3c2b1a</guid>
            <pubDate>Thu, 02 Jan 2020 09:30:00 GMT</pubDate>
        </item>
    </channel>
</rss>"#;

const DAY_3: &str = "title: Hello & goodbye\ndate: 2020-01-03";
const DAY_2: &str = "title: Second\ndate: 2020-01-02";
const MOVED: &str = "0 new, 0 changed, 2 moved for readers that know entries by id";
const ATOM_3: &str = "<published>2020-01-03T09:30:00+00:00</published>";
const RSS_3: &str = "<pubDate>Fri, 03 Jan 2020 09:30:00 GMT</pubDate>";

/// Every kind.
pub(super) const OLD: &[Old] = &[
    Old {
        name: "WordPress",
        feeds: &[("feed.xml", WORDPRESS_RSS), ("atom.xml", WORDPRESS_ATOM)],
        hello: ("_posts/2020-01-03-hello.md", DAY_3),
        second: ("_posts/2020-01-02-second.md", DAY_2),
        by_id: MOVED,
        written: [
            &["<guid isPermaLink=\"false\">https://blog.example/?p=12&#x26;lang=en</guid>", RSS_3],
            &[
                "<id>https://blog.example/?p=12&#x26;lang=en</id>",
                "<id>https://blog.example/feed/atom/</id>",
                ATOM_3,
            ],
            &["\"id\":\"https://blog.example/?p=12&lang=en\""],
        ],
    },
    Old {
        name: "jekyll-feed",
        feeds: &[("feed.xml", JEKYLL)],
        hello: ("_posts/2020-01-03-hello.md", "title: Hello & goodbye"),
        second: ("_posts/2020-01-02-second.md", "title: Second"),
        by_id: MOVED,
        written: [
            &["<guid isPermaLink=\"false\">https://blog.example/2020/01/03/hello</guid>"],
            &[
                "<id>https://blog.example/2020/01/03/hello</id>",
                "<id>https://blog.example/feed.xml</id>",
                "<published>2020-01-03T08:30:00+00:00</published>",
            ],
            &["\"id\":\"https://blog.example/2020/01/03/hello\""],
        ],
    },
    Old {
        name: "Hugo",
        feeds: &[("index.xml", HUGO)],
        hello: ("posts/hello.md", DAY_3),
        second: ("posts/second.md", DAY_2),
        by_id: MOVED,
        written: [
            &[
                "<guid isPermaLink=\"false\">https://blog.example/posts/hello/</guid>",
                "<pubDate>Fri, 03 Jan 2020 08:30:00 GMT</pubDate>",
            ],
            &["<id>https://blog.example/posts/hello/</id>"],
            &[],
        ],
    },
    Old {
        name: "Zola",
        feeds: &[("atom.xml", ZOLA)],
        hello: ("blog/hello.md", DAY_3),
        second: ("blog/second.md", DAY_2),
        by_id: MOVED,
        written: [
            &[],
            &[
                "<id>https://blog.example/blog/hello/</id>",
                "<id>https://blog.example/atom.xml</id>",
            ],
            &[],
        ],
    },
    Old {
        name: "Eleventy",
        feeds: &[("feed.xml", ELEVENTY_ATOM), ("feed.json", ELEVENTY_JSON)],
        hello: ("blog/hello.md", DAY_3),
        second: ("blog/second.md", DAY_2),
        by_id: MOVED,
        written: [
            &[],
            &["<id>https://blog.example/blog/hello/</id>", "<id>https://blog.example/</id>"],
            &["\"id\":\"https://blog.example/blog/hello/\""],
        ],
    },
    Old {
        name: "Ghost",
        feeds: &[("rss.xml", GHOST)],
        hello: ("2020/hello.md", DAY_3),
        second: ("2020/second.md", DAY_2),
        by_id: MOVED,
        written: [
            &["<guid isPermaLink=\"false\">5e0f1a2b3c4d5e6f70819203</guid>", RSS_3],
            &["<id>urn:uuid:"],
            &["\"id\":\"5e0f1a2b3c4d5e6f70819203\""],
        ],
    },
    Old {
        name: "Blogger",
        feeds: &[("default.xml", BLOGGER)],
        hello: ("hello.md", DAY_3),
        second: ("second.md", DAY_2),
        by_id: MOVED,
        written: [
            &["<guid isPermaLink=\"false\">tag:blogger.com,1999:blog-4242.post-77</guid>"],
            &[
                "<id>tag:blogger.com,1999:blog-4242.post-77</id>",
                "<id>tag:blogger.com,1999:blog-4242</id>",
                "<published>2020-01-03T17:30:00+00:00</published>",
            ],
            &[],
        ],
    },
    Old {
        name: "Pelican",
        feeds: &[("all.atom.xml", PELICAN)],
        hello: ("hello.md", DAY_3),
        second: ("second.md", DAY_2),
        by_id: MOVED,
        written: [&[], &["<id>tag:blog.example,2020-01-03:/hello.html</id>"], &[]],
    },
    Old {
        name: "Hexo",
        feeds: &[("atom.xml", HEXO)],
        hello: ("_posts/hello.md", DAY_3),
        second: ("_posts/second.md", DAY_2),
        by_id: MOVED,
        written: [&[], &["<id>https://blog.example/2020/01/03/hello/</id>", ATOM_3], &[]],
    },
    Old {
        name: "Substack",
        feeds: &[("feed.xml", SUBSTACK)],
        hello: ("hello.md", DAY_3),
        second: ("second.md", DAY_2),
        by_id: MOVED,
        written: [
            &["<guid isPermaLink=\"false\">https://old.substack.com/p/hello</guid>", RSS_3],
            &[],
            &[],
        ],
    },
    Old {
        name: "Medium",
        feeds: &[("feed.xml", MEDIUM)],
        hello: ("2020-01-03_Hello---goodbye-1a2b3c4d5e6f.html.md", DAY_3),
        second: ("2020-01-02_Second-6f5e4d3c2b1a.html.md", DAY_2),
        by_id: MOVED,
        written: [
            &["<guid isPermaLink=\"false\">https://medium.com/p/1a2b3c4d5e6f</guid>", RSS_3],
            &[],
            &[],
        ],
    },
];
