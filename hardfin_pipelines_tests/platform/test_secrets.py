"""Secrets are sealed, bound to their owner, and shown nowhere."""

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError

from hardfin_pipelines.platform.credential_store import (
    forget_credential,
    read_credential,
    reseal_credentials,
    save_credential,
)
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.secrets import SecretsError, Vault
from hardfin_pipelines.platform.tables import credentials
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection, add_organization

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
TOKENS = {"access_token": "hunter2", "expires_at": "2026-03-02T09:30:00+00:00"}


@pytest.fixture
def acme(engine: Engine) -> str:
    with writing(engine) as connection:
        add_organization(connection, "acme")
        return add_connection(connection, "acme")


def test_what_is_sealed_opens_with_the_same_key_only():
    sealed = Vault(OLD).seal(b"hunter2")
    assert b"hunter2" not in sealed
    assert Vault(OLD).unseal(sealed) == b"hunter2"
    with pytest.raises(SecretsError, match="HARDFIN_SECRET_KEY") as caught:
        Vault(NEW).unseal(sealed)
    assert "\n" not in str(caught.value)


def test_a_key_is_replaced_step_by_step():
    sealed = Vault(OLD).seal(b"hunter2")
    both = Vault(f"{NEW}, {OLD}")
    assert both.unseal(sealed) == b"hunter2"
    assert Vault(NEW).unseal(both.reseal(sealed)) == b"hunter2"
    assert Vault(NEW).unseal(both.seal(b"hunter2")) == b"hunter2"


@pytest.mark.parametrize("key", ["", "hunter2", f"{OLD},hunter2"], ids=["none", "no key", "one is no key"])
def test_a_key_that_is_none_is_refused_without_being_shown(key):
    with pytest.raises(SecretsError, match="HARDFIN_SECRET_KEY") as caught:
        Vault(key)
    assert "hunter2" not in str(caught.value)


def test_a_vault_does_not_show_its_key():
    assert OLD not in repr(Vault(OLD))


def test_a_credential_is_kept_replaced_and_forgotten(engine: Engine, acme: str):
    vault = Vault(OLD)
    with writing(engine) as connection:
        assert read_credential(connection, "acme", acme, vault) is None
        save_credential(connection, "acme", acme, {"access_token": "first"}, vault, A_MOMENT)
        save_credential(connection, "acme", acme, TOKENS, vault, A_MOMENT)
    with writing(engine) as connection:
        credential = read_credential(connection, "acme", acme, vault, for_update=True)
        assert credential is not None
        assert credential.document == TOKENS
        assert credential.updated_at == A_MOMENT
        assert "hunter2" not in repr(credential)
        assert b"hunter2" not in connection.execute(select(credentials.c.sealed)).scalar_one()
        assert forget_credential(connection, "acme", acme)
        assert not forget_credential(connection, "acme", acme)
        assert read_credential(connection, "acme", acme, vault) is None


def test_a_credential_is_of_one_organization(engine: Engine, acme: str):
    vault = Vault(OLD)
    with writing(engine) as connection:
        save_credential(connection, "acme", acme, TOKENS, vault, A_MOMENT)
        assert read_credential(connection, "other", acme, vault) is None
        assert not forget_credential(connection, "other", acme)
        assert reseal_credentials(connection, "other", vault) == 0
    with pytest.raises(IntegrityError), writing(engine) as connection:
        save_credential(connection, "other", acme, TOKENS, vault, A_MOMENT)


def test_a_sealed_row_that_was_copied_to_another_connection_does_not_open_there(engine: Engine, acme: str):
    vault = Vault(OLD)
    with writing(engine) as connection:
        add_organization(connection, "rival")
        rival = add_connection(connection, "rival")
        save_credential(connection, "acme", acme, TOKENS, vault, A_MOMENT)
        save_credential(connection, "rival", rival, {}, vault, A_MOMENT)
        stolen = connection.execute(select(credentials.c.sealed).where(credentials.c.org == "acme")).scalar_one()
        connection.execute(update(credentials).where(credentials.c.org == "rival").values(sealed=stolen))
    with reading(engine) as connection, pytest.raises(SecretsError, match="another connection's"):
        read_credential(connection, "rival", rival, vault)


def test_resealing_lets_the_old_key_go(engine: Engine, acme: str):
    with writing(engine) as connection:
        save_credential(connection, "acme", acme, TOKENS, Vault(OLD), A_MOMENT)
        assert reseal_credentials(connection, "acme", Vault(f"{NEW},{OLD}")) == 1
        credential = read_credential(connection, "acme", acme, Vault(NEW))
    assert credential is not None
    assert credential.document == TOKENS
