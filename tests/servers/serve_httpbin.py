"""httpbin, for gunicorn: `gunicorn serve_httpbin:app`. Adds a page that returns the length and the hash of an upload."""

import hashlib

from flask import request
from httpbin import app


@app.after_request
def add_peer_port(response):
    response.headers["x-peer"] = request.environ["REMOTE_PORT"]
    return response


@app.put("/stored/<name>")
def stored(name):
    digest, length = hashlib.sha256(), 0
    while chunk := request.stream.read(1 << 16):
        digest.update(chunk)
        length += len(chunk)
    return f"{length} {digest.hexdigest()}\n"
