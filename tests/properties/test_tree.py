"""Two clients do what they like to one tree: nothing reachable is changed or lost but by what may do so."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.domain.errors import ChatBusy, Conflict, Invalid, NotFound
from api.models.chats import MESSAGES
from api.services.messages import Draft
from api.services.model_configs import Wish
from tests import hypothesis_profiles  # noqa: F401
from tests.server import until
from tests.services.whole import Whole
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("properties")
OPERATIONS = (
    "send",
    "send_at",
    "edit",
    "regenerate",
    "continue",
    "delete",
    "show",
    "fork",
    "compare",
    "stop",
    "plan",
    "execute",
)
MODELS = ("openai/text", "openai/cut:2", "openai/stall:1", "openai/status:500")
operation = st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 99), st.sampled_from(MODELS))
steps = st.lists(operation | st.tuples(operation, operation), min_size=3, max_size=12)
Seen = dict[UUID, Any]


class Play:
    """One chat, and all that was ever seen in it."""

    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.services = whole.services
        self.chat = whole.chat(whole.ann)
        self.seen: Seen = {}
        self.deleted: set[UUID] = set()
        self.grown: set[UUID] = set()

    def rows(self) -> Seen:
        query = sa.select(MESSAGES).where(MESSAGES.c.chat_id == UUID(self.chat)).order_by(MESSAGES.c.seq)
        found = self.services.chats._store.read(lambda work: work.connection.execute(query).all())
        return {row.id: row for row in found}

    def step(self, operations: tuple[Any, ...]) -> None:
        both = operations if isinstance(operations[0], tuple) else (operations,)
        ids = list(self.rows())
        with ThreadPoolExecutor(2) as pool:
            for outcome in [pool.submit(self.one, ids, *operation) for operation in both]:
                outcome.result()
        self.settle()
        self.check()

    def one(self, ids: list[UUID], name: str, number: int, model: str) -> None:
        """Refusals are answers too; any other exception is a fault."""
        target = ids[number % len(ids)] if ids else None
        with contextlib.suppress(ChatBusy, Conflict, Invalid, NotFound):
            self._do(name, target, model)

    def _do(self, name: str, target: UUID | None, model: str) -> None:
        who, messages, tree = self.whole.ann, self.services.messages, self.services.tree
        draft = Draft("something", wish=Wish(model=model))
        if name == "send" or target is None:
            messages.send(who, self.chat, draft)
        elif name == "send_at":
            messages.send(who, self.chat, Draft("below", str(target), Wish(model=model)))
        elif name == "edit":
            messages.edit(who, str(target), draft)
        elif name == "regenerate":
            messages.regenerate(who, str(target), draft)
        elif name == "continue":
            self.grown.add(target)
            messages.go_on(who, str(target), draft)
        elif name == "delete":
            tree.delete(who, str(target))
            self.deleted.add(target)
        elif name == "show":
            tree.show(who, self.chat, str(target))
        elif name == "fork":
            made = tree.fork(who, self.chat, str(target), None)
            self.services.chats.open(who, str(made.id))
        elif name == "compare":
            messages.compare(who, self.chat, Draft("compare"), ["openai/text", model + "#2"])
        elif name == "plan":  # from now on, or not any more
            plan = {"planner": "openai/count:2:0", "answerer": model, "review": model == "openai/text"}
            self.services.chats.change(who, self.chat, {"plan": plan if model != "openai/status:500" else None})
            messages.send(who, self.chat, Draft("plan"))
        elif name == "execute":
            messages.execute(who, str(target), draft)
        else:
            self.services.generations.stop_all(who.user_id, UUID(self.chat))

    def settle(self) -> None:
        """What ends by itself has done so, and the rest is stopped."""
        store = self.services.chats._store
        until(
            lambda: all(
                one.model.startswith("stall")
                for one in store.read(lambda work: work.generations.active_of_user(self.whole.ann.user_id))
            )
        )
        self.services.generations.stop_all(self.whole.ann.user_id, UUID(self.chat), seconds=30.0)

    def check(self) -> None:
        rows = self.rows()
        for message_id, old in self.seen.items():
            new = rows.get(message_id)
            if new is None:
                assert self._below_a_deleted(message_id), f"{old.role} {old.content!r} is gone"
                continue
            same = (new.parent_id, new.seq, new.role, new.created_at) == (
                old.parent_id,
                old.seq,
                old.role,
                old.created_at,
            )
            assert same
            assert new.content == old.content or (message_id in self.grown and new.content.startswith(old.content))
        assert len({row.seq for row in rows.values()}) == len(rows)
        assert all(row.parent_id is None or row.parent_id in rows for row in rows.values())
        chat, path = self.services.chats.open(self.whole.ann, self.chat)
        assert (path[-1].id if path else None) == chat.head_id
        parents: list[UUID | None] = [None, *(message.id for message in path)]
        assert [message.parent_id for message in path] == parents[:-1], "a path from a root"
        assert chat.active_generation_id is None
        self.seen |= rows

    def _below_a_deleted(self, message_id: UUID | None) -> bool:
        while message_id is not None:
            if message_id in self.deleted:
                return True
            message_id = self.seen[message_id].parent_id
        return False


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as up:
        yield up


@pytest.fixture
def whole(make_app: Callable[..., Flask], upstream: Upstream) -> Whole:
    many = {"generation_limit_per_hour": 10**6, "rate_limit_per_hour": 10**6}
    whole = Whole(make_app(openai_base_url=f"{upstream.url}/v1", ollama_base_url="http://127.0.0.1:9", **many))
    whole.config(whole.ann)
    return whole


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(story=steps)
def test_two_clients_and_one_tree(whole: Whole, story: list[tuple[Any, ...]]) -> None:
    play = Play(whole)
    for operations in story:
        play.step(operations)


def test_a_fault_would_be_seen(whole: Whole) -> None:
    """The check itself: a message that vanishes by another way is noticed."""
    play = Play(whole)
    play.step(("send", 0, "openai/text"))
    play.check()
    play.services.chats._store.write(
        lambda work: work.connection.execute(
            sa.update(MESSAGES).where(MESSAGES.c.role == "assistant").values(content="other")
        )
    )
    with pytest.raises(AssertionError):
        play.check()
