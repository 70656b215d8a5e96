"""Messages that name their parents, brought into an order in which parents come first.

Foreign trees are repaired, never refused: a parent that is not there makes a root, a circle is cut, and what is not
shown passes its children on to the nearest ancestor that is. Nothing that was said is lost by it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from api.domain.transcripts import Said

CUT = "Its messages named each other as parents in a circle; the circle was cut."


@dataclass(slots=True)
class Node:
    """A node of the source's tree. `said` is None for one that is not shown; what it holds then, reasoning and parts,
    goes to the replies below it."""

    id: str
    parent: str | None
    said: Said | None = None
    reasoning: list[str] = field(default_factory=list)
    parts: list[object] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grown:
    """`shown` maps every node to the message that stands for it: itself, or its nearest ancestor that is shown."""

    messages: list[Said]
    shown: dict[str, str | None]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    node: Node
    above: Said | None
    reasoning: tuple[str, ...] = ()
    parts: tuple[object, ...] = ()


def grown(nodes: list[Node], begun: dt.datetime | None) -> Grown:
    """The tree from its roots on, children in the order given. A message without a time has its parent's, one that is
    older than its parent too; `begun` is the conversation's."""
    by_id = _by_id(nodes)
    children: dict[str | None, list[Node]] = {}
    for node in by_id.values():
        parent = node.parent if node.parent in by_id and node.parent != node.id else None
        children.setdefault(parent, []).append(node)
    messages: list[Said] = []
    shown: dict[str, str | None] = {}
    notes: list[str] = []
    for root in _roots(by_id, children, shown, notes):
        stack = [_Step(root, None)]
        while stack:
            step = stack.pop()
            if step.node.id in shown:
                continue
            below = _placed(step, messages, shown, begun, last=not children.get(step.node.id))
            stack += [replace(below, node=child) for child in reversed(children.get(step.node.id, []))]
    return Grown(messages, shown, tuple(notes))


def _by_id(nodes: list[Node]) -> dict[str, Node]:
    """A name that is used again means another message."""
    found: dict[str, Node] = {}
    for number, node in enumerate(nodes):
        if node.id in found:
            node.id = f"{node.id} ({number})"
            node.said = replace(node.said, id=node.id) if node.said else None
        found[node.id] = node
    return found


def _roots(
    by_id: dict[str, Node], children: dict[str | None, list[Node]], shown: dict[str, str | None], notes: list[str]
) -> Iterator[Node]:
    """The roots; then, while nodes are left that no root leads to, the first of them."""
    yield from children.get(None, [])
    for node in by_id.values():
        if node.id not in shown:
            if CUT not in notes:
                notes.append(CUT)
            yield node


def _placed(
    step: _Step, messages: list[Said], shown: dict[str, str | None], begun: dt.datetime | None, *, last: bool
) -> _Step:
    """Put a node in its place; what its children get from it."""
    node, above = step.node, step.above
    reasoning, parts = (*step.reasoning, *node.reasoning), (*step.parts, *node.parts)
    said = node.said
    if said is None and last and (reasoning or parts):  # nobody is left to carry it
        said = Said(node.id, None, "assistant", "")
    if said is None:
        shown[node.id] = above.id if above else None
        return _Step(node, above, reasoning, parts)
    earliest = above.created_at if above else begun
    at = said.created_at or earliest
    if at is not None and above is not None and above.created_at is not None:
        at = max(at, above.created_at)
    said = replace(said, parent_id=above.id if above else None, created_at=at)
    if said.role == "assistant":
        said = replace(
            said,
            reasoning="\n\n".join((*reasoning, *filter(None, [said.reasoning]))) or None,
            parts=[*parts, *(said.parts or [])] or None,
        )
        reasoning, parts = (), ()
    elif reasoning or parts:
        carried = [{"type": "imported", "name": "reasoning", "text": one} for one in reasoning]
        said = replace(said, parts=[*carried, *parts, *(said.parts or [])])
        reasoning, parts = (), ()
    messages.append(said)
    shown[node.id] = said.id
    return _Step(node, said, reasoning, parts)


def head_of(tree: Grown, wished: str | None) -> str | None:
    """The message of the leaf that the source shows; without one, the newest leaf."""
    if wished in tree.shown and tree.shown[wished] is not None:
        return tree.shown[wished]
    parents = {said.parent_id for said in tree.messages}
    leaves = [said for said in tree.messages if said.id not in parents]
    oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
    return max(leaves, key=lambda said: said.created_at or oldest).id if leaves else None
