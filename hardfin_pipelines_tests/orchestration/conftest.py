"""Dagster instances for the tests of the code location."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.defs_state.base import set_defs_state_storage

from hardfin_pipelines_tests.product_fixtures import Product, dagster_home, product

__all__ = ["acme", "dagster_home", "instance", "product"]


@pytest.fixture(autouse=True)
def no_instance_of_an_earlier_test() -> Iterator[None]:
    """Dagster keeps the state storage of the instance that was entered last, also once that instance is gone."""
    with set_defs_state_storage(None):
        yield


@pytest.fixture
def instance(product: Product, dagster_home: Path) -> Iterator[dg.DagsterInstance]:
    """A real instance, made by the project's dagster.yaml, beside a product."""
    with dg.DagsterInstance.get() as made:
        yield made


@pytest.fixture
def acme(product: Product) -> Product:
    """A product with one connected organization, acme, whose ticks look back a week."""
    from datetime import UTC, datetime, timedelta

    product.add_organization("acme")
    product.enabled_since(datetime.now(UTC) - timedelta(days=7))
    return product
