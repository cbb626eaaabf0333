"""What QuickBooks says is wrong, in whatever form it says so.

Seen on the wire: JSON with `Fault` (the API), JSON with `fault` (the gateway before it), and XML although JSON was
asked for, throttling above all. Codes come as "3200" and "003200", and once as a word.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from hardfin_pipelines.connectors.http import Answer

_LONGEST_TEXT = 300
_LARGEST_XML = 65_536
_CODE_IN_TEXT = re.compile(r"errorCode=(\w+)")
_TOKEN_IN_TEXT = re.compile(r"(?i)(token (?:expired|revoked|invalid)): *\S+")


@dataclass(frozen=True, slots=True)
class Fault:
    """The first error of a fault.

    Attributes:
        code: Without zeros before it; "" where there is none.
        text: What QuickBooks says, on one line, without tokens.
    """

    code: str
    text: str


def fault_of(answer: Answer) -> Fault | None:
    """The fault that an answer is; None where it is none."""
    members = answer.members
    if members:
        return fault_in(members)
    return _of_xml(answer.body)


def fault_in(members: Mapping[str, Any]) -> Fault | None:
    """The fault that is a member of a JSON object; None where there is none."""
    found = _member(members, "fault")
    if not isinstance(found, dict):
        return None
    errors = _member(found, "error")
    first = errors[0] if isinstance(errors, list) and errors else errors
    about = first if isinstance(first, dict) else {}
    texts = [str(_member(about, name) or "") for name in ("message", "detail")]
    return _fault(str(_member(about, "code") or ""), texts, str(_member(found, "type") or ""))


def _of_xml(body: bytes) -> Fault | None:
    """Expat bounds how far entities grow, and nothing outside of the body is read."""
    if not body.lstrip().startswith(b"<") or len(body) > _LARGEST_XML:
        return None
    try:
        root = ET.fromstring(body)  # noqa: S314  # see above
    except ET.ParseError:
        return None
    faults = [each for each in root.iter() if _local(each) == "Fault"]
    if not faults:
        return None
    error = next((each for each in faults[0].iter() if _local(each) == "Error"), None)
    if error is None:
        return _fault("", [], faults[0].get("type", ""))
    texts = {_local(each): each.text or "" for each in error}
    return _fault(error.get("code", ""), [texts.get("Message", ""), texts.get("Detail", "")], "")


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _member(members: Mapping[str, Any], name: str) -> Any:
    """A member by its name in any casing."""
    return next((value for key, value in members.items() if key.lower() == name), None)


def _fault(code: str, texts: list[str], kind: str) -> Fault:
    named = _CODE_IN_TEXT.search(" ".join(texts))
    code = (code or (named[1] if named else "")).strip()
    said = ": ".join(text for text in map(str.strip, texts) if text)
    return Fault(code.lstrip("0") or code, one_line(said or kind or "no message"))


def one_line(text: str) -> str:
    """A text of the vendor for one of our messages; of a long one the beginning, where QuickBooks says what it is."""
    line = " ".join(_TOKEN_IN_TEXT.sub(r"\1", text).split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"
