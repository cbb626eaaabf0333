from collections.abc import Iterator

import pytest

from hardfin_pipelines_tests.connectors.quickbooks.account import QuickBooksAccount


@pytest.fixture
def account() -> Iterator[QuickBooksAccount]:
    """A QuickBooks company in the sandbox."""
    with QuickBooksAccount().serving() as served:
        yield served
