"""What can be set for one portal."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Tier = Literal["free", "starter", "professional", "enterprise"]
AppKind = Literal["oauth", "static"]

_SMALL = {"free", "starter"}
_DAILY = {"free": 250_000, "starter": 250_000, "professional": 625_000, "enterprise": 1_000_000}
_OAUTH_BURST = 110


@dataclass(slots=True)
class PortalSettings:
    """Switches of one portal; they may be changed while it is served.

    Limits default to those of the portal's tier (HubSpot docs: usage guidelines) and are on.

    Attributes:
        limits_enabled: false lets every call through.
        general_per_ten_seconds: calls of one app in ten seconds; None is 110 for OAuth apps, 100 or 190 for static
            tokens.
        search_per_second: searches of the whole account in a second.
        associations_per_ten_seconds: batch association calls of the account; None is 100 or 150.
        daily_calls: calls of all static tokens in a day; None is the tier's.
        associations_daily_calls: batch association calls in a day.
        retry_after: send `Retry-After` with 429; HubSpot does not always.
        search_429_with_policy: the newer 429 body of search, with errorType and policyName.
        search_lag_seconds: how long a new or changed record takes to reach the search index.
        search_ids_as_text: search compares and sorts `hs_object_id` as text (7198 < 719869649082 < 7199).
        ragged_search_pages: full search pages hold one record less than asked for, and the last page has a
            cursor too, which leads to an empty page.
        search_body_limit: refuse search bodies longer than so many characters; off, as real portals take longer ones.
        association_page_size: associated records per input of one batch read reply.
        association_changes_bump: associating also moves both records' last-modified date; HubSpot is said not to.
    """

    limits_enabled: bool = True
    general_per_ten_seconds: int | None = None
    search_per_second: int = 5
    associations_per_ten_seconds: int | None = None
    daily_calls: int | None = None
    associations_daily_calls: int = 500_000
    retry_after: bool = False
    search_429_with_policy: bool = False
    search_lag_seconds: float = 0.0
    search_ids_as_text: bool = False
    ragged_search_pages: bool = False
    search_body_limit: int | None = None
    association_page_size: int = 500
    association_changes_bump: bool = False

    def general_limit(self, tier: Tier, kind: AppKind) -> int:
        """Calls one app may make in ten seconds."""
        if self.general_per_ten_seconds is not None:
            return self.general_per_ten_seconds
        if kind == "oauth":
            return _OAUTH_BURST
        return 100 if tier in _SMALL else 190

    def associations_limit(self, tier: Tier) -> int:
        """Batch association calls the account may make in ten seconds."""
        if self.associations_per_ten_seconds is not None:
            return self.associations_per_ten_seconds
        return 100 if tier in _SMALL else 150

    def daily_limit(self, tier: Tier) -> int:
        """Calls all static tokens of the account may make in a day."""
        return _DAILY[tier] if self.daily_calls is None else self.daily_calls

    def change(self, changes: Mapping[str, Any]) -> None:
        """Sets what is named.

        Raises:
            ValueError: there is no such setting, or the value is of another type; nothing is changed then.
        """
        types = {f.name: str(f.type) for f in dataclasses.fields(self)}
        for name, value in changes.items():
            if name not in types:
                raise ValueError(f"settings: unknown {name!r}; expected some of {', '.join(sorted(types))}")
            self._check(name, types[name], value)
        for name, value in changes.items():
            setattr(self, name, value)

    @staticmethod
    def _check(name: str, type_name: str, value: Any) -> None:
        if "bool" in type_name:
            fits = isinstance(value, bool)
        elif value is None:
            fits = "None" in type_name
        else:
            number = isinstance(value, int | float if "float" in type_name else int) and not isinstance(value, bool)
            fits = number and value >= 0
        if not fits:
            raise ValueError(f"settings: {name} is {value!r}; expected {type_name}, 0 or more")
