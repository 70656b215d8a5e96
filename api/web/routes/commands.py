"""/commands: what there is, and carrying one out in a chat."""

from __future__ import annotations

from flask import Response

from api.domain.commands import COMMANDS
from api.services.messages import Draft
from api.web import replies
from api.web.answers import answer, answer_list, pick
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.request_headers import ONCE
from api.web.schemas.chats import ChatAnswer
from api.web.schemas.commands import CommandAnswer, CommandLine, CommandsAnswer, OutcomeAnswer
from api.web.schemas.images import image_value

routes = Routes("commands", "Slash commands")


@routes.get("/commands", summary="Slash commands", access=Access.READ, returns={200: CommandsAnswer})
def list_commands() -> Response:
    return answer_list(CommandAnswer, COMMANDS)


@routes.post(
    "/chats/<id>/commands",
    summary="Carry one out",
    access=Access.CHAT,
    reads=ONCE,
    returns={200: OutcomeAnswer},
)
def run_command(path: IdPath, body: CommandLine) -> Response:
    outcome = services().commands.run(principal(), path.id, body.text, replies.marked(Draft()))
    chat = pick(ChatAnswer, outcome.chat) if outcome.chat else None
    generations = [replies.generation_value(one.generation_id, one.status) for one in outcome.sent]
    images = [image_value(image) for image in outcome.images]
    shown = pick(OutcomeAnswer, outcome, chat=chat, generations=generations, images=images)
    return replies.replayed(outcome, answer(shown))
