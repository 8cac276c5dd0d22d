"""Compresses answers that are text, for clients that accept gzip."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request

_SMALLEST = 1_000
_TEXTS = ("text/", "application/json", "application/problem+json", "image/svg+xml")
_NO_BODY = (204, 304)


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is sent many times, compressed once."""

    plain: bytes
    gzipped: bytes

    def __len__(self) -> int:
        """Bytes in memory."""
        return len(self.plain) + len(self.gzipped)

    @classmethod
    def of(cls, plain: bytes) -> Body:
        """The body with its compressed form."""
        return cls(plain, _gzip(plain))


class CompressedResponse(Response):
    """An answer whose compressed form is known already."""

    def __init__(self, body: Body, **options: Any) -> None:
        super().__init__(body.plain, **options)
        self.gzipped = body.gzipped


def register(app: Flask) -> None:
    """Compress every answer but the assets, which come compressed."""
    app.after_request(compress)


def compress(response: Response) -> Response:
    """The answer, compressed where it is worth it and the client accepts it."""
    if request.path.startswith("/static/") or not _is_text(response):
        return response
    response.vary.add("Accept-Encoding")
    if not _may_compress(response):
        return response
    plain = response.get_data()
    if len(plain) >= _SMALLEST:
        response.set_data(response.gzipped if isinstance(response, CompressedResponse) else _gzip(plain))
        response.headers["Content-Encoding"] = "gzip"
        etag, _ = response.get_etag()
        if etag:
            response.set_etag(etag, weak=True)  # not the same bytes as the plain answer
    return response


def _is_text(response: Response) -> bool:
    is_buffered = not response.direct_passthrough and not response.is_streamed
    return is_buffered and (response.mimetype or "").startswith(_TEXTS)


def _may_compress(response: Response) -> bool:
    has_body = response.status_code not in _NO_BODY
    is_plain = "Content-Encoding" not in response.headers
    return has_body and is_plain and "gzip" in request.headers.get("Accept-Encoding", "")


def _gzip(plain: bytes) -> bytes:
    return gzip.compress(plain, compresslevel=4, mtime=0)
