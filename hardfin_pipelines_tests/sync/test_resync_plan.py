"""Rule 4, one project: its fields, its customer, its lines; what is written and what the links remember."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.field_names import FieldName
from hardfin_pipelines.sync.first_sync import plan_batch, plan_project
from hardfin_pipelines.sync.mapping import Mapped, map_record
from hardfin_pipelines.sync.plans import Known
from hardfin_pipelines.sync.resync import HeldEntity
from hardfin_pipelines.sync.resync_choices import Choices
from hardfin_pipelines.sync.resync_plan import CustomerNow, HeldProject, LinkUpdate, plan_resync
from hardfin_pipelines.sync.trigger import Triggered
from hardfin_pipelines.sync.values import to_text
from hardfin_pipelines_tests.sync.builders import (
    MAPPINGS,
    NOON,
    bundle,
    company,
    context,
    created,
    line,
    links,
    product,
    rule,
    synced,
)


def first_sync(deal, known):
    """The project as Hardfin holds it right after its first sync."""
    outcome = synced(plan_batch([deal], known, context())[0])
    by_entity = {link.entity_id: link for link in outcome.links}

    def as_held(entity):
        texts = dict(by_entity[entity.id].synced_values)
        return HeldEntity(entity.entity, entity.id, texts, texts)

    (project,) = created(outcome, "project")
    lines = {by_entity[each.id].external_id: as_held(each) for each in created(outcome, "project_line_item")}
    customers = created(outcome, "customer")
    return HeldProject(as_held(project), lines, as_held(customers[0]) if customers else None)


def crm_now(held, deal, known):
    """The project as a first sync would make it of what the CRM says now."""
    return synced(plan_project(deal, known, context(), Triggered(rule(), "won"), project_id=held.project.id))


def re_sync(held, deal, known, *, keep=False):
    crm = crm_now(held, deal, known)
    customer = next(iter(deal.companies.values()), None)
    mapped = None if customer is None else map_record(customer, MAPPINGS["customer"], {})
    now = CustomerNow(mapped.values, customer.modified_at) if customer and isinstance(mapped, Mapped) else None
    return plan_resync(held, crm, now, Choices(keep_local_edits=keep))


def edited(entity, **texts):
    return replace(entity, texts={**entity.texts, **texts})


def shown(plan):
    return [(change.entity, change.kind, [field.field for field in change.fields]) for change in plan.changes]


DEAL = bundle(
    "1",
    of_company="7",
    companies=[company("7")],
    lines=[line("5", of_product="9"), line("6", "Fitting")],
    products=[product("9")],
)


def test_an_unchanged_project_re_syncs_to_nothing():
    known = Known()
    held = first_sync(DEAL, known)

    plan = re_sync(held, DEAL, known)

    assert not plan.writes
    assert (plan.changes, plan.updates, plan.link_updates, plan.new_entities, plan.new_links) == ((), {}, (), (), ())


def test_values_changed_in_the_crm_are_taken_and_become_the_new_base():
    known = Known()
    held = first_sync(DEAL, known)
    changed = bundle(
        "1",
        properties={"amount": "12.50"},
        of_company="7",
        companies=[company("7", "Renamed")],
        lines=DEAL.line_items.values(),
        products=DEAL.products.values(),
    )

    plan = re_sync(held, changed, known)

    assert shown(plan) == [("project", "update", ["value"]), ("customer", "update", ["name"])]
    assert {key: {name: str(value) for name, value in taken.items()} for key, taken in plan.updates.items()} == {
        ("project", held.project.id): {"value": "12.50"},
        ("customer", held.customer.id): {"name": "Renamed"},
    }
    bases = {update.entity: update.synced_values for update in plan.link_updates}
    assert bases["project"] == {**held.project.synced, "value": "12.5"}
    assert bases["customer"]["name"] == "Renamed"


def test_edits_made_in_hardfin_are_overwritten_by_default_and_kept_on_request():
    known = Known()
    held = first_sync(DEAL, known)
    held = replace(held, project=edited(held.project, value="99", description="ours"))

    by_default, keeping = re_sync(held, DEAL, known), re_sync(held, DEAL, known, keep=True)

    assert {name: to_text(value) for name, value in by_default.updates["project", held.project.id].items()} == {
        "value": "10"
    }
    assert keeping.updates == {}
    assert not keeping.writes
    assert shown(keeping) == [("project", "update", ["value"])], "a preview shows what is kept"


def test_lines_are_added_removed_and_restored():
    known = Known()
    held = first_sync(DEAL, known)
    without_fitting = bundle(
        "1",
        of_company="7",
        companies=DEAL.companies.values(),
        products=[product("9")],
        lines=[line("5", of_product="9"), line("8", "New")],
    )

    plan = re_sync(held, without_fitting, known)

    kinds = [(change.kind, change.title) for change in plan.changes if change.entity == "project_line_item"]
    assert kinds == [("add", "New"), ("remove", "Fitting")]
    assert plan.removed == (held.lines["6"].id,)
    assert {entity.entity for entity in plan.new_entities} == {"item", "project_line_item"}
    assert [link.external_id for link in plan.new_links] == ["8"]

    gone = {**held.lines, "6": replace(held.lines["6"], removed=True)}
    back = re_sync(replace(held, lines=gone), DEAL, known)
    assert shown(back) == [("project_line_item", "restore", [])]
    assert back.restored == (held.lines["6"].id,)


def test_a_line_that_is_gone_for_good_is_marked_removed_once():
    known = Known()
    held = first_sync(DEAL, known)
    gone = {**held.lines, "6": replace(held.lines["6"], removed=True)}
    without_fitting = bundle("1", of_company="7", companies=DEAL.companies.values(), lines=[line("5", of_product="9")])

    plan = re_sync(replace(held, lines=gone), without_fitting, known)

    assert not plan.writes
    assert plan.removed == ()


def test_a_deal_that_moved_to_another_company_moves_its_project():
    known = Known()
    held = first_sync(DEAL, known)
    moved = bundle("1", of_company="8", companies=[company("8", "New owner")], lines=DEAL.line_items.values())

    plan = re_sync(replace(held, customer=None), moved, known)

    assert ("project", "update", ["customer"]) in shown(plan)
    (customer,) = [entity for entity in plan.new_entities if entity.entity == "customer"]
    assert plan.updates["project", held.project.id] == {"customer": customer.id}
    assert [(link.role, link.external_id) for link in plan.new_links] == [("company", "8")]


def test_a_line_whose_product_was_exchanged_gets_the_other_item():
    known = Known(items_by_name={"valve": ("itm_valve",)})
    held = first_sync(DEAL, known)
    exchanged = bundle(
        "1",
        of_company="7",
        companies=DEAL.companies.values(),
        products=[product("10", "Valve")],
        lines=[line("5", of_product="10"), line("6", "Fitting")],
    )

    plan = re_sync(held, exchanged, known)

    assert shown(plan) == [("project_line_item", "update", ["item"])]
    assert plan.updates == {("project_line_item", held.lines["5"].id): {"item": "itm_valve"}}
    assert [(link.external_id, link.entity_id) for link in plan.new_links] == [("10", "itm_valve")]


def test_a_link_remembers_the_crm_value_even_where_the_edit_is_kept():
    known = Known()
    held = first_sync(DEAL, known)
    held = replace(held, project=edited(held.project, value="99"))
    changed = bundle(
        "1",
        properties={"amount": "20"},
        of_company="7",
        companies=DEAL.companies.values(),
        lines=DEAL.line_items.values(),
    )

    plan = re_sync(held, changed, known, keep=True)

    assert plan.updates == {}
    assert plan.link_updates == (LinkUpdate("project", held.project.id, {**held.project.synced, "value": "20"}, NOON),)


def test_a_line_of_another_project_comes_here_with_its_edits_and_its_status():
    known = Known()
    held = first_sync(DEAL, known)
    theirs = held.lines["6"]
    elsewhere = replace(edited(theirs, project="prj_other", quantity="4"), removed=True)
    elsewhere = replace(elsewhere, synced={**theirs.synced, "project": "prj_other", "status": "removed"})
    held = replace(held, lines={"5": held.lines["5"]}, elsewhere={"6": elsewhere})

    plan = re_sync(held, DEAL, known, keep=True)

    (change,) = plan.changes
    assert (change.kind, change.id) == ("move", theirs.id)
    assert [(each.field, each.decision) for each in change.fields] == [
        ("quantity", "keep"),
        ("project", "take"),
        ("status", "take"),
    ]
    assert plan.updates == {("project_line_item", theirs.id): {"project": held.project.id}}
    assert plan.restored == (theirs.id,)
    assert plan.moves == {theirs.id: "prj_other"}
    assert plan.link_updates[0].synced_values == {**theirs.synced, "status": "active"}


def test_a_line_that_is_kept_with_another_project_is_left_alone_whole():
    known = Known()
    held = first_sync(DEAL, known)
    theirs = edited(held.lines["6"], project="prj_other", quantity="4")
    held = replace(held, lines={"5": held.lines["5"]}, elsewhere={"6": theirs})
    crm = crm_now(held, DEAL, known)

    plan = plan_resync(held, crm, None, Choices(keep=frozenset({FieldName("project_line_item", "project", theirs.id)})))

    assert shown(plan) == [("project_line_item", "update", ["project"])]
    assert not plan.writes
    assert plan.link_updates == ()


def test_what_only_a_kept_field_names_is_not_created():
    known = Known()
    held = first_sync(DEAL, known)
    moved = bundle("1", of_company="8", companies=[company("8", "New owner")], lines=DEAL.line_items.values())
    crm = crm_now(held, moved, known)

    plan = plan_resync(held, crm, None, Choices(keep=frozenset({FieldName("project", "customer")})))

    assert (plan.new_entities, plan.new_links, plan.writes) == ((), (), False)


AMOUNTS = st.sampled_from(["10", "10.00", "12.5", None])
NAMES = st.sampled_from(["Pump", "Fitting", "Valve"])


@st.composite
def versions(draw):
    """A deal as it may look at some moment."""
    wanted = draw(st.dictionaries(st.sampled_from(["5", "6", "8"]), st.tuples(NAMES, st.sampled_from(["1", "2.50"]))))
    return bundle(
        "1",
        of_company="7",
        companies=[company("7", draw(st.sampled_from(["Globex", "Initech"])))],
        lines=[line(line_id, name, price) for line_id, (name, price) in wanted.items()],
        properties={"amount": draw(AMOUNTS), "dealname": draw(NAMES)},
    )


def after(held, plan):
    """Hardfin after the plan was carried out."""
    bases = {(update.entity, update.entity_id): update.synced_values for update in plan.link_updates}

    def written(entity):
        taken = plan.updates.get((entity.entity, entity.id), {})
        texts = {name: None if value is None else to_text(value) for name, value in taken.items()}
        removed = (entity.removed or entity.id in plan.removed) and entity.id not in plan.restored
        base = bases.get((entity.entity, entity.id), entity.synced)
        return replace(entity, texts={**entity.texts, **texts}, synced=base, removed=removed)

    new = {link.external_id: link for link in plan.new_links if link.role == "line_item"}
    lines = {external_id: written(entity) for external_id, entity in held.lines.items()}
    for external_id, link in new.items():
        lines[external_id] = HeldEntity(link.entity, link.entity_id, link.synced_values, link.synced_values)
    return HeldProject(written(held.project), lines, held.customer and written(held.customer))


@settings(deadline=None)
@given(first=versions(), now=versions(), edit=st.none() | st.sampled_from(["10", "77"]), keep=st.booleans())
def test_a_re_sync_done_again_writes_nothing_and_by_default_equals_a_first_sync_of_now(first, now, edit, keep):
    known = Known()
    held = first_sync(first, known)
    if edit is not None:
        held = replace(held, project=edited(held.project, value=edit))

    result = after(held, re_sync(held, now, known, keep=keep))

    assert not re_sync(result, now, known, keep=keep).writes
    fresh = synced(plan_project(now, known, context(), Triggered(rule(), "won"), project_id=held.project.id))
    texts = {link.external_id: link.synced_values for link in fresh.links if link.role == "line_item"}
    assert {external_id: each.texts for external_id, each in result.lines.items() if not each.removed} == texts
    if not keep:
        assert result.project.texts == links(fresh, "deal")["1"].synced_values
    elif edit is not None and edit != held.project.synced["value"]:
        assert result.project.texts["value"] == edit
