"""An application for Hypercorn: `python -m hypercorn --config hypercorn.toml serve_hypercorn:app`, in a folder with `files`."""

import gzip
import hashlib

with open("files/numbers", "rb") as file:
    NUMBERS = file.read()

CHUNK = 1 << 16


def page(status, body=b"", *headers):
    async def answer(scope, receive, send):
        await respond(scope, send, status, body, *headers)

    return answer


async def respond(scope, send, status, body=b"", *headers):
    peer = str(scope["client"][1]).encode()
    await send({"type": "http.response.start", "status": status, "headers": [(b"x-peer", peer), *headers]})
    await send({"type": "http.response.body", "body": body})


async def in_chunks(scope, send, body, *headers):
    """Responds with a body that is sent as it is read from an iterator."""
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for chunk in body:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def stored(scope, receive, send):
    digest, length, more = hashlib.sha256(), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        digest.update(message.get("body", b""))
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
    await send({"type": "http.response.body", "body": f"{length} {digest.hexdigest()}\n".encode()})
    await send({"type": "http.response.trailers", "headers": [(b"x-end", b"reached")]})


async def chunked(scope, receive, send):
    await in_chunks(scope, send, (NUMBERS[at : at + 1000] for at in range(0, len(NUMBERS), 1000)))


async def large(scope, receive, send):
    with open("files/large", "rb") as file:
        length = file.seek(0, 2)
        file.seek(0)
        chunks = iter(lambda: file.read(CHUNK), b"")
        await in_chunks(scope, send, chunks, (b"content-length", str(length).encode()))


async def letters(scope, receive, send):
    status, body = (304, b"") if b"if-none-match" in dict(scope["headers"]) else (200, b"abcdefghijklmnopqrstuvwxyz")
    await respond(scope, send, status, body, (b"etag", b'"letters"'))


async def cookie_shown(scope, receive, send):
    cookies = [value for name, value in scope["headers"] if name == b"cookie"]
    await respond(scope, send, 200, b"; ".join(cookies))


PAGES = {
    "/plain": page(200, b"hello\n"),
    "/letters": letters,
    "/gzip": page(200, gzip.compress(NUMBERS), (b"content-encoding", b"gzip")),
    "/chunked": chunked,
    "/redirect": page(301, b"", (b"location", b"/redirect/again")),
    "/redirect/again": page(302, b"", (b"location", b"/plain")),
    "/moved": page(308, b"", (b"location", b"/stored/moved")),
    "/cookie": page(200, b"set\n", (b"set-cookie", b"taste=salt; Path=/")),
    "/cookie/shown": cookie_shown,
    "/empty": page(204),
    "/many": page(200, b"many\n", *((f"x-many-{number}".encode(), b"v" * 64) for number in range(100))),
    "/refused": page(413, b"too large\n"),
    "/large": large,
}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"].startswith("/stored/"):
        return await stored(scope, receive, send)
    await PAGES.get(scope["path"], page(404, b"no such page\n"))(scope, receive, send)
