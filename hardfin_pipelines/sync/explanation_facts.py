"""What is known of a record and of its connection, as far as it explains how the record stands."""

from dataclasses import dataclass
from datetime import date, datetime

from hardfin_pipelines.sync.records import Role


@dataclass(frozen=True, slots=True)
class FirstSync:
    """What the ledger says of a deal: which version was first synced when, by which rule, and what asked for it."""

    deal_id: str
    project_id: str
    pipeline_id: str
    stage_id: str
    trigger: str
    modified_at: datetime
    at: datetime
    run_id: str


@dataclass(frozen=True, slots=True)
class LinkedEntity:
    """The entity that a record is linked to.

    Attributes:
        kind: Its kind, such as "customer".
        id: Its id.
        name: What it is called in Hardfin now.
        since: When the link was last written, by our clock.
        run_id: By which run.
        modified_at: The vendor's stamp of the version it was synced from, where that is known.
        projects: How many projects belong to it or use it.
    """

    kind: str
    id: str
    name: str
    since: datetime
    run_id: str
    modified_at: datetime | None
    projects: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a record is set aside, and from when on it is tried again, changed or not."""

    reason: str
    since: datetime
    last_tried: datetime
    attempts: int
    next_try: datetime


@dataclass(frozen=True, slots=True)
class AskedFor:
    """Work that waits for a run, or that a run is at."""

    trigger: str
    since: datetime
    by: str
    attempts: int
    claimed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of a timeline.

    Attributes:
        at: Our clock.
        what: What happened, such as "skipped" or "project.synced".
        detail: Why, or what changed.
        by: Who or what did it.
        run_id: The run.
        modified_at: The vendor's stamp of the version that was looked at, where there was one.
    """

    at: datetime
    what: str
    detail: str
    by: str = ""
    run_id: str = ""
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """What the store knows of one record.

    Attributes:
        role: What it is to the rules.
        id: The vendor's id that was asked for.
        name: What it is called, "" where nothing says.
        first_sync: The ledger's entry, for deals.
        aliases: Other ids under which the deal is known.
        entity: What it is linked to.
        waiting: Why it is set aside.
        asked_for: Work for it.
        timeline: Everything that happened to it, oldest first.
    """

    role: Role
    id: str
    name: str = ""
    first_sync: FirstSync | None = None
    aliases: tuple[str, ...] = ()
    entity: LinkedEntity | None = None
    waiting: Waiting | None = None
    asked_for: tuple[AskedFor, ...] = ()
    timeline: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """A pipeline rule as configured, and how it stands."""

    pipeline: str
    stages: str | tuple[str, ...]
    status: str
    active_since: datetime | None
    held_because: str = ""


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """A window of an initial load, [start, end), in vendor time; its trigger stages are (pipeline, stage)."""

    start: datetime
    end: datetime
    closed: bool
    stages: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What a connection has looked at so far, and by which rules.

    Attributes:
        org: The organization.
        connection_id: The connection.
        integration: The kind of vendor system.
        vendor: What people call it.
        status: Where it stands.
        reason: Why, where it does not sync.
        start_date: Deals modified since are loaded at first.
        edited_from: What nobody has edited since is left alone, where the vendor tells edits from its own touching.
        enabled_at: When ticks began.
        cursor: How far ticks have come, in vendor time.
        last_polled_at: When a visit last asked the vendor.
        windows: The windows of initial loads, oldest first.
        rules: Its pipeline rules.
    """

    org: str
    connection_id: str
    integration: str
    vendor: str
    status: str
    reason: str = ""
    start_date: date | None = None
    edited_from: datetime | None = None
    enabled_at: datetime | None = None
    cursor: datetime | None = None
    last_polled_at: datetime | None = None
    windows: tuple[WindowFacts, ...] = ()
    rules: tuple[RuleFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class CrmAnswer:
    """What the CRM says of a deal right now, and what the rules say of that.

    Attributes:
        missing: Why the CRM does not give it; "" where it does.
        id: The id it answers under: another one where the deal was merged.
        name: What it is called.
        modified_at: The vendor's stamp.
        edited_at: When somebody last edited it, where the vendor tells that.
        pipeline_id: The pipeline it is in.
        stage_id: The stage it is in.
        taken_by: The (pipeline, stage) of the rule that takes it; None where none does.
        why_not: Why none does.
    """

    missing: str = ""
    id: str = ""
    name: str = ""
    modified_at: datetime | None = None
    edited_at: datetime | None = None
    pipeline_id: str = ""
    stage_id: str = ""
    taken_by: tuple[str, str] | None = None
    why_not: str = ""
