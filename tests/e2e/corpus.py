"""A small site of all kinds of articles, and what a reader has to see of each: made here, so that a clone needs no other.

Nothing here asks dropfeed: the ids, URLs, dates and texts are what the documentation promises.
"""
import html
import json
import struct
import uuid
import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

SITE_ID = 'e2e.example'
FIRST_DAY = datetime(2024, 1, 1, 9, 30, tzinfo=timezone.utc)
WORDS = ('river', 'lantern', 'harbour', 'winter', 'paper', 'garden', 'signal', 'copper', 'window', 'letter', 'orchard', 'summit')
DIRECTORIES = ('', 'news', 'news/local', 'essays', 'notes')
LONG_PARAGRAPHS = 400


@dataclass(frozen=True)
class Article:
    """An article, and what a reader sees."""
    path: str
    source: str
    title: str  # '' for a note without one
    text: str  # of the content, without markup
    url: str  # relative to site.url
    date: datetime = FIRST_DAY
    id: str = ''  # from its front matter; else it is derived
    tags: tuple = ()
    authors: tuple = ()

    def feed_id(self, kind):
        """The id in a format: `rss`, `atom` or `json`."""
        if not self.id:
            space = uuid.uuid5(uuid.NAMESPACE_URL, f'dropfeed:{SITE_ID}')
            return uuid.uuid5(space, self.path.rsplit('.', 1)[0]).urn
        if kind == 'atom' and ':' not in self.id:  # Atom wants an IRI.
            return uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, SITE_ID), f'entry\n{self.id}').urn
        return self.id


def make(root):
    """Writes the site beneath `root`, and returns its public articles, newest first."""
    root = Path(root)
    articles = [_numbered(n) for n in range(40)] + _special()
    # One a day, so that the order is never by chance.
    articles = [replace(article, date=FIRST_DAY + timedelta(hours=31 * n)) for n, article in enumerate(articles)]
    for article in articles:
        _write(root, article)
    for name, source in _HIDDEN.items():
        _put(root / name, source)
    for name in ('pixel.png', 'news/picture one.png'):
        _put(root / name, png(200, 120))
    return sorted(articles, key=lambda article: article.date, reverse=True)


def change(root, articles):
    """Renames, edits and adds: what each reader has to take for the old articles, and for one new one.

    Returns the articles as they are now, newest first, and the new one.
    """
    root = Path(root)
    by_path = {article.path: article for article in articles}
    renamed = by_path['news/article-1.html']
    (root / renamed.path).rename(root / 'essays/another name.html')
    typo = by_path['essays/article-3.txt']
    _put(root / typo.path, (root / typo.path).read_text().replace('harbour', 'harbor'))
    rewritten = by_path['essays/article-13.html']
    more = ' '.join(WORDS[::-1] * 3)
    _put(root / rewritten.path, (root / rewritten.path).read_text() + f'\n<p>{more}</p>\n')
    new = replace(_numbered(99), date=FIRST_DAY + timedelta(days=200))
    _write(root, new)
    changed = {
        renamed.path: replace(renamed, url='essays/another-name'),
        typo.path: replace(typo, text=typo.text.replace('harbour', 'harbor')),
        rewritten.path: replace(rewritten, text=f'{rewritten.text} {more}'),
    }
    now = [changed.get(article.path, article) for article in articles] + [new]
    return sorted(now, key=lambda article: article.date, reverse=True), new


def _write(root, article):
    _put(root / article.path, article.source.replace('DATE', _date_as_written(article)))


def _date_as_written(article):
    """One of the forms that authors write, all of the same instant."""
    berlin = article.date.astimezone(timezone(timedelta(hours=1)))
    forms = (article.date.strftime('%Y-%m-%dT%H:%M:%SZ'), berlin.isoformat(), article.date.strftime('%Y-%m-%d %H:%M'))
    return forms[len(article.path) % len(forms)]


def _put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file that is moved in is read at once.
    temporary = path.with_name(f'.{path.name}.tmp')
    temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
    temporary.rename(path)


def _numbered(n):
    """An article of one of the three kinds, in one of the directories."""
    directory = DIRECTORIES[n % len(DIRECTORIES)]
    markup = ('md', 'html', 'md', 'txt')[n % 4]
    words = [WORDS[(n * 5 + i * i) % len(WORDS)] for i in range(24)]
    words[7] = 'harbour'
    title = f'Article {n} of the {words[0]}'
    stem = f'article-{n}'
    path = f'{directory}/{stem}.{markup}'.lstrip('/')
    tags = (('common',) if n % 2 else ()) + ((words[1],) if n % 3 else ())
    authors = ('Ada Lovelace',) if n % 4 == 0 else ('Grace Hopper', 'Ada Lovelace') if n % 7 == 0 else ()
    front = ['date: DATE']
    if tags:
        front.append(f'tags: [{", ".join(tags)}]')
    if authors:
        front.append(f'authors: [{", ".join(authors)}]')
    body, text = {'md': _markdown, 'html': _html, 'txt': _plain}[markup](title, words, titled=n % 5 == 0)
    if n % 5 == 0 or markup == 'txt':
        front.append(f'title: {title}')
    source = '---\n' + '\n'.join(front) + f'\n---\n\n{body}'
    return Article(path, source, title, text, path.rsplit('.', 1)[0], tags=tags, authors=authors)


def _markdown(title, words, titled):
    a, b, c = ' '.join(words[:8]), ' '.join(words[8:16]), ' '.join(words[16:])
    heading = '' if titled else f'# {title}\n\n'
    source = (f'{heading}The *{a}* is **{b}**, and `x < {words[0]} && y` is code.\n\n## A part\n\n- {a}\n- {b}\n\n> {c}\n\n'
              f'```rust\nlet {words[2]} = "<b>";\n```\n\n[A link](https://other.example/?a=1&b=2), and a picture: ![of it](/pixel.png)\n')
    text = (f'The {a} is {b}, and x < {words[0]} && y is code. A part {a} {b} {c} let {words[2]} = "<b>"; A link, and a picture:')
    return source, text


