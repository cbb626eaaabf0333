"""How far each object of a connection has been read, in the vendor's time."""

from datetime import datetime

from sqlalchemy import Connection, select

from hardfin_pipelines.platform.tables import cursors
from hardfin_pipelines.platform.upsert import upsert


def read_cursor(connection: Connection, org: str, connection_id: str, vendor_object: str) -> datetime | None:
    """The position of one object, or None where it was never read to the end of a visit."""
    return connection.execute(
        select(cursors.c.position).where(
            cursors.c.org == org, cursors.c.connection_id == connection_id, cursors.c.object == vendor_object
        )
    ).scalar_one_or_none()


def read_cursors(connection: Connection, org: str, connection_id: str) -> dict[str, datetime]:
    """The positions of all objects of a connection."""
    rows = connection.execute(
        select(cursors.c.object, cursors.c.position).where(
            cursors.c.org == org, cursors.c.connection_id == connection_id
        )
    )
    return {row.object: row.position for row in rows}


def save_cursor(
    connection: Connection,
    org: str,
    connection_id: str,
    vendor_object: str,
    position: datetime,
    *,
    now: datetime,
    run_id: str,
    backwards: bool = False,
) -> bool:
    """Move a cursor, in or after the transaction that commits what it covers.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: Its connection.
        vendor_object: The vendor's name of the object.
        position: Vendor time up to which everything is accounted for.
        now: Our clock.
        run_id: The run.
        backwards: Let it move back too, to look again. Otherwise an earlier position changes nothing: a slow run must
            not undo what a later one has reached.

    Returns:
        Whether the cursor moved.
    """
    row = {
        "org": org,
        "connection_id": connection_id,
        "object": vendor_object,
        "position": position,
        "saved_at": now,
        "run_id": run_id,
    }
    moves = cursors.c.position != position if backwards else cursors.c.position < position
    statement = upsert(connection, cursors, where=moves).returning(cursors.c.position)
    return connection.execute(statement, row).one_or_none() is not None
