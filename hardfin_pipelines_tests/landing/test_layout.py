import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.landing.errors import InvalidName
from hardfin_pipelines.landing.layout import (
    Unit,
    is_within,
    journal_path,
    journal_paths,
    landed_path,
    landed_paths,
    part_path,
    part_paths,
    unlanded_unit,
)
from hardfin_pipelines_tests.landing.landing_cases import land, record, unit

BAD_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "/etc",
    "a\0b",
    "a\nb",
    "a\n",
    "a=b",
    "_journal",
    ".hidden",
    "a..b",
    "ünit",
    "a b",
    "x" * 300,
    "%2e%2e",
    "a:b:c",
    "*",
    "org=other",
]


def test_a_landed_file_lies_under_organization_connection_and_object(tmp_path):
    work = unit("tick-2026-11-22T20-15-00Z-7")
    expected = tmp_path / "org=acme/connection=hubspot/object=deals/tick-2026-11-22T20-15-00Z-7.parquet"
    assert landed_path(tmp_path, work, "deals") == expected


def test_a_journal_lies_beside_the_objects_of_its_connection(tmp_path):
    expected = tmp_path / "org=acme/connection=hubspot/_journal/load-2026-01-01_2026-07-01.journal"
    assert journal_path(tmp_path, unit("load-2026-01-01_2026-07-01")) == expected


def test_vendors_object_names_are_taken_as_they_are(tmp_path):
    for name in ("deals", "line_items", "OpportunityLineItem", "Custom__c", "2-12345"):
        assert landed_path(tmp_path, unit(), name).parent.name == f"object={name}"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_could_leave_their_folder_are_refused_in_one_line(tmp_path, name):
    for make in (
        lambda: Unit(name, f"{name}:hubspot", "tick-1"),
        lambda: Unit("acme", f"acme:{name}", "tick-1"),
        lambda: unit(name),
        lambda: landed_path(tmp_path, unit(), name),
        lambda: list(landed_paths(tmp_path, org=name)),
        lambda: list(landed_paths(tmp_path, object_name=name)),
    ):
        with pytest.raises(InvalidName, match="expected") as refused:
            make()
        message = str(refused.value)
        assert "\n" not in message
        assert message.isprintable()
        assert len(message) < 400


def test_upper_case_slugs_are_refused_so_that_no_two_organizations_share_a_folder():
    with pytest.raises(InvalidName, match="organization slug 'Acme' cannot name a folder or file"):
        unit(org="Acme")


def test_a_connection_of_another_organization_is_refused():
    with pytest.raises(InvalidName, match="'other:hubspot' is not one of organization acme: expected acme:<integr"):
        Unit("acme", "other:hubspot", "tick-1")


def test_an_address_is_refused_as_root():
    with pytest.raises(InvalidName, match="landing root 's3://bucket/x' is an address"):
        landed_path("s3://bucket/x", unit(), "deals")


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_every_accepted_name_stays_four_levels_below_the_root(tmp_path_factory, org, integration, name, object_name):
    root = tmp_path_factory.getbasetemp()
    try:
        path = landed_path(root, Unit(org, f"{org}:{integration}", name), object_name)
    except InvalidName:
        return
    assert path.resolve() == path
    assert len(path.relative_to(root).parts) == 4


slugs = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,5}", fullmatch=True)
units = st.builds(
    lambda org, integration, name: Unit(org, f"{org}:{integration}", name),
    slugs,
    slugs,
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,5}", fullmatch=True),
)


@given(units, units, slugs, slugs)
def test_two_units_or_objects_never_share_a_path(one, other, one_object, other_object):
    same = (one, one_object) == (other, other_object)
    assert (landed_path("/r", one, one_object) == landed_path("/r", other, other_object)) is same
    assert (journal_path("/r", one) == journal_path("/r", other)) is (one == other)


def _touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_only_files_of_the_layout_are_listed(tmp_path):
    ours = _touch(landed_path(tmp_path, unit("tick-1"), "deals"))
    other = _touch(landed_path(tmp_path, unit("tick-1", org="beta"), "companies"))
    part = _touch(part_path(ours))
    journal = _touch(journal_path(tmp_path, unit("tick-1")))
    for stray in (
        "org=acme/connection=hubspot/object=deals/_notes.parquet",
        "org=acme/connection=hubspot/object=deals/a b.parquet",
        "org=acme/connection=hubspot/object=deals/tick-1.csv",
        "org=acme/connection=hubspot/object=deals/.tick-1.part",
        "org=acme/connection=hubspot/object=deals/.tick-1.notahexx.part",
        "org=ACME/connection=hubspot/object=deals/tick-1.parquet",
        "org=acme/connection=hubspot/tick-1.parquet",
        "org=acme/connection=hubspot/_journal/_x.journal",
        "notes.parquet",
    ):
        _touch(tmp_path / stray)
    assert [each.path for each in landed_paths(tmp_path)] == [ours, other]
    assert [each.path for each in landed_paths(tmp_path, "acme", "acme:hubspot", "deals")] == [ours]
    assert [each.path for each in landed_paths(tmp_path, "beta")] == [other]
    assert list(landed_paths(tmp_path, "beta", "hubspot", "deals")) == []
    assert list(part_paths(tmp_path)) == [part]
    assert list(journal_paths(tmp_path)) == [journal]
    found = next(landed_paths(tmp_path))
    assert (found.org, found.integration, found.object_name, found.unit_name) == ("acme", "hubspot", "deals", "tick-1")


def test_a_path_behind_a_link_is_not_within_the_root(tmp_path):
    outside = _touch(tmp_path / "outside" / "object=deals" / "tick-1.parquet")
    root = tmp_path / "root"
    inside = _touch(landed_path(root, unit(), "companies"))
    (inside.parent.parent / "object=deals").symlink_to(outside.parent)
    link = inside.with_name("tick-2.parquet")
    link.symlink_to(outside)
    assert is_within(root, inside)
    assert not is_within(root, link)
    assert not is_within(root, inside.parent.parent / "object=deals" / "tick-1.parquet")


def test_a_unit_that_landed_before_gets_a_name_of_its_own(tmp_path):
    load = unit("load-1")
    assert unlanded_unit(tmp_path, load) == load
    land(tmp_path, load, [record("1")], object_name="companies")
    second = unlanded_unit(tmp_path, load)
    assert second.name == "load-1.again-2"
    land(tmp_path, second, [record("1")])
    assert unlanded_unit(tmp_path, load).name == "load-1.again-3"
    assert unlanded_unit(tmp_path, unit("load-1", org="beta")).name == "load-1"
    assert [path.unit_name for path in landed_paths(tmp_path)] == ["load-1", "load-1.again-2"]