def _html(title, words, titled):
    a, b = ' '.join(words[:12]), ' '.join(words[12:])
    heading = '' if titled else f'<h1>{title}</h1>\n'
    source = (f'{heading}<p onclick="x()">The <em>{a}</em> &amp; the <b>{b}</b> &lt;here&gt;.<script>alert(1)</script></p>\n'
              f'<table><tr><td>{words[3]}</td><td>{words[4]}</td></tr></table>\n<p><a href="/notes/article-4">Another</a></p>\n')
    return source, f'The {a} & the {b} <here>. {words[3]} {words[4]} Another'


def _plain(_title, words, titled):
    a, b = ' '.join(words[:12]), ' '.join(words[12:])
    return (f'The first paragraph says {a}, <b>no markup</b> & "quotes".\n\nThe second says {b}: https://other.example/x.\n',
            f'The first paragraph says {a}, <b>no markup</b> & "quotes". The second says {b}: https://other.example/x.')


def _titled(stem, title, **more):
    """An article that is about its title, which YAML reads as JSON."""
    text = f'About the title of {stem}.'
    source = f'---\ndate: DATE\ntitle: {json.dumps(title, ensure_ascii=False)}\n---\n\n{text}\n'
    # References are resolved, tags are not.
    return Article(f'titles/{stem}.md', source, html.unescape(title), text, f'titles/{stem}', **more)


def _special():
    """Titles, texts, names and ids that readers and writers of feeds get wrong."""
    long = '\n\n'.join(f'Paragraph {n}: {" ".join(WORDS)}.' for n in range(LONG_PARAGRAPHS))
    arabic = 'هذا نص عربي قصير للقراء.'
    return [
        _titled('ampersand', 'AT&T & Sons &amp; more'),
        _titled('angles', '1 < 2 > 0'),
        _titled('element', 'The <b> element & </i>'),
        _titled('reference', 'How to write &amp;copy; and &amp;#8217;'),
        _titled('quotes', 'She said "so", and \'so\' \\ back'),
        _titled('emoji', 'Café 🎉 👩\u200d👩\u200d👧 naïve e\u0301'),
        _titled('arabic', 'عنوان المقال'),
        _titled('hebrew', 'כותרת with English'),
        _titled('chinese', '一篇關於紙的文章'),
        _titled('cdata', 'Ends ]]> here'),
        Article('arabic/مقال.md', f'---\ndate: DATE\ntitle: نص\nlang: ar\n---\n\n{arabic}\n', 'نص', arabic, 'arabic/مقال'),
        Article('Über Größe.md', '---\ndate: DATE\n---\n\n# Über Größe\n\nStraßen & Äpfel.\n', 'Über Größe', 'Straßen & Äpfel.',
                'über-größe'),
        Article('notes/untitled.md', '---\ndate: DATE\ntitle: ""\n---\n\nA note without a title.\n', '', 'A note without a title.',
                'notes/untitled'),
        Article('notes/short.txt', '---\ndate: DATE\ntitle: Short\n---\nYes.\n', 'Short', 'Yes.', 'notes/short'),
        Article('essays/long.md', f'---\ndate: DATE\ntitle: Long\n---\n\n{long}\n', 'Long', long, 'essays/long'),
        Article('trip/index.md', '---\ndate: DATE\ntitle: A trip\n---\n\nBy train. ![](../news/picture%20one.png)\n', 'A trip',
                'By train.', 'trip'),
        Article('notes/old-id.md', '---\ndate: DATE\ntitle: Old id\nid: post-4711\n---\n\nIt came from elsewhere.\n', 'Old id',
                'It came from elsewhere.', 'notes/old-id', id='post-4711'),
        Article('notes/url-id.md', '---\ndate: DATE\ntitle: URL id\nguid: https://old.example/?p=12&x=1\n---\n\nIt came too.\n',
                'URL id', 'It came too.', 'notes/url-id', id='https://old.example/?p=12&x=1'),
        Article('notes/toml.md', '+++\ndate = DATE\ntitle = "TOML"\n+++\n\nWritten with pluses.\n', 'TOML', 'Written with pluses.',
                'notes/toml'),
        Article('notes/code.md', '---\ndate: DATE\ntitle: Code\n---\n\n    ]]> </item> <![CDATA[ </entry>\n', 'Code',
                ']]> </item> <![CDATA[ </entry>', 'notes/code'),
    ]


# None of these may be in a feed.
_HIDDEN = {
    'notes/draft.md': '---\ndraft: true\ntitle: HIDDEN draft\n---\n\nHIDDEN.\n',
    'drafts/a.md': '# HIDDEN in drafts\n\nHIDDEN.\n',
    'notes/later.md': '---\ndate: 2999-01-01\ntitle: HIDDEN until then\n---\n\nHIDDEN.\n',
    'notes/unlisted.md': '---\nunlisted: true\ntitle: HIDDEN from lists\n---\n\nHIDDEN.\n',
    'notes/no-feed.md': '---\nfeed: false\ntitle: HIDDEN from feeds\n---\n\nHIDDEN.\n',
    'notes/empty.md': '',
    '_templates/page.html': '<p>HIDDEN</p>',
    '.hidden.md': '# HIDDEN\n',
}


def png(width, height):
    """A picture of one colour."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = b''.join(b'\0' + bytes((n % 256, 90, 120)) * width for n in range(height))
    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
