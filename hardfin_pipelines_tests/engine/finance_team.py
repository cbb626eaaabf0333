"""What the people of an organization do in Hardfin whose finance department works in an accounting system."""

from typing import Any

from hardfin_pipelines.engine.item_runs import ItemsSync, sync_claimed_items
from hardfin_pipelines.platform import pending
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.item_store import insert_items
from hardfin_pipelines_tests.engine.hardfin_team import Deployed, HardfinTeam


class FinanceDeployed(Deployed):
    """A deployment that is pointed at an accounting system."""

    def run_items(self, claim: pending.Claim, run_id: str = "run") -> ItemsSync:
        """Do the work of a claim."""
        return self.deployment.run(
            sync_claimed_items(self.deployment, claim.org, claim.connection_id, claim.key, run_id=run_id)
        )


class FinanceTeam(HardfinTeam):
    """Their part in Hardfin, whatever their accounting system."""

    def add_products(self, *products: tuple[str, str, str]) -> None:
        """Products of Hardfin's: id, name and SKU."""
        with writing(self.deployment.engine) as connection:
            new = [(item_id, "product", {"name": name, "sku": sku or None}) for item_id, name, sku in products]
            insert_items(connection, self.org, new, self.deployment.now())  # type: ignore[arg-type]  # literals

    def tick_items(self, run_id: str = "run") -> ItemsSync | None:
        """Poll, and do what was found; what the run did, None where there was none."""
        self.poll()
        own = [claim for claim in self.product.claims() if claim.org == self.org]
        runs: list[Any] = [self.product.run_items(claim, run_id) for claim in own]
        return runs[0] if runs else None
