"""Replies as XML, which is what QuickBooks sends unless `Accept` asks for JSON."""

import json
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hardfin_pipelines.sandbox.quickbooks.record_json import dumped

_NAMESPACE = "http://schema.intuit.com/finance/v3"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MARKS = ("domain", "sparse", "status", "startPosition", "maxResults", "totalCount", "bId", "type", "code", "element")
_BASE = ("Id", "SyncToken", "MetaData")


def as_xml(body: dict[str, Any]) -> bytes:
    """A JSON reply as XML, within `IntuitResponse`."""
    plain = json.loads(dumped(body), parse_float=Decimal)
    time = plain.pop("time", "")
    inner = "".join(_element(name, held) for name, held in plain.items())
    start = f'<IntuitResponse xmlns="{_NAMESPACE}" time={quoteattr(str(time))}>'
    return f"{_DECLARATION}{start}{inner}</IntuitResponse>".encode()


def _element(name: str, held: Any) -> str:
    if isinstance(held, list):
        return "".join(_element(name, each) for each in held)
    if isinstance(held, dict) and set(held) <= {"value", "name"} and "value" in held:
        label = f" name={quoteattr(str(held['name']))}" if "name" in held else ""
        return f"<{name}{label}>{escape(str(held['value']))}</{name}>"
    if isinstance(held, dict):
        marks = "".join(f" {key}={quoteattr(_text(held[key]))}" for key in _MARKS if _is_mark(key, held))
        children = sorted(
            (key for key in held if not _is_mark(key, held)), key=lambda key: _BASE.index(key) if key in _BASE else 9
        )
        return f"<{name}{marks}>{''.join(_element(key, held[key]) for key in children)}</{name}>"
    return f"<{name}>{escape(_text(held))}</{name}>"


def _is_mark(key: str, held: dict[str, Any]) -> bool:
    return key in _MARKS and key in held and not isinstance(held[key], dict | list)


def _text(held: Any) -> str:
    if isinstance(held, bool):
        return str(held).lower()
    return format(held, "f") if isinstance(held, Decimal) else str(held)
