"""What people do to deal pipelines, with what HubSpot refuses and what it does to the deals in them.

Every change moves the last-modified date of all deals of the pipeline, though nothing of theirs changed (reported by
users of HubSpot's API). The other rules are as seen on the wire; texts marked so are ours.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hardfin_pipelines.sandbox.hubspot.account_schema import NewStage, probability_text, stage_json
from hardfin_pipelines.sandbox.hubspot.deal_stages import stage_properties
from hardfin_pipelines.sandbox.hubspot.errors import VendorError, validation
from hardfin_pipelines.sandbox.hubspot.store import RECORDS
from hardfin_pipelines.sandbox.hubspot.values import instant_text

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.portal import Portal

_MOST_STAGES = 100
_NAMED_IN_REFUSAL = 25


def pipeline_of(portal: "Portal", pipeline_id: str) -> dict[str, Any]:
    """The pipeline in the wire's form.

    Raises:
        VendorError: 404 without JSON, there is none.
    """
    found = portal.schema.pipelines.get(pipeline_id)
    if found is None:
        raise VendorError(404, f"there is no pipeline {pipeline_id}", without_json=True)
    return found


def stage_of(pipeline: Mapping[str, Any], stage_id: str) -> dict[str, Any]:
    """A stage of a pipeline in the wire's form.

    Raises:
        VendorError: 404 without JSON, there is none.
    """
    for stage in pipeline["stages"]:
        if stage["id"] == stage_id:
            found: dict[str, Any] = stage
            return found
    raise VendorError(404, f"pipeline {pipeline['id']} has no stage {stage_id}", without_json=True)


def make_pipeline(
    portal: "Portal", label: str, stages: Sequence[NewStage], *, pipeline_id: str | None, display_order: int
) -> str:
    """Adds a pipeline as the API does and returns its id.

    Raises:
        VendorError: 400 or 409, an id or a label is taken, or there is no stage.
    """
    schema = portal.schema
    if pipeline_id in schema.pipelines:
        raise validation(f"There's another pipeline with pipelineId {pipeline_id}")
    _check_label(portal, label, None)
    _check_stages(portal, stages, None)
    made = schema.add_pipeline(label, stages, portal.clock.now_ms(), pipeline_id)
    schema.put_pipeline({**schema.pipelines[made], "displayOrder": display_order})
    return made


def change_pipeline(portal: "Portal", pipeline_id: str, changes: Mapping[str, Any]) -> None:
    """Changes `label` and `displayOrder`; every stage's `updatedAt` moves with it.

    Raises:
        VendorError: 404, there is no such pipeline; 400, another has the label.
    """
    pipeline = pipeline_of(portal, pipeline_id)
    if "label" in changes:
        _check_label(portal, changes["label"], pipeline_id)
    now = instant_text(portal.clock.now_ms())
    stages = [{**stage, "updatedAt": now} for stage in pipeline["stages"]]
    _keep(portal, {**pipeline, **changes, "stages": stages})


def replace_pipeline(
    portal: "Portal", pipeline_id: str, label: str, display_order: int, stages: Sequence[NewStage]
) -> None:
    """Gives a pipeline other stages: those whose id is named stay, those left out are gone.

    Raises:
        VendorError: 404, there is no such pipeline; 400, a stage that is left out has deals, or a label is taken.
    """
    pipeline = pipeline_of(portal, pipeline_id)
    _check_label(portal, label, pipeline_id)
    _check_stages(portal, stages, pipeline_id)
    named = {stage.id for stage in stages}
    check_unused(portal, [stage["id"] for stage in pipeline["stages"] if stage["id"] not in named])
    now = instant_text(portal.clock.now_ms())
    held = {stage["id"]: stage["createdAt"] for stage in pipeline["stages"]}
    made = []
    for order, stage in enumerate(stages):
        stage_id = stage.id or portal.schema.next_number()
        made.append({**stage_json(stage_id, stage, order, now), "createdAt": held.get(stage_id, now)})
    _keep(portal, {**pipeline, "label": label, "displayOrder": display_order, "stages": made})


def remove_pipeline(portal: "Portal", pipeline_id: str, *, even_if_used: bool) -> None:
    """Takes a pipeline away for good; deals that are in it keep naming it.

    Raises:
        VendorError: 404, there is no such pipeline; 400, it has deals or is the last one.
    """
    pipeline = pipeline_of(portal, pipeline_id)
    if not even_if_used:
        check_unused(portal, [stage["id"] for stage in pipeline["stages"]])
    if len(portal.schema.pipelines) == 1:
        raise validation("The last pipeline cannot be deleted")  # the text is ours
    with portal.store.writing():
        portal.schema.remove_pipeline(pipeline_id)
        touch_deals(portal, pipeline_id)


def add_stage(portal: "Portal", pipeline_id: str, stage: NewStage, display_order: int | None) -> str:
    """Adds a stage, at the end where no order is given, and returns its id.

    Raises:
        VendorError: 404, there is no such pipeline; 400, the id or the label is taken, or there are 100 stages.
    """
    pipeline = pipeline_of(portal, pipeline_id)
    if stage.id and portal.schema.stage(stage.id) is not None:
        raise VendorError(400, f"Another stage is already using stage id {stage.id}")
    if len(pipeline["stages"]) >= _MOST_STAGES:
        raise validation(f"Pipeline has {_MOST_STAGES} stages, the maximum")  # the text is ours
    _check_stage_label(pipeline["stages"], stage.label)
    order = len(pipeline["stages"]) if display_order is None else display_order
    stage_id = stage.id or portal.schema.next_number()
    made = stage_json(stage_id, stage, order, instant_text(portal.clock.now_ms()))
    _keep(portal, {**pipeline, "stages": _placed(pipeline["stages"], made)})
    return stage_id


def change_stage(
    portal: "Portal",
    pipeline_id: str,
    stage_id: str,
    *,
    label: str | None = None,
    display_order: int | None = None,
    probability: Decimal | None = None,
) -> None:
    """Changes what is given. A new probability is worked out again for the deals in the stage.

    Raises:
        VendorError: 404, there is no such pipeline or stage; 400, another stage has the label.
    """
    pipeline = pipeline_of(portal, pipeline_id)
    held = stage_of(pipeline, stage_id)
    others = [stage for stage in pipeline["stages"] if stage["id"] != stage_id]
    changed = {**held, "updatedAt": instant_text(portal.clock.now_ms())}
    if label is not None:
        _check_stage_label(others, label)
        changed["label"] = label
    if probability is not None:
        closed = str(probability in {0, 1}).lower()
        changed["metadata"] = {"isClosed": closed, "probability": probability_text(probability)}
    if display_order is None:
        stages = [changed if stage["id"] == stage_id else stage for stage in pipeline["stages"]]
    else:
        stages = _placed(others, {**changed, "displayOrder": display_order})
    with portal.store.writing():
        if changed["metadata"] != held["metadata"]:
            _work_out_again(portal, changed)
        _keep(portal, {**pipeline, "stages": stages})


def remove_stage(portal: "Portal", pipeline_id: str, stage_id: str, *, even_if_used: bool) -> None:
    """Takes a stage away for good; deals that are in it keep naming it.

    Raises:
        VendorError: 404, there is no such pipeline or stage; 400, it has deals or is the pipeline's last.
    """
    pipeline = pipeline_of(portal, pipeline_id)
    stage_of(pipeline, stage_id)
    if not even_if_used:
        check_unused(portal, [stage_id])
    left = [stage for stage in pipeline["stages"] if stage["id"] != stage_id]
    if not left:
        raise validation("Pipeline must have at least one stage")
    _keep(portal, {**pipeline, "stages": left})


def check_unused(portal: "Portal", stage_ids: Sequence[str]) -> None:
    """Refuses to take stages away that have deals; those in the recycle bin do not count (HubSpot docs: pipelines).

    Raises:
        VendorError: 400 that names the stages and the deals.
    """
    stage = sa.func.json_extract(RECORDS.c.properties, "$.dealstage")
    found = portal.store.rows(
        sa.select(RECORDS.c.id, stage.label("stage"))
        .where(RECORDS.c.type == "deals", RECORDS.c.archived_ms.is_(None), stage.in_(stage_ids))
        .order_by(RECORDS.c.id)
        .limit(_NAMED_IN_REFUSAL)
    )
    if found:
        used, deals = ", ".join(stage_ids), ", ".join(str(row.id) for row in found)
        raise validation(
            f"Stage IDs: [{used}] are being referenced by object IDs: [{deals}]",
            subCategory="PipelineError.STAGE_ID_IN_USE",
            context={"stageIds": [f"[{used}]"], "objectIds": [f"[{deals}]"]},
        )


def touch_deals(portal: "Portal", pipeline_id: str) -> int:
    """Moves the last-modified date of a pipeline's deals to now, and nothing else of them; returns how many."""
    of_pipeline = sa.func.json_extract(RECORDS.c.properties, "$.pipeline") == pipeline_id
    return portal.touch_where("deals", of_pipeline, portal.clock.now_ms())


