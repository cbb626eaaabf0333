"""The `netsuite` client library 0.12, unmodified, in an environment of its own: its pins clash with ours."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from filelock import FileLock

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox

_LIBRARY = "netsuite==0.12.0"
_SCRIPT = Path(__file__).with_name("netsuite_script.py")
_INSTALL_SECONDS = 240


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with the library, made once and kept in the user's cache."""
    cache = Path(platformdirs.user_cache_dir("hardfin-pipelines-tests"))
    folder = cache / f"netsuite-0.12.0-py3{sys.version_info.minor}"
    interpreter, ready = folder / "bin" / "python", folder / "ready"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not ready.exists():
            _install(folder, interpreter)
            ready.touch()
    return interpreter


def _install(folder: Path, interpreter: Path) -> None:
    try:
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(interpreter), "-m", "pip", "install", "--quiet", _LIBRARY],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "no output").strip().splitlines()
        pytest.skip(f"{_LIBRARY} cannot be installed: {lines[-1]}")
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{_LIBRARY} cannot be installed: {error}")


def _driven(python: Path, url: str, sandbox: NetSuiteSandbox, account: Account, calls: list[Any]) -> list[Any]:
    sandbox.clock.offset_from_machine(0)  # the library signs with the machine's time
    keys = sandbox.keys.add_tba_token(account)
    arguments = [account.id, keys.consumer_key, keys.consumer_secret, keys.token, keys.token_secret]
    done = subprocess.run(
        [str(python), str(_SCRIPT), f"{url}/services/rest", *arguments],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


def test_the_unmodified_client_reads_and_changes(python: Path, url: str, sandbox: NetSuiteSandbox, account: Account):
    ids = account.create_many("inventoryItem", [{"itemid": f"I-{n}"} for n in range(15)])
    suiteql = {"url": "/query/v1/suiteql", "q": "SELECT id, itemid FROM item ORDER BY id"}
    first, rest, items, one, nothing, schema, openapi, wrong = _driven(
        python,
        url,
        sandbox,
        account,
        [
            ["suiteql", [], suiteql],
            ["suiteql", [], {**suiteql, "limit": 10, "offset": 10}],
            ["get", ["ignored"], {"url": "/record/v1/inventoryItem", "params": {"limit": 5}}],
            ["get", ["ignored"], {"url": f"/record/v1/inventoryItem/{ids[0]}"}],
            ["patch", ["ignored"], {"url": f"/record/v1/inventoryItem/{ids[0]}", "json": {"displayName": "Robot"}}],
            ["jsonschema", ["inventoryItem"], {"url": "/record/v1/metadata-catalog/inventoryItem"}],
            ["openapi", [["location"]], {"url": "/record/v1/metadata-catalog"}],
            ["suiteql", [], {**suiteql, "q": "SELECT nope FROM item"}],
        ],
    )
    assert (first["count"], first["hasMore"], first["totalResults"]) == (10, True, 15)
    assert [row["id"] for row in first["items"] + rest["items"]] == ids
    assert (items["count"], one["itemId"], nothing) == (5, "I-0", None)
    assert account.record("item", ids[0])["displayname"] == "Robot"
    assert "itemId" in schema["properties"]
    assert list(openapi["paths"]) == ["/location"]
    assert wrong["status"] == 400
    assert "Unknown identifier 'nope'" in wrong["text"]


def test_the_unmodified_client_with_wrong_keys_is_refused(python: Path, url: str, sandbox, account: Account):
    account.settings.change({"tba_enabled": False})
    [answer] = _driven(
        python, url, sandbox, account, [["suiteql", [], {"url": "/query/v1/suiteql", "q": "SELECT id FROM item"}]]
    )
    assert (answer["status"], "INVALID_LOGIN" in answer["text"]) == (401, True)
