"""Every mistake in a file is one line that names the place, what was expected and what to do."""

from datetime import date
from pathlib import Path

import pytest

from hardfin_pipelines.organizations.document import read_document
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.organizations.reading import read_organizations, read_text

HEAD = "organization: acme\nplan: advanced\n"
HUBSPOT = HEAD + "connections:\n  - integration: hubspot\n"


def lines_of(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_text(text, "acme.yaml", today=date(2026, 3, 1))
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems)
    return lines


def test_a_sound_document_is_read_with_its_defaults():
    (document,) = read_text(HUBSPOT + "    pipelines: [{pipeline: 0012, trigger_stages: [0121E0000001, 44, 4.50]}]\n")

    assert document.configuration.document() == {
        "organization": "acme",
        "plan": "advanced",
        "connections": [
            {
                "integration": "hubspot",
                "status": "active",
                "files": True,
                "pipelines": [
                    {"pipeline": "0012", "trigger_stages": ["0121E0000001", "44", "4.50"], "status": "active"}
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("yaml", "line"),
    [
        (
            HUBSPOT + "    pipelines:\n      - pipeline: a\n      - pipeline: b\n        trigger_stages: 7\n",
            'acme.yaml:8: connections[0].pipelines[1].trigger_stages: expected "won" or a list of stages, got 7',
        ),
        (
            HUBSPOT + "    pipelines: [{pipeline: a, trigger_stages: closedwon}]\n",
            (
                'acme.yaml:5: connections[0].pipelines[0].trigger_stages: expected "won" or a list of stages, '
                'got "closedwon"; for one stage write [closedwon]'
            ),
        ),
        (
            HUBSPOT + "    cadance: 5m\n",
            (
                'acme.yaml:5: connections[0].cadance: is not a known key; the keys here are "integration", "status", '
                '"cadence", "start_date", "login", "objects", "netsuite", "files", "pipelines" or "mappings"; '
                'did you mean "cadence"?'
            ),
        ),
        (
            HUBSPOT + "    start_date: 2025-02-30\n",
            'acme.yaml:5: connections[0].start_date: expected a date such as 2025-01-31, got "2025-02-30"',
        ),
        (
            HUBSPOT + "    start_date: 20250131\n",
            "acme.yaml:5: connections[0].start_date: expected a date such as 2025-01-31, got 20250131",
        ),
        (
            HUBSPOT + "    start_date: 2009-12-31\n",
            "acme.yaml:5: connections[0].start_date: expected a date from 2010-01-01 on, got 2009-12-31",
        ),
        (
            HUBSPOT + "    start_date: 2026-03-02\n",
            "acme.yaml:5: connections[0].start_date: expected a date that is not in the future, got 2026-03-02",
        ),
        (HUBSPOT + "    files: yes\n", 'acme.yaml:5: connections[0].files: expected true or false, got "yes"'),
        (
            HUBSPOT + "    mappings:\n      project:\n        value: {field: amount, as: cash}\n",
            (
                'acme.yaml:7: connections[0].mappings.project.value.as: expected "text", "number", "date", "datetime", '
                '"boolean", "option label", "list", "months" or "money", got "cash"'
            ),
        ),
        (
            HUBSPOT + "    mappings:\n      project: {servicelevel: x}\n",
            (
                "acme.yaml:6: connections[0].mappings.project.servicelevel: is no field of a project; did you mean "
                '"service_level"?'
            ),
        ),
        (
            HUBSPOT + "    mappings:\n      project: {value: {field: amount, as: list}}\n",
            (
                "acme.yaml:6: connections[0].mappings.project.value.as: value holds a number: expected one of text, "
                "number, option label, months, money; got list"
            ),
        ),
        (
            HUBSPOT + "    mappings:\n      project: {value: {field: amount, default: soon}}\n",
            "acme.yaml:6: connections[0].mappings.project.value.default: cannot be read: expected a number, got 'soon'",
        ),
        (
            HUBSPOT + '    mappings:\n      item: {name: {template: "{name"}}\n',
            (
                "acme.yaml:6: connections[0].mappings.item.name: expected a template with vendor fields in braces, "
                'such as {name}, got "{name"'
            ),
        ),
        (
            HUBSPOT + "    mappings:\n      item: {name: {field: a, template: '{b}'}}\n",
            "acme.yaml:6: connections[0].mappings.item.name: expected either field or template",
        ),
        (
            HUBSPOT + "    mappings: {item: 7}\n",
            "acme.yaml:5: connections[0].mappings.item: expected a block of keys, got 7",
        ),
        (
            HUBSPOT + "    pipelines:\n      - pipeline: 12\n      - pipeline: '12'\n",
            'acme.yaml:7: connections[0].pipelines[1].pipeline: is a second rule for pipeline "12": keep one',
        ),
        (
            HUBSPOT + "  - integration: hubspot\n",
            (
                'acme.yaml:5: connections[1].integration: is a second connection to "hubspot": keep one (an '
                "organization has one for each integration)"
            ),
        ),
        (
            HEAD + "connections:\n  - integration: quickbooks\n    pipelines: [{pipeline: a}]\n",
            "acme.yaml:5: connections[0].pipelines: QuickBooks Online has no deals: leave pipelines out",
        ),
        (
            "plan: free\n",
            (
                "acme.yaml:1: organization: is missing: The organization's slug. It never changes: another slug "
                "is another organization."
            ),
        ),
        ("organization: 12\nplan: free\n", "acme.yaml:1: organization: expected text, got 12; put it in quotes"),
        (
            "organization: Acme\nplan: free\n",
            (
                "acme.yaml:1: organization: expected 2 to 63 lower-case letters, digits and hyphens, no hyphen at "
                'either end, got "Acme"'
            ),
        ),
        (
            "organization: acme\nplan: fre\n",
            'acme.yaml:2: plan: expected "free", "standard" or "advanced", got "fre"; did you mean "free"?',
        ),
        (HEAD + "plan: free\n", "acme.yaml:3: plan: is given twice (first on line 2): keep one"),
        (
            HEAD + "name: [\n",
            (
                "acme.yaml:4: is not valid YAML: while parsing a flow node expected the node content, but "
                "found '<stream end>'"
            ),
        ),
        (HEAD + "name: !secret x\n", 'acme.yaml:3: name: has the tag "!secret": expected a plain value'),
        (HEAD + "name: &a [*a]\n", "acme.yaml:3: name[0]: is an alias of what it stands in: write it out"),
        ("", 'acme.yaml:1: is empty: expected a document that begins with "organization"'),
        ("# nothing\n---\n", 'acme.yaml:1: is empty: expected a document that begins with "organization"'),
        ("- acme\n", 'acme.yaml:1: expected a block of keys that begins with "organization", got a list'),
        (HEAD.encode() + b"name: \xff\n", "acme.yaml:3: is not UTF-8 (byte 0xff): save the file as UTF-8"),
        (HEAD + "name: a\x07b\n", "acme.yaml:3: holds the character U+0007, which YAML does not allow"),
        (HEAD + 'name: "a\\0b"\n', 'acme.yaml:3: name: holds the character U+0000, which cannot be kept: "a\\x00b"'),
        (HEAD + "name: '  '\n", 'acme.yaml:3: name: expected some text, got "  "'),
    ],
)
def test_a_mistake_is_told_in_one_line(yaml, line):
    assert line in lines_of(yaml)


def test_every_mistake_of_a_file_is_told_at_once_in_the_order_of_its_lines():
    lines = lines_of(
        "organization: Acme\nplan: none\nconnections:\n"
        "  - integration: hubspot\n    files: 3\n  - integration: hubspot\n"
        "---\norganization: other\n"
    )

    assert [line.split(": ")[:2] for line in lines] == [
        ["acme.yaml:1", "organization"],
        ["acme.yaml:2", "plan"],
        ["acme.yaml:5", "connections[0].files"],
        ["acme.yaml:6", "connections[1].integration"],
        ["acme.yaml:8", "plan"],
    ]


def test_a_value_with_line_breaks_stays_on_one_line():
    (line,) = lines_of(HEAD + 'connections:\n  - integration: "hub\\nspot"\n')

    assert r'got "hub\nspot"' in line


def test_aliases_are_read_but_not_without_end():
    (document,) = read_text(
        HUBSPOT + "    pipelines:\n      - {pipeline: a, project: &p {owner: x}}\n      - {pipeline: b, project: *p}\n"
    )
    assert document.configuration.connections[0].pipelines[1].blocks()["project"]["owner"].field == "x"

    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert any("stands for more than 100,000 values" in line for line in lines_of(bomb))


def test_deep_nesting_is_refused_rather_than_followed():
    assert any("nested too deeply" in line for line in lines_of("a: " + "[" * 1_500))


def test_today_is_a_start_date_wherever_it_is_today_already():
    hubspot = {"integration": "hubspot", "start_date": "2026-03-01"}
    data = {"organization": "acme", "plan": "free", "connections": [hubspot]}

    assert read_document(data, today=date(2026, 3, 1)).configuration.connections[0].start_date == date(2026, 3, 1)
    with pytest.raises(ConfigurationError, match="not in the future"):
        read_document(data, today=date(2026, 2, 28))


def test_a_folder_is_read_file_by_file(tmp_path: Path):
    (tmp_path / "b.yaml").write_text("organization: bb\nplan: free\n---\norganization: cc\nplan: free\n")
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbforganization: aa\r\nplan: free\r\n")
    (tmp_path / "notes.txt").write_text("not read")

    assert [document.configuration.organization for document in read_organizations(tmp_path)] == ["aa", "bb", "cc"]


def test_an_organization_of_two_files_is_refused_naming_both(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("plan: free\norganization: acme\n")
    (tmp_path / "b.yaml").write_text("organization: acme\nplan: free\n")

    with pytest.raises(ConfigurationError) as caught:
        read_organizations(tmp_path)

    assert str(caught.value) == 'b.yaml:1: organization: "acme" is configured in a.yaml:2 already'


def test_what_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"^acme\.yaml: cannot be read: No such file or directory$"):
        read_organizations(tmp_path / "acme.yaml")
    with pytest.raises(ConfigurationError, match=r"has no \*\.yaml file"):
        read_organizations(tmp_path)
