//! The trees: `== path` begins a file, and what follows up to the next is in it.

pub(super) const HUGO: &str = r#"
== _index.md
+++
title = "Home"
+++
== posts/_index.md
---
title: All posts
description: Everything so far
---
== posts/first.md
+++
title = "First post"
date = 2026-01-02T10:00:00+01:00
lastmod = 2026-02-03
tags = ["go", "hugo"]
categories = ["Tech"]
aliases = ["/old/first/"]
[params]
math = true
+++

See [the second]({{< ref "second" >}}), [its part]({{< relref "second/#part" >}}) and [the file](second/index.md).

<!--more-->

{{< highlight go "linenos=table" >}}
fmt.Println("{{ . }}")
{{< /highlight >}}

{{< figure src="second/cat.png" caption="A cat" >}}

{{< youtube abc123 >}}

{{% notice tip %}}
Mind the gap.
{{% /notice %}}
== posts/second/index.md
---
title: "Second: a bundle"
date: 2026-01-03
author: Ada Lovelace
---
## Part

![A cat](cat.png "Miou")
![A dog](images/my%20dog.jpg)
== posts/second/cat.png
PNG
== posts/second/images/my dog.jpg
JPEG
== posts/third.md
{
  "title": "Third in JSON",
  "date": "2026-01-05T08:00:00Z",
  "url": "/special/place/"
}

Text of the third.
== posts/draft.md
---
title: Unfinished
draft: true
---
Draft words.
== posts/future.md
---
title: Planned
date: 2099-01-01
---
Future words.
== posts/past.md
---
title: Expired
date: 2020-01-01
expiryDate: 2021-01-01
---
Past words.
"#;

