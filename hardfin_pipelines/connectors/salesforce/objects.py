"""Which objects of an org play which role, and the fields that lead from one to another.

Orgs keep their deals' lines, their customers' sites or what they rent out in objects of their own; some take orders for
deals. What is said here of an org is all that the connector knows of its data model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hardfin_pipelines.sync.records import Role

OPPORTUNITY = "Opportunity"
OPPORTUNITY_LINE = "OpportunityLineItem"
ACCOUNT = "Account"


@dataclass(frozen=True, slots=True)
class OrgObjects:
    """The objects of one org; those of every org, unless it is said otherwise.

    Attributes:
        deal: The object of deals.
        stage: Its picklist of stages.
        company: The object of companies.
        company_of_deal: The deal's field that leads to its company.
        line_item: The object of line items.
        deal_of_line: The line's field that leads to its deal.
        product_of_line: The line's field that leads to its product; "" where it has none.
        place_of_line: The line's number among those of its deal; "" where it has none.
        product: The object of products.
        by_role: The object of each role.
        references: The roles that records of a role point to, and the field that does.
    """

    deal: str = OPPORTUNITY
    stage: str = "StageName"
    company: str = ACCOUNT
    company_of_deal: str = "AccountId"
    line_item: str = OPPORTUNITY_LINE
    deal_of_line: str = "OpportunityId"
    product_of_line: str = "Product2Id"
    place_of_line: str = "SortOrder"
    product: str = "Product2"
    by_role: Mapping[Role, str] = field(init=False, repr=False, compare=False)
    references: Mapping[Role, tuple[tuple[Role, str], ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names: Mapping[Role, str] = {
            "company": self.company,
            "deal": self.deal,
            "line_item": self.line_item,
            "product": self.product,
        }
        pointing: Mapping[Role, tuple[tuple[Role, str], ...]] = {
            "company": (),
            "deal": (("company", self.company_of_deal),),
            "line_item": (("product", self.product_of_line),) if self.product_of_line else (),
            "product": (),
        }
        object.__setattr__(self, "by_role", MappingProxyType(names))
        object.__setattr__(self, "references", MappingProxyType(pointing))

    @property
    def deals_are_opportunities(self) -> bool:
        """Whether Salesforce keeps the stages a deal has been in, and flags the stages that are won."""
        return self.deal == OPPORTUNITY

    @property
    def lines_are_of_opportunities(self) -> bool:
        """Whether lines have price book entries and, beside whatever leads to their item, a product."""
        return self.line_item == OPPORTUNITY_LINE

    @property
    def companies_can_be_merged(self) -> bool:
        """Whether Salesforce tells what a company was merged into."""
        return self.company == ACCOUNT

    def links(self) -> tuple[tuple[str, str, str], ...]:
        """The fields that lead from one object to another: the object, its field, and the object it leads to."""
        found = (
            (self.deal, self.company_of_deal, self.company),
            (self.line_item, self.deal_of_line, self.deal),
            (self.line_item, self.product_of_line, self.product),
        )
        return tuple(link for link in found if link[1])


STANDARD = OrgObjects()
"""The objects of every org."""
