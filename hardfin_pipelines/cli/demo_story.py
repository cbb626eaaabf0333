"""What the demo does, step by step, and what it says about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from rich.progress import Progress
from sqlalchemy import select

from hardfin_pipelines.cli import demo_insight
from hardfin_pipelines.cli.dagster_api import DagsterApi, wait_until
from hardfin_pipelines.cli.output import console, print_blocks
from hardfin_pipelines.cli.sandbox_accounts import REDIRECT_URI, SandboxAccount
from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.connecting import Secret, connect_account, consent_url
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.reading import read_organizations
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.entity_rows import count_entities
from hardfin_pipelines.platform.known_records import count_links
from hardfin_pipelines.platform.tables import ledger, projects
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sync.entities import EntityType

_YAML = """\
organization: {org}
name: {name}
plan: advanced
connections:
  - integration: hubspot
    start_date: {since:%Y-%m-%d}
    pipelines:
{pipelines}"""
_RULE = """\
      - pipeline: {pipeline}
        trigger_stages: won
"""


@dataclass(slots=True)
class Counts:
    """What one organization has in Hardfin, and what it cost."""

    entities: Mapping[EntityType, int]
    calls: int
    least: int


class Story:
    """The demo's steps. Everything but the sales team's own deeds goes through Dagster."""

    def __init__(
        self,
        deployment: Deployment,
        sandbox: HubSpotSandbox,
        sandbox_url: str,
        accounts: list[SandboxAccount],
        folder: Path,
    ) -> None:
        self._deployment = deployment
        self._sandbox = sandbox
        self._sandbox_url = sandbox_url
        self._accounts = accounts
        self._folder = folder
        self._loaded: dict[str, Counts] = {}
        self._dagster = DagsterApi("")

    def connect_organizations(self) -> None:
        """Write the organizations' YAML, apply it, and give consent for each at the sandbox as a person would."""
        folder = self._folder / "organizations"
        folder.mkdir(parents=True, exist_ok=True)
        for account in self._accounts:
            names = [pipeline["id"] for pipeline in self._pipelines(account)]
            rules = "".join(_RULE.format(pipeline=f'"{name}"') for name in names)
            text = _YAML.format(org=account.org, name=account.name, since=account.since, pipelines=rules)
            (folder / f"{account.org}.yaml").write_text(text, encoding="utf-8")
        documents = read_organizations(folder)
        configuration.apply(self._deployment.engine, documents, actor="cli:demo", now=self._deployment.now())
        for account in self._accounts:
            secret = Secret(code=self._consent(account), redirect_uri=REDIRECT_URI)
            row = self._deployment.run(
                connect_account(self._deployment, account.org, "hubspot", secret, actor="cli:demo")
            )
            self._say(1, f"{account.org}: YAML applied, HubSpot account {row.account_id} connected ({row.status})")
            self._say(1, demo_insight.preview_line(self._deployment, account.org))

    def tell(self, dagster_url: str) -> None:
        """The steps that Dagster carries out."""
        self._dagster = DagsterApi(dagster_url)
        self._load()
        first = self._accounts[0]
        won = self._win_a_deal(first)
        self._edit_is_left_alone(first, won)
        self._explain(first, won)
        self._resync(first, won)
        store = self._folder / "replayed.db"
        self._say(7, demo_insight.replay_line(self._deployment, first.org, store))

    def summarize(self, seconds: float) -> None:
        """The table at the end."""
        blocks = []
        for account in self._accounts:
            with reading(self._deployment.engine) as connection:
                entities = count_entities(connection, account.org)
            loaded = self._loaded[account.org]
            counts = {
                "deals at first": f"{account.holds.deals}, of them {account.holds.won_deals} won",
                "in Hardfin now": ", ".join(f"{entities[kind]} {name}" for kind, name in demo_insight.NAMES.items()),
                "vendor calls": f"{loaded.calls} for the load (least possible {loaded.least}), "
                f"{self._calls(account)} in all",
            }
            blocks.append((account.org, counts))
        console.rule(f"done in {seconds:.0f} s")
        print_blocks(blocks)

    def _load(self) -> None:
        before = {account.org: self._calls(account) for account in self._accounts}
        with console.status("waiting for the sensor that starts initial loads ..."):
            backfills = {account.org: self._requested_backfill(account) for account in self._accounts}
        for org, backfill_id in backfills.items():
            self._say(2, f"{org}: the sensor start_initial_loads requested backfill {backfill_id}")
        with Progress(console=console, transient=True) as progress:
            tasks = {org: progress.add_task(f"initial load of {org}", total=None) for org in backfills}
            wait_until(lambda: self._all_loaded(backfills, progress, tasks), "the initial loads", 150, pause=1)
        for account in self._accounts:
            with reading(self._deployment.engine) as connection:
                entities = count_entities(connection, account.org)
            calls = self._calls(account) - before[account.org]
            self._loaded[account.org] = Counts(entities, calls, self._least_calls(account))
            self._say(2, f"{account.org}: loaded {entities['project']} projects with {calls} vendor calls")

    def _requested_backfill(self, account: SandboxAccount) -> str:
        """The backfill that the sensor asks for once an account with a start date is connected."""
        found: list[str] = []

        def there_is_one() -> bool:
            found.extend(self._dagster.backfills({"hardfin/org": account.org, "hardfin/trigger": "load"}))
            return bool(found)

        wait_until(there_is_one, f"the backfill of {account.org}", 90)
        return found[0]

    def _all_loaded(self, backfills: Mapping[str, str], progress: Progress, tasks: Mapping[str, Any]) -> bool:
        done = True
        for org, backfill_id in backfills.items():
            status, over, runs = self._dagster.backfill_status(backfill_id)
            if status in {"FAILED", "COMPLETED_FAILED", "CANCELED"}:
                raise Refusal(f"the initial load of {org} ended with {status}: see {self._dagster.url}")
            progress.update(tasks[org], completed=over, total=runs or None)
            done = done and status == "COMPLETED_SUCCESS"
        return done

    def _win_a_deal(self, account: SandboxAccount) -> str:
        """A salesperson moves a deal to won; the next tick of its cadence picks it up."""
        deal_id, stage = self._an_open_deal(account)
        account.portal.move_deal(deal_id, stage)
        self._say(3, f"{account.org}: deal {deal_id} was moved to {stage!r} in HubSpot")
        self._tick(account)
        wait_until(lambda: self._project_of(account, deal_id) is not None, f"project of deal {deal_id}", 60)
        project_id = self._project_of(account, deal_id)
        self._say(3, f"{account.org}: the tick found it, the sensor started its sync: it is project {project_id}")
        return deal_id

    def _edit_is_left_alone(self, account: SandboxAccount, deal_id: str) -> None:
        before = self._project_name(account, deal_id)
        account.portal.update("deals", deal_id, {"dealname": f"{before} (renamed by sales)"})
        self._tick(account)
        after = self._project_name(account, deal_id)
        if after != before:
            raise Refusal(f"project of deal {deal_id} was changed by a tick: {before!r} became {after!r}")
        self._say(4, f"{account.org}: sales renamed deal {deal_id}; after the next tick the project is still {after!r}")

    def _explain(self, account: SandboxAccount, deal_id: str) -> None:
        for line in demo_insight.explain_lines(self._deployment, account.org, deal_id):
            self._say(5, line)

    def _resync(self, account: SandboxAccount, deal_id: str) -> None:
        """Operations edited a field that sales edits too; a re-sync that keeps local edits takes all the others."""
        from hardfin_pipelines.orchestration.assets.crm import CRM_STEP

        project_id = str(self._project_of(account, deal_id))
        kept = "Gate code 4711, ask for Ines"
        self._say(6, demo_insight.edit_line(self._deployment, account.org, project_id, kept))
        account.portal.update("deals", deal_id, {"description": "Deliver before noon."})
        config = {"project": deal_id, "preview": False, "keep_local_edits": True, "reason": "shown by the demo"}
        tags = {"dagster/partition": account.org, "hardfin/org": account.org, "hardfin/project": deal_id}
        run_id = self._dagster.launch("resync_project", {"ops": {CRM_STEP: {"config": config}}}, tags)
        self._dagster.wait_for_run(run_id)
        name, held = (self._project_value(account, deal_id, each) for each in ("name", demo_insight.EDITED))
        if held != kept:
            raise Refusal(f"project {project_id}: the re-sync did not keep the local edit, it is {held!r} now")
        self._say(6, f"{account.org}: somebody re-synced the project keeping local edits: its name is {name!r} now")
        self._say(6, f"{account.org}: ... and its {demo_insight.EDITED} still {held!r}, whatever sales wrote")

    def _tick(self, account: SandboxAccount) -> None:
        """The run that the schedule of the organization's cadence asks for, asked for now instead of in minutes."""
        from hardfin_pipelines.orchestration.schedules import poll_request

        request = poll_request("5m", org=account.org)
        run_id = self._dagster.launch("change_poll", request.run_config, request.tags)
        self._dagster.wait_for_run(run_id)

    def _consent(self, account: SandboxAccount) -> str:
        """What a person does in the browser: open the consent page, choose the account, be sent back with a code."""
        url = consent_url(self._deployment, account.org, "hubspot", REDIRECT_URI)
        chosen = url.replace("/oauth/authorize", f"/oauth/{account.portal.hub_id}/authorize", 1)
        response = httpx.get(chosen, follow_redirects=False)
        codes = parse_qs(urlsplit(response.headers.get("location", "")).query).get("code")
        if not codes:
            raise Refusal(f"the sandbox gave no consent for account {account.portal.hub_id}")
        return str(codes[0])

    def _pipelines(self, account: SandboxAccount) -> list[dict[str, Any]]:
        token = account.portal.issue_static_token()
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{self._sandbox_url}/crm/pipelines/2026-03/deals", headers=headers).json()
        return list(answer["results"])

    def _an_open_deal(self, account: SandboxAccount) -> tuple[str, str]:
        """An open deal with a company, and the won stage of its pipeline."""
        won = {
            pipeline["id"]: stage["id"]
            for pipeline in self._pipelines(account)
            for stage in pipeline["stages"]
            if stage["metadata"].get("isClosed") == "true" and stage["metadata"].get("probability") == "1.0"
        }
        token = account.portal.issue_static_token()
        answer = httpx.get(
            f"{self._sandbox_url}/crm/objects/2026-03/deals",
            params={"limit": 100, "properties": "pipeline,hs_is_closed", "associations": "companies"},
            headers={"Authorization": f"Bearer {token}"},
        ).json()
        for deal in answer["results"]:
            properties = deal["properties"]
            if properties.get("hs_is_closed") != "true" and deal.get("associations"):
                return str(deal["id"]), str(won[properties["pipeline"]])
        raise Refusal(f"{account.org} has no open deal to win: choose another --seed")

    def _project_of(self, account: SandboxAccount, deal_id: str) -> str | None:
        with reading(self._deployment.engine) as connection:
            return connection.scalar(
                select(ledger.c.project_id).where(ledger.c.org == account.org, ledger.c.external_id == deal_id)
            )

    def _project_name(self, account: SandboxAccount, deal_id: str) -> str:
        return self._project_value(account, deal_id, "name")

    def _project_value(self, account: SandboxAccount, deal_id: str, field: str) -> str:
        project_id = self._project_of(account, deal_id)
        with reading(self._deployment.engine) as connection:
            query = select(projects.c[field]).where(projects.c.org == account.org, projects.c.id == project_id)
            return str(connection.scalar(query))

    def _calls(self, account: SandboxAccount) -> int:
        """Calls of Hardfin at the account; the demo's own look-ups by static token are not among them."""
        return self._sandbox.call_log.count(account=str(account.portal.hub_id), method="POST", path="/crm/*")

    def _least_calls(self, account: SandboxAccount) -> int:
        with reading(self._deployment.engine) as connection:
            linked = count_links(connection, account.org, f"{account.org}:hubspot")
        return self._deployment.vendors.plan_calls("hubspot", linked).total

    def _say(self, step: int, text: str) -> None:
        console.print(f"[bold cyan]{step}[/bold cyan] ", end="")
        console.print(text, markup=False, highlight=False, soft_wrap=True)
