"""`hardfin org`: organizations as YAML, and their connections."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import console, plain_errors, print_entries, print_json, print_table, say
from hardfin_pipelines.cli.work import AsJson, Organization, actor
from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.configuring import computed_remarks, configure
from hardfin_pipelines.engine.connecting import connect_account, consent_url, disconnect, set_paused
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.organizations.reading import read_organizations
from hardfin_pipelines.platform.connection_store import ConnectionConflict, ConnectionNotFound
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.status import all_states
from hardfin_pipelines.sync.status_wording import status_in_words

app = typer.Typer(no_args_is_help=True, help="Organizations: apply and export their YAML, connect their accounts.")

Integration = Annotated[str, typer.Argument(metavar="INTEGRATION", help="The kind of vendor system, such as hubspot.")]
_REFUSALS = (ConfigurationError, ConnectionConflict, ConnectionNotFound)


@app.command("apply")
def apply_documents(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file, or a folder of them.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make organizations what their YAML says. All of a file is applied, or nothing."""
    with plain_errors(*_REFUSALS):
        documents = read_organizations(file)
        deployment = open_product()
        results = deployment.run(configure(deployment, documents, actor=actor(), dry_run=dry_run))
    if as_json:
        print_json(
            [
                {
                    "organization": result.org,
                    "created": result.created,
                    "written": result.written,
                    "revision": result.revision,
                    "changes": [
                        {"path": change.path, "old": change.old, "new": change.new} for change in result.changes
                    ],
                }
                for result in results
            ]
        )
        return
    for result in results:
        if not result.changes:
            console.print(f"{result.org}: no change (revision {result.revision})", markup=False)
            continue
        verb = "would change" if dry_run else f"applied as revision {result.revision}"
        if result.created:
            print_entries(f"{result.org}: {verb}", [(change.path, change.new) for change in result.changes])
            continue
        rows = [(change.path, change.old, change.new) for change in result.changes]
        print_table(f"{result.org}: {verb}", ["key", "before", "after"], rows)
    for remark in computed_remarks(deployment, documents):
        console.print(f"note: {remark}", markup=False, highlight=False)


@app.command("export")
def export_document(org: Organization) -> None:
    """Print an organization's YAML; applied again, it changes nothing."""
    deployment = open_product()
    require_organization(deployment, org)
    sys.stdout.write(configuration.export(deployment.engine, org))


@app.command("schema")
def schema() -> None:
    """Print the JSON schema of the YAML, for editors."""
    print_json(configuration.json_schema())


@app.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """List the organizations."""
    deployment = open_product()
    with reading(deployment.engine) as connection:
        states = all_states(connection, deployment.now())
    rows = [
        {
            "organization": state.org,
            "name": state.name,
            "plan": state.plan,
            "connections": ", ".join(f"{each.integration}: {each.status}" for each in state.connections),
        }
        for state in states
    ]
    if as_json:
        print_json(rows)
    else:
        columns = ["organization", "name", "plan", "connections"]
        print_table("organizations", columns, [list(row.values()) for row in rows])


@app.command("connect")
def connect(
    org: Organization,
    integration: Integration,
    *,
    code: Annotated[str, typer.Option(help="The authorization code the vendor redirected with.")] = "",
    state: Annotated[str, typer.Option(help="The state it redirected with; Salesforce needs it.")] = "",
    account: Annotated[
        str, typer.Option(help="The account where only the redirect names it: QuickBooks' realmId.")
    ] = "",
    by_app: Annotated[
        bool, typer.Option("--by-app", help="Sign in as the connection's `login` says, without a person's consent.")
    ] = False,
    redirect_uri: Annotated[str, typer.Option(help="The redirect URI the code was asked for with.")] = "",
    refresh_token_from: Annotated[
        str, typer.Option(metavar="VARIABLE", help="The environment variable that holds a refresh token, or '-'.")
    ] = "",
    access_token_from: Annotated[
        str, typer.Option(metavar="VARIABLE", help="The environment variable that holds a static token, or '-'.")
    ] = "",
) -> None:
    """Connect an organization's account. Without options: print where a person gives consent.

    Secrets are read from a variable or from standard input ('-'), never from the command line.
    """
    deployment = open_product()
    require_organization(deployment, org)
    given = [bool(code), bool(refresh_token_from), bool(access_token_from), by_app]
    if not any(given):
        console.print(consent_url(deployment, org, integration, redirect_uri), soft_wrap=True, markup=False)
        return
    if sum(given) > 1:
        raise Refusal("give one of --code, --refresh-token-from, --access-token-from and --by-app")
    secret = Secret(
        code=code,
        redirect_uri=redirect_uri,
        state=state,
        account_id=account,
        refresh_token=_secret(refresh_token_from, "--refresh-token-from"),
        access_token=_secret(access_token_from, "--access-token-from"),
    )
    with plain_errors(*_REFUSALS):
        connected = deployment.run(connect_account(deployment, org, integration, secret, actor=actor()))
    stands = status_in_words(connected.status, connected.status_reason)
    say(f"{connected.connection_id}: account {connected.account_id} {stands}")


@app.command("pause")
def pause(org: Organization, integration: Integration, *, reason: Annotated[str, typer.Option()] = "") -> None:
    """Stop visiting an account; runs at work stop before their next transaction."""
    deployment = open_product()
    require_organization(deployment, org)
    with plain_errors(*_REFUSALS):
        row = set_paused(deployment, org, integration, paused=True, actor=actor(), reason=reason)
    say(f"{row.connection_id} {status_in_words(row.status, row.status_reason)}")


@app.command("resume")
def resume(org: Organization, integration: Integration, *, reason: Annotated[str, typer.Option()] = "") -> None:
    """Visit an account again, from where it was."""
    deployment = open_product()
    require_organization(deployment, org)
    with plain_errors(*_REFUSALS):
        row = set_paused(deployment, org, integration, paused=False, actor=actor(), reason=reason)
    say(f"{row.connection_id} {status_in_words(row.status, row.status_reason)}")


@app.command("disconnect")
def disconnect_account(
    org: Organization, integration: Integration, *, reason: Annotated[str, typer.Option()] = ""
) -> None:
    """Forget an account's credentials. Its ledger and links stay, so connecting it again syncs nothing twice."""
    deployment = open_product()
    require_organization(deployment, org)
    with plain_errors(*_REFUSALS):
        row = disconnect(deployment, org, integration, actor=actor(), reason=reason)
    say(f"{row.connection_id} {status_in_words(row.status, row.status_reason)}")


def _secret(source: str, option: str) -> str:
    if not source:
        return ""
    text = sys.stdin.readline().strip() if source == "-" else os.environ.get(source, "").strip()
    if not text:
        where = "standard input" if source == "-" else f"the variable {source}"
        raise Refusal(f"{option}: {where} is empty")
    return text
