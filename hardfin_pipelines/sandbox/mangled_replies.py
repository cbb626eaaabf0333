"""Replies that reach the client whole as HTTP, with a body that is of no use."""

import gzip

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from hardfin_pipelines.sandbox.faults import Mangle

_PAGE = b"<!DOCTYPE html>\r\n<html><head><title>Just a moment...</title></head><body></body></html>\r\n"


def mangled(send: Send, how: Mangle) -> Send:
    """A `send` that passes a reply's status on and spoils its body; the lengths fit, so only decoding it fails.

    Args:
        send: where the reply goes.
        how: what becomes of the body.
    """
    start: Message = {}
    body = bytearray()

    async def send_mangled(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        body.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        headers = MutableHeaders(raw=list(start["headers"]))
        content = _spoil(bytes(body), how, headers)
        headers["content-length"] = str(len(content))
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": content})

    return send_mangled


def _spoil(body: bytes, how: Mangle, headers: MutableHeaders) -> bytes:
    if how == "truncated_gzip":
        headers["content-encoding"] = "gzip"
        packed = gzip.compress(body)
        return packed[: max(len(packed) * 2 // 3, 1)]
    if how == "truncated_json":
        return body[: len(body) // 2]
    if how == "html":
        headers["content-type"] = "text/html; charset=utf-8"
        return _PAGE
    return b""
