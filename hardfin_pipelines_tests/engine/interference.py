"""What happens to a connection while a run is in the middle of its work."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import update

from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.leases import acquire_lease
from hardfin_pipelines.platform.tables import leases
from hardfin_pipelines_tests.engine.product import Organization


def interfere(acme: Organization, *, after: str, change: Callable[[], object], skip: int = 0) -> list[bool]:
    """Let something happen while the vendor is answering a request for a path; the answer waits until it has.

    Returns:
        A list that holds True once it has happened.
    """
    assert acme.product.between is not None
    return acme.product.between.hold(after, change, skip=skip)


def take_over(acme: Organization) -> None:
    """Let another run take the leases of an organization, as if their holders had slept past their time."""
    now = acme.deployment.now()
    with writing(acme.deployment.engine) as connection:
        connection.execute(update(leases).where(leases.c.org == acme.org).values(expires_at=now - timedelta(seconds=1)))
        for row in acme.rows(leases):
            lease = acquire_lease(connection, acme.org, row["name"], "successor", now=now, ttl=timedelta(minutes=1))
            assert lease is not None