def _keep(portal: "Portal", pipeline: Mapping[str, Any]) -> None:
    with portal.store.writing():
        portal.schema.put_pipeline({**pipeline, "updatedAt": instant_text(portal.clock.now_ms())})
        touch_deals(portal, pipeline["id"])


def _work_out_again(portal: "Portal", stage: Mapping[str, Any]) -> None:
    in_stage = sa.func.json_extract(RECORDS.c.properties, "$.dealstage") == stage["id"]
    deals = portal.store.rows(
        sa.select(RECORDS).where(RECORDS.c.type == "deals", RECORDS.c.archived_ms.is_(None), in_stage)
    )
    for row in deals:
        portal.write("deals", row, stage_properties(stage), portal.clock.now_ms())


def _placed(others: Sequence[dict[str, Any]], stage: dict[str, Any]) -> list[dict[str, Any]]:
    """A stage among others: on a free number as it is; behind the one that has its number, and all numbered anew."""
    order = stage["displayOrder"]
    if order < 0:
        raise validation("displayOrder must be 0 or more")  # the text is ours
    ordered = sorted(others, key=lambda each: int(each["displayOrder"]))
    taken = [place for place, each in enumerate(ordered) if each["displayOrder"] == order]
    if not taken:
        return sorted([*ordered, stage], key=lambda each: int(each["displayOrder"]))
    ordered.insert(taken[0] + 1, stage)
    return [{**each, "displayOrder": place} for place, each in enumerate(ordered)]


