"""Generated chats with every kind of content, put straight into the database."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from api.domain.chats import Message
from api.domain.ids import new_id
from api.domain.principal import Principal
from tests.services.whole import Whole

ODD = [
    "<script>alert(1)</script>",
    "```\n</code>\n````\n",
    "\u202egpj.exe",
    "]}\n",
    '"\\',
    "\r\n\u2028\x85\x1b",
    "🦀字",
    "&lt;",
]
letters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.text(letters, max_size=40) | st.sampled_from(ODD)
lines = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40)
numbers = (
    st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e16, 1e300, -0.0])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, values, max_size=3)
moments = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))
maybe_model = st.none() | st.sampled_from(["gpt-4o", "claude", "字 model"])


@dataclass
class Node:
    """A message, and which of those before it is its parent (none for the number 0)."""

    under: int
    values: dict[str, Any]


@dataclass
class Tree:
    chat: dict[str, Any]
    nodes: list[Node]
    head: int


message_values = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "system", "tool"]),
        "kind": st.sampled_from(["text", "text", "plan"]),
        "content": texts,
        "reasoning": st.none() | texts,
        "parts": st.none() | st.lists(objects, max_size=2),
        "model": maybe_model,
        "provider": st.none() | st.sampled_from(["openai", "anthropic"]),
        "status": st.sampled_from(["complete", "stopped", "length", "filtered", "interrupted", "error"]),
        "metadata": objects
        | st.fixed_dictionaries({"feedback": st.fixed_dictionaries({"rating": st.just("up"), "comment": texts})}),
        "created_at": moments,
    }
)
chat_values = st.fixed_dictionaries(
    {
        "title": lines,
        "model": maybe_model,
        "parameters": st.sampled_from([{}, {"temperature": 0.5, "max_tokens": 100}, {"top_p": 1.0}]),
        "plan": st.none() | st.just({"planner": "openai/a", "answerer": "openai/b", "review": True}),
        "pinned": st.booleans(),
        "archived": st.booleans(),
        "folder": st.none() | lines,
        "tags": st.lists(lines, max_size=3),
    }
)
trees = st.builds(
    Tree,
    chat_values,
    st.lists(st.builds(Node, st.integers(0, 30), message_values), max_size=8),
    st.integers(0, 30),
)


def put(whole: Whole, who: Principal, tree: Tree) -> str:
    """The chat's id."""
    chat = whole.services.chats.create(who, tree.chat)
    rows: list[Message] = []
    for seq, node in enumerate(tree.nodes, 3):  # a chat's first numbers may have gone
        at = node.under % (len(rows) + 1)
        parent = rows[at - 1].id if at else None
        rows.append(Message(who.user_id, new_id(), chat.id, parent, seq, **node.values))
    head = rows[tree.head % len(rows)].id if rows else None
    changes = {"head_id": head, "last_seq": len(rows) + 2}

    def write(work: Any) -> None:
        work.messages.add(rows)
        work.chats.change(who.user_id, chat.id, changes)

    whole.services.chats._store.write(write)
    return str(chat.id)


def talk(whole: Whole, who: Principal, *said: str, title: str = "A talk", **more: Any) -> str:
    """A chat of one branch, said in turns by user and assistant."""
    nodes = []
    for number, content in enumerate(said):
        values = {"role": "assistant" if number % 2 else "user", "kind": "text", "content": content}
        values |= {"reasoning": None, "parts": None, "model": None, "provider": None, "status": "complete"}
        values |= {"metadata": {}, "created_at": dt.datetime(2026, 1, 2, 3, 4, number % 60, tzinfo=dt.UTC)}
        nodes.append(Node(number, values | more))
    return put(whole, who, Tree({"title": title}, nodes, len(said) - 1))


def exported(whole: Whole, who: Principal, chat: str, form: Any = "json") -> bytes:
    return b"".join(whole.services.exports.one(who, chat, form).chunks)
