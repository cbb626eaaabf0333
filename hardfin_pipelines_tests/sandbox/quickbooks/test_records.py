"""Reading and writing single records: forms, rules, refusals."""

from datetime import timedelta
from decimal import Decimal

import pytest

from hardfin_pipelines.sandbox.quickbooks.errors import VendorError
from hardfin_pipelines_tests.sandbox.quickbooks.conftest import NOON, client_of, fault, names

SERVICE = {"Type": "Service", "IncomeAccountRef": {"value": "6"}}
STOCKED = {
    "Type": "Inventory",
    "IncomeAccountRef": {"value": "5"},
    "ExpenseAccountRef": {"value": "7"},
    "AssetAccountRef": {"value": "8"},
    "TrackQtyOnHand": True,
    "QtyOnHand": 3,
    "InvStartDate": "2026-01-31",
}


def written(api, values, path="/item", **params):
    answer = api.post(path, json=values, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["Item"]


def test_an_item_has_the_schemas_order_and_leaves_out_what_is_not_set(api):
    item = written(api, {"Name": "Arm", "Sku": "A-1", "UnitPrice": 250.5, "Description": "", **STOCKED})
    assert list(item) == [
        *("Name", "Sku", "Active", "FullyQualifiedName", "Taxable", "UnitPrice", "Type", "IncomeAccountRef"),
        *("PurchaseCost", "ExpenseAccountRef", "AssetAccountRef", "TrackQtyOnHand", "QtyOnHand", "InvStartDate"),
        *("domain", "sparse", "Id", "SyncToken", "MetaData"),
    ]
    assert item["IncomeAccountRef"] == {"value": "5", "name": "Sales of Product Income"}
    assert (item["domain"], item["sparse"], item["Id"], item["SyncToken"]) == ("QBO", False, "1", "0")
    stamp = "2026-03-02T04:00:00-08:00"
    assert item["MetaData"] == {"CreateTime": stamp, "LastUpdatedTime": stamp}


def test_stamps_are_whole_seconds_in_pacific_time_and_the_envelope_has_milliseconds(url, sandbox, company):
    sandbox.clock.set(NOON + timedelta(days=150, milliseconds=789))
    with client_of(url, sandbox, company) as api:
        answer = api.post("/item", json={"Name": "Arm", **SERVICE}).json()
    assert answer["Item"]["MetaData"]["CreateTime"] == "2026-07-30T05:00:00-07:00"
    assert answer["time"] == "2026-07-30T05:00:00.789-07:00"


def test_replies_have_intuits_headers(api):
    headers = api.get("/preferences").headers
    assert headers["content-type"] == "application/json;charset=UTF-8"
    assert {"intuit_tid", "qbo-version", "via", "strict-transport-security", "vary"} <= set(headers)
    assert headers["intuit_tid"] != api.get("/preferences").headers["intuit_tid"]


def test_without_json_in_accept_replies_are_xml(api, company):
    parent = company.create("Item", {"Name": "Parts & more", "Type": "Category"})
    item = company.create("Item", {"Name": "Arm", "UnitPrice": "10.50", "ParentRef": {"value": parent}})
    answer = api.get(f"/item/{item}", headers={"Accept": "*/*"})
    assert answer.headers["content-type"] == "application/xml;charset=UTF-8"
    assert '<Item domain="QBO" sparse="false"><Id>2</Id><SyncToken>0</SyncToken><MetaData>' in answer.text
    assert '<ParentRef name="Parts &amp; more">1</ParentRef>' in answer.text
    assert "<UnitPrice>10.5</UnitPrice>" in answer.text
    missing = api.get("/item/9", headers={"Accept": "application/xml"})
    assert '<Fault type="ValidationFault"><Error code="610"><Message>Object Not Found</Message>' in missing.text


def test_reading_what_is_not_there(api):
    assert fault(api.get("/item/12"))["code"] == "610"
    assert fault(api.get("/item/x"))["code"] == "610"
    assert fault(api.get("/widget/1"))["code"] == "500"
    assert fault(api.put("/item", json={}))["code"] == "500"


def test_the_company_and_its_preferences(api, company):
    info = api.get(f"/companyinfo/{company.realm_id}").json()["CompanyInfo"]
    assert (info["CompanyName"], info["Country"], info["Id"]) == ("Acme Robotics", "US", "1")
    preferences = api.get("/preferences").json()["Preferences"]
    assert preferences["CurrencyPrefs"]["HomeCurrency"] == {"value": "USD"}
    assert api.get("/query", params={"query": "select * from CompanyInfo"}).json()["QueryResponse"]["CompanyInfo"] == [
        info
    ]


@pytest.mark.parametrize(
    ("values", "code", "element"),
    [
        ({**SERVICE}, "2020", "Name"),
        ({"Name": "  ", **SERVICE}, "2020", "Name"),
        ({"Name": "a:b", **SERVICE}, "2040", "Name"),
        ({"Name": "n" * 101, **SERVICE}, "2050", "Name"),
        ({"Name": "x", **SERVICE, "Sku": "s" * 101}, "2050", "Sku"),
        ({"Name": "x", **SERVICE, "UnitPrice": "dear"}, "2080", "UnitPrice"),
        ({"Name": "x", **SERVICE, "UnitPrice": 100_000_000_000}, "2080", "UnitPrice"),
        ({"Name": "x", **SERVICE, "Type": "Widget"}, "2170", "Type"),
        ({"Name": "x", **SERVICE, "Type": "Group"}, "2170", "Type"),
        ({"Name": "x", "Type": "Service"}, "2020", "IncomeAccountRef"),
        ({"Name": "x", "Type": "Service", "IncomeAccountRef": {"value": "99"}}, "2500", "IncomeAccountRef"),
        ({"Name": "x", **STOCKED, "InvStartDate": None}, "2020", "InvStartDate"),
        ({"Name": "x", **STOCKED, "AssetAccountRef": {"value": "7"}}, "6000", "AssetAccountRef"),
        ({"Name": "x", **SERVICE, "SubItem": True}, "2020", "ParentRef"),
        ({"Name": "x", **SERVICE, "SubItem": True, "ParentRef": {"value": "99"}}, "2500", "ParentRef"),
        ({"Name": "x", **SERVICE, "Colour": "red"}, "2010", None),
        ({"Name": 7, **SERVICE}, "2010", None),
        ({"Name": "x", **SERVICE, "Taxable": "perhaps"}, "2010", None),
    ],
)
def test_items_that_are_refused(api, values, code, element):
    error = fault(api.post("/item", json=values))
    assert (error["code"], error.get("element")) == (code, element)


def test_bodies_that_are_refused(api):
    assert fault(api.post("/item", content=b"{", headers={"Content-Type": "application/json"}))["code"] == "2010"
    assert fault(api.post("/item", json=[]))["code"] == "2010"
    assert fault(api.post("/item", content="<Item/>", headers={"Content-Type": "application/xml"}))["code"] == "500"
    assert fault(api.get("/item/1", params={"offset": "1"}))["code"] == "2010"
    assert fault(api.get("/preferences", params={"minorversion": "new"}))["code"] == "2010"


@pytest.mark.parametrize("version", ["1", "65", "75", "80"])
def test_every_minor_version_is_served_alike(api, company, version):
    item = company.create("Item", {"Name": "Arm", "Sku": "A-1"})
    assert api.get(f"/item/{item}", params={"minorversion": version}).json()["Item"]["Sku"] == "A-1"


def test_a_sparse_update_keeps_the_rest_and_a_full_one_clears_it(api):
    first = written(api, {"Name": "Arm", "Sku": "A-1", "Description": "An arm", **SERVICE})
    second = written(api, {"Id": "1", "SyncToken": "0", "sparse": True, "UnitPrice": 12})
    assert (second["Sku"], second["Description"], second["UnitPrice"], second["SyncToken"]) == (
        "A-1",
        "An arm",
        12,
        "1",
    )
    full = written(api, {"Id": "1", "SyncToken": "1", "Name": "Arm", **SERVICE})
    assert "Sku" not in full
    assert (full["Active"], full["UnitPrice"], full["MetaData"]["CreateTime"]) == (
        True,
        0,
        first["MetaData"]["CreateTime"],
    )


def test_a_stale_token_is_refused(api):
    written(api, {"Name": "Arm", **SERVICE})
    written(api, {"Id": "1", "SyncToken": "0", "sparse": True, "Sku": "A"})
    error = fault(api.post("/item", json={"Id": "1", "SyncToken": "0", "sparse": True, "Sku": "B"}))
    assert (error["code"], error["Message"]) == ("5010", "Stale Object Error")
    assert fault(api.post("/item", json={"Id": "1", "sparse": True, "Sku": "B"}))["element"] == "SyncToken"
    assert fault(api.post("/item", json={"Id": "9", "SyncToken": "0"}))["code"] == "610"


def test_names_are_unique_among_siblings_whatever_their_case(api, company):
    first = company.create("Item", {"Name": "Arm"})
    error = fault(api.post("/item", json={"Name": "ARM", **SERVICE}))
    assert (error["code"], error["Message"]) == ("6240", "Duplicate Name Exists Error")
    assert error["Detail"] == f"The name supplied already exists. : Id={first}"
    child = {"Name": "Arm", **SERVICE, "SubItem": True, "ParentRef": {"value": first}}
    assert written(api, child)["FullyQualifiedName"] == "Arm:Arm"
    assert fault(api.post("/item", json=child))["code"] == "6240"


def test_skus_need_not_be_unique(company):
    company.create_many("Item", [{"Name": "One", "Sku": "A"}, {"Name": "Two", "Sku": "A"}])
    assert company.count("Item") == 2


def test_customers_and_vendors_share_their_names(company):
    company.create("Customer", {"GivenName": "Ada", "FamilyName": "Lovelace"})
    with pytest.raises(VendorError) as refusal:
        company.create("Vendor", {"DisplayName": "ada lovelace"})
    assert refusal.value.code == "6240"


def test_an_inactive_item_gives_its_name_free_and_gets_it_back(api, company):
    first = company.create("Item", {"Name": "Arm"})
    gone = written(api, {"Id": first, "SyncToken": "0", "sparse": True, "Active": False})
    assert (gone["Name"], gone["FullyQualifiedName"], gone["Active"]) == ("Arm (deleted)", "Arm (deleted)", False)
    assert api.get(f"/item/{first}").json()["Item"]["Active"] is False
    second = company.create("Item", {"Name": "Arm"})
    company.deactivate("Item", second)
    assert company.record("Item", second)["Name"] == "Arm (deleted 1)"
    company.reactivate("Item", first)
    assert company.record("Item", first)["Name"] == "Arm"
    with pytest.raises(VendorError, match="already exists"):
        company.reactivate("Item", second)


def test_a_reference_to_something_inactive_is_refused(api, company):
    company.deactivate("Account", "4")
    error = fault(api.post("/item", json={"Name": "x", "Type": "Service", "IncomeAccountRef": {"value": "4"}}))
    assert error["code"] == "2500"


def test_a_parent_with_active_children_stays_active(company):
    parent = company.create("Item", {"Name": "Line", "Type": "Category"})
    child = company.create("Item", {"Name": "Arm", "ParentRef": {"value": parent}})
    with pytest.raises(VendorError, match="below it"):
        company.deactivate("Item", parent)
    company.deactivate("Item", child)
    company.deactivate("Item", parent)
    assert company.record("Item", child)["FullyQualifiedName"] == "Line (deleted):Arm (deleted)"


def test_sub_items_have_a_level_and_a_path_that_follow_their_parents(company):
    names_down = ["Sprinkler System", "Sprinkler Pipes", "Hose"]
    ids = [""]
    for name in names_down:
        below = {"SubItem": True, "ParentRef": {"value": ids[-1]}} if ids[-1] else {}
        ids.append(company.create("Item", {"Name": name, **below}))
    hose = company.record("Item", ids[3])
    assert (hose["SubItem"], hose["Level"]) == (True, 2)
    assert hose["ParentRef"] == {"value": "2", "name": "Sprinkler System:Sprinkler Pipes"}
    assert hose["FullyQualifiedName"] == "Sprinkler System:Sprinkler Pipes:Hose"
    top = company.record("Item", ids[1])
    assert not {"SubItem", "Level", "ParentRef"} & set(top)
    company.update("Item", ids[1], {"Name": "Water"}, at=NOON + timedelta(hours=1))
    renamed = company.record("Item", ids[3])
    assert renamed["FullyQualifiedName"] == "Water:Sprinkler Pipes:Hose"
    assert renamed["MetaData"] == hose["MetaData"]
    company.settings.parent_rename_moves_children = True
    company.update("Item", ids[1], {"Name": "Rain"}, at=NOON + timedelta(hours=2))
    assert company.record("Item", ids[3])["MetaData"]["LastUpdatedTime"] == "2026-03-02T06:00:00-08:00"


def test_circles_and_deep_paths_are_refused(company):
    ids = [company.create("Item", {"Name": "0"})]
    for level in range(1, 5):
        ids.append(company.create("Item", {"Name": str(level), "ParentRef": {"value": ids[-1]}}))
    with pytest.raises(VendorError, match="5 levels"):
        company.create("Item", {"Name": "5", "ParentRef": {"value": ids[-1]}})
    with pytest.raises(VendorError, match="below itself"):
        company.update("Item", ids[0], {"ParentRef": {"value": ids[2]}})
    company.update("Item", ids[1], {"SubItem": False})
    assert company.record("Item", ids[1])["FullyQualifiedName"] == "1"


def test_categories_are_items_with_next_to_nothing(api, company):
    top = written(api, {"Name": "Robots", "Type": "Category", "UnitPrice": 5})
    assert not {"UnitPrice", "Taxable", "IncomeAccountRef"} & set(top)
    part = company.create("Item", {"Name": "Arm", "ParentRef": {"value": top["Id"]}})
    assert company.record("Item", part)["FullyQualifiedName"] == "Robots:Arm"
    with pytest.raises(VendorError, match="below another category"):
        company.create("Item", {"Name": "Sub", "Type": "Category", "ParentRef": {"value": part}})
    assert names(api, "WHERE Type = 'Category'") == ["Robots"]


@pytest.mark.parametrize("kind", ["Group", "Bundle", "Assembly", "Discount", "Subtotal", "Fixed Asset", "Tax Group"])
def test_rarer_types_come_from_the_product_itself(api, company, kind):
    company.create("Item", {"Name": "Rare", "Type": kind})
    assert names(api, f"WHERE Type = '{kind}'") == ["Rare"]


def test_an_inventory_item_stays_one(company):
    item = company.create("Item", {"Name": "Arm", "Type": "Inventory"})
    with pytest.raises(VendorError, match="type"):
        company.update("Item", item, {"Type": "Service"})
    other = company.create("Item", {"Name": "Leg", "Type": "NonInventory"})
    company.update("Item", other, {"Type": "Service"})
    assert company.record("Item", other)["Type"] == "Service"


def test_name_lists_are_not_deleted_by_the_api(api, company):
    item = company.create("Item", {"Name": "Arm"})
    error = fault(api.post("/item", json={"Id": item, "SyncToken": "0"}, params={"operation": "delete"}))
    assert (error["code"], error["Detail"]) == ("500", "Operation Delete is not supported.")
    assert company.count("Item") == 1


def test_a_request_id_is_answered_once(api, company):
    values = {"Name": "Arm", **SERVICE}
    first = api.post("/item", json=values, params={"requestid": "r-1"}).json()
    again = api.post("/item", json={**values, "Name": "Leg"}, params={"requestid": "r-1"}).json()
    assert (again, company.count("Item")) == (first, 1)
    assert fault(api.post("/item", json=values, params={"requestid": "r-2"}))["code"] == "6240"


def test_us_companies_lose_what_latin1_does_not_have(api, company, sandbox, url):
    values = {"Name": "Łódź arm Ø 5", "Description": "5\u20137 robots \U0001f916", **SERVICE}
    item = written(api, values)
    assert (item["Name"], item["Description"]) == ("?ód? arm Ø 5", "5?7 robots ?")
    abroad = sandbox.add_company(name="Łódź Robots", country="PL", currency="PLN")
    with client_of(url, sandbox, abroad) as there:
        assert written(there, values)["Name"] == "Łódź arm Ø 5"


def test_stock_moves_without_a_new_sync_token(company):
    item = company.create("Item", {"Name": "Arm", "Type": "Inventory"})
    company.touch("Item", item, {"QtyOnHand": Decimal("7")}, at=NOON + timedelta(minutes=5))
    record = company.record("Item", item)
    assert (record["QtyOnHand"], record["SyncToken"]) == (7, "0")
    assert record["MetaData"]["LastUpdatedTime"] == "2026-03-02T04:05:00-08:00"


def test_accounts_follow_the_same_rules(api, company):
    made = api.post("/account", json={"Name": "Leasing", "AccountType": "Income"}).json()["Account"]
    assert (made["Classification"], made["SubAccount"], made["FullyQualifiedName"]) == ("Revenue", False, "Leasing")
    below = {"Name": "Robots", "AccountType": "Income", "SubAccount": True, "ParentRef": {"value": made["Id"]}}
    assert api.post("/account", json=below).json()["Account"]["FullyQualifiedName"] == "Leasing:Robots"
    assert fault(api.post("/account", json={"Name": "Leasing", "AccountType": "Bank"}))["code"] == "6240"
    assert fault(api.post("/account", json={"Name": "Other"}))["code"] == "2020"


def test_a_customer_has_its_base_fields_in_the_middle(api):
    made = api.post("/customer", json={"DisplayName": "Initech", "BillAddr": {"City": "Austin", "Line2": None}}).json()
    order = list(made["Customer"])
    assert order.index("MetaData") < order.index("DisplayName")
    assert made["Customer"]["BillAddr"] == {"City": "Austin"}


def test_a_lapsed_subscription(api, company):
    company.settings.subscription = "read_only"
    assert api.get("/preferences").status_code == 200
    assert fault(api.post("/item", json={"Name": "x", **SERVICE}))["code"] == "6190"
    company.settings.subscription = "lapsed"
    assert fault(api.get("/preferences"))["code"] == "6190"
