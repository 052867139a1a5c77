# Ruby's own reader, which also validates: ruby read.rb < feed
require "json"
require "rss"

feed = RSS::Parser.parse($stdin.set_encoding("UTF-8").read, true)
items =
  if feed.is_a?(RSS::Atom::Feed)
    feed.entries.map do |entry|
      { title: entry.title.content, id: entry.id.content, link: entry.links.find { |link| link.rel == "alternate" }.href,
        date: entry.published.content.to_i, content: entry.content.content }
    end
  else
    feed.items.map do |item|
      { title: item.title, id: item.guid.content, link: item.link, date: item.pubDate.to_i, content: item.content_encoded }
    end
  end
puts JSON.generate(items)
