from datetime import UTC, datetime
from decimal import Decimal

from hardfin_pipelines.sandbox.data_sets.model import Company, DataSet, Deal, LineItem
from hardfin_pipelines.sandbox.data_sets.pipelines import SALES_PIPELINE, SERVICE_RENEWALS
from hardfin_pipelines.sandbox.data_sets.summary import Summary, line_total, summarize, won_deals

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def deal(key, pipeline, stage, currency, amount, lines, companies=()):
    return Deal(
        key=key,
        name=key,
        pipeline_key=pipeline.key,
        stage_key=stage,
        amount=amount and Decimal(amount),
        currency=currency,
        created_at=NOW,
        modified_at=NOW,
        company_keys=companies,
        line_items=tuple(
            LineItem(f"{key}-{number}", "Line", Decimal(1), Decimal(value), Decimal(value))
            for number, value in enumerate(lines)
        ),
    )


DATA_SET = DataSet(
    name="small",
    pipelines=(SALES_PIPELINE, SERVICE_RENEWALS),
    owners=(),
    products=(),
    companies=(Company("a", "A"), Company("b", "B"), Company("c", "C")),
    deals=(
        deal("1", SALES_PIPELINE, "closedwon", "USD", "3.00", ["1.00", "2.00"], ("a", "b")),
        deal("2", SERVICE_RENEWALS, "contractsigned", "EUR", None, ["0.10"], ("a",)),
        deal("3", SALES_PIPELINE, "closedwon", "USD", "7.77", []),
        deal("4", SALES_PIPELINE, "closedlost", "USD", "50", ["50"], ("c",)),
        deal("5", SERVICE_RENEWALS, "quotesent", "USD", "60", ["60"], ("c",)),
    ),
)


def test_a_summary_counts_won_open_and_lost_deals_apart():
    assert summarize(DATA_SET) == Summary(
        deals=5,
        won_deals=3,
        open_deals=1,
        lost_deals=1,
        companies=3,
        companies_of_won_deals=2,
        products=0,
        line_items=5,
        line_items_of_won_deals=3,
        totals_by_currency={"EUR": Decimal("0.10"), "USD": Decimal("3.00")},
        deal_totals_by_currency={"EUR": Decimal(0), "USD": Decimal("10.77")},
        amounts_that_differ=1,
    )


def test_won_deals_are_those_of_every_pipelines_won_stage():
    assert [won.key for won in won_deals(DATA_SET)] == ["1", "2", "3"]


def test_a_deal_without_lines_has_a_line_total_of_zero():
    assert line_total(DATA_SET.deals[2]) == 0
