from collections.abc import Iterator

import pytest

from hardfin_pipelines_tests.connectors.netsuite.account import NetSuiteAccount


@pytest.fixture
def account() -> Iterator[NetSuiteAccount]:
    """A NetSuite account in the sandbox, described already."""
    with NetSuiteAccount().serving() as served:
        yield served
