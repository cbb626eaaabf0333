"""What can be set for one account."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Tier = Literal["standard", "premium", "enterprise", "ultimate"]
_CONCURRENT: Mapping[str, int] = {"standard": 5, "premium": 15, "enterprise": 20, "ultimate": 20}
_PER_LICENCE = 10
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "overload_as": ("429", "401"),
    "throttled_title": ("Bad Request", "Too Many Requests"),
    "deleted_record_type": ("base", "record"),
}


@dataclass(slots=True)
class AccountSettings:
    """Switches of one account; they may be changed while it is served.

    Attributes:
        limits_enabled: false lets every call through; they are counted all the same.
        concurrent_requests: requests under way at once; None is the tier's and its licences'.
        suitecloud_plus_licences: each adds ten.
        requests_of_others: requests that other integrations have under way.
        integration_share: of the account's limit reserved for this integration; None takes from the common pool.
        overload_as: what a request too many gets: 429, or 401 "Invalid login attempt" as seen under load.
        overload_wait_seconds: how long such a request waits before its 401.
        throttled_title: the title of a 429's body; both are reported.
        requests_per_minute: the frequency limit, which NetSuite does not publish; None for none.
        requests_per_day: likewise.
        connect_licence: SuiteAnalytics Connect is there: a query may answer 1,000,000 rows, not 100,000.
        most_columns: a query with more of them answers no rows.
        most_in_list: values of an IN list.
        set_operations: UNION, INTERSECT and MINUS are taken; false refuses them as what SuiteQL does not have.
        shuffle_unordered: pages of a query without ORDER BY come in no steady order.
        default_page_rows: rows of a page where no limit is asked for; Oracle's page says 1,000, others 10.
        query_seconds: how long a query takes more than it would.
        metadata_seconds: how long the metadata catalogue takes more than it would.
        unexpected_for_unknown_column: a column that is not there gives 500 UNEXPECTED_ERROR, not its name.
        stock_moves_item_date: a change of stock moves the item's lastmodifieddate.
        deleted_record_type: `deletedrecord.type` holds the base record (`Item`) or the record (`inventoryitem`).
        token_seconds: how long access tokens live.
        clock_skew_seconds: how far a JWT's iat may be ahead.
        tba_enabled: token-based authentication is on.
        tba_window_seconds: how far an OAuth 1.0 timestamp may be off.
        maintenance: every request gets 503 and a page.
    """

    limits_enabled: bool = True
    concurrent_requests: int | None = None
    suitecloud_plus_licences: int = 0
    requests_of_others: int = 0
    integration_share: int | None = None
    overload_as: str = "429"
    overload_wait_seconds: float = 0.0
    throttled_title: str = "Bad Request"
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    connect_licence: bool = False
    most_columns: int = 100
    most_in_list: int = 1_000
    set_operations: bool = True
    shuffle_unordered: bool = True
    default_page_rows: int = 1_000
    query_seconds: float = 0.0
    metadata_seconds: float = 0.0
    unexpected_for_unknown_column: bool = False
    stock_moves_item_date: bool = False
    deleted_record_type: str = "base"
    token_seconds: int = 3_600
    clock_skew_seconds: int = 60
    tba_enabled: bool = True
    tba_window_seconds: int = 300
    maintenance: bool = False

    def account_limit(self, tier: Tier) -> int:
        """Requests under way at once, of all integrations together."""
        if self.concurrent_requests is not None:
            return self.concurrent_requests
        return _CONCURRENT[tier] + _PER_LICENCE * self.suitecloud_plus_licences

    def own_limit(self, tier: Tier) -> int:
        """Requests that this integration may have under way now."""
        if self.integration_share is not None:
            return self.integration_share
        return max(self.account_limit(tier) - self.requests_of_others, 0)

    @property
    def most_rows(self) -> int:
        """Rows that one query answers in all."""
        return 1_000_000 if self.connect_licence else 100_000

    def change(self, changes: Mapping[str, Any]) -> None:
        """Sets what is named.

        Raises:
            ValueError: there is no such setting, or the value does not fit it; nothing is changed then.
        """
        types = {each.name: str(each.type) for each in dataclasses.fields(self)}
        for name, value in changes.items():
            if name not in types:
                raise ValueError(f"settings: unknown {name!r}; expected some of {', '.join(sorted(types))}")
            if name in _CHOICES and value not in _CHOICES[name]:
                raise ValueError(f"settings: {name} is {value!r}; expected one of {', '.join(_CHOICES[name])}")
            if not _fits(types[name], value):
                raise ValueError(f"settings: {name} is {value!r}; expected {types[name]}, 0 or more")
        for name, value in changes.items():
            setattr(self, name, value)


def _fits(type_name: str, value: Any) -> bool:
    if value is None:
        return "None" in type_name
    if "bool" in type_name:
        return isinstance(value, bool)
    if "str" in type_name:
        return isinstance(value, str)
    wanted = int | float if "float" in type_name else int
    return isinstance(value, wanted) and not isinstance(value, bool) and value >= 0


TIERS = get_args(Tier)
