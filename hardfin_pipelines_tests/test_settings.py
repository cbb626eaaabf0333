"""Settings: what the environment says, and what is said when it is wrong."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from hardfin_pipelines.settings import PREFIX, SettingsError, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_stand_in_one_folder(tmp_path):
    settings = load_settings()
    assert settings.home == tmp_path / ".hardfin"
    assert settings.database_url == f"sqlite:///{tmp_path / '.hardfin' / 'hardfin.db'}"
    assert settings.landing_root == str(tmp_path / ".hardfin" / "landing")
    assert settings.hubspot_url == "https://api.hubapi.com"
    assert settings.poll_concurrency == 50


def test_the_environment_is_obeyed(monkeypatch, tmp_path):
    monkeypatch.setenv("HARDFIN_HOME", "elsewhere")
    monkeypatch.setenv("HARDFIN_DATABASE_URL", "postgresql://u:hunter2@host/name")
    monkeypatch.setenv("HARDFIN_LANDING_ROOT", "s3://bucket/prefix")
    monkeypatch.setenv("HARDFIN_HUBSPOT_URL", "http://127.0.0.1:8080/")
    monkeypatch.setenv("HARDFIN_POLL_CONCURRENCY", "7")
    settings = load_settings()
    assert settings.home == tmp_path / "elsewhere"
    assert settings.database_url == "postgresql://u:hunter2@host/name"
    assert settings.landing_root == "s3://bucket/prefix"
    assert settings.hubspot_url == "http://127.0.0.1:8080"
    assert settings.poll_concurrency == 7


def test_secrets_are_in_no_repr(monkeypatch):
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("HARDFIN_SECRET_KEY", key)
    monkeypatch.setenv("HARDFIN_DATABASE_URL", "postgresql://u:hunter2@host/name")
    monkeypatch.setenv("HARDFIN_HUBSPOT_CLIENT_SECRET", "s3cr3t")
    settings = load_settings()
    assert settings.secret_key.get_secret_value() == key
    assert not any(secret in f"{settings!r} {settings}" for secret in (key, "hunter2", "s3cr3t"))


def test_the_key_file_is_made_once_and_is_its_owners_alone(tmp_path):
    first = load_settings().secret_key.get_secret_value()
    path = tmp_path / ".hardfin" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_settings().secret_key.get_secret_value() == first == path.read_text()
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.key"]


def test_of_two_that_make_the_key_at_once_one_wins():
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_settings().secret_key.get_secret_value(), range(8)))
    assert len(set(keys)) == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HARDFIN_POLL_CONCURRENCY", "many", "integer"),
        ("HARDFIN_POLL_CONCURRENCY", "0", "greater than or equal to 1"),
        ("HARDFIN_HUBSPOT_URL", "api.hubapi.com", "https://api.example.com"),
        ("HARDFIN_HUBSPOT_APP_URL", "https:///x", "https://api.example.com"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_variable(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert said in message
    assert "\n" not in message


def test_a_home_that_cannot_be_made_names_the_variable(monkeypatch, tmp_path: Path):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("HARDFIN_HOME", str(tmp_path / "taken"))
    with pytest.raises(SettingsError, match=r"^HARDFIN_HOME: .*taken"):
        load_settings()
