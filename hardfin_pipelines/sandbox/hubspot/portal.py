"""One HubSpot account, as a Python interface for loaders and tests."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardfin_pipelines.sandbox.call_log import LoggedCall
from hardfin_pipelines.sandbox.hubspot import pipeline_changes
from hardfin_pipelines.sandbox.hubspot.account_schema import DEFAULT_STAGES, NON_SENSITIVE, NewStage
from hardfin_pipelines.sandbox.hubspot.oauth import ACCESS_TOKEN_SECONDS, ALL_SCOPES
from hardfin_pipelines.sandbox.hubspot.object_types import object_type as resolve_type
from hardfin_pipelines.sandbox.hubspot.property_definitions import definition, options_json
from hardfin_pipelines.sandbox.hubspot.settings import Tier
from hardfin_pipelines.sandbox.hubspot.store import Store
from hardfin_pipelines.sandbox.hubspot.unusual_records import UnusualRecords
from hardfin_pipelines.sandbox.hubspot.values import instant_text

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.sandbox import HubSpotSandbox


class Portal(UnusualRecords):
    """One account of the sandbox. Made by `HubSpotSandbox.add_portal`."""

    def __init__(
        self,
        sandbox: "HubSpotSandbox",
        hub_id: int,
        *,
        name: str,
        tier: Tier,
        currencies: Sequence[str],
        time_zone: str,
        path: Path | None = None,
    ) -> None:
        """`currencies` has the account's own first; `path` keeps the records in a file."""
        super().__init__(sandbox.clock, Store(path), currencies)
        self.sandbox = sandbox
        self.hub_id = hub_id
        self.name = name
        self.tier: Tier = tier
        self.time_zone = time_zone
        if not self.schema.pipelines:
            self._add_default_pipeline()

    def _add_default_pipeline(self) -> None:
        stages = [
            NewStage(label, Decimal(probability), stage_id.startswith("closed"), stage_id)
            for stage_id, label, probability in DEFAULT_STAGES
        ]
        self.schema.add_pipeline("Sales Pipeline", stages, self.clock.now_ms(), "default")

    def __repr__(self) -> str:
        return f"Portal({self.hub_id}, {self.name!r})"

    def add_property(
        self,
        object_type: str,
        name: str,
        label: str,
        *,
        type: str = "string",  # noqa: A002  # HubSpot's word
        field_type: str = "text",
        options: Mapping[str, str] | None = None,
        unique: bool = False,
        sensitivity: str = NON_SENSITIVE,
    ) -> None:
        """Adds a property of the account's own.

        Args:
            object_type: whose property it is.
            name: its name in the API.
            label: its name in HubSpot's pages.
            type: HubSpot's `type`.
            field_type: HubSpot's `fieldType`.
            options: value to label.
            unique: allows it as `idProperty`.
            sensitivity: `sensitive` or `highly_sensitive` hides its values from tokens without the scope for them.
        """
        kind = resolve_type(object_type)
        now = instant_text(self.clock.now_ms())
        group = f"{kind.singular.replace('_', '')}information"
        described = definition(
            name, label, type, field_type, group, options=options, created_at=now, built_in=False, unique=unique
        )
        self.schema.add_property(kind.name, {**described, "dataSensitivity": sensitivity})

    def redefine_property(self, object_type: str, name: str, **members: Any) -> dict[str, Any]:
        """Changes a definition, HubSpot's own too, in ways the API refuses: another `type`, `hidden`, `calculated` ...

        Args:
            object_type: whose property it is.
            name: its name.
            members: the wire's members with their new values; `options` may be value to label.

        Returns:
            The whole definition.

        Raises:
            ValueError: there is no such property, or no such member.
        """
        kind = resolve_type(object_type).name
        held = self.schema.properties(kind).get(name)
        if held is None:
            raise ValueError(f"{kind} have no property {name!r}")
        unknown = sorted(members.keys() - held.keys() - {"calculationFormula", "referencedObjectType"})
        if unknown or "name" in members:
            raise ValueError(f"property {name!r}: {(unknown or ['name'])[0]!r} cannot be set")
        if isinstance(members.get("options"), Mapping):
            members["options"] = options_json(members["options"])
        now = instant_text(self.clock.now_ms())
        return self.schema.redefine_property(kind, name, {"updatedAt": now, **members})

    def archive_property(self, object_type: str, name: str) -> None:
        """Puts one of the account's own properties into the recycle bin; records keep their values unseen.

        Raises:
            ValueError: it is not one of the account's own.
        """
        kind = resolve_type(object_type).name
        if not self.schema.archive_property(kind, name, instant_text(self.clock.now_ms())):
            raise ValueError(f"{kind} have no property {name!r} of the account's own")

    def restore_property(self, object_type: str, name: str) -> None:
        """Takes a property out of the recycle bin as it was, values included.

        Raises:
            ValueError: it is not there.
        """
        kind = resolve_type(object_type).name
        if not self.schema.restore_property(kind, name):
            raise ValueError(f"the recycle bin has no property {name!r} of {kind}")

    def add_pipeline(
        self,
        label: str,
        stages: Sequence[NewStage | tuple[str, Decimal, bool]],
        pipeline_id: str | None = None,
    ) -> str:
        """Adds a deal pipeline, or replaces the one of that id, and returns its id.

        `stages` are (label, probability, closed) with an optional id as fourth; without one a number is taken.
        """
        return self.schema.add_pipeline(label, [NewStage(*stage) for stage in stages], self.clock.now_ms(), pipeline_id)

    def change_pipeline(self, pipeline_id: str, *, label: str | None = None, display_order: int | None = None) -> None:
        """Renames or moves a pipeline, which moves the last-modified date of all its deals.

        Raises:
            VendorError: 404, there is no such pipeline; 400, another has the label.
        """
        given = {"label": label, "displayOrder": display_order}
        changes = {name: value for name, value in given.items() if value is not None}
        pipeline_changes.change_pipeline(self, pipeline_id, changes)

    def remove_pipeline(self, pipeline_id: str, *, even_if_used: bool = False) -> None:
        """Deletes a pipeline; where deals are in it only if `even_if_used`, and they keep naming it.

        Raises:
            VendorError: 404, there is no such pipeline; 400, it has deals or is the last one.
        """
        pipeline_changes.remove_pipeline(self, pipeline_id, even_if_used=even_if_used)

    def add_stage(
        self, pipeline_id: str, stage: NewStage | tuple[str, Decimal, bool], display_order: int | None = None
    ) -> str:
        """Adds a stage to a pipeline, at its end where no order is given, and returns the stage's id.

        Raises:
            VendorError: 404, there is no such pipeline; 400, the id or the label is taken.
        """
        return pipeline_changes.add_stage(self, pipeline_id, NewStage(*stage), display_order)

    def change_stage(
        self,
        pipeline_id: str,
        stage_id: str,
        *,
        label: str | None = None,
        display_order: int | None = None,
        probability: Decimal | None = None,
    ) -> None:
        """Renames, moves or re-rates a stage (probability 0 and 1 close it), for the deals in it too.

        Raises:
            VendorError: 404, there is no such pipeline or stage; 400, another stage has the label.
        """
        pipeline_changes.change_stage(
            self, pipeline_id, stage_id, label=label, display_order=display_order, probability=probability
        )

    def remove_stage(self, pipeline_id: str, stage_id: str, *, even_if_used: bool = False) -> None:
        """Deletes a stage; where deals are in it only if `even_if_used`, and they keep naming it.

        Raises:
            VendorError: 404, there is no such pipeline or stage; 400, it has deals or is the pipeline's last.
        """
        pipeline_changes.remove_stage(self, pipeline_id, stage_id, even_if_used=even_if_used)

    @property
    def currencies(self) -> tuple[str, ...]:
        """The account's currencies, its own first."""
        return self.schema.currencies

    def add_currencies(self, codes: Iterable[str]) -> None:
        """Adds currencies that deals and line items may be in."""
        for code in sorted(codes):
            self.schema.add_currency(code)

    def add_owner(self, email: str, first_name: str = "", last_name: str = "", *, owner_id: str | None = None) -> str:
        """Adds a user who may own records and returns the owner id."""
        return self.schema.add_owner(owner_id, email, first_name, last_name, self.clock.now_ms())

    def issue_refresh_token(self, scopes: Iterable[str] = ALL_SCOPES, token: str | None = None) -> str:
        """A refresh token of the sandbox's OAuth app for this account; `token` chooses the text."""
        return self.sandbox.tokens.issue_refresh(self.hub_id, scopes, token)

    def issue_access_token(self, scopes: Iterable[str] = ALL_SCOPES, expires_in: float = ACCESS_TOKEN_SECONDS) -> str:
        """An OAuth access token that lives `expires_in` seconds."""
        return self.sandbox.tokens.issue_access(self.hub_id, scopes, expires_in)

    def issue_static_token(self, scopes: Iterable[str] = ALL_SCOPES, token: str | None = None) -> str:
        """A token of a private app; each token counts as an app of its own to the rate limits."""
        return self.sandbox.tokens.issue_static(self.hub_id, scopes, token)

    def issue_authorization_code(self, redirect_uri: str, scopes: Iterable[str] = ALL_SCOPES) -> str:
        """An authorization code, as the redirect after a user's consent carries it."""
        return self.sandbox.tokens.issue_code(self.hub_id, scopes, redirect_uri)

    def uninstall_app(self) -> None:
        """Ends all OAuth tokens of this account, as uninstalling the app does."""
        self.sandbox.tokens.uninstall(self.hub_id)

    @property
    def calls(self) -> list[LoggedCall]:
        """The vendor requests made with this account's tokens, oldest first."""
        return [call for call in tuple(self.sandbox.call_log.entries) if call.account == str(self.hub_id)]
