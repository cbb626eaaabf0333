"""Control operations on what an account has set up: properties, pipelines, tokens."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from hardfin_pipelines.sandbox.control_requests import Fields, Table, WrongRequestError, only, wanted
from hardfin_pipelines.sandbox.hubspot.account_schema import NewStage
from hardfin_pipelines.sandbox.hubspot.oauth import ALL_SCOPES
from hardfin_pipelines.sandbox.hubspot.portal import Portal


class AccountControl:
    """What an administrator does to an account, over HTTP, and the tokens of its apps."""

    def __init__(self, portal_of: Callable[[Fields], Portal]) -> None:
        """`portal_of` takes the portal's id out of the members and finds the portal."""
        self._portal = portal_of

    def table(self) -> Table:
        """The operations."""
        portal = "/portals/{hub_id:int}"
        properties, pipelines = f"{portal}/properties/{{object_type}}", f"{portal}/pipelines"
        named, pipeline = f"{properties}/{{property_name}}", f"{pipelines}/{{pipeline_id}}"
        stage = f"{pipeline}/stages/{{stage_id}}"
        return [
            ("POST", properties, self._add_property),
            ("PATCH", named, self._redefine_property),
            ("DELETE", named, self._archive_property),
            ("POST", f"{named}/restore", self._restore_property),
            ("POST", pipelines, self._add_pipeline),
            ("PATCH", pipeline, self._change_pipeline),
            ("DELETE", pipeline, self._remove_pipeline),
            ("POST", f"{pipeline}/stages", self._add_stage),
            ("PATCH", stage, self._change_stage),
            ("DELETE", stage, self._remove_stage),
            ("POST", f"{portal}/tokens", self._issue_token),
            ("POST", f"{portal}/authorization-codes", self._issue_code),
            ("POST", f"{portal}/uninstall", lambda fields: self._portal(fields).uninstall_app()),
        ]

    def _add_property(self, fields: Fields) -> None:
        portal, object_type = self._portal(fields), fields.pop("object_type")
        only(fields, "name", "label", "type", "field_type", "options", "unique", "sensitivity")
        name, label = wanted(fields, "name"), wanted(fields, "label")
        more = {key: value for key, value in fields.items() if key not in {"name", "label"}}
        portal.add_property(object_type, name, label, **more)

    def _redefine_property(self, fields: Fields) -> Fields:
        portal, object_type = self._portal(fields), fields.pop("object_type")
        name = fields.pop("property_name")
        if "name" in fields:
            raise WrongRequestError("a property's name cannot be changed; send other members of its definition")
        return portal.redefine_property(object_type, name, **fields)

    def _archive_property(self, fields: Fields) -> None:
        self._portal(fields).archive_property(fields["object_type"], fields["property_name"])

    def _restore_property(self, fields: Fields) -> None:
        self._portal(fields).restore_property(fields["object_type"], fields["property_name"])

    def _add_pipeline(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        stages = [_stage(each) for each in wanted(fields, "stages", list)]
        return {"id": portal.add_pipeline(wanted(fields, "label"), stages, fields.get("id"))}

    def _change_pipeline(self, fields: Fields) -> None:
        portal = self._portal(fields)
        only(fields, "pipeline_id", "label", "display_order")
        portal.change_pipeline(
            fields["pipeline_id"], label=fields.get("label"), display_order=fields.get("display_order")
        )

    def _remove_pipeline(self, fields: Fields) -> None:
        portal = self._portal(fields)
        portal.remove_pipeline(fields["pipeline_id"], even_if_used=fields.get("even_if_used", False))

    def _add_stage(self, fields: Fields) -> Fields:
        portal, order = self._portal(fields), fields.get("display_order")
        return {"id": portal.add_stage(fields["pipeline_id"], _stage(fields), order)}

    def _change_stage(self, fields: Fields) -> None:
        portal = self._portal(fields)
        only(fields, "pipeline_id", "stage_id", "label", "display_order", "probability")
        probability = fields.get("probability")
        portal.change_stage(
            fields["pipeline_id"],
            fields["stage_id"],
            label=fields.get("label"),
            display_order=fields.get("display_order"),
            probability=None if probability is None else _probability(probability),
        )

    def _remove_stage(self, fields: Fields) -> None:
        portal = self._portal(fields)
        even_if_used = fields.get("even_if_used", False)
        portal.remove_stage(fields["pipeline_id"], fields["stage_id"], even_if_used=even_if_used)

    def _issue_token(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        issuers: dict[str, Callable[[Iterable[str]], str]] = {
            "refresh": portal.issue_refresh_token,
            "access": portal.issue_access_token,
            "static": portal.issue_static_token,
        }
        kind = wanted(fields, "kind")
        if kind not in issuers:
            raise WrongRequestError("kind: send refresh, access or static")
        return {"token": issuers[kind](fields.get("scopes", ALL_SCOPES))}

    def _issue_code(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        scopes = fields.get("scopes", ALL_SCOPES)
        return {"code": portal.issue_authorization_code(wanted(fields, "redirect_uri"), scopes)}


def _stage(fields: Any) -> NewStage:
    """A stage out of `label` and `probability`, and `closed` where the probability does not tell; `id` is optional."""
    if not isinstance(fields, dict):
        raise WrongRequestError("stages: send a list of objects with label and probability")
    probability = _probability(wanted(fields, "probability", (str, int, float)))
    closed = fields.get("closed", probability in {0, 1})
    return NewStage(wanted(fields, "label"), probability, closed, fields.get("id"))


def _probability(value: Any) -> Decimal:
    try:
        probability = Decimal(str(value))
    except ArithmeticError as error:
        raise WrongRequestError(f"probability: {value!r} is no number from 0 to 1") from error
    if not probability.is_finite() or not 0 <= probability <= 1:
        raise WrongRequestError(f"probability: {value!r} is no number from 0 to 1")
    return probability
