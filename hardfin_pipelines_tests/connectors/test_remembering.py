import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.remembering import remembering
from hardfin_pipelines.engine.poll_answers import AnswerBuffer


@dataclass(frozen=True)
class Asked:
    key: str


def answer(body: bytes) -> Answer:
    headers = {"content-type": "application/json", "sforce-locator": "next"}
    return Answer(200, body, headers, datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


def test_an_answer_is_the_same_when_it_comes_and_when_it_is_remembered() -> None:
    sent: list[str] = []

    async def send(request: Asked) -> Answer:
        sent.append(request.key)
        return answer(b'{"a": 1}\n{"b"')

    async def run() -> tuple[Answer, Answer]:
        ask = remembering(send, AnswerBuffer(), ("sforce-locator",))
        return await ask(Asked("one")), await ask(Asked("one"))

    fresh, kept = asyncio.run(run())
    assert fresh == kept
    assert kept.headers == {"sforce-locator": "next"}
    assert sent == ["one"]


def test_a_body_is_parsed_once_also_behind_the_memory() -> None:
    parsed: list[bytes] = []

    def parse(body: bytes) -> int:
        parsed.append(body)
        return len(body)

    async def send(_request: Asked) -> Answer:
        found = answer(b"body")
        assert found.parsed(parse) == 4
        return found

    async def run() -> int:
        return (await remembering(send, AnswerBuffer())(Asked("one"))).parsed(parse)

    assert asyncio.run(run()) == 4
    assert parsed == [b"body"]


def test_what_cannot_be_parsed_is_refused_each_time() -> None:
    found = answer(b"x")
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            found.parsed(int)
