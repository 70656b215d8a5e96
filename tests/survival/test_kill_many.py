"""A server killed while four models are compared, and at either step of a plan: what was acknowledged stays."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import Person, Server, running_server, until
from tests.survival.parts import LONG, Stored, counting, dice_for, ended, join, new_tag, text_of
from tests.upstream import Upstream

KILLS = 20 if LONG else 1
TOKENS, PAUSE_MS = 500, 20


@pytest.fixture
def server(database_url: str, tmp_path: Path, upstream: Upstream) -> Iterator[Server]:
    with running_server(database_url, tmp_path, OPENAI_BASE_URL=f"{upstream.url}/v1") as server:
        yield server
        server.kill()


def speaks(upstream: Upstream, tag: str) -> None:
    upstream.wait(lambda up: (sent := up.sent(tag)) is not None and sent.tokens, 60)


def goes_on(ann: Person, chat: str) -> None:
    """The chat takes the next message."""
    taken: Any = until(
        lambda: (answer := ann.send(chat, "and on", model=counting(1, 0, new_tag()))).status == 202 and answer,
        what="the chat to take the next message",
    )
    assert ended(ann, taken.json["generation"]["id"])["status"] == "complete"


@pytest.mark.timeout(300)
def test_four_at_once(server: Server, upstream: Upstream, stored: Stored) -> None:
    ann, dice = server.person(), dice_for("kill compare")
    ann.openai()
    for _ in range(KILLS):
        chat, tags = ann.chat(), [new_tag() for _ in range(4)]
        models = [counting(TOKENS, PAUSE_MS, tag) for tag in tags[:3]] + [counting(2, 0, tags[3])]
        body = {"content": "go", "models": models}
        begun = ann.call("POST", f"/chats/{chat}/compare", body, Prefer="respond-async")
        ids = [reply["generation"]["id"] for reply in begun.json["replies"]]
        for tag in tags:
            speaks(upstream, tag)
        assert ended(ann, ids[3])["status"] == "complete"
        flushed = kill(server, dice, stored, ids[:3])
        for one, tag, before in zip(ids[:3], tags, flushed, strict=False):
            assert ended(ann, one)["status"] == "interrupted"
            kept = stored.answer(one)
            assert kept.content.startswith(before)
            upstream.wait(lambda up, tag=tag: up.sent(tag).left, 60)
            assert upstream.sent(tag).text.startswith(kept.content)  # type: ignore[union-attr]
            assert text_of(list(join(ann, one))) == kept.content
        assert stored.answer(ids[3]).content == "1 2 "
        assert len({stored.answer(one).parent_id for one in ids}) == 1
        place = ",".join(f"{one.replace('-', '')[-8:]}:0" for one in ids)
        with ann._open("GET", f"/generations/{ids[0]}/events", None, {"Last-Event-ID": place}) as stream:
            assert sum(kind == "finished" for _, kind, _ in stream) == 4
        chosen = begun.json["replies"][1]["message"]["id"]
        assert ann.call("PUT", f"/chats/{chat}/head", {"message_id": chosen}).status == 200
        goes_on(ann, chat)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", ["plan", "between", "answer"])
def test_at_either_step_of_a_plan(server: Server, upstream: Upstream, stored: Stored, step: str) -> None:
    ann, dice = server.person(), dice_for(f"kill {step}")
    ann.openai()
    for _ in range(KILLS):
        planner, answerer = new_tag(), new_tag()
        models = {
            "plan": (counting(TOKENS, PAUSE_MS, planner), counting(1, 0, answerer)),
            "between": (counting(dice.randint(1, 20), 10, planner), f"openai/stall#{answerer}"),
            "answer": (counting(3, 0, planner), counting(TOKENS, PAUSE_MS, answerer)),
        }[step]
        chat = ann.chat(plan={"planner": models[0], "answerer": models[1]})
        plan = ann.send(chat, "go").json["generation"]["id"]
        speaks(upstream, planner if step != "answer" else answerer)
        flushed = kill(server, dice, stored, [plan] if step == "plan" else [])
        planned = ended(ann, plan)
        messages = ann.messages(chat)
        assert messages[0]["content"] == "go"
        assert (messages[1]["kind"], messages[1]["status"]) == ("plan", planned["status"])
        following = planned["notes"].get("next")
        assert (following is not None) == (len(messages) == 3) == (planned["status"] == "complete")
        if step == "plan":
            assert planned["status"] == "interrupted"
            assert messages[1]["content"].startswith(flushed[0])
        if following:
            answered = ended(ann, following)
            assert (answered["status"], messages[2]["status"]) == ("interrupted", "interrupted")
            assert upstream.sent(planner).text == messages[1]["content"]  # type: ignore[union-attr]
            assert [planned["model"], answered["model"]] == [model.partition("/")[2] for model in models]
        if messages[1]["content"]:
            again = ann.call("POST", f"/messages/{messages[1]['id']}/execute", {"model": counting(2, 0, new_tag())})
            assert again.json["message"]["content"] == "1 2 "
            assert ann.messages(chat)[1] == messages[1] | {"sibling_ids": [messages[1]["id"]]}
        goes_on(ann, chat)


def kill(server: Server, dice: random.Random, stored: Stored, ids: list[str]) -> list[str]:
    """At any moment of a second, and up again; what was stored of these replies just before."""
    time.sleep(dice.uniform(0.0, 1.0))
    flushed = [stored.flushed(one) for one in ids]
    server.kill()
    server.start()
    return flushed
