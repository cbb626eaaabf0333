"""What a connection was configured as when its records landed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Engine, select

from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.opening import prepared_from
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.account_descriptions import description_from_json
from hardfin_pipelines.organizations.models import ConnectionConfiguration, OrganizationConfiguration
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.rule_store import load_rules
from hardfin_pipelines.platform.tables import organization_revisions


class ReplayConfigurations:
    """The connection made ready for replaying, with the configuration it had at a moment or with one for all time.

    Pipelines and stages are found in the account's description as last read, or by what a rule last stood for. What is
    not found is a line in `problems`.
    """

    def __init__(self, deployment: Deployment, engine: Engine, row: ConnectionRow, *, as_it_was: bool) -> None:
        """Prepare the present configuration.

        Args:
            deployment: The deployment.
            engine: The store that is replayed into; it has the organization's configuration.
            row: The connection.
            as_it_was: Whether a revision of the past counts for what landed under it; else the present one does.

        Raises:
            Refusal: The connection is not configured any more, or its account was never described.
        """
        if row.description is None:
            raise Refusal(f"{row.connection_id}: its account was never described, so nothing has landed from it")
        if not row.configuration:
            raise Refusal(f"{row.connection_id} has left the organization's YAML: add it there and apply that first")
        self.problems: list[str] = []
        self._engine = engine
        self._deployment = deployment
        self._row = row
        self._description = description_from_json(row.description)
        with reading(engine) as connection:
            self._rules = load_rules(connection, row.org, row.connection_id)
            query = (
                select(organization_revisions.c.revision, organization_revisions.c.applied_at)
                .where(organization_revisions.c.org == row.org)
                .order_by(organization_revisions.c.applied_at, organization_revisions.c.revision)
            )
            self._revisions = [tuple(each) for each in connection.execute(query)] if as_it_was else []
        self.present = self._prepared(ConnectionConfiguration.model_validate(row.configuration), "")
        self._by_revision: dict[int, CrmConnection] = {}

    def at(self, moment: datetime) -> CrmConnection:
        """The connection as it was configured at a moment, by our clock."""
        revision = next((number for number, applied_at in reversed(self._revisions) if applied_at <= moment), None)
        if revision is None:
            return self.present
        if revision not in self._by_revision:
            self._by_revision[revision] = self._of_revision(revision)
        return self._by_revision[revision]

    def _of_revision(self, revision: int) -> CrmConnection:
        found = organization_revisions.c.org == self._row.org, organization_revisions.c.revision == revision
        with reading(self._engine) as connection:
            document = connection.scalar(select(organization_revisions.c.document).where(*found))
        configured = self._configured(document or {}, revision)
        if configured is None or configured.document() == self._row.configuration:
            return self.present
        return self._prepared(configured, f"revision {revision}: ")

    def _configured(self, document: Mapping[str, Any], revision: int) -> ConnectionConfiguration | None:
        try:
            organization = OrganizationConfiguration.model_validate(document)
        except ValidationError:
            self.problems.append(
                f"revision {revision} of {self._row.org} cannot be read by this version: what landed under it is "
                "replayed with the present configuration"
            )
            return None
        return next((each for each in organization.connections if each.integration == self._row.integration), None)

    def _prepared(self, configured: ConnectionConfiguration, told: str) -> CrmConnection:
        crm = prepared_from(self._deployment, self._row, configured, self._description, self._rules)
        self.problems += [f"{self._row.connection_id}: {told}{problem}" for problem in crm.problems]
        # What the account lacks by now holds a rule up at the vendor; the records that landed have what they have.
        rules = tuple(replace(rule, held_because="") for rule in crm.context.rules)
        return replace(crm, engine=self._engine, context=replace(crm.context, rules=rules))
