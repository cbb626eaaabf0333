"""One HubSpot account, as a Python interface for loaders and tests."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from hardfin_pipelines.sandbox.call_log import LoggedCall
from hardfin_pipelines.sandbox.hubspot.account_schema import DEFAULT_STAGES, NewStage
from hardfin_pipelines.sandbox.hubspot.oauth import ACCESS_TOKEN_SECONDS, ALL_SCOPES
from hardfin_pipelines.sandbox.hubspot.object_types import object_type as resolve_type
from hardfin_pipelines.sandbox.hubspot.portal_records import PortalRecords
from hardfin_pipelines.sandbox.hubspot.property_definitions import definition
from hardfin_pipelines.sandbox.hubspot.settings import Tier
from hardfin_pipelines.sandbox.hubspot.store import Store
from hardfin_pipelines.sandbox.hubspot.values import instant_text

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.sandbox import HubSpotSandbox


class Portal(PortalRecords):
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
    ) -> None:
        """Adds a property of the account's own; `options` is value to label, `unique` allows it as `idProperty`."""
        kind = resolve_type(object_type)
        now = instant_text(self.clock.now_ms())
        group = f"{kind.singular.replace('_', '')}information"
        described = definition(
            name, label, type, field_type, group, options=options, created_at=now, built_in=False, unique=unique
        )
        self.schema.add_property(kind.name, described)

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
