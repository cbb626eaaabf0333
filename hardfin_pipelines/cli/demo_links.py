"""The demo's steps at an accounting system that keeps stock, and with a product that many systems know."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, Table, and_, func, select

from hardfin_pipelines.cli.dagster_api import wait_until
from hardfin_pipelines.cli.item_show import show_item
from hardfin_pipelines.cli.sandbox_contract import StockAccount
from hardfin_pipelines.engine import item_view
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.books_store import read_states
from hardfin_pipelines.platform.books_tables import (
    inventory_levels,
    ledger_accounts,
    locations,
    sales_documents,
    vendor_customers,
)
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.organization_store import connection_id
from hardfin_pipelines.platform.tables import items, links
from hardfin_pipelines.platform.triage_tables import vendor_items
from hardfin_pipelines.sandbox.data_sets.model import Product

_SYNC_SECONDS = 90


@dataclass(frozen=True, slots=True)
class LinkedProduct:
    """A product of Hardfin's that several systems know."""

    id: str
    name: str
    sku: str
    price: Decimal


def await_books(deployment: Deployment, account: StockAccount) -> None:
    """Wait until a run has read what an account holds besides items.

    Raises:
        Refusal: None has within a minute and a half.
    """

    def were_read() -> bool:
        with reading(deployment.engine) as connection:
            return "inventory_level" in read_states(connection, account.org, _connection_of(account))

    wait_until(were_read, f"stock of {account.vendor}", _SYNC_SECONDS)


def holdings(deployment: Deployment, account: StockAccount) -> str:
    """What Hardfin has of an account besides items, counted."""
    with reading(deployment.engine) as connection:
        counts = {
            name: _number(connection, table, account)
            for name, table in (
                ("stock levels", inventory_levels),
                ("locations", locations),
                ("ledger accounts", ledger_accounts),
                ("sales orders and invoices", sales_documents),
                ("customers", vendor_customers),
            )
        }
        linked = connection.execute(
            select(func.count()).where(
                links.c.org == account.org,
                links.c.connection_id == _connection_of(account),
                links.c.entity_type == "customer",
            )
        ).scalar_one()
    told = ", ".join(f"{number} {name}" for name, number in counts.items())
    return f"{told} ({linked} of them linked to Hardfin's)"


def stocked_sku(deployment: Deployment, account: StockAccount) -> str:
    """The SKU of an item that is linked and in stock.

    Raises:
        Refusal: There is none.
    """
    own = _connection_of(account)
    query = (
        select(vendor_items.c.sku)
        .join(links, and_(*(links.c[name] == vendor_items.c[name] for name in _KEY)))
        .join(
            inventory_levels,
            and_(
                inventory_levels.c.org == links.c.org,
                inventory_levels.c.connection_id == links.c.connection_id,
                inventory_levels.c.item_id == links.c.external_id,
            ),
        )
        .where(links.c.org == account.org, links.c.connection_id == own, vendor_items.c.sku != "")
        .order_by(vendor_items.c.sku)
        .limit(1)
    )
    with reading(deployment.engine) as connection:
        sku = connection.scalar(query)
    if sku is None:
        raise Refusal(f"no item of {account.vendor} is linked and in stock: choose another --seed")
    return str(sku)


def await_level(deployment: Deployment, account: StockAccount, sku: str, on_hand: int) -> str:
    """Wait until Hardfin knows what was counted; in words.

    Raises:
        Refusal: It does not within a minute and a half.
    """
    query = (
        select(inventory_levels.c.on_hand, inventory_levels.c.as_of, locations.c.name)
        .join(
            vendor_items,
            and_(
                vendor_items.c.org == inventory_levels.c.org,
                vendor_items.c.connection_id == inventory_levels.c.connection_id,
                vendor_items.c.external_id == inventory_levels.c.item_id,
            ),
        )
        .join(
            locations,
            and_(
                locations.c.org == inventory_levels.c.org,
                locations.c.connection_id == inventory_levels.c.connection_id,
                locations.c.external_id == inventory_levels.c.location_id,
            ),
        )
        .where(
            inventory_levels.c.org == account.org,
            inventory_levels.c.connection_id == _connection_of(account),
            inventory_levels.c.on_hand == Decimal(on_hand),
            vendor_items.c.sku == sku,
        )
        .order_by(inventory_levels.c.as_of.desc())
    )
    found: list[str] = []

    def is_known() -> bool:
        with reading(deployment.engine) as connection:
            row = connection.execute(query).first()
        if row is not None:
            found.append(f"{row.on_hand.normalize():f} on hand at {row.name}, as of {row.as_of:%Y-%m-%d %H:%M} UTC")
        return bool(found)

    wait_until(is_known, f"stock of {sku}", _SYNC_SECONDS)
    return found[0]


def widely_linked(deployment: Deployment, org: str) -> LinkedProduct:
    """A product that the most systems of an organization know, and whose SKU is one's alone.

    Raises:
        Refusal: None is known to three of them.
    """
    systems = func.count(links.c.connection_id.distinct())
    query = (
        select(items.c.id, items.c.name, items.c.sku, items.c.price)
        .join(links, and_(links.c.org == items.c.org, links.c.entity_id == items.c.id, links.c.entity_type == "item"))
        .where(items.c.org == org, links.c.broken_because == "", items.c.sku.is_not(None))
        .group_by(items.c.id, items.c.name, items.c.sku, items.c.price)
        .having(systems >= _MANY)
        .order_by(systems.desc(), items.c.name)
        .limit(1)
    )
    with reading(deployment.engine) as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise Refusal(f"{org}: no product is linked to {_MANY} systems: choose another --seed")
    return LinkedProduct(row.id, row.name, row.sku, row.price or Decimal(0))


def as_sold(product: LinkedProduct) -> Product:
    """The same as another sales department lists it: under its name, for a little more."""
    return Product(f"{product.id}-there", product.name, product.sku, product.price + 10, "")


def show(deployment: Deployment, org: str, item_id: str) -> None:
    """Print an item as `hardfin item show` does: its links, and what each system says of it."""
    show_item(org, item_view.show_item(deployment, org, item_id), as_json=False)


_KEY = ("org", "connection_id", "object", "external_id")
_MANY = 3


def _number(connection: Connection, table: Table, account: StockAccount) -> int:
    own = and_(table.c.org == account.org, table.c.connection_id == _connection_of(account))
    return connection.execute(
        select(func.count()).select_from(table).where(own, table.c.gone_at.is_(None))
    ).scalar_one()


def _connection_of(account: StockAccount) -> str:
    return connection_id(account.org, account.integration)
