"""JSON answers as XML, for callers whose `Accept` asks for it."""

from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson


def as_xml(body: Any, root: str) -> bytes:
    """A JSON answer as XML (Salesforce docs: REST response formats); an array of errors becomes `Errors`."""
    plain = orjson.loads(orjson.dumps(body))
    if isinstance(plain, list):
        is_error = bool(plain) and isinstance(plain[0], dict) and "errorCode" in plain[0]
        inner = "".join(_element("Error" if is_error else root, each) for each in plain)
        return _document(f"<{'Errors' if is_error else 'List'}>{inner}</{'Errors' if is_error else 'List'}>")
    return _document(_element(root, plain))


def _document(inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>{inner}'.encode()


def _element(name: str, held: Any) -> str:
    if held is None:
        return f'<{name} xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/>'
    if isinstance(held, list):
        return "".join(_element(name, each) for each in held)
    if isinstance(held, dict):
        attributes = held.get("attributes")
        marks = "".join(f" {key}={quoteattr(str(value))}" for key, value in (attributes or {}).items())
        inner = "".join(_element(key, value) for key, value in held.items() if key != "attributes")
        return f"<{name}{marks}>{inner}</{name}>"
    text = str(held).lower() if isinstance(held, bool) else str(held)
    return f"<{name}>{escape(text)}</{name}>"
