"""Every article of the corpus whose URL begins with a date was published on that day.

usage: dates.py FEED_URL; exit 1 on any that was not, or if none has a date.
"""
import json
import re
import sys
import urllib.request

items = json.load(urllib.request.urlopen(sys.argv[1]))["items"]
dated = wrong = 0
for item in items:
    day = re.search(r"/(\d{4})/(\d{2})/(\d{2})/", item["url"])
    if day:
        dated += 1
        if not item["date_published"].startswith("-".join(day.groups())):
            wrong += 1
            print(item["url"], item["date_published"])
print(f"{len(items)} items, {dated} dated by their URL, {wrong} wrong")
sys.exit(1 if wrong or not dated else 0)
