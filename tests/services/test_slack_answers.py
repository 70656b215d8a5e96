"""What was promised to Slack, where the process that promised it is gone, or nobody takes the answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from api.domain import clock
from api.domain.ids import new_id
from api.domain.slack import PromisedAnswer
from api.providers import outbound
from api.services import slack_answers
from api.services.slack_answers import BROKEN_OFF, SlackAnswers
from api.web.dialects.slack import wire
from tests.answers import Answers
from tests.dialects.slack import SECRET, SlackUser
from tests.server import until
from tests.services.whole import Whole
from tests.upstream import Upstream


@pytest.fixture
def slack() -> Iterator[Answers]:
    with Answers({}) as host:
        host.otherwise = {"ok": True}
        yield host


@pytest.fixture
def linked(make_app: Callable[..., Flask], upstream: Upstream, slack: Answers) -> Whole:
    """All services; ben has a Slack user."""
    whole = Whole(
        make_app(
            openai_base_url=f"{upstream.url}/v1",
            slack_signing_secret=SECRET,
            slack_response_origin=slack.url,
            allowed_private_hosts=f"127.0.0.1:{slack.port}",
        )
    )
    code, _ = whole.services.slack.new_code(whole.ben)
    assert "acts as" in whole.services.slack.obey(wire.command(SlackUser(0).form("/link", code)))
    whole.config(whole.ben)
    return whole


def answers(whole: Whole) -> SlackAnswers:
    return whole.services.slack._answers


def promised(whole: Whole, url: str, generation: Any = None, *, age: dt.timedelta = dt.timedelta(0)) -> PromisedAnswer:
    """A promise of a process that is gone, over a reply that ben had."""
    chat = whole.chat(whole.ben)
    generation = generation or whole.said(whole.ben, chat, "hello").id
    row = new_id()
    token = answers(whole)._vault.seal(url, row)
    answer = PromisedAnswer(whole.ben.user_id, row, generation, new_id(), token, clock.now() - age)
    answers(whole)._store.write(lambda work: work.slack.promise(answer))
    return answer


def kept(whole: Whole) -> list[PromisedAnswer]:
    return answers(whole)._store.read(lambda work: work.slack.promised())


def test_what_a_process_promised_that_is_gone_is_delivered_once(linked: Whole, slack: Answers) -> None:
    promised(linked, f"{slack.url}/commands/1")
    promised(linked, f"{slack.url}/commands/2", generation=new_id())
    until(lambda: kept(linked) == [], what="the promises' end")
    told = {path: body["text"] for path, body, _ in slack.asked}
    assert told == {"/commands/1": "hello", "/commands/2": BROKEN_OFF}
    assert len(slack.asked) == 2


def test_what_must_not_be_delivered_any_more_is_forgotten(linked: Whole, slack: Answers) -> None:
    late = slack_answers.ADDRESS_LIFE + dt.timedelta(seconds=1)
    promised(linked, f"{slack.url}/commands/late", age=late)
    moved = promised(linked, f"{slack.url}/commands/moved")
    foreign = PromisedAnswer(moved.user_id, new_id(), moved.generation_id, new_id(), moved.token, moved.created_at)
    answers(linked)._store.write(lambda work: work.slack.promise(foreign))  # sealed for another row
    promised(linked, "http://127.0.0.1:9/elsewhere")
    until(lambda: kept(linked) == [], what="the promises' end")
    assert {path for path, _, _ in slack.asked} <= {"/commands/moved"}
    linked.services.slack.unlink(linked.ben)
    promised(linked, f"{slack.url}/commands/unlinked")
    until(lambda: kept(linked) == [], what="the promise's end")
    assert {path for path, _, _ in slack.asked} <= {"/commands/moved"}


def test_what_nobody_took_is_sent_again(linked: Whole, slack: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "PAUSES", (0.0,))
    monkeypatch.setattr(slack_answers, "AGAIN_SECONDS", 0.0)
    refusals: Iterator[Any] = iter(((500, {}), (503, {}), (429, {})))
    slack.by_path["/commands/1"] = lambda _: next(refusals, {"ok": True})
    promised(linked, f"{slack.url}/commands/1")
    until(lambda: kept(linked) == [], what="the promise's end")
    assert slack.paths() == ["/commands/1"] * 4
