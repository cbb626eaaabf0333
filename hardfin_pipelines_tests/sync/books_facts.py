"""One fact of each kind, as a small account has them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from hardfin_pipelines.sync.books import (
    BooksCustomer,
    BooksFact,
    BooksKind,
    InventoryLevel,
    ItemComponent,
    ItemPrice,
    LedgerAccount,
    Location,
    PriceLevel,
    SalesDocument,
    SalesDocumentLine,
    SerialNumber,
    Subsidiary,
)

MOVED_AT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)

SUBSIDIARY = Subsidiary("1", "Parent Company", "Parent Company", currency="USD", country="US")
LOCATION = Location("10", "Dock", "East : Dock", parent_id="9", subsidiary_id="1")
LEDGER_ACCOUNT = LedgerAccount("54", "4000", "Sales", "Income : Sales", "Income", currency="USD")
PRICE_LEVEL = PriceLevel("5", "Dealer")
CUSTOMER = BooksCustomer("300", "Globex Corporation", number="C-17", email="ap@globex.example", currency="USD")
COMPONENT = ItemComponent("7", "1", "8", Decimal(2))
PRICE = ItemPrice("7", "5", "USD", Decimal(10), Decimal("11.25"))
SERIAL_NUMBER = SerialNumber("900", "7", "SN-0007", expires_on=date(2027, 1, 31))
LEVEL = InventoryLevel("7", "10", Decimal(4), Decimal("3.5"), on_hand_value=Decimal("50.00"), moved_at=MOVED_AT)
ORDER = SalesDocument(
    "1200", "sales order", "SO-1200", "300", MOVED_AT, date(2026, 3, 1), currency="USD", total=Decimal("112.50")
)
LINE = SalesDocumentLine("1200", "1", "7", Decimal(10), Decimal("11.25"), Decimal("112.50"), location_id="10")

ONE_OF_EACH: Mapping[BooksKind, BooksFact] = {
    "subsidiary": SUBSIDIARY,
    "location": LOCATION,
    "ledger_account": LEDGER_ACCOUNT,
    "price_level": PRICE_LEVEL,
    "customer": CUSTOMER,
    "item_component": COMPONENT,
    "item_price": PRICE,
    "serial_number": SERIAL_NUMBER,
    "inventory_level": LEVEL,
    "sales_document": ORDER,
    "sales_document_line": LINE,
}
