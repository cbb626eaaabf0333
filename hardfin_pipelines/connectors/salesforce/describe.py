"""What an org has set up: record types, stages and fields, in words of no vendor.

One composite call describes the objects and asks for stages, org and currency. What else is needed follows from those
answers, so the same call asks for it beforehand: a part may refer to the answer of an earlier one (the stages of the
first few record types; Salesforce docs: composite, reference IDs), and the object that a custom relationship leads to
mostly has its name. What was not foreseen is asked for by further calls.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.salesforce import errors
from hardfin_pipelines.connectors.salesforce.client import composite_parts
from hardfin_pipelines.connectors.salesforce.describe_fields import (
    Description,
    fields_of,
    hidden_property,
    own_properties,
    parents,
    relation_field,
)
from hardfin_pipelines.connectors.salesforce.describe_pipelines import (
    STAGES,
    pipelines_of,
    records,
    stage_paths,
    stages_of_org,
    stages_of_picklist,
)
from hardfin_pipelines.connectors.salesforce.ids import long_id
from hardfin_pipelines.connectors.salesforce.limits import COMPOSITE_PARTS
from hardfin_pipelines.connectors.salesforce.objects import OrgObjects
from hardfin_pipelines.connectors.salesforce.remembering import Ask
from hardfin_pipelines.connectors.salesforce.requests import composite_gets, part_name
from hardfin_pipelines.sync.records import CRM_ROLES, AccountDescription, PropertyDescription, Role

_PARENTS: Mapping[Role, tuple[str, ...]] = {
    "company": ("Owner",),
    "deal": ("Account", "Owner"),
    "line_item": ("Product2", "PricebookEntry"),
    "product": (),
}
"""Parents whose fields are always described; others are where a field of theirs is named."""

_ORGANIZATION = "SELECT Id,Name,IsSandbox FROM Organization"
_ORG_CURRENCY = "SELECT DefaultCurrencyIsoCode FROM Organization"
_CORPORATE_CURRENCY = "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true"
_NAME = re.compile(r"[A-Za-z]\w*")
_DEEPEST = 5
_FORESEEN_PARENTS = 8
"""So many parents are asked for beforehand at most: the rest of a call is for the stages of record types."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be described.

    Attributes:
        objects: The org's objects.
        named: Fields, by role, that the configuration names: parents they lead over are described too, and those that
            are not there come as hidden, with the permission that may be missing.
        parents: Objects that such fields are known to lead over.
        record_types: Whether deals have record types; None where that is not known.
    """

    objects: OrgObjects
    named: Mapping[Role, Collection[str]] = field(default_factory=dict)
    parents: Sequence[str] = ()
    record_types: bool | None = None

    def usual_objects(self) -> list[str]:
        """The objects of the roles, and the parents whose fields are always described."""
        own = [self.objects.by_role[role] for role in CRM_ROLES]
        of_lines = ["Product2", "PricebookEntry"] if self.objects.lines_are_of_opportunities else []
        return list(dict.fromkeys([*own, "User", *of_lines]))

    def first_objects(self) -> list[str]:
        """The objects to describe at once: those of the roles first, then parents that are known or likely there."""
        usual = self.usual_objects()
        steps = (step for names in self.named.values() for name in names for step in name.split(".")[:-1])
        guessed = [f"{step[:-1]}c" if step.lower().endswith("__r") else step for step in steps]
        found = dict.fromkeys([*self.parents, *guessed])
        likely = [each for each in found if _NAME.fullmatch(each) and each not in {*usual, "Owner"}]
        return [*usual, *likely[:_FORESEEN_PARENTS]]


@dataclass(slots=True)
class _Org:
    """What was answered so far."""

    objects: dict[str, Description] = field(default_factory=dict)
    refused: dict[str, Answer] = field(default_factory=dict)


async def describe_account(ask: Ask, asked: Asked, organization_id: str = "") -> AccountDescription:
    """The description of an org.

    Args:
        ask: Sends a request.
        asked: What is to be described.
        organization_id: The org, where the answers do not tell.

    Raises:
        VendorError: Salesforce refused or failed, or hides one of the objects.
    """
    objects, first = asked.objects, asked.first_objects()
    queries = [
        _ORGANIZATION,
        _ORG_CURRENCY,
        _CORPORATE_CURRENCY,
        *([STAGES] if objects.deals_are_opportunities else []),
    ]
    paths = [*_describe_paths(first), *(f"query?q={quote_plus(text)}" for text in queries)]
    foreseen = _record_types(part_name(first.index(objects.deal)), COMPOSITE_PARTS - len(paths))
    if asked.record_types is False:
        foreseen = []
    request = composite_gets([*paths, *stage_paths(objects, foreseen)], parts_may_fail=True)
    answer = await ask(request)
    parts = composite_parts(answer, request.call)
    if len(parts) != len(paths) + len(foreseen):
        raise errors.unknown_shape(request.call, f"{len(paths) + len(foreseen)} parts")
    org = _Org()
    _take(org, first, parts)
    _require(org, objects)
    organization, *currencies = parts[len(first) : len(first) + 3]
    await _describe_named(ask, org, asked)
    deal = org.objects[objects.deal]
    if objects.deals_are_opportunities:
        stages = await stages_of_org(ask, parts[len(paths) - 1], request.call)
    else:
        stages = stages_of_picklist(deal, objects)
    own_id = next((str(each.get("Id") or "") for each in records(organization)), "")
    return AccountDescription(
        account_id=long_id(own_id) or organization_id,
        pipelines=await pipelines_of(ask, objects, deal, stages, parts[len(paths) :]),
        properties={
            role: _properties(org, objects.by_role[role], role, asked.named.get(role, ())) for role in CRM_ROLES
        },
        described_at=answer.vendor_time,
        currency=_currency(currencies),
        parents=tuple(sorted(_led_over(org, asked))),
    )


def _record_types(deal_part: str, count: int) -> list[str]:
    """The first record types, as a part says them that comes behind the description of deals."""
    return [f"@{{{deal_part}.recordTypeInfos[{place}].recordTypeId}}" for place in range(count)]


def _describe_paths(names: Sequence[str]) -> list[str]:
    return [f"sobjects/{name}/describe" for name in names]


def _take(org: _Org, names: Sequence[str], parts: Sequence[Answer]) -> None:
    for name, part in zip(names, parts, strict=False):
        if 200 <= part.status < 300 and part.members:
            org.objects[name] = part.members
        else:
            org.refused[name] = part


def _require(org: _Org, objects: OrgObjects) -> None:
    """Refuse an org without the objects of the roles, or without the fields that lead from one to another."""
    names = [objects.by_role[role] for role in CRM_ROLES if role != "product" or objects.product_of_line]
    missing = [name for name in dict.fromkeys(names) if name not in org.objects]
    for name in missing:
        if org.refused[name].status not in {400, 403, 404}:
            raise errors.refusal(org.refused[name], f"describe {name}")
    if missing:
        listed = ", ".join(missing)
        text = (
            f"Salesforce hides {listed} from Hardfin's user: grant it Read on {listed} in a permission set "
            f"({errors.message_of(org.refused[missing[0]])})"
        )
        raise NeedsAttention(errors.INTEGRATION, text, context={"objects": listed})
    for name, link, target in objects.links():
        _require_link(org.objects[name], name, link, target)


def _require_link(description: Description, name: str, link: str, target: str) -> None:
    found = next((each for each in fields_of(description) if each.get("name") == link), None)
    if found is None:
        text = (
            f"Salesforce shows no field {name}.{link}, which leads to {target}: if it is there, grant Hardfin's user "
            "Read on it in a permission set; else mend `objects` in the organization's document"
        )
        raise NeedsAttention(errors.INTEGRATION, text, context={"properties": link})
    leads_to = found.get("referenceTo")
    if not isinstance(leads_to, list) or target not in leads_to:
        listed = ", ".join(map(str, leads_to)) if isinstance(leads_to, list) and leads_to else "no other record"
        text = (
            f"Salesforce's field {name}.{link} leads to {listed}, not to {target}: mend `objects` in the "
            "organization's document"
        )
        raise NeedsAttention(errors.INTEGRATION, text, context={"properties": link})


def _currency(parts: Sequence[Answer]) -> str:
    """The corporate currency of an org with several, else its only one; "" where Salesforce does not tell."""
    own, corporate = parts
    for part, name in ((corporate, "IsoCode"), (own, "DefaultCurrencyIsoCode")):
        for record in records(part):
            if record.get(name):
                return str(record[name])
    return ""


async def _describe_named(ask: Ask, org: _Org, asked: Asked) -> None:
    """Describe the parents that named fields lead over and that are not described yet, a call a step."""
    for _ in range(_DEEPEST):
        listed = sorted(
            {
                target
                for role, names in asked.named.items()
                for name in names
                if (target := _steps(org, asked.objects.by_role[role], name)[-1]) and target not in org.objects
            }
            - org.refused.keys()
        )
        for start in range(0, len(listed), COMPOSITE_PARTS):
            some = listed[start : start + COMPOSITE_PARTS]
            request = composite_gets(_describe_paths(some), parts_may_fail=True)
            _take(org, some, composite_parts(await ask(request), request.call))
        if not listed:
            return


def _steps(org: _Org, object_name: str, path: str) -> list[str]:
    """The objects on a dotted path, as far as it can be followed; "" at the end where a relationship is not there."""
    found = [object_name]
    for step in path.split(".")[:-1]:
        if found[-1] not in org.objects:
            break
        relation = parents(org.objects[found[-1]]).get(step.lower())
        found.append("" if relation is None else relation[1])
        if relation is None:
            break
    return found


def _led_over(org: _Org, asked: Asked) -> set[str]:
    """The parents, but for the usual ones, that the named fields lead over."""
    paths = ((role, name) for role, names in asked.named.items() for name in names)
    over = {each for role, name in paths for each in _steps(org, asked.objects.by_role[role], name)}
    return (over & org.objects.keys()) - set(asked.usual_objects())


def _properties(org: _Org, object_name: str, role: Role, named: Collection[str]) -> dict[str, PropertyDescription]:
    own = org.objects.get(object_name, {})
    found = own_properties(own)
    relations = parents(own)
    for parent in _PARENTS[role]:
        name, target = relations.get(parent.lower(), ("", ""))
        if name and target in org.objects:
            found |= own_properties(org.objects[target], f"{name}.", f"{name}: ")
    visible = list(found)
    for name in named:
        if name not in found:
            found[name] = _dotted(org, object_name, name, visible)
    return found


def _dotted(org: _Org, object_name: str, path: str, visible: Sequence[str]) -> PropertyDescription:
    """A named field over parents, or what may be missing to see it: the object, the lookup to it, or the field."""
    *steps, last = path.split(".")
    objects = _steps(org, object_name, path)
    if not steps:
        return hidden_property(object_name, path, visible)
    if "" in objects:
        place = len(objects) - 2
        return hidden_property(objects[place], relation_field(steps[place]), (), path)
    if objects[-1] not in org.objects:
        return hidden_property(objects[-1], "", (), path)
    prefix, current = "", object_name
    for step in steps:
        name, current = parents(org.objects[current])[step.lower()]
        prefix = f"{prefix}{name}."
    found = own_properties(org.objects[current], prefix, prefix.replace(".", ": "))
    if path in found:
        return found[path]
    return hidden_property(current, last, [each.removeprefix(prefix) for each in found], path)
