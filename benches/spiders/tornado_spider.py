"""Crawls a site with Tornado: tornado_spider.py URL simple|curl

It has the structure of Tornado's demo webspider: a queue, ten workers, and Python's HTML parser.
"""

import asyncio
import sys
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

from tornado import httpclient, queues

WORKERS = 10


class LinkParser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links = []

    def handle_starttag(self, tag, attributes):
        href = dict(attributes).get("href")
        if tag == "a" and href:
            self.links.append(href)


async def fetch_links(client, url):
    response = await client.fetch(url)
    parser = LinkParser()
    parser.feed(response.body.decode(errors="ignore"))
    return [urldefrag(urljoin(url, link))[0] for link in parser.links]


async def main(start):
    client = httpclient.AsyncHTTPClient()
    queue = queues.Queue()
    seen = {start}
    pages = 0

    async def work():
        nonlocal pages
        async for url in queue:
            try:
                links = await fetch_links(client, url)
                pages += 1
                for link in links:
                    if link.startswith(start) and link not in seen:
                        seen.add(link)
                        await queue.put(link)
            finally:
                queue.task_done()

    await queue.put(start)
    workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
    await queue.join()
    for worker in workers:
        worker.cancel()
    print("pages", pages)


if __name__ == "__main__":
    if sys.argv[2] == "curl":
        httpclient.AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")
    asyncio.run(main(sys.argv[1]))
