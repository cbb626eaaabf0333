"""One writer an organization at a time, where what is written depends on what is there."""

from sqlalchemy import Connection, select

from hardfin_pipelines.platform.tables import organizations


def hold_organization(connection: Connection, org: str) -> None:
    """Wait until no other transaction that does this for the organization is open; it is ours until this one ends."""
    connection.execute(select(organizations.c.org).where(organizations.c.org == org).with_for_update(key_share=True))