def _check_label(portal: "Portal", label: str, own_id: str | None) -> None:
    for pipeline_id, pipeline in portal.schema.pipelines.items():
        if pipeline_id != own_id and pipeline["label"].lower() == label.lower():
            raise validation(f"An active pipeline with label {label} already exists")


def _check_stages(portal: "Portal", stages: Sequence[NewStage], own_id: str | None) -> None:
    if not stages:
        raise validation("Pipeline must have at least one stage")
    if len(stages) > _MOST_STAGES:
        raise validation(f"Pipeline has more than {_MOST_STAGES} stages, the maximum")  # the text is ours
    labels = {stage.label.strip().lower() for stage in stages}
    if len(labels) < len(stages):
        raise validation("Stage labels must be unique within a pipeline")  # the text is ours
    for stage in stages:
        found = portal.schema.stage(stage.id) if stage.id else None
        if found is not None and found[0] != own_id:
            raise VendorError(
                409,
                f"Stage IDs: [{stage.id}] exist in another pipeline",  # the text is ours
                category="CONFLICT",
                subCategory="PipelineError.STAGE_ID_EXISTS_IN_ANOTHER_PIPELINE",
            )


def _check_stage_label(others: Sequence[Mapping[str, Any]], label: str) -> None:
    if label.strip().lower() in {stage["label"].strip().lower() for stage in others}:
        raise validation(
            f"A stage with label {label} already exists in this pipeline",  # the text is ours
            subCategory="PipelineError.STAGE_LABEL_EXISTS",
        )
