"""What deals were found to point to, landed beside the records."""

import pytest

from hardfin_pipelines.connectors.base import Missing
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.references import ReadingFacts, facts_from_json, facts_to_json


def test_the_facts_of_a_reading_come_back_as_they_were():
    missing = (
        Missing("line_item", "5", 'said "no"\n', "gone"),
        Missing("company", "6", "", "forbidden"),
        Missing("product", "7", "shard 7 is away", "unreadable"),
    )
    for facts in (ReadingFacts("load", "cli:ann", 3, missing), ReadingFacts("poll", "sync", 1)):
        assert facts_from_json(facts_to_json(facts)) == facts


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"trigger":"poll","actor":"sync","mapping_revision":"x","missing":[]}',
        b'{"trigger":"poll","actor":"sync","mapping_revision":1,"missing":[{"role":"deal"}]}',
        b'{"trigger":"poll","actor":"sync","mapping_revision":1,"missing":[5]}',
    ],
)
def test_what_is_no_reading_is_refused_in_one_line(raw):
    with pytest.raises(LandingError, match="a row of deal_references cannot be read") as caught:
        facts_from_json(raw)
    assert "\n" not in str(caught.value)
