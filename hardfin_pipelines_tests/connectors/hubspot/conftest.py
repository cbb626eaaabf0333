from collections.abc import Iterator

import pytest

from hardfin_pipelines_tests.connectors.hubspot.account import HubSpotAccount


@pytest.fixture
def account() -> Iterator[HubSpotAccount]:
    """A HubSpot account in the sandbox."""
    with HubSpotAccount().serving() as served:
        yield served
