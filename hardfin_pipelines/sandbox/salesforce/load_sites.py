"""A custom object beside a loaded data set: the sites that customers' opportunities are for."""

from hardfin_pipelines.sandbox.data_sets.model import DataSet
from hardfin_pipelines.sandbox.salesforce.fields import Field, PicklistValue
from hardfin_pipelines.sandbox.salesforce.load import LoadedDataSet
from hardfin_pipelines.sandbox.salesforce.org import Org

_KINDS = (PicklistValue("warehouse", "Warehouse"), PicklistValue("farm", "Farm"), PicklistValue("store", "Store"))


def add_sites(org: Org, data_set: DataSet, loaded: LoadedDataSet) -> dict[str, str]:
    """Adds `Site__c` with one record for each company, and points its opportunities at it.

    Opportunities get `Site__c` (a lookup; `Site__r` in dots, `Opportunities__r` from the site) and `Site_City__c`, a
    formula over it, whose value changes with the site and moves no stamp.

    Args:
        org: what `loaded` was loaded into.
        data_set: what was loaded.
        loaded: the ids that it became.

    Returns:
        The sites' ids by company key.
    """
    org.add_object("Site__c", "Site")
    org.add_field("Site__c", Field("City__c", "string", "City", 80))
    org.add_field("Site__c", Field("Kind__c", "picklist", "Kind", 255, picklist=_KINDS, restricted_picklist=True))
    account = Field("Account__c", "reference", "Account", refers_to=("Account",), children="Sites__r")
    org.add_field("Site__c", account)
    site = Field("Site__c", "reference", "Site", refers_to=("Site__c",), children="Opportunities__r")
    org.add_field("Opportunity", site)
    city = Field("Site_City__c", "string", "Site City", 1_300, calculated=True, formula_path="Site__r.City__c")
    org.add_field("Opportunity", city)
    made: dict[str, str] = {}
    with org.store.writing():
        for number, company in enumerate(data_set.companies):
            given = {"Name": f"{company.name} main site"[:80], "City__c": company.city[:80] or None}
            links = {"Account__c": loaded.accounts[company.key], "Kind__c": _KINDS[number % len(_KINDS)].value}
            made[company.key] = org.create("Site__c", {**given, **links}, at=company.created_at)
        for deal in data_set.deals:
            if deal.company_keys:
                org.set_silently("Opportunity", loaded.opportunities[deal.key], {"Site__c": made[deal.company_keys[0]]})
    return made
