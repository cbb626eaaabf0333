"""The properties every portal has from the start, per object type, as `GET /crm/properties` describes them.

Names, labels and types follow HubSpot's default properties; a portal has several hundred more that nothing here needs.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

BUILT_IN_AT = "2019-08-06T02:41:52.413Z"

# name | label | type/fieldType | flags: ro = read-only value, calc = calculated (and read-only), money, hidden
_DEALS = """
amount|Amount|number/number|money
amount_in_home_currency|Amount in company currency|number/number|calc
closed_lost_reason|Closed Lost Reason|string/textarea|
closed_won_reason|Closed Won Reason|string/textarea|
closedate|Close Date|datetime/date|
createdate|Create Date|datetime/date|
days_to_close|Days to close|number/number|calc
deal_currency_code|Currency|enumeration/select|
dealname|Deal Name|string/text|
dealstage|Deal Stage|enumeration/radio|
dealtype|Deal Type|enumeration/radio|
description|Deal Description|string/textarea|
hs_closed_amount|Closed Deal Amount|number/number|calc
hs_deal_stage_probability|Deal Probability|number/number|ro
hs_is_closed|Is Deal Closed?|bool/booleancheckbox|calc
hs_is_closed_lost|Is Closed Lost|bool/booleancheckbox|calc
hs_is_closed_won|Is Closed Won|bool/booleancheckbox|calc
hs_lastmodifieddate|Last Modified Date|datetime/date|ro
hs_merged_object_ids|Merged Deal IDs|enumeration/checkbox|ro
hs_next_step|Next step|string/text|
hs_num_of_associated_line_items|Number of Associated Line Items|number/number|calc
hs_object_id|Record ID|number/number|ro
hs_object_source|Record creation source|string/text|ro hidden
hs_priority|Priority|enumeration/select|
hs_v2_date_entered_current_stage|Date entered current stage|datetime/date|calc
hubspot_owner_id|Deal Owner|enumeration/select|
notes_last_updated|Last Activity Date|datetime/date|ro
num_associated_contacts|Number of Associated Contacts|number/number|calc
pipeline|Pipeline|enumeration/select|
"""
_COMPANIES = """
about_us|About Us|string/textarea|
address|Street Address|string/text|
address2|Street Address 2|string/text|
annualrevenue|Annual Revenue|number/number|
city|City|string/text|
country|Country/Region|string/text|
createdate|Create Date|datetime/date|
description|Description|string/textarea|
domain|Company Domain Name|string/text|
founded_year|Year Founded|string/text|
hs_lastmodifieddate|Last Modified Date|datetime/date|ro
hs_merged_object_ids|Merged Company IDs|enumeration/checkbox|ro
hs_num_open_deals|Number of open deals|number/number|calc
hs_object_id|Record ID|number/number|ro
hs_object_source|Record creation source|string/text|ro hidden
hubspot_owner_id|Company owner|enumeration/select|
industry|Industry|string/text|
is_public|Is Public|bool/booleancheckbox|
lifecyclestage|Lifecycle Stage|enumeration/radio|
name|Company name|string/text|
notes_last_updated|Last Activity Date|datetime/date|ro
num_associated_deals|Number of Associated Deals|number/number|calc
numberofemployees|Number of Employees|number/number|
phone|Phone Number|string/phonenumber|
state|State/Region|string/text|
timezone|Time Zone|string/text|
type|Type|enumeration/radio|
website|Website URL|string/text|
zip|Postal Code|string/text|
"""
_LINE_ITEMS = """
amount|Net price|number/number|calc money
createdate|Create Date|datetime/date|
description|Description|string/textarea|
discount|Unit Discount|number/number|money
hs_acv|Annual contract value|number/number|calc money
hs_billing_start_delay_days|Billing Start Delay (days)|number/number|
hs_billing_start_delay_months|Billing Start Delay (months)|number/number|
hs_cost_of_goods_sold|Unit cost|number/number|money
hs_discount_percentage|Discount percentage|number/number|
hs_lastmodifieddate|Last Modified Date|datetime/date|ro
hs_line_item_currency_code|Currency|enumeration/select|
hs_object_id|Record ID|number/number|ro
hs_object_source|Record creation source|string/text|ro hidden
hs_position_on_quote|Position on Quote|number/number|
hs_pre_discount_amount|Pre Discount Amount|number/number|calc money
hs_pricing_model|Pricing model|enumeration/select|
hs_product_id|Product ID|number/number|
hs_recurring_billing_number_of_payments|Number of Payments|number/number|
hs_recurring_billing_period|Term|string/text|
hs_recurring_billing_start_date|Billing start date|date/date|
hs_sku|SKU|string/text|
hs_tax_rate_group_id|Tax Rate|enumeration/select|
hs_tier_prices|Tier prices|json/text|
hs_tier_ranges|Tier ranges|json/text|
hs_url|URL|string/text|
hubspot_owner_id|Owner|enumeration/select|
name|Name|string/text|
price|Unit price|number/number|money
quantity|Quantity|number/number|
recurringbillingfrequency|Billing frequency|enumeration/select|
"""
_PRODUCTS = """
createdate|Create Date|datetime/date|
description|Product description|string/textarea|
hs_cost_of_goods_sold|Unit cost|number/number|
hs_folder_id|Folder|number/number|
hs_images|Image URL|string/text|
hs_lastmodifieddate|Last Modified Date|datetime/date|ro
hs_object_id|Record ID|number/number|ro
hs_object_source|Record creation source|string/text|ro hidden
hs_product_type|Product type|enumeration/select|
hs_recurring_billing_period|Term|string/text|
hs_sku|SKU|string/text|
hs_url|URL|string/text|
hubspot_owner_id|Owner|enumeration/select|
name|Name|string/text|
price|Unit price|number/number|
recurringbillingfrequency|Billing frequency|enumeration/select|
"""
_BUILT_IN = {
    "deals": (_DEALS, "dealinformation", "deal_currency_code"),
    "companies": (_COMPANIES, "companyinformation", None),
    "line_items": (_LINE_ITEMS, "lineiteminformation", "hs_line_item_currency_code"),
    "products": (_PRODUCTS, "productinformation", None),
}
_FREQUENCIES = {
    "weekly": "Weekly",
    "biweekly": "Every two weeks",
    "monthly": "Monthly",
    "quarterly": "Quarterly",
    "per_six_months": "Semi-annually",
    "annually": "Annually",
    "per_two_years": "Every two years",
    "per_three_years": "Every three years",
    "per_four_years": "Every four years",
    "per_five_years": "Every five years",
}
_OPTIONS: dict[str, Mapping[str, str]] = {
    "dealtype": {"newbusiness": "New Business", "existingbusiness": "Existing Business"},
    "hs_priority": {"low": "Low", "medium": "Medium", "high": "High"},
    "lifecyclestage": {"lead": "Lead", "opportunity": "Opportunity", "customer": "Customer", "other": "Other"},
    "type": {
        "PROSPECT": "Prospect",
        "PARTNER": "Partner",
        "RESELLER": "Reseller",
        "VENDOR": "Vendor",
        "OTHER": "Other",
    },
    "recurringbillingfrequency": _FREQUENCIES,
    "hs_product_type": {"inventory": "Inventory", "non_inventory": "Non-inventory", "service": "Service"},
    "hs_pricing_model": {"flat": "Flat", "volume": "Volume", "graduated": "Graduated", "stairstep": "Stairstep"},
}
EDITABLE_OPTIONS = frozenset({"dealtype", "hs_priority", "industry", "lifecyclestage", "type"})
"""HubSpot's own properties whose options an account may change."""
BOOLEAN_OPTIONS = {"true": "True", "false": "False"}


