"""Every table of the platform store, for whatever must know them all: the migrations and their tests."""

from hardfin_pipelines.platform import books_tables, triage_tables
from hardfin_pipelines.platform.tables import metadata

__all__ = ["books_tables", "metadata", "triage_tables"]
