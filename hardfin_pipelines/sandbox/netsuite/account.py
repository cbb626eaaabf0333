"""One NetSuite account: its records, stock, features, roles, users and keys."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.limits import DailyCount, RollingWindow
from hardfin_pipelines.sandbox.netsuite.account_records import AccountRecords
from hardfin_pipelines.sandbox.netsuite.concurrency import Slots
from hardfin_pipelines.sandbox.netsuite.items import kind_of_item
from hardfin_pipelines.sandbox.netsuite.roles import (
    DATE_FORMATS,
    OAUTH2_LOGIN,
    REST_WEB_SERVICES,
    TBA_LOGIN,
    WORKBOOK,
    Role,
    SchemaView,
    User,
)
from hardfin_pipelines.sandbox.netsuite.schema import FEATURES
from hardfin_pipelines.sandbox.netsuite.settings import Tier
from hardfin_pipelines.sandbox.netsuite.suiteql.running import Reader

INTEGRATION_PERMISSIONS = frozenset(
    {
        REST_WEB_SERVICES,
        OAUTH2_LOGIN,
        TBA_LOGIN,
        WORKBOOK,
        "Items",
        "Locations",
        "Subsidiaries",
        "Departments",
        "Classes",
        "Currency",
        "Accounts",
        "Manage Accounting Periods",
        "Customers",
        "Vendors",
        "Employees",
        "Transactions",
        "Deleted Records",
    }
)
"""What the role of a well set-up integration has."""
_STOCK = (
    "quantityonhand",
    "quantityavailable",
    "quantitycommitted",
    "quantityonorder",
    "quantitybackordered",
    "quantityintransit",
)


class Account(AccountRecords):
    """One account of the sandbox. Made by `NetSuiteSandbox.add_account`."""

    def __init__(
        self,
        clock: SandboxClock,
        account_id: str,
        *,
        name: str,
        tier: Tier,
        features: Iterable[str],
        time_zone: str,
        date_format: str,
    ) -> None:
        """An account with an administrator, an integration user and nothing else."""
        super().__init__(clock)
        self.id = account_id
        self.name = name
        self.tier = tier
        self.features: set[str] = set()
        for feature in features:
            self.set_feature(feature)
        self.slots = Slots()
        self.minute = RollingWindow(60)
        self.day = DailyCount("UTC")
        self.main_subsidiary: str | None = None
        self.base_currency = ""
        self.ledger: dict[str, str] = {}
        """Ids of ledger accounts by their number."""
        self.price_levels: dict[str, str] = {}
        """Ids of price levels by their name."""
        self.roles: dict[str, Role] = {
            "Administrator": Role("Administrator", administrator=True),
            "Hardfin Integration": Role("Hardfin Integration", permissions=set(INTEGRATION_PERMISSIONS)),
        }
        self.users: dict[str, User] = {}
        self.admin = self.add_user("Ada Administrator", "Administrator", date_format=date_format, time_zone=time_zone)
        self.user_id = self.admin.id
        self.integration_user = self.add_user(
            "Hardfin Integration", "Hardfin Integration", date_format=date_format, time_zone=time_zone
        )

    def __repr__(self) -> str:
        return f"Account({self.id}, {self.name!r})"

    @property
    def host(self) -> str:
        """Its own host: the account id in lower case, with dashes for underscores."""
        return f"{self.id.lower().replace('_', '-')}.suitetalk.api.netsuite.com"

    @property
    def one_world(self) -> bool:
        """Whether it has subsidiaries."""
        return "subsidiaries" in self.features

    def set_feature(self, feature: str, *, on: bool = True) -> None:
        """Turns a feature on or off; its tables and columns come and go with it.

        Raises:
            ValueError: there is no such feature.
        """
        if feature not in FEATURES:
            raise ValueError(f"account: no feature {feature!r}; expected one of {', '.join(sorted(FEATURES))}")
        (self.features.add if on else self.features.discard)(feature)

    def add_role(self, name: str, permissions: Iterable[str], hidden: Iterable[str] = ()) -> Role:
        """Adds a role; `hidden` are tables and columns (`table.column`) that it does not see."""
        role = self.roles[name] = Role(name, permissions=set(permissions), hidden={each.lower() for each in hidden})
        return role

    def add_user(
        self, name: str, role: str, *, date_format: str = "M/D/YYYY", time_zone: str = "America/New_York"
    ) -> User:
        """Adds an employee who logs in with a role.

        Raises:
            ValueError: there is no such role or date format.
        """
        if role not in self.roles:
            raise ValueError(f"account {self.id}: no role {role!r}; roles here: {', '.join(self.roles)}")
        if date_format not in DATE_FORMATS:
            raise ValueError(f"date format is {date_format!r}; expected one of {', '.join(DATE_FORMATS)}")
        user_id = self.create("employee", {"entityid": name})
        user = self.users[user_id] = User(user_id, name, self.roles[role], date_format, time_zone)
        return user

    def change_user(self, user_id: str, **preferences: str) -> User:
        """Changes a user's `date_format` or `time_zone`.

        Raises:
            ValueError: there is no such user or date format.
        """
        held = self.users.get(user_id)
        date_format = preferences.get("date_format", held.date_format if held else "")
        if held is None or date_format not in DATE_FORMATS:
            known = f"users {', '.join(self.users)} and formats {', '.join(DATE_FORMATS)}"
            raise ValueError(f"user {user_id!r} with date format {date_format!r}: here are {known}")
        zone = preferences.get("time_zone", held.time_zone)
        changed = self.users[user_id] = User(held.id, held.name, held.role, date_format, zone)
        if held is self.integration_user:
            self.integration_user = changed
        return changed

    def view(self, user: User) -> SchemaView:
        """The schema as a user sees it."""
        return SchemaView(self.tables, frozenset(self.features), user.role)

    def reader(self, user: User) -> Reader:
        """What a user's query reads with."""
        return Reader(self.store, self.view(user), user, self.settings, self.clock.now())

    @property
    def in_flight(self) -> int:
        """Requests that it is answering now."""
        return self.slots.under_way

    @property
    def most_in_flight(self) -> int:
        """The most requests that it ever had to answer at once, refused ones among them."""
        return self.slots.most_under_way

    def add_location(self, name: str, parent: str | None = None, *, at: datetime | None = None) -> str:
        """Adds a location, with its address, and returns its id."""
        address = self.newest_id + 1
        self.newest_id = address
        city = {"nkey": address, "addr1": f"{address} Dock Road", "city": "Boston", "state": "MA", "country": "US"}
        self.create("locationmainaddress", city)
        flags = {"usebins": "F", "makeinventoryavailable": "T", "mainaddress": address}
        return self.create(
            "location", {"name": name, "parent": parent, "subsidiary": self.main_subsidiary, **flags}, at=at
        )

    def stock(self, item_id: str, location_id: str | None = None) -> dict[str, Any]:
        """An item's quantities and average cost now: at one location, or its own where the account has none.

        Raises:
            ValueError: there is no such item.
        """
        held = self.record("item", item_id)
        if "multilocinvt" not in self.features:
            return {name: held.get(name) for name in (*_STOCK, "averagecost")}
        rows = self.store.rows(
            "SELECT * FROM aggregateitemlocation WHERE item = ? AND location = ?", [int(item_id), int(location_id or 0)]
        )
        found = rows[0] if rows else {}
        return {**{name: found.get(name) for name in _STOCK}, "averagecost": found.get("averagecostmli")}

    def set_stock(
        self,
        item_id: str,
        location_id: str | None = None,
        *,
        on_hand: Any,
        committed: Any = 0,
        on_order: Any = 0,
        average_cost: Any = None,
        last_price: Any = None,
        at: datetime | None = None,
        **more: Any,
    ) -> None:
        """Sets an item's stock, as transactions do: at one location, or its own where the account has none.

        The item's lastmodifieddate stays (unless `stock_moves_item_date`); its totals and costs follow.

        Args:
            item_id: an inventory or assembly item.
            location_id: where.
            on_hand: how many are there.
            committed: how many of them are promised.
            on_order: how many are ordered.
            average_cost: what one costs; None leaves it.
            last_price: what one cost when last bought; None leaves it.
            at: when; now, when left out.
            more: other columns of `aggregateitemlocation`.

        Raises:
            ValueError: the item keeps no stock, or the location is missing or not there.
        """
        item = self.record("item", item_id)
        if not kind_of_item(item).stocked:
            raise ValueError(f"item {item_id} is a {item['itemtype']}, which keeps no stock")
        moment = at or self.clock.now()
        held, promised = Decimal(str(on_hand)), Decimal(str(committed))
        values = {
            "quantityonhand": held,
            "quantitycommitted": promised,
            "quantityavailable": max(held - promised, Decimal(0)),
            "quantitybackordered": max(promised - held, Decimal(0)),
            "quantityonorder": Decimal(str(on_order)),
        }
        with self.store.writing():
            if "multilocinvt" in self.features:
                if location_id is None:
                    raise ValueError("stock: location_id is missing; the account has Multi-Location Inventory")
                self.record("location", location_id)
                costs = {"averagecostmli": average_cost, "lastpurchasepricemli": last_price, **more}
                self._set_stock_at(item_id, location_id, values, costs, moment)
            elif location_id is not None:
                raise ValueError("stock: the account has no Multi-Location Inventory; leave location_id out")
            else:
                self.update("item", item_id, {**values, **more}, stamp=False)
            self._follow_totals(item_id, held, average_cost, last_price, moment)

    def _set_stock_at(
        self, item_id: str, location_id: str, values: Mapping[str, Any], costs: Mapping[str, Any], at: datetime
    ) -> None:
        place = [int(item_id), int(location_id)]
        table = self.table("aggregateitemlocation")
        where = "WHERE item = ? AND location = ?"
        held = self.store.rows(f"SELECT * FROM aggregateitemlocation {where}", place)  # noqa: S608  # our own words
        row: dict[str, Any] = (
            held[0] if held else {**dict.fromkeys(table.columns), "item": place[0], "location": place[1]}
        )
        moved = row["quantityavailable"] != values["quantityavailable"]
        row.update(
            self._checked(table, {**values, **{name: value for name, value in costs.items() if value is not None}})
        )
        row["lastmodifieddate"] = row["lastmodifieddate"] or at
        if moved:
            row["lastquantityavailablechange"] = at
        cost = row["averagecostmli"] or Decimal(0)
        row["onhandvaluemli"] = (row["quantityonhand"] * cost).quantize(Decimal("0.01"))
        balance = {name: row[name] for name in ("item", "location", "quantityonhand", "quantityavailable")}
        for name in ("aggregateitemlocation", "inventorybalance"):
            self.store.run(f"DELETE FROM {name} {where}", place)  # noqa: S608  # our own words
        self.store.insert("aggregateitemlocation", [row])
        self.store.insert("inventorybalance", [{**balance, "inventorystatus": "1"}])

    def _follow_totals(self, item_id: str, on_hand: Decimal, average_cost: Any, last_price: Any, at: datetime) -> None:
        total = on_hand
        if "multilocinvt" in self.features:
            counted = self.store.rows(
                "SELECT coalesce(sum(quantityonhand), 0) AS n FROM aggregateitemlocation WHERE item = ?", [int(item_id)]
            )
            total = counted[0]["n"]
        values = {"totalquantityonhand": total, "averagecost": average_cost, "lastpurchaseprice": last_price}
        given = {name: value for name, value in values.items() if value is not None}
        self.update("item", item_id, given, at=at, stamp=self.settings.stock_moves_item_date)

    def add_serial(
        self, item_id: str, number: str, *, expires_on: date | None = None, at: datetime | None = None
    ) -> str:
        """Adds a serial or lot number to an item and returns its id.

        Raises:
            ValueError: the item is neither serialized nor lot-numbered.
        """
        kind = kind_of_item(self.record("item", item_id))
        if not (kind.serial or kind.lot):
            raise ValueError(f"item {item_id} is a {kind.record_type}, which has no serial or lot numbers")
        values = {"item": item_id, "inventorynumber": number, "expirationdate": expires_on}
        return self.create("inventorynumber", values, at=at)
