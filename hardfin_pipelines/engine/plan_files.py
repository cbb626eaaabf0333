"""Previewed plans as files: one JSON document a line, so that a plan of any size is written and read in little memory.

```
{"kind": "plan", "format": 1, "organization": …, "connection": …, "window": …, "since": …, "configuration": …, …}
{"kind": "deal", "deal": "9001", "outcome": "synced", "entities": [{"entity": "customer", "fields": {…}}, …], …}
{"kind": "end", "deals": 2, "hash": "…"}
```

The same inputs give the same bytes. The hash in the last line is of all the others, so a file that was cut off or
edited is none to approve. It holds names and values of customers: only its owner may read it.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, get_args

from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.sync.approval import FORMAT, PlanHeader, plan_hash
from hardfin_pipelines.sync.preview import DealPlan, OutcomeKind, digest_of

_OUTCOMES: Mapping[str, OutcomeKind] = {str(kind): kind for kind in get_args(OutcomeKind)}

_AGAIN = "preview again with `hardfin preview ORG --out FILE`"


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """What becomes of one deal of a plan: in a word, and as a digest of everything."""

    outcome: OutcomeKind
    digest: str


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan that was read and is whole.

    Attributes:
        path: The file.
        header: What the plan is of.
        hash: Its hash.
        entries: Its deals by id; not those that trigger nothing.
    """

    path: Path
    header: PlanHeader
    hash: str
    entries: Mapping[str, PlanEntry] = field(repr=False)

    def documents(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """What the plan says of some deals, by id; it is read from the file again.

        Raises:
            Refusal: The file cannot be read any more.
        """
        if not ids:
            return {}
        found = (document for _, document in _lines(self.path) if document.get("kind") == "deal")
        return {each["deal"]: _without_kind(each) for each in found if each.get("deal") in ids}


class PlanWriter:
    """Writes a plan; the file appears whole when it is finished, or not at all. To be used with `with`."""

    def __init__(self, path: Path) -> None:
        """A plan that is to be written to a file; one that is there is replaced when it is finished.

        Raises:
            Refusal: The file cannot be written.
        """
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._deals = 0
        try:
            self._file: BinaryIO = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        except OSError as error:
            raise Refusal(f"--out {path}: cannot be written: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        with suppress(FileNotFoundError):
            self._part.unlink()

    def begin(self, header: PlanHeader) -> None:
        """Write what the plan is of."""
        self._write({"kind": "plan", **header.as_json()})

    def take(self, plan: DealPlan) -> None:
        """Write what becomes of one deal."""
        self._deals += 1
        self._write({"kind": "deal", **plan.document()})

    def finish(self, plan_hash_: str) -> None:
        """Write the end, and let the file appear."""
        self._write({"kind": "end", "deals": self._deals, "hash": plan_hash_})
        self._file.close()
        self._part.replace(self._path)

    def _write(self, document: Mapping[str, Any]) -> None:
        try:
            line = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        except UnicodeEncodeError:  # a lone surrogate of the vendor's, in the reason why a deal is set aside
            line = json.dumps(document, separators=(",", ":")).encode()
        try:
            self._file.write(line + b"\n")
        except OSError as error:
            raise Refusal(f"--out {self._path}: cannot be written: {error.strerror}") from None


def read_plan(path: Path) -> PlanFile:
    """A plan as it was previewed.

    Raises:
        Refusal: The file cannot be read, is no plan, was cut off or edited.
    """
    header: PlanHeader | None = None
    entries: dict[str, PlanEntry] = {}
    deals = 0
    for number, document in _lines(path):
        kind = document.get("kind")
        if header is None:
            header = _header(path, document)
        elif kind == "deal":
            deals += 1
            _note(path, number, document, entries)
        elif kind == "end":
            return PlanFile(path, header, _checked_hash(path, header, entries, deals, document), entries)
        else:
            raise Refusal(f"{path}:{number}: is no line of a plan; {_AGAIN}")
    raise Refusal(f"{path}: the plan is not whole: its last line is missing; {_AGAIN}")


def _header(path: Path, document: Mapping[str, Any]) -> PlanHeader:
    if document.get("kind") != "plan" or document.get("format") != FORMAT:
        raise Refusal(f"{path}:1: is no plan of this version (format {FORMAT}); {_AGAIN}")
    try:
        return PlanHeader(
            org=str(document["organization"]),
            connection_id=str(document["connection"]),
            window=str(document["window"]),
            since=datetime.fromisoformat(document["since"]),
            configuration=str(document["configuration"]),
            revision=int(document["revision"]),
            document=document["document"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal(f"{path}:1: is no head of a plan ({type(error).__name__}: {error}); {_AGAIN}") from None


def _note(path: Path, number: int, document: Mapping[str, Any], entries: dict[str, PlanEntry]) -> None:
    deal, outcome = document.get("deal"), _OUTCOMES.get(str(document.get("outcome")))
    if not isinstance(deal, str) or outcome is None or deal in entries:
        raise Refusal(f"{path}:{number}: is no deal of a plan; {_AGAIN}")
    if outcome != "not triggering":
        entries[deal] = PlanEntry(outcome, digest_of(_without_kind(document)))


def _checked_hash(
    path: Path, header: PlanHeader, entries: Mapping[str, PlanEntry], deals: int, end: Mapping[str, Any]
) -> str:
    found = plan_hash(header, {deal: entry.digest for deal, entry in entries.items()})
    if end.get("hash") != found or end.get("deals") != deals:
        raise Refusal(f"{path}: was changed since it was written: its hash is of another plan; {_AGAIN}")
    return found


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                document = json.loads(line)
                if not isinstance(document, dict):
                    raise Refusal(f"{path}:{number}: is no line of a plan; {_AGAIN}")
                yield number, document
    except OSError as error:
        raise Refusal(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise Refusal(f"{path}: is no plan: expected one JSON document a line; {_AGAIN}") from None


def _without_kind(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "kind"}
