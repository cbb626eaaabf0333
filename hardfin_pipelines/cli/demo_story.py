"""What the demo does, step by step, and what it says about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hardfin_pipelines.cli import demo_books, demo_insight, demo_links
from hardfin_pipelines.cli.dagster_api import DagsterApi, wait_until
from hardfin_pipelines.cli.demo_loads import await_loads, requested_loads
from hardfin_pipelines.cli.demo_records import entity_counts, least_calls, project_of, project_value
from hardfin_pipelines.cli.output import console, print_blocks, print_table
from hardfin_pipelines.cli.sandbox_contract import CrmAccount, ErpAccount, SandboxAccount, StockAccount, redirect_uri
from hardfin_pipelines.cli.sandboxes import Sandboxes
from hardfin_pipelines.engine.configuring import configure
from hardfin_pipelines.engine.connecting import connect_account, consent_url
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.organizations.reading import read_organizations
from hardfin_pipelines.platform.connection_store import ConnectionRow

_ACTOR = "cli:demo"
_KEPT = "Gate code 4711, ask for Ines"
_SYNC_SECONDS = 90
_COUNTED = 3


@dataclass(frozen=True, slots=True)
class LoadCalls:
    """What an initial load cost in vendor calls, and the least possible."""

    made: int
    least: int


@dataclass(frozen=True, slots=True)
class WonDeal:
    """A deal that sales won while the demo ran, and its account."""

    account: CrmAccount
    id: str

    def __str__(self) -> str:
        return f"{self.account.deal_word} {self.id}"


class Story:
    """The demo's steps. Everything but people's own deeds goes through Dagster."""

    def __init__(self, deployment: Deployment, sandboxes: Sandboxes, folder: Path) -> None:
        """`folder` keeps the organizations' YAML and the store that a replay fills."""
        self._deployment = deployment
        self._sandboxes = sandboxes
        sellers = sandboxes.crm_accounts()
        self._accounts = [account for account in sellers if account.loads_past]
        self._latecomers = [account for account in sellers if not account.loads_past]
        self._stocks = [account for account in sandboxes.erp_accounts() if isinstance(account, StockAccount)]
        self._books = [account for account in sandboxes.erp_accounts() if account not in self._stocks]
        self._folder = folder
        self._loaded: dict[str, LoadCalls] = {}
        self._first_read: dict[ErpAccount, int] = {}
        self._dagster = DagsterApi("")

    def connect_organizations(self) -> None:
        """Write the organizations' YAML, apply it, and give consent for each at its sandbox as a person would."""
        folder = self._folder / "organizations"
        self._sandboxes.write_organizations(folder)
        self._deployment.run(configure(self._deployment, read_organizations(folder), actor=_ACTOR))
        for account in self._accounts:
            row = self._connect(account)
            self._say(
                1, f"{account.org}: YAML applied, {account.vendor} account {row.account_id} connected ({row.status})"
            )
            self._say(1, demo_insight.preview_line(self._deployment, account.org))
        for other in [*self._latecomers, *self._books, *self._stocks]:
            row = self._connect(other)
            self._say(1, f"{other.org}: its {other.vendor} account {row.account_id} connected too ({row.status})")

    def tell(self, dagster_url: str) -> None:
        """The steps that Dagster carries out."""
        self._dagster = DagsterApi(dagster_url)
        self._load()
        won, *others = self._win_deals(self._one_of_each_vendor())
        self._edit_is_left_alone(won)
        for line in demo_insight.explain_lines(self._deployment, won.account, won.id):
            self._say(5, line)
        self._resync(won, others)
        store = self._folder / "replayed.db"
        self._say(7, demo_insight.replay_line(self._deployment, won.account, store))
        for books in self._books:
            self._settle_items(books)
        for stock in self._stocks:
            self._follow_stock(stock)
        for seller in self._latecomers:
            self._link_by_all(seller)

    def summarize(self, seconds: float) -> None:
        """The table at the end."""
        blocks = []
        for account in self._accounts:
            entities = entity_counts(self._deployment, account)
            loaded = self._loaded[account.org]
            counts = {
                f"{account.vendor} at first": f"{account.holds.deals} {account.deals_word}, "
                f"of them {account.holds.won_deals} won",
                f"{account.vendor} calls": f"{loaded.made} for the load (least possible {loaded.least}), "
                f"{account.calls()} in all",
            }
            for books in self._books_of(account.org):
                items = demo_books.item_counts(self._deployment, books)
                counts[f"{books.vendor} items"] = (
                    f"{items.read} read, {items.linked} linked to products, {items.waiting} in triage"
                )
                counts[f"{books.vendor} calls"] = (
                    f"{self._first_read[books]} for the first read, {books.calls()} in all"
                )
                if isinstance(books, StockAccount):
                    counts[f"{books.vendor} holds"] = demo_links.holdings(self._deployment, books)
            made = ", ".join(f"{entities[kind]} {name}" for kind, name in demo_insight.NAMES.items())
            blocks.append((account.org, {**counts, "in Hardfin now": made}))
        console.rule(f"done in {seconds:.0f} s")
        print_blocks(blocks)

    def _connect(self, account: SandboxAccount) -> ConnectionRow:
        secret = Secret()
        if account.needs_consent:
            uri = redirect_uri(account.integration)
            secret = account.consent(consent_url(self._deployment, account.org, account.integration, uri))
        return self._deployment.run(
            connect_account(self._deployment, account.org, account.integration, secret, actor=_ACTOR)
        )

    def _books_of(self, org: str) -> list[ErpAccount]:
        return [books for books in [*self._books, *self._stocks] if books.org == org]

    def _one_of_each_vendor(self) -> list[CrmAccount]:
        """The first account of each vendor."""
        return list({account.integration: account for account in reversed(self._accounts)}.values())[::-1]

    def _load(self) -> None:
        before = {account.org: account.calls() for account in self._accounts}
        loads = requested_loads(self._dagster, self._accounts)
        for load in loads:
            org = load.account.org
            self._say(2, f"{org}: the sensor start_initial_loads requested backfill {load.backfill_id}")
        await_loads(self._dagster, loads)
        for account in self._accounts:
            made = account.calls() - before[account.org]
            self._loaded[account.org] = LoadCalls(made, least_calls(self._deployment, account))
            loaded = entity_counts(self._deployment, account)["project"]
            self._say(2, f"{account.org}: loaded {loaded} projects with {made} vendor calls")

    def _win_deals(self, accounts: Sequence[CrmAccount]) -> list[WonDeal]:
        """Salespeople move a deal each to won; the next tick of their cadence picks them up."""
        deals = []
        for account in accounts:
            found = account.open_deal()
            account.move_deal(found.id, found.won_stage)
            deal = WonDeal(account, found.id)
            deals.append(deal)
            self._say(3, f"{account.org}: {deal} was moved to {found.won_stage!r} in {account.vendor}")
        before = {books: books.calls() for books in [*self._books, *self._stocks]}
        self._tick(accounts)
        for deal in deals:
            project_id, org = self._awaited_project(deal), deal.account.org
            self._say(3, f"{org}: the tick found it, the sensor started its sync: it is project {project_id}")
        for account in accounts:
            self._say_items_read(self._books_of(account.org), before)
        return deals

    def _say_items_read(self, accounts: Sequence[ErpAccount], before: Mapping[ErpAccount, int]) -> None:
        """A tick asks all accounts of an organization, so this one was the first at its books."""
        for books in accounts:
            items = demo_books.await_items(self._deployment, books)
            if isinstance(books, StockAccount):
                demo_links.await_books(self._deployment, books)
            calls = self._first_read[books] = books.calls() - before[books]
            self._say(
                3,
                f"{books.org}: the same tick went to {books.vendor} for the first time: {items.read} items read with "
                f"{demo_books.counted(calls, 'call')}: {items.linked} linked to products, {items.waiting} wait in "
                f"triage, {items.left_out} left out (categories, discounts, inactive ones)",
            )
            if isinstance(books, StockAccount):
                self._say(3, f"{books.org}: ... and {demo_links.holdings(self._deployment, books)}")

    def _awaited_project(self, deal: WonDeal) -> str:
        wait_until(lambda: self._project_of(deal) is not None, f"project of {deal}", _SYNC_SECONDS)
        return str(self._project_of(deal))

    def _edit_is_left_alone(self, deal: WonDeal) -> None:
        before = self._value(deal, "name")
        deal.account.edit_deal(deal.id, "name", f"{before} (renamed by sales)")
        self._tick([deal.account])
        after = self._value(deal, "name")
        if after != before:
            raise Refusal(f"project of {deal} was changed by a tick: {before!r} became {after!r}")
        self._say(4, f"{deal.account.org}: sales renamed {deal}; after the next tick the project is still {after!r}")

    def _resync(self, deal: WonDeal, others: Sequence[WonDeal]) -> None:
        """Operations edited a field that sales edits too; a re-sync that keeps local edits takes all the others.

        Other projects are re-synced at the same time, and take what sales wrote.
        """
        org, edited = deal.account.org, demo_insight.EDITED
        project_id = str(self._project_of(deal))
        self._say(6, demo_insight.edit_line(self._deployment, org, project_id, _KEPT))
        deal.account.edit_deal(deal.id, edited, "Deliver before noon.")
        for other in others:
            other.account.edit_deal(other.id, "name", f"{self._value(other, 'name')} (renamed by sales)")
            self._say(6, f"{other.account.org}: sales renamed {other} in {other.account.vendor}")
        runs = [self._launch_resync(deal, keep_local_edits=True)]
        runs += [self._launch_resync(other, keep_local_edits=False) for other in others]
        for run_id in runs:
            self._dagster.wait_for_run(run_id)
        name, held = self._value(deal, "name"), self._value(deal, edited)
        if held != _KEPT:
            raise Refusal(f"project {project_id}: the re-sync did not keep the local edit, it is {held!r} now")
        self._say(6, f"{org}: somebody re-synced the project keeping local edits: its name is {name!r} now")
        self._say(6, f"{org}: ... and its {edited} still {held!r}, whatever sales wrote")
        for other in others:
            name = self._value(other, "name")
            self._say(6, f"{other.account.org}: somebody re-synced the project: its name is {name!r} now")

    def _settle_items(self, books: ErpAccount) -> None:
        """A person maps an item; another is linked by itself as soon as sales sells its product."""
        deployment, org = self._deployment, books.org
        waiting = demo_books.waiting_items(deployment, books)
        why = demo_books.reasons(waiting)
        self._say(8, f"{org}: {len(waiting)} items of {books.vendor} wait in triage ({why}), among them:")
        print_table("", demo_books.COLUMNS, list(demo_books.rows(waiting)), unbroken=["id", "why", "alike"])
        mapped = demo_books.map_best(deployment, waiting, actor=_ACTOR)
        self._say(8, f"{org}: somebody mapped item {mapped.external_id} to {mapped.item_id} {mapped.item_name!r}")
        calls = self._sell_what_waits(books, demo_books.item_like(waiting, books.not_sold_yet.sku))
        kept = demo_books.product_of(deployment, books, mapped.external_id)
        if kept is None or kept[0] != mapped.item_id:
            raise Refusal(f"item {mapped.external_id} was mapped to {mapped.item_id}, but is linked to {kept} now")
        told = demo_books.counted(calls, "call")
        self._say(8, f"{org}: at {books.vendor} nothing had changed: {told}; item {mapped.external_id} stays as mapped")

    def _sell_what_waits(self, books: ErpAccount, item: str) -> int:
        """Sales wins a deal with a product that finance has an item of already; the tick's calls at the books."""
        org, product = books.org, books.not_sold_yet
        seller = next(account for account in self._accounts if account.org == org)
        deal = seller.open_deal(1)
        seller.sell(deal.id, product)
        seller.move_deal(deal.id, deal.won_stage)
        self._say(8, f"{org}: sales won {seller.deal_word} {deal.id} with {product.name!r}, a product new to Hardfin")
        before = books.calls()
        self._tick([seller])
        calls = books.calls() - before
        item_id, matched_by = demo_books.await_link(self._deployment, books, item)
        by = matched_by.replace("sku", "SKU")
        told = f"the tick made it {item_id}; by its {by}, item {item} of {books.vendor} was linked to it"
        self._say(8, f"{org}: {told} without anybody being asked")
        return calls

    def _follow_stock(self, stock: StockAccount) -> None:
        """A quiet tick, then one after somebody counted the shelves."""
        org, before = stock.org, stock.calls()
        seller = next(account for account in self._accounts if account.org == org)
        self._tick([seller])
        calls = demo_books.counted(stock.calls() - before, "call")
        self._say(9, f"{org}: a tick while nothing changes at {stock.vendor}, whatever it holds: {calls}")
        sku = demo_links.stocked_sku(self._deployment, stock)
        stock.move_stock(sku, _COUNTED)
        self._tick([seller])
        level = demo_links.await_level(self._deployment, stock, sku, _COUNTED)
        self._say(9, f"{org}: somebody counted {sku} in {stock.vendor}; after the next tick Hardfin knows: {level}")

    def _link_by_all(self, seller: CrmAccount) -> None:
        """Sales of another CRM wins a deal with a product that the organization's other systems know already."""
        org, deal = seller.org, seller.open_deal()
        product = demo_links.widely_linked(self._deployment, org)
        seller.sell(deal.id, demo_links.as_sold(product))
        seller.move_deal(deal.id, deal.won_stage)
        self._say(9, f"{org}: in {seller.vendor} sales won {seller.deal_word} {deal.id} with {product.name!r}")
        self._tick([seller])
        self._awaited_project(WonDeal(seller, deal.id))
        self._say(9, f"{org}: no second product was made: {product.id} is linked to all of its systems now")
        demo_links.show(self._deployment, org, product.id)

    def _launch_resync(self, deal: WonDeal, *, keep_local_edits: bool) -> str:
        """A run of the job that a person starts; its id."""
        from hardfin_pipelines.orchestration.assets.crm import CRM_STEP

        config = {
            "project": deal.id,
            "preview": False,
            "keep_local_edits": keep_local_edits,
            "reason": "shown by the demo",
        }
        org = deal.account.org
        tags = {"dagster/partition": org, "hardfin/org": org, "hardfin/project": deal.id}
        return self._dagster.launch("resync_project", {"ops": {CRM_STEP: {"config": config}}}, tags)

    def _tick(self, accounts: Sequence[CrmAccount]) -> None:
        """The runs that the schedule of the organizations' cadence asks for, asked for now instead of in minutes."""
        from hardfin_pipelines.orchestration.schedules import poll_request

        requests = [poll_request("5m", org=account.org) for account in accounts]
        runs = [self._dagster.launch("change_poll", request.run_config, request.tags) for request in requests]
        for run_id in runs:
            self._dagster.wait_for_run(run_id)

    def _project_of(self, deal: WonDeal) -> str | None:
        return project_of(self._deployment, deal.account, deal.id)

    def _value(self, deal: WonDeal, field: str) -> str:
        return project_value(self._deployment, deal.account, deal.id, field)

    def _say(self, step: int, text: str) -> None:
        console.print(f"[bold cyan]{step}[/bold cyan] ", end="")
        console.print(text, markup=False, highlight=False, soft_wrap=True)
