"""What can be set for one portal."""

import dataclasses
import zlib
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
        private_oauth_app: the OAuth app is distributed privately: it has the burst of static tokens and the daily limit
            (HubSpot docs: usage guidelines); an app of the marketplace has 110 calls and no daily limit.
        retry_after: send `Retry-After` with 429; HubSpot does not always.
        retry_after_as_date: as an HTTP date rather than in seconds.
        search_429_with_policy: the newer 429 body of search, with errorType and policyName.
        general_429_without_policy: the older body, with a category only, for all other limits too.
        search_lag_seconds: how long a new or changed record takes to reach the search index.
        search_lag_jitter_seconds: up to so much more, other for each change: later changes may be found before earlier
            ones, so what was changed near now comes out of order (seen by others on the wire).
        search_archived_linger_seconds: how long an archived record keeps its place in the index: it counts in `total`
            and on its page but is never returned, so pages come short or empty while a cursor leads on.
        search_ids_as_text: search compares and sorts `hs_object_id` as text (7198 < 719869649082 < 7199).
        ragged_search_pages: full search pages hold one record less than asked for, and the last page has a
            cursor too, which leads to an empty page.
        search_body_limit: refuse search bodies longer than so many characters; off, as real portals take longer ones.
        association_page_size: associated records per input of one batch read reply.
        association_changes_bump: associating also moves both records' last-modified date; HubSpot is said not to.
        company_merge_keeps_primary: merging two companies keeps the primary's id, as HubSpot did until 2025; now a
            merge makes a new record (HubSpot changelog: updated merge functionality for contacts and companies).
        spec_strict: replies follow HubSpot's specification where HubSpot itself does not: no null property values,
            `toObjectId` as text, no null labels, `token_use` in token replies.
    """

    limits_enabled: bool = True
    general_per_ten_seconds: int | None = None
    search_per_second: int = 5
    associations_per_ten_seconds: int | None = None
    daily_calls: int | None = None
    associations_daily_calls: int = 500_000
    private_oauth_app: bool = False
    retry_after: bool = False
    retry_after_as_date: bool = False
    search_429_with_policy: bool = False
    general_429_without_policy: bool = False
    search_lag_seconds: float = 0.0
    search_lag_jitter_seconds: float = 0.0
    search_archived_linger_seconds: float = 0.0
    search_ids_as_text: bool = False
    ragged_search_pages: bool = False
    search_body_limit: int | None = None
    association_page_size: int = 500
    association_changes_bump: bool = False
    company_merge_keeps_primary: bool = False
    spec_strict: bool = False

    def general_limit(self, tier: Tier, kind: AppKind) -> int:
        """Calls one app may make in ten seconds."""
        if self.general_per_ten_seconds is not None:
            return self.general_per_ten_seconds
        if kind == "oauth" and not self.private_oauth_app:
            return _OAUTH_BURST
        return 100 if tier in _SMALL else 190

    def visible_after_ms(self, record_id: int, at_ms: int) -> int:
        """Milliseconds until search sees a change made to a record at `at_ms`; the same for the same change."""
        jitter_ms = int(self.search_lag_jitter_seconds * 1000)
        spread = zlib.crc32(f"{record_id}:{at_ms}".encode()) % (jitter_ms + 1)
        return int(self.search_lag_seconds * 1000) + spread

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
