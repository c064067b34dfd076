"""Tornado: `python serve_tornado.py PORT`, in a folder with `files`."""

import asyncio
import hashlib
import sys

import tornado.web

with open("files/numbers") as file:
    NUMBERS = file.read()

MAX_BODY_BYTES = 1 << 30


class Page(tornado.web.RequestHandler):
    def prepare(self):
        self.set_header("x-peer", str(self.request.connection.stream.socket.getpeername()[1]))


class Gzip(Page):
    def get(self):
        self.set_header("content-type", "text/plain")
        self.finish(NUMBERS)


class Chunked(Page):
    async def get(self):
        # Tornado compresses text, but not this content type.
        self.set_header("content-type", "application/octet-stream")
        for at in range(0, len(NUMBERS), 1000):
            self.write(NUMBERS[at : at + 1000])
            await self.flush()


class Moved(Page):
    def put(self):
        self.redirect("/stored/moved", status=308)


class Cookie(Page):
    def get(self):
        self.set_cookie("taste", "salt")
        self.finish("set\n")


class CookieShown(Page):
    def get(self):
        self.finish(f"taste={self.get_cookie('taste')}\n")


@tornado.web.stream_request_body
class Stored(Page):
    def prepare(self):
        super().prepare()
        self.hash, self.length = hashlib.sha256(), 0

    def data_received(self, chunk):
        self.hash.update(chunk)
        self.length += len(chunk)

    def put(self):
        self.finish(f"{self.length} {self.hash.hexdigest()}\n")


@tornado.web.stream_request_body
class Refused(Page):
    def prepare(self):
        super().prepare()
        self.set_status(413)
        self.finish("too large\n")

    def data_received(self, chunk):
        pass


class File(tornado.web.StaticFileHandler):
    prepare = Page.prepare


async def main():
    pages = [
        ("/gzip", Gzip),
        ("/chunked", Chunked),
        ("/redirect", tornado.web.RedirectHandler, {"url": "/redirect/again"}),
        ("/redirect/again", tornado.web.RedirectHandler, {"url": "/plain", "permanent": False}),
        ("/moved", Moved),
        ("/cookie", Cookie),
        ("/cookie/shown", CookieShown),
        ("/stored/.*", Stored),
        ("/refused", Refused),
        ("/(.*)", File, {"path": "files"}),
    ]
    app = tornado.web.Application(pages, compress_response=True)
    app.listen(int(sys.argv[1]), "127.0.0.1", max_body_size=MAX_BODY_BYTES)
    await asyncio.Event().wait()


asyncio.run(main())
