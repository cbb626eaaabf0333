"""Approving a previewed plan: its hash, and what has moved since. What somebody approved is what runs, or nothing does.

The plan covers the deals that would be written (synced, or noted as set aside) and those that are protected. Deals
that trigger nothing are no part of it: most of them a search does not even show.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hardfin_pipelines.sync.call_windows import CallWindow
from hardfin_pipelines.sync.first_sync import Context
from hardfin_pipelines.sync.mapping_rules import EntityMapping
from hardfin_pipelines.sync.pipeline_rules import active_rules
from hardfin_pipelines.sync.preview import DealPlan, digest_of

FORMAT = 1
"""The version of the plan's form; another one is another hash."""


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """What a plan is of.

    Attributes:
        org: The organization.
        connection_id: Its connection.
        window: "load" (everything modified since a moment), or "tick" (what the next tick would do).
        since: The window's first moment, in vendor time.
        configuration: The hash of the rules and the mapping that the plan was made with.
        revision: With `document`: the organization's revision that the document would change.
        document: The organization's document that is to be applied first; None where it is as stored.
    """

    org: str
    connection_id: str
    window: str
    since: datetime
    configuration: str
    revision: int = 0
    document: Mapping[str, Any] | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The header in values that JSON can hold."""
        return {
            "format": FORMAT,
            "organization": self.org,
            "connection": self.connection_id,
            "window": self.window,
            "since": self.since.isoformat(),
            "configuration": self.configuration,
            "revision": self.revision,
            "document": self.document,
        }


def configuration_hash(context: Context) -> str:
    """The hash of the active rules and of the mapping, as they were found in the account."""
    rules = [
        [rule.pipeline_id, list(rule.stage_ids), _mapping(rule.overrides)]
        for rule in sorted(active_rules(context.rules), key=lambda rule: rule.pipeline_id)
    ]
    return digest_of({"rules": rules, "mappings": _mapping(context.mappings)})


def plan_hash(header: PlanHeader, digests: Mapping[str, str]) -> str:
    """The hash of a plan: the same inputs have the same one, in any process and at any time.

    Args:
        header: What it is of.
        digests: The digest of what becomes of each of its deals, by id.
    """
    return digest_of({"header": header.as_json(), "deals": sorted(digests.items())})


def in_plan(plan: DealPlan) -> bool:
    """Whether a deal is part of the plan."""
    return plan.outcome != "not triggering"


def what_moved(approved: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> str:
    """What is another than when a plan was approved, of one deal, in plain words.

    Args:
        approved: What was to become of it; None where it was not in the plan.
        now: What would become of it now; None where the CRM does not show it in the window.
    """
    if approved is None:
        outcome = "would sync" if now is not None and now["outcome"] == "synced" else "would be set aside"
        return f"is new since: it {outcome} now"
    if now is None:
        return "is gone: the CRM does not show it among the deals to sync any more"
    if now["outcome"] == "protected":
        return f"was synced by another run meanwhile: it is project {now['project']}"
    if approved["modified_at"] != now["modified_at"]:
        return (
            f"was modified at the CRM at {now['modified_at']}; the plan is of its version of {approved['modified_at']}"
        )
    if approved["outcome"] != now["outcome"]:
        return f"would be {now['outcome']} now ({now['reason']}); the plan has it {approved['outcome']}"
    return first_difference(approved, now)


def minutes_needed(calls: Mapping[str, int], windows: Iterable[CallWindow]) -> float:
    """How long some calls take at least, made one after another as fast as the account's limits let them.

    Args:
        calls: Calls by the vendor's rate bucket.
        windows: The account's rate windows.
    """
    spans = {window.bucket: window.span_ms / window.limit for window in windows}
    return sum(number * spans.get(bucket, 0.0) for bucket, number in calls.items()) / 60_000


def first_difference(approved: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first thing in which two documents of one deal differ, in plain words, as "approved" and "now"."""
    matched = {tuple(each[:2]): (each[2], each[3]) for each in approved.get("matches", ())}
    matches = {tuple(each[:2]): (each[2], each[3]) for each in now.get("matches", ())}
    for key in sorted({*matched, *matches}):
        if matched.get(key) != matches.get(key):
            entity, record = key
            was, is_now = _match(matched.get(key)), _match(matches.get(key))
            return f"leads to another {entity} in Hardfin: {record} {was} in the plan, {is_now} now"
    before = {each["id"]: each for each in approved.get("entities", ())}
    after = {each["id"]: each for each in now.get("entities", ())}
    for entity_id in (*before, *(each for each in after if each not in before)):
        difference = _entity_difference(before.get(entity_id), after.get(entity_id))
        if difference:
            return difference
    return f"is another now: {now['reason']}"


def _entity_difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    if before is None or after is None:
        one = before or after or {}
        verb = "would not be created any more" if after is None else "would be created, too"
        return f"has another {one['entity'].replace('_', ' ')}: that of {one['record']} {verb}"
    for name in (*before["fields"], *(each for each in after["fields"] if each not in before["fields"])):
        was, is_now = before["fields"].get(name), after["fields"].get(name)
        if was != is_now:
            return (
                f"has another {before['entity'].replace('_', ' ')}.{name}, from {before['record']}: "
                f"{_value(was)} in the plan, {_value(is_now)} now"
            )
    return "" if before == after else f"has another {before['entity'].replace('_', ' ')}, from {before['record']}"


def _match(match: tuple[str, str] | None) -> str:
    return "is created" if match is None else f"is {match[0]} by {match[1]}"


def _value(planned: Mapping[str, str] | None) -> str:
    return "nothing" if planned is None else repr(planned["value"])


def _mapping(mappings: Mapping[Any, EntityMapping]) -> list[Any]:
    return [
        [entity, [[r.target, r.source, r.template, r.convert, r.required, r.default] for r in mapping.rules]]
        for entity, mapping in sorted(mappings.items())
    ]
