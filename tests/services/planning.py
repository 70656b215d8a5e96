"""A chat in plan mode, and what comes of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from api.domain.chats import Message
from api.domain.generations import Generation
from api.models.generations import GENERATIONS
from api.services.messages import Draft, Edited, Sent
from api.services.model_configs import Wish
from tests.server import until
from tests.services.whole import Whole

PLANNER, ANSWERER = "openai/count:3:0#planner", "openai/count:2:0#answerer"


class Planning:
    """Ann's chat in plan mode."""

    def __init__(self, whole: Whole, planner: str = PLANNER, answerer: str = ANSWERER, *, review: bool = False) -> None:
        self.whole = whole
        self.ann = whole.ann
        self.messages = whole.services.messages
        self.generations = whole.services.generations
        if not whole.services.model_configs.list(whole.ann):
            whole.config(whole.ann)
        self.chat = whole.chat(whole.ann, plan={"planner": planner, "answerer": answerer, "review": review})

    def send(self, content: str = "build it", **more: Any) -> Sent:
        return self.messages.send(self.ann, self.chat, Draft(content, **more))

    def said(self, content: str = "build it", **more: Any) -> Generation:
        """The last generation that came of a message, once that has ended."""
        return self.settled(self.send(content, **more))

    def settled(self, sent: Sent) -> Generation:
        generation = self.whole.ended(self.ann, sent)
        while following := generation.notes.get("next"):
            until(lambda: not self.generations.get(self.ann, following).active)
            generation = self.generations.get(self.ann, following)
        return generation

    def path(self) -> list[Message]:
        return self.whole.services.chats.open(self.ann, self.chat)[1]

    def story(self) -> list[tuple[str, str, str]]:
        return [(message.role, message.kind, message.content) for message in self.path()]

    def ledger(self) -> list[Any]:
        query = (
            sa.select(GENERATIONS)
            .where(GENERATIONS.c.chat_id == self.path()[0].chat_id)
            .order_by(GENERATIONS.c.queued_at)
        )
        return list(self.whole.services.chats._store.read(lambda work: work.connection.execute(query).all()))

    def edited(self, plan: Message, content: str) -> Message:
        edited = self.messages.edit(self.ann, str(plan.id), Draft(content))
        assert isinstance(edited, Edited)
        return edited.message

    def executed(self, plan: Message, **wish: Any) -> Generation:
        return self.settled(self.messages.execute(self.ann, str(plan.id), Draft(wish=Wish(**wish))))
