"""A sales department's records in words of no vendor.

A data set is plain data: no ids of a vendor, no vendor's field names. Each vendor's server has a loader that turns a
`DataSet` into its own records. Every `key` is unique within its kind and stable for one data set and seed.
Money and quantities are `Decimal`, times are aware and in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a pipeline. `probability` is 1 for won and 0 for lost; both are closed."""

    key: str
    label: str
    probability: Decimal
    closed: bool

    @property
    def won(self) -> bool:
        """Whether a deal in this stage is won."""
        return self.closed and self.probability == 1


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A sales process: its stages in order."""

    key: str
    label: str
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """A member of the sales team."""

    key: str
    email: str
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True)
class Product:
    """A row of the price list. `billing_months` is set where the price recurs."""

    key: str
    name: str
    sku: str
    price: Decimal
    description: str = ""
    billing_months: int | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Company:
    """A customer of the sales department."""

    key: str
    name: str
    domain: str = ""
    phone: str = ""
    address: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    created_at: datetime | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of a deal: its own copy of the product's name, SKU and price, as CRMs keep it.

    `amount` is what the line comes to after its discount, to the cent. `discount_percent` is 0 to 100;
    `discount_amount` is money off each unit. `term_months` and `billing_months` are set on recurring lines.
    """

    key: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    product_key: str | None = None
    sku: str = ""
    discount_percent: Decimal | None = None
    discount_amount: Decimal | None = None
    term_months: int | None = None
    billing_months: int | None = None
    starts_on: date | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    """A sale, open or closed. `company_keys` holds the primary company first; it may be empty."""

    key: str
    name: str
    pipeline_key: str
    stage_key: str
    amount: Decimal | None
    currency: str
    created_at: datetime
    modified_at: datetime
    close_date: datetime | None = None
    entered_stage_at: Mapping[str, datetime] = field(default_factory=dict)
    company_keys: tuple[str, ...] = ()
    owner_key: str | None = None
    line_items: tuple[LineItem, ...] = ()
    description: str = ""
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataSet:
    """Everything one account holds."""

    name: str
    pipelines: tuple[Pipeline, ...]
    owners: tuple[Owner, ...]
    products: tuple[Product, ...]
    companies: tuple[Company, ...]
    deals: tuple[Deal, ...]
    custom_deal_fields: Mapping[str, str] = field(default_factory=dict)
    """Field name to label, for the fields that `Deal.custom` uses."""
