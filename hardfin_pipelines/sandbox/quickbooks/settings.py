"""What can be set: for one company, and for the app with all its companies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


class _Switches:
    """Fields that can be changed by name while the sandbox is served."""

    def change(self, changes: Mapping[str, Any]) -> None:
        """Sets what is named.

        Raises:
            ValueError: there is no such setting, or the value does not fit; nothing is changed then.
        """
        kinds = get_type_hints(type(self))
        for name, value in changes.items():
            if name not in kinds:
                raise ValueError(f"settings: unknown {name!r}; expected some of {', '.join(sorted(kinds))}")
            if not _fits(kinds[name], value):
                raise ValueError(f"settings: {name} is {value!r}; expected {_described(kinds[name])}")
        for name, value in changes.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """All of them."""
        return {name: getattr(self, name) for name in get_type_hints(type(self))}


def _fits(kind: Any, value: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float) and value >= 0
    return isinstance(value, int) and value >= 0


def _described(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    return {bool: "true or false", float: "a number of 0 or more"}.get(kind, "a whole number of 0 or more")


@dataclass(slots=True)
class CompanySettings(_Switches):
    """Switches of one company; they may be changed while it is served.

    Limits are Intuit's (docs: API call limits and throttles). Where QuickBooks' way is not known, the default is the
    harder of the likely ones.

    Attributes:
        limits_enabled: false lets every call through, however many there are.
        calls_per_second: of one app.
        calls_per_minute: of all apps together.
        concurrent_calls: of one app, from Intuit's older notice.
        batches_per_minute: of one app.
        batches_of_all_per_minute: of all apps together.
        calls_of_others: calls of other apps in each minute.
        batches_of_others: batches of other apps in each minute.
        throttled_as: how a 429 is written; QuickBooks is known to send XML to those who asked for JSON.
        retry_after_seconds: sends `Retry-After` with a 429; 0 leaves it out, as Intuit documents none.
        unauthorized_as: how a 401 is written: by the gateway (`lower`) or by the API (`capital`).
        visible_after_seconds: queries and CDC see a write only so long after it.
        visible_after_jitter_seconds: and up to so much later, each write its own.
        lossy_latin1: characters outside ISO-8859-1 become question marks. Set for US companies.
        ids_compared_as_text: "10" comes before "9" in ORDERBY and comparisons.
        ties_shuffled: records that ORDERBY finds equal come in another order each time.
        parent_rename_moves_children: renaming a parent moves the LastUpdatedTime of all below.
        cdc_cap: objects in a CDC answer, over all entities.
        subscription: `read_only` refuses writes with 6190, `lapsed` refuses everything.
        envelope_time_skew_seconds: how far the `time` of replies is from the time that records are stamped with.
    """

    limits_enabled: bool = True
    calls_per_second: int = 10
    calls_per_minute: int = 500
    concurrent_calls: int = 10
    batches_per_minute: int = 40
    batches_of_all_per_minute: int = 120
    calls_of_others: int = 0
    batches_of_others: int = 0
    throttled_as: Literal["xml", "capital", "lower"] = "xml"
    retry_after_seconds: int = 0
    unauthorized_as: Literal["lower", "capital"] = "lower"
    visible_after_seconds: float = 0.0
    visible_after_jitter_seconds: float = 0.0
    lossy_latin1: bool = False
    ids_compared_as_text: bool = False
    ties_shuffled: bool = False
    parent_rename_moves_children: bool = False
    cdc_cap: int = 1_000
    subscription: Literal["active", "read_only", "lapsed"] = "active"
    envelope_time_skew_seconds: float = 0.0


@dataclass(slots=True)
class AppSettings(_Switches):
    """Switches of the app, for all its companies.

    Attributes:
        access_token_seconds: life of an access token.
        refresh_rotates_after_seconds: a refresh token this old is replaced when it is used; 0 replaces it each time.
        previous_refresh_token_seconds: how long a replaced refresh token still works. Sources disagree whether it does
            at all, so it does not.
        refresh_idle_days: an unused refresh token ends after so many days.
        refresh_announced_seconds: what `x_refresh_token_expires_in` says at first: 101 days, one more than documented.
        refresh_hard_days: no refresh token outlives its consent by more: five years.
        code_seconds: life of an authorization code; a guess.
        consent_ends_earlier_tokens: connecting a company again ends its earlier tokens; a guess.
        errors_described: token errors have an `error_description`.
        monthly_calls: CorePlus calls in a calendar month, for all companies of the app.
        block_when_used_up: reads are refused past that, as in the Builder tier.
        blocked_status: with which status; a guess.
        batch_queries_count_each: each query of a batch counts, not the batch once. Not stated by Intuit.
    """

    access_token_seconds: int = 3_600
    refresh_rotates_after_seconds: int = 86_400
    previous_refresh_token_seconds: int = 0
    refresh_idle_days: int = 100
    refresh_announced_seconds: int = 8_726_400
    refresh_hard_days: int = 1_826
    code_seconds: int = 300
    consent_ends_earlier_tokens: bool = True
    errors_described: bool = False
    monthly_calls: int = 500_000
    block_when_used_up: bool = True
    blocked_status: Literal[429, 403] = 429
    batch_queries_count_each: bool = True
