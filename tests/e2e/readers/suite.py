"""A dozen feed readers see what the authors wrote: number, order, titles, links, ids, dates and texts, in each format.

Then files are renamed, edited and added, and dropfeed is restarted: readers that remember see one new article.
"""
import html
import re
import sys
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parent.parent))
import corpus
from e2e import Site, check, equal, finish, wait_until, work
from parsers import READERS
from stateful import STATEFUL, subscriptions

PATHS = {'rss': '/rss.xml', 'atom': '/atom.xml', 'json': '/feed.json'}
SETTINGS = f'''site.title = "A small <site> & more"
site.id = "{corpus.SITE_ID}"
site.author = "Editor"
feeds.limit = 200
feeds.max_bytes = 4000000
'''


def main():
    site = Site(work('readers'), SETTINGS)
    articles = corpus.make(site.directory / 'articles')
    with site:
        wait_for(site, articles)
        for kind in PATHS:
            compare_all(site, kind, articles)
        check('the OPML lists the feed', f'{site.url}/atom.xml' in subscriptions(site.ask('/feeds.opml').body))
        homes = {name: work(f'readers-{name}') for name, _, _ in STATEFUL}
        for name, reader, path in STATEFUL:
            first = reader(homes[name], site.url + path)
            equal(f'{name}: articles at first', len(first), len(articles))
        articles, added = corpus.change(site.directory / 'articles', articles)
        wait_for(site, articles)
        site.restart()
        for kind in PATHS:
            compare_all(site, kind, articles)
        for name, reader, path in STATEFUL:
            new = reader(homes[name], site.url + path)
            equal(f'{name}: new articles after a rename, two edits and a restart', new, [added.title])
    finish('readers')


def wait_for(site, articles):
    """Until the feed has these articles, with their present texts."""
    def is_published():
        feed = site.ask('/atom.xml').body.decode()
        return feed.count('<entry>') == len(articles) and all(f'/{a.url}"' in feed for a in articles if a.url.isascii()) \
            and ('harbor' in feed) == any('harbor ' in a.text for a in articles)
    wait_until(f'{len(articles)} articles are published', is_published)


def compare_all(site, kind, articles):
    response = site.ask(PATHS[kind])
    check(f'{kind}: something hidden is in the feed', b'HIDDEN' not in response.body)
    expected = [expectation(site, kind, article) for article in articles]
    for name, reader, kinds, habits in READERS:
        if kind in kinds.split():
            try:
                items = reader(response.body, kind, site.url + PATHS[kind])
            except Exception as error:
                check(f'{name} reads {kind}', False, f'{type(error).__name__}: {error}')
                continue
            compare(f'{name}, {kind}', items, expected, habits.split())


def expectation(site, kind, article):
    title = article.title
    if not title and kind == 'atom':
        title = article.text  # Atom wants a title; it is the beginning of the text.
    return {'title': title, 'id': article.feed_id(kind), 'link': f'{site.url}/{quote(article.url)}',
            'date': int(article.date.timestamp()), 'content': article.text}


def compare(where, items, expected, habits):
    equal(f'{where}: number of items', len(items), len(expected))
    for n, (item, wanted) in enumerate(zip(items, expected)):
        # Some readers have no ids of some formats, and some no content.
        equal(f'{where}, item {n}: link', item.get('link'), wanted['link'])
        if 'updated' in habits:
            check(f'{where}, item {n}: date', item.get('date') >= wanted['date'], item.get('date'))
        else:
            equal(f'{where}, item {n}: date', item.get('date'), wanted['date'])
        title = item.get('title') or ''
        equal(f'{where}, item {n}: title', as_title(title, habits), as_title(wanted['title'], habits))
        if item.get('id') is not None:
            id = html.unescape(item['id']) if 'encoded-id' in habits else item['id']
            equal(f'{where}, item {n}: id', id, wanted['id'])
        if item.get('content') is not None:
            right = without_markup(wanted['content']) if 'twice' in habits else wanted['content']
            equal(f'{where}, item {n}: text', letters(html.unescape(without_markup(item['content']))), letters(right))


def as_title(title, habits):
    if 'markup' in habits:
        title = html.unescape(without_markup(title))
    if 'backslashes' in habits:
        title = title.replace('\\', '')
    return ' '.join(title.split())


def without_markup(content):
    """HTML without its tags: what dropfeed writes has no comments, scripts, or `>` in attributes."""
    return re.sub(r'<[^<>]*>', ' ', content)


def letters(text):
    """A text without white space, which elements make or eat."""
    return ''.join(text.split())


if __name__ == '__main__':
    main()
