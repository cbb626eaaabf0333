"""The history of the store's tables, carried out by Alembic through `platform.migrate`."""
