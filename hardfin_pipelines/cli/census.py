"""`hardfin census`: what the CRM shows beside what has an answer in Hardfin, month by month."""

from hardfin_pipelines.cli.opening import crm_connection, open_product
from hardfin_pipelines.cli.output import print_json, print_table, say
from hardfin_pipelines.cli.work import AsJson, Organization
from hardfin_pipelines.engine.census import take_census


def census(org: Organization, *, as_json: AsJson = False) -> None:
    """Count an organization's deals at its CRM now; what has no answer in Hardfin is synced by the next run."""
    deployment = open_product()
    row = crm_connection(deployment, org)
    report = deployment.run(take_census(deployment, row, run_id="cli-census"))
    if as_json:
        print_json(
            {
                "connection": row.connection_id,
                "calls": report.calls,
                "months": [
                    {
                        "from": month.span[0],
                        "before": month.span[1],
                        "at_the_vendor": month.at_vendor,
                        "accounted": month.accounted,
                        "unaccounted": month.unaccounted,
                        "ids": month.ids,
                    }
                    for month in report.months
                ],
            }
        )
        return
    if not report.months:
        say(f"{row.connection_id}: no month to count yet: no load is done, and no tick has looked at anything")
        return
    rows = [
        (f"{month.span[0]:%Y-%m-%d}", month.at_vendor, month.accounted, month.unaccounted, ", ".join(month.ids[:5]))
        for month in report.months
    ]
    columns = ["modified from", "at the CRM", "with an answer", "without", "deals without an answer"]
    print_table(f"{row.connection_id}: census", columns, rows)
    missing = f"{report.unaccounted} deal(s) wait for the next run" if report.unaccounted else "nothing is missing"
    say(f"{missing}; {report.calls} vendor call(s)")
