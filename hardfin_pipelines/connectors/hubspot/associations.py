"""What deals point to: batch reads of associations, complete however many there are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hardfin_pipelines.connectors.base import References
from hardfin_pipelines.connectors.concurrency import run_bounded
from hardfin_pipelines.connectors.errors import VendorContractError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.errors import INTEGRATION, message_of, one_line, refusal, unknown_shape
from hardfin_pipelines.connectors.hubspot.limits import ASSOCIATION_INPUTS
from hardfin_pipelines.connectors.hubspot.remembering import Ask
from hardfin_pipelines.connectors.hubspot.requests import Request, read_associations
from hardfin_pipelines.connectors.hubspot.search import next_cursor
from hardfin_pipelines.sync.records import Reference, Role

PRIMARY_COMPANY_TYPE = 5
"""Deal to its primary company; 341 is the unlabelled association (HubSpot docs: associations guide)."""

_ASSOCIATED: frozenset[Role] = frozenset({"company", "line_item"})


class AssociationReader:
    """Reads associations of deals."""

    def __init__(self, ask: Ask, in_flight: int) -> None:
        self._ask = ask
        self._in_flight = in_flight

    async def references(self, deal_ids: Sequence[str], roles: Sequence[Role]) -> References:
        """For each deal the ids of each role, in HubSpot's order, each once.

        A role that deals are not associated with (a product belongs to a line item) has none.
        """
        deals = list(dict.fromkeys(deal_ids))
        found: dict[str, dict[Role, tuple[Reference, ...]]] = {deal: dict.fromkeys(roles, ()) for deal in deals}
        chunks = [deals[start : start + ASSOCIATION_INPUTS] for start in range(0, len(deals), ASSOCIATION_INPUTS)]
        parts = [(role, chunk) for role in roles if role in _ASSOCIATED for chunk in chunks]
        read = await run_bounded(
            [lambda role=role, chunk=chunk: self._read(role, chunk) for role, chunk in parts],  # type: ignore[misc]
            self._in_flight,
        )
        for (role, _), by_deal in zip(parts, read, strict=True):
            for deal, primary_by_id in by_deal.items():
                found[deal][role] = tuple(Reference(each, primary) for each, primary in primary_by_id.items())
        return found

    async def _read(self, role: Role, deals: Sequence[str]) -> dict[str, dict[str, bool]]:
        """Deal to associated id to whether it is the primary one, following each deal's own cursor to its end."""
        found: dict[str, dict[str, bool]] = {deal: {} for deal in deals}
        cursors = dict.fromkeys(deals, "")
        while cursors:
            request = read_associations(role, cursors.items())
            answer = await self._ask(request)
            following = _take(request, answer, found)
            stuck = [deal for deal, cursor in following.items() if cursors.get(deal) == cursor]
            if stuck:
                text = f"HubSpot's answer to {request.call} does not go on for deal {stuck[0]}"
                raise VendorContractError(INTEGRATION, text)
            cursors = following
        return found


def _take(request: Request, answer: Answer, found: Mapping[str, dict[str, bool]]) -> dict[str, str]:
    """Put an answer's associations into `found`; the cursors of deals that have more."""
    results = answer.members.get("results")
    if not isinstance(results, list):
        raise unknown_shape(request.call, 'list "results"')
    _refuse_other_errors(request, answer)
    following: dict[str, str] = {}
    for result in results:
        deal = _deal_of(result)
        if deal not in found:
            raise unknown_shape(request.call, "deal of ours in a result")
        for target, primary in _targets(result.get("to")):
            found[deal][target] = found[deal].get(target, False) or primary
        cursor = next_cursor(result)
        if cursor:
            following[deal] = cursor
    return following


def _deal_of(result: Any) -> str:
    near = result.get("from") if isinstance(result, dict) else None
    return str(near.get("id")) if isinstance(near, dict) else ""


def _targets(listed: Any) -> Iterable[tuple[str, bool]]:
    """Associated ids, which come as JSON numbers, and whether one of their types is the primary company's."""
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("toObjectId") is not None:
            types = entry.get("associationTypes")
            primary = any(map(_is_primary, types)) if isinstance(types, list) else False
            yield str(entry["toObjectId"]), primary


def _is_primary(kind: Any) -> bool:
    return (
        isinstance(kind, dict)
        and kind.get("category", "HUBSPOT_DEFINED") == "HUBSPOT_DEFINED"
        and kind.get("typeId") == PRIMARY_COMPANY_TYPE
    )


def _refuse_other_errors(request: Request, answer: Answer) -> None:
    """A deal without associations, or one that is gone, is an error in a 207 (seen on the wire); any other is ours.

    Raises:
        VendorError: By its category.
    """
    listed = answer.members.get("errors")
    for error in listed if isinstance(listed, list) else ():
        category = error.get("category") if isinstance(error, dict) else None
        if category == "OBJECT_NOT_FOUND":
            continue
        if category == "MISSING_SCOPES":
            raise refusal(Answer(403, answer.body, answer.headers, answer.vendor_time), request.call)
        said = error.get("message") if isinstance(error, dict) else None
        text = one_line(said) if isinstance(said, str) else message_of(answer)
        raise VendorContractError(INTEGRATION, f"HubSpot could not answer all of {request.call}: {text}")
