"""The folder of real vendor records that may stand beside the checkout."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real records; a test that asks for it is marked `shared_data`."""
    folder = Path(os.environ.get("SHARED_DATA_DIR") or CHECKOUT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the real records are not there: no folder {folder} (SHARED_DATA_DIR names another)")
    return folder
