"""The command line in this process, as its entry point runs it."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from hardfin_pipelines_tests.product_fixtures import Product, dagster_home, product

__all__ = ["acme", "dagster_home", "hardfin", "product"]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document it is to be."""
        return orjson.loads(self.out)

    @property
    def error(self) -> str:
        """The one line on standard error."""
        (line,) = self.err.splitlines()
        assert line.startswith("error: "), line
        return line.removeprefix("error: ")


Hardfin = Callable[..., Ended]


@pytest.fixture
def hardfin(
    product: Product, dagster_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Hardfin:
    """Runs a command of `hardfin`; its end, its output and its errors. A terminal of 80 columns."""
    from hardfin_pipelines.cli import main

    monkeypatch.setenv("COLUMNS", "80")
    # Handlers of the test process are none of a command's business.
    monkeypatch.setattr(signal, "signal", lambda _number, _handler: None)

    def run(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["hardfin", *words])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def acme(product: Product) -> Product:
    """A product with one connected organization that has a won deal of last week."""
    from datetime import UTC, datetime, timedelta

    product.add_organization("acme")
    product.enabled_since(datetime.now(UTC) - timedelta(days=7))
    product.add_deal()
    return product
