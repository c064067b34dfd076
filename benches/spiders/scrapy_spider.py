"""Crawls a site with Scrapy, ten pages at a time: scrapy_spider.py URL"""

import sys

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor

WORKERS = 10
START = sys.argv[1]


class Spider(scrapy.Spider):
    name = "bench"
    pages = 0
    links = LinkExtractor(allow=START)

    async def start(self):
        yield scrapy.Request(START)

    def parse(self, response):
        Spider.pages += 1
        for link in self.links.extract_links(response):
            yield scrapy.Request(link.url)


process = CrawlerProcess(
    {
        "CONCURRENT_REQUESTS": WORKERS,
        "CONCURRENT_REQUESTS_PER_DOMAIN": WORKERS,
        "DOWNLOAD_DELAY": 0,
        "LOG_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "TELNETCONSOLE_ENABLED": False,
    }
)
process.crawl(Spider)
process.start()
print("pages", Spider.pages)
