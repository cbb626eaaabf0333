from collections.abc import Iterator

import pytest

from hardfin_pipelines_tests.connectors.salesforce.account import SalesforceAccount


@pytest.fixture
def account() -> Iterator[SalesforceAccount]:
    """A Salesforce org in the sandbox."""
    with SalesforceAccount().serving() as served:
        yield served