def options_json(options: Mapping[str, str]) -> list[dict[str, Any]]:
    """Options of an enumeration (value to label) as the wire has them."""
    return [
        {"label": label, "value": value, "displayOrder": order, "hidden": False, "description": ""}
        for order, (value, label) in enumerate(options.items())
    ]


def definition(
    name: str,
    label: str,
    property_type: str,
    field_type: str,
    group: str,
    *,
    flags: Iterable[str] = (),
    options: Mapping[str, str] | None = None,
    created_at: str = BUILT_IN_AT,
    built_in: bool = True,
    unique: bool = False,
) -> dict[str, Any]:
    """One property as `GET /crm/properties` describes it. `flags` are those of the tables above."""
    flags = set(flags)
    read_only = bool(flags & {"ro", "calc"})
    described = {
        "name": name,
        "label": label,
        "type": property_type,
        "fieldType": field_type,
        "description": "",
        "groupName": group,
        "options": options_json(options or {}),
        "displayOrder": -1,
        "calculated": "calc" in flags,
        "externalOptions": name == "hubspot_owner_id",
        "hasUniqueValue": unique,
        "hidden": "hidden" in flags,
        "modificationMetadata": {
            "archivable": not built_in,
            "readOnlyDefinition": built_in,
            "readOnlyOptions": built_in and name not in EDITABLE_OPTIONS,
            "readOnlyValue": read_only,
        },
        "formField": False,
        "dataSensitivity": "non_sensitive",
        "archived": False,
        "createdAt": created_at,
        "updatedAt": created_at,
    }
    if built_in:
        described["hubspotDefined"] = True
    if name == "hubspot_owner_id":
        described["referencedObjectType"] = "OWNER"
    return described


def built_in_definitions(object_type: str, currencies: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The definitions a new portal has for one object type, by name."""
    table, group, currency_property = _BUILT_IN[object_type]
    definitions = {}
    for row in table.strip().splitlines():
        name, label, types, flag_text = row.split("|")
        property_type, field_type = types.split("/")
        flags = flag_text.split()
        options: Mapping[str, str] = _OPTIONS.get(name, {})
        if property_type == "bool":
            options = BOOLEAN_OPTIONS
        if name == currency_property:
            options = {code: code for code in currencies}
        described = definition(name, label, property_type, field_type, group, flags=flags, options=options)
        if "money" in flags:
            described["showCurrencySymbol"] = True
            described["currencyPropertyName"] = currency_property
        definitions[name] = described
    return definitions


def stage_definitions(stage_id: str, label: str) -> list[dict[str, Any]]:
    """The properties a deal stage brings with it: when a deal entered and left it (seen on the wire)."""
    rows = (
        (f"hs_v2_date_entered_{stage_id}", f'Date entered "{label}"'),
        (f"hs_v2_date_exited_{stage_id}", f'Date exited "{label}"'),
        (f"hs_date_entered_{stage_id}", f"Date entered '{label}'"),
        (f"hs_date_exited_{stage_id}", f"Date exited '{label}'"),
    )
    return [
        definition(name, text, "datetime", "date", "deal_stage_information", flags=("calc",)) for name, text in rows
    ]
