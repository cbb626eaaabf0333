"""Invariant I10: no secret is in a table unsealed, in a landed file, a journal, a log record or an exception."""

import logging
import traceback

import orjson
import pytest

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.stored_tokens import StoredTokens
from hardfin_pipelines.platform.tables import credentials, metadata
from hardfin_pipelines_tests.engine.product import IMPATIENT, SEARCH, Organization


def secrets_of(acme: Organization) -> list[str]:
    """Everything that must not be found anywhere."""
    tokens = StoredTokens(acme.deployment.engine, acme.deployment.vault, acme.row()).load()
    settings = acme.deployment.settings
    found = [
        tokens.access,
        tokens.refresh,
        settings.hubspot_client_secret.get_secret_value(),
        settings.secret_key.get_secret_value(),
    ]
    assert all(len(secret) > 20 for secret in found)
    return found


def texts_of_tables(acme: Organization) -> str:
    return "\n".join(str(row) for table in metadata.sorted_tables for row in acme.product.rows(table))


def test_no_secret_is_found_after_all_that_can_happen(acme, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "sqlalchemy.engine", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    known = secrets_of(acme)
    told: list[str] = []

    deal = acme.add_deal()
    acme.tick()
    acme.resync(deal)
    acme.load()
    acme.deployment.vendors.hubspot.limits = IMPATIENT
    # A vendor that sends our own token back in its refusal, or dies in the middle of an answer.
    for fault in (
        {"status": 400, "body": orjson.dumps({"message": f"bad token {known[0]}"}).decode()},
        {"status": 500, "body": known[0]},
        {"status": 429, "body": orjson.dumps({"message": known[0]}).decode(), "headers": {"Retry-After": "9999"}},
        {"drop": "inside_reply"},
        {"drop": "before_reply"},
        {"status": 200, "body": f"<html>{known[0]}", "content_type": "text/html"},
    ):
        acme.product.sandbox.faults.clear()
        acme.fault(path=SEARCH, times=None, **fault)
        acme.add_deal()
        told.extend(acme.poll().notes)
        with pytest.raises((VendorError, Refusal)) as failed:
            acme.load("fails")
        told.append("".join(traceback.format_exception(failed.value)))
        acme.pause()
        acme.pause(paused=False)
    acme.product.sandbox.faults.clear()
    acme.portal.uninstall_app()
    told.extend(acme.poll().notes)
    known += [secret for secret in secrets_of(acme) if secret not in known]

    everything = {
        "tables": texts_of_tables(acme),
        "log": caplog.text + "".join(str(record.__dict__) for record in caplog.records),
        "exceptions": "\n".join(told),
        "files": "".join(
            path.read_bytes().decode("latin-1") for path in acme.product.landing.rglob("*") if path.is_file()
        ),
    }
    for where, text in everything.items():
        for number, secret in enumerate(known):
            assert secret not in text, f"secret {number} is in the {where}"
    assert len(told) > 10
    assert "acme" in everything["tables"]
    assert caplog.records


def test_credentials_are_kept_sealed(acme):
    (row,) = acme.rows(credentials)

    for secret in secrets_of(acme):
        assert secret.encode() not in row["sealed"]
    assert "acme" not in repr(acme.deployment.vault)