pub(super) const ZOLA: &str = r#"
== _index.md
+++
sort_by = "date"
+++
== blog/_index.md
+++
title = "The blog"
paginate_by = 5
+++
== blog/2026-01-02-first.md
+++
title = "First"
updated = 2026-01-05
authors = ["Ada", "Charles"]
[taxonomies]
tags = ["rust", "C++"]
[extra]
toc = true
+++
Read [the other](@/blog/other/index.md#part) and [the section](@/blog/_index.md).

{{ youtube(id="dQw4w9WgXcQ") }}

{% quote(author="Vincent") %}
A quotation
{% end %}

{{ resize_image(path="cat.png", width=5) }}
== blog/other/index.md
+++
title = "Other"
date = 2026-01-03T12:00:00Z
slug = "another-slug"
aliases = ["blog/very-old", "old.html"]
+++
# Part

![cat](cat.png)

```rust,linenos
fn main() {}
```
== blog/other/cat.png
PNG
== blog/draft.md
+++
title = "Unfinished"
draft = true
+++
Draft words.
== blog/pathy.md
+++
title = "With a path"
date = 2026-01-01
path = "Some/Path"
+++
Yes.
"#;

pub(super) const JEKYLL: &str = r#"
== _config.yml
title: A site of Jekyll
== README.md
For whoever clones the repository.
== index.html
---
layout: home
---
{% for post in site.posts %}<a href="{{ post.url }}">{{ post.title }}</a>{% endfor %}
== _layouts/post.html
<html>A layout: {{ content }}</html>
== _posts/2026-01-02-hello-jekyll.markdown
---
layout: post
title:  "Hello, Jekyll!"
date:   2026-01-02 10:00:00 +0100
categories: jekyll update
tags: [one, two]
last_modified_at: 2026-01-09
---
See [next]({% post_url 2026-01-03-next %}) and [the file]({% link _posts/2026-01-03-next.md %}).

{% highlight ruby linenos %}
puts 'Hi'
{% endhighlight %}

![A]({{ site.baseurl }}/assets/a.png){: .wide}
![B]({{ '/assets/a.png' | relative_url }})

{% if page.x %}kept{% endif %}
== _posts/2026-01-03-next.md
---
title: Next
permalink: /:year/:title/
excerpt: An excerpt.
---
Next text.
== _posts/2026-01-04-a-permalink.md
---
permalink: /2026/01/04/a-permalink.html
---
No title here.
== _posts/2026-01-05-hidden.md
---
title: Unfinished
published: false
---
Draft words.
== _drafts/idea.md
---
title: An idea
---
Idea words.
== assets/a.png
PNG
"#;

pub(super) const ELEVENTY: &str = r#"
== _includes/base.njk
{{ content }}
== _data/site.json
{"a": 1}
== index.njk
---
title: A template
---
== posts/posts.json
{"tags": "posts", "layout": "post.njk"}
== posts/first.md
---
title: First in Eleventy
date: 2026-01-02
tags:
  - post
  - nature
permalink: "/{{ title | slugify }}/"
---
See [the other](./second.md) and [its address]({{ '/posts/deux/' | url }}).

{% image "./cat.png", "A cat" %}

{# a comment #}
== posts/second.md
---json
{
  "title": "Second in Eleventy",
  "date": "2026-01-03",
  "tags": "post",
  "permalink": "/posts/deux/index.html"
}
---
```liquid
{{ kept }}
```
== posts/cat.png
PNG
== posts/unlisted.md
---
title: Out of all collections
eleventyExcludeFromCollections: true
---
Unlisted words.
== posts/draft.md
---
title: Unfinished
draft: true
---
Draft words.
"#;

pub(super) const PELICAN: &str = r#"
== tech/first.md
Title: My super title
Date: 2026-01-02 10:20
Modified: 2026-01-05 19:30
Category: Python
Tags: pelican, publishing
Slug: my-super-post
Authors: Alexis Metaireau, Conan Doyle
Summary: Short version

[Other]({filename}other.md), [about]({filename}/pages/about.md#us), [old](|filename|other.md),
![Han]({static}/images/han.png)
== tech/other.md
title: Other
date: 2026-01-03

Back to [the first]({filename}first.md).
== tech/third.html
<html>
    <head>
        <title>My third</title>
        <meta name="tags" content="thats, awesome" />
        <meta name="date" content="2026-01-04 22:28" />
        <meta name="modified" content="2026-01-05 20:14" />
        <meta name="category" content="yeah" />
        <meta name="authors" content="Alexis Métaireau, Conan Doyle" />
        <meta name="summary" content="Short version" />
    </head>
    <body>
        <p>Written in HTML, see <a href="{filename}/tech/other.md">the other</a>.</p>
    </body>
</html>
== tech/draft.md
Title: Unfinished
Date: 2026-01-06
Status: draft

Draft words.
== tech/hidden.md
Title: Not in lists
Date: 2026-01-06
Status: hidden

Hidden words.
== pages/about.md
Title: About

About us.
== notes.rst
Left alone
##########
== images/han.png
PNG
"#;

pub(super) const OBSIDIAN: &str = r#"
== .obsidian/app.json
{}
== Templates/Daily.md
# {{title}} of a template
== Garden/My First Note.md
Links: [[Second Note]], [[Second Note|with text]], [[second note#A heading]], [[Garden/Third]] and [[Nowhere]].

![[cat picture.png]]
![[img/cat picture.png|The other cat]]
![[late.png]]

> [!note]
> A callout.

![[Second Note]]

- [ ] open
- [x] done

A [Markdown link](../Second%20Note.md).
== Garden/Third.md
---
tags: []
---
Third words.
== Second Note.md
---
tags:
  - garden
  - nested/tag
aliases: [Another name]
created: 2026-01-02T10:00
---
# A heading

Back to [[My First Note]].
== Daily/2026-01-05.md
Went for a walk. It was cold.
== Attachments/cat picture.png
CAT
== Attachments/img/cat picture.png
OTHER
== Board.canvas
{}
"#;

pub(super) const NOTES: &str = r#"
== Über uns & mehr.txt
Wir über uns

Wir sind „die Firma“. Siehe https://example.com/a_(b), 5 < 6 & 7 > 3.
== 🚀 launch 🎉.md
Started!
== 🎉.md
Only emoji in the name.
== 日本語の記事.md
# 日本語の見出し

本文です。[次](Über%20uns%20&%20mehr.txt)
== sub dir/Ärger mit C++.md
Body. [Party](<../🎉.md>)
== IMG_1234.md
Short note, no header. More text.
== poem.txt
The road

The road goes on
And on and on
== rules.md
---

A rule above, not a header.

---

More.
== broken.md
---
title: a: b
---
Broken words.
== ambiguous.md
---
date: 03/01/2026
---
Ambiguous words.
== claim.md
---
path: /tags/x
---
Claiming words.
"#;
