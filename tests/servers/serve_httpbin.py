"""httpbin, for gunicorn: `gunicorn serve_httpbin:app`. What it has not is added: uploads are hashed, not sent back."""

import hashlib

from flask import request
from httpbin import app


@app.after_request
def name_the_peer(response):
    response.headers["x-peer"] = request.environ["REMOTE_PORT"]
    return response


@app.put("/stored/<name>")
def stored(name):
    digest, length = hashlib.sha256(), 0
    while chunk := request.stream.read(1 << 16):
        digest.update(chunk)
        length += len(chunk)
    return f"{length} {digest.hexdigest()}\n"
