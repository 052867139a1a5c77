// One reader from npm: node read.mjs READER URL < feed, which prints the items as JSON.
//
// Each item has title, id, link, date (seconds since 1970) and content; what a reader does not give is left out.
import { readFileSync } from 'node:fs'

const [reader, url] = process.argv.slice(2)
const text = readFileSync(0, 'utf8')

function seconds (date) {
  return date ? Math.floor(new Date(date).getTime() / 1000) : null
}

// The plain text of a construct that may have attributes.
function value (construct) {
  return construct?.value ?? construct
}

const readers = {
  async 'rss-parser' () {
    const { default: Parser } = await import('rss-parser')
    const feed = await new Parser().parseString(text)
    return feed.items.map(item => ({
      title: item.title, id: item.guid ?? item.id, link: item.link, date: seconds(item.isoDate),
      content: item['content:encoded'] ?? item.content
    }))
  },

  async feedparser () {
    const { default: FeedParser } = await import('feedparser')
    const parser = new FeedParser({ feedurl: url })
    parser.end(text)
    const items = []
    for await (const item of parser) {
      items.push({ title: item.title, id: item.guid, link: item.link, date: seconds(item.pubdate), content: item.description })
    }
    return items
  },

  async rowanmanning () {
    const { parseFeed } = await import('@rowanmanning/feed-parser')
    return parseFeed(text).items.map(item => ({
      title: item.title, id: item.id, link: item.url, date: seconds(item.published), content: item.content
    }))
  },

  async htmlparser2 () {
    const { parseFeed } = await import('htmlparser2')
    return parseFeed(text).items.map(item => ({
      title: item.title, id: item.id, link: item.link, date: seconds(item.pubDate)
    }))
  },

  async feedsmith () {
    const { parseFeed } = await import('feedsmith')
    const { format, feed } = parseFeed(text)
    switch (format) {
      case 'rss': return feed.items.map(item => ({
        title: value(item.title), id: value(item.guid), link: item.link, date: seconds(item.pubDate), content: item.content?.encoded
      }))
      case 'atom': return feed.entries.map(entry => ({
        title: value(entry.title), id: entry.id, link: entry.links.find(link => link.rel === 'alternate')?.href,
        date: seconds(entry.published), content: value(entry.content)
      }))
      default: return feed.items.map(item => ({
        title: item.title, id: item.id, link: item.url, date: seconds(item.date_published), content: item.content_html
      }))
    }
  },

  async extractus () {
    const { extractFromJson, extractFromXml } = await import('@extractus/feed-extractor')
    const extract = text.startsWith('{') ? extractFromJson : extractFromXml
    // It makes ids of its own; this is the one of the feed.
    const options = { descriptionMaxLen: 0, getExtraEntryFields: entry => ({ feed_id: entry.guid?.['#text'] ?? entry.guid ?? entry.id }) }
    return extract(text, options).entries.map(entry => ({
      title: entry.title, id: entry.feed_id, link: entry.link, date: seconds(entry.published)
    }))
  }
}

process.stdout.write(JSON.stringify(await readers[reader]()))
