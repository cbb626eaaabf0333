"""Which NetSuite account a connection is to, how it is signed in to, and what of its items is read.

NetSuite has no consent in a browser (Oracle docs: OAuth 2.0 client credentials): its administrator maps our certificate
to a role once. Nothing of it is a secret: the key is the deployment's, and keys of older integrations are given apart.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from hardfin_pipelines.organizations.mapping_entries import ConfigurationPart
from hardfin_pipelines.organizations.text_types import ShortText, VendorName, complaint, expected

SignInBy = Literal["certificate", "tokens"]

DEFAULT_SKU_FIELD = "itemid"
BASE_PRICE_LEVEL = "1"

_ACCOUNT = re.compile(r"[A-Z0-9]{1,30}(_[A-Z0-9]{1,10})?")
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,99}")


def _account(value: str) -> str:
    key = value.strip().upper().replace("-", "_")
    if not _ACCOUNT.fullmatch(key):
        raise expected("what Setup > Company > Company Information shows, such as 1234567 or 1234567_SB1", value)
    return key


def _column(value: str) -> str:
    name = value.strip().lower()
    if not _COLUMN.fullmatch(name):
        raise expected("a field of NetSuite's items, such as itemid, upccode or custitem_sku", value)
    return name


def _digits(value: str) -> str:
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise expected("the internal id of a price level, digits", value)
    return value


class NetSuiteAccount(ConfigurationPart):
    """A NetSuite connection's account."""

    account: Annotated[VendorName, AfterValidator(_account)] = Field(
        description="The account id, as Setup > Company > Company Information shows it, such as 1234567_SB1."
    )
    sign_in: SignInBy = Field(
        default="certificate",
        description='"certificate" for OAuth 2.0 by our key, "tokens" for keys of an integration made before 2027.1.',
    )
    certificate: ShortText | None = Field(
        default=None, description="What NetSuite calls our certificate: its Certificate ID, where it was mapped."
    )
    client_id: ShortText | None = Field(
        default=None, description="The client id of the integration record; left out, the deployment's."
    )
    sku_field: Annotated[str, AfterValidator(_column)] = Field(
        default=DEFAULT_SKU_FIELD, description="The field of items that holds their SKU."
    )
    price_level: Annotated[VendorName, AfterValidator(_digits)] = Field(
        default=BASE_PRICE_LEVEL, description="The internal id of the price level whose prices items are sold at."
    )

    @model_validator(mode="after")
    def _signs_in_by_one(self) -> "NetSuiteAccount":
        if self.sign_in == "certificate" and self.certificate is None:
            raise complaint(
                "expected certificate: the Certificate ID that NetSuite shows at Setup > Integration > OAuth 2.0 "
                "Client Credentials; or sign_in: tokens"
            )
        if self.sign_in == "tokens" and (self.certificate or self.client_id):
            raise complaint("sign_in: tokens names neither certificate nor client_id: leave them out")
        return self

    def document(self) -> dict[str, Any]:
        """The account as it stands in a document, in one form only."""
        return self.model_dump(mode="json", exclude_defaults=True)
