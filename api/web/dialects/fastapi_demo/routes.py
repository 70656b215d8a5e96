"""/chat, /system-prompt and /system-prompts: what the FastAPI demo's clients call. Success is always 200."""

from __future__ import annotations

from flask import Response, request

from api.services.chats import new_slug
from api.services.messages import Draft
from api.web import replies
from api.web.answers import answer
from api.web.context import principal, services
from api.web.dialects.fastapi_demo import wire
from api.web.dialects.fastapi_demo.schemas import (
    ActivatedText,
    ActivePrompt,
    ActivePromptAnswer,
    ChatIdPath,
    CreatedSystemPrompt,
    DemoChats,
    DemoHistory,
    DemoMessage,
    DemoReply,
    Done,
    NewSystemPrompt,
    OneSystemPrompt,
    PromptPath,
    SavedSystemPrompt,
    SystemPromptChange,
    SystemPrompts,
)
from api.web.openapi import Access, Routes
from api.web.request_headers import ONCE
from api.web.surfaces import Surface

SURFACE = Surface(
    "fastapi_demo",
    "The FastAPI and Streamlit demo's API, for clients written for it",
    ("/chat", "/system-prompt"),
    wire.error_form,
    besides="/chats",
)
REFUSALS = {
    "description": "what went wrong, in words",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
        }
    },
}
routes = Routes("fastapi-demo", SURFACE.about, REFUSALS)


@routes.post("/chat", summary="Chat", access=Access.CHAT, generates=True, reads=ONCE, returns={200: DemoReply})
def chat(body: DemoMessage) -> Response:
    replies.refuse_if_full()
    chat_id = body.chat_id or new_slug(request.headers.get("Idempotency-Key"))
    draft = replies.marked(Draft(body.message, surface=SURFACE.name, opens={}, any_slug=True))
    sent = services().messages.send(principal(), chat_id, draft)
    follower = services().generations.follow_new(principal(), sent.generation_id)
    return replies.replayed(sent, replies.at_the_end(follower, wire.Reply(chat_id), 200))


@routes.get("/chat/history", summary="All chats", access=Access.READ, returns={200: DemoChats})
def chat_summaries() -> Response:
    return answer(wire.chats(services().chats.all(principal())))


@routes.get("/chat/history/<chat_id>", summary="What was said", access=Access.READ, returns={200: DemoHistory})
def chat_history(path: ChatIdPath) -> Response:
    return answer(wire.history(path.chat_id, *services().chats.whole(principal(), path.chat_id)))


@routes.delete("/chat/delete/<chat_id>", summary="Delete a chat", access=Access.CHAT, returns={200: Done})
def delete_chat_history(path: ChatIdPath) -> Response:
    services().chats.delete(principal(), path.chat_id)
    return answer({"success": True, "message": "The chat was deleted."})


@routes.get("/system-prompt", summary="The active system prompt", access=Access.READ, returns={200: ActivePromptAnswer})
def active_system_prompt() -> Response:
    prompt = services().prompts.active(principal())
    return answer({"prompt": prompt.content if prompt else ""})


@routes.post("/system-prompt", summary="Set the active system prompt", access=Access.CHAT, returns={200: ActivatedText})
def set_system_prompt(body: ActivePrompt) -> Response:
    prompt = services().prompts.say_first(principal(), body.prompt)
    return answer({"success": True, "message": "The system prompt was set.", "prompt": prompt.content})


@routes.get("/system-prompts", summary="The library", access=Access.READ, returns={200: SystemPrompts})
def list_system_prompts() -> Response:
    return answer(wire.prompts(services().prompts.library(principal())))


@routes.post("/system-prompts", summary="Add a system prompt", access=Access.CHAT, returns={200: CreatedSystemPrompt})
def create_system_prompt(body: NewSystemPrompt) -> Response:
    prompt = services().prompts.create(principal(), body.model_dump(exclude_none=True))
    said = {"success": True, "message": "The system prompt was added.", "prompt_id": prompt.slug}
    return answer(said | {"prompt": wire.prompt_value(prompt)})


@routes.get(
    "/system-prompts/<prompt_id>", summary="A system prompt", access=Access.READ, returns={200: OneSystemPrompt}
)
def get_system_prompt(path: PromptPath) -> Response:
    prompt = services().prompts.get(principal(), path.prompt_id)
    return answer({"success": True, "prompt": wire.prompt_value(prompt)})


@routes.put(
    "/system-prompts/<prompt_id>",
    summary="Save a system prompt",
    access=Access.CHAT,
    returns={200: SavedSystemPrompt},
)
def change_system_prompt(path: PromptPath, body: SystemPromptChange) -> Response:
    values = body.model_dump(exclude_none=True)
    prompt = services().prompts.change_or_copy(principal(), path.prompt_id, values)
    return answer({"success": True, "message": "The system prompt was saved.", "prompt": wire.prompt_value(prompt)})


@routes.delete("/system-prompts/<prompt_id>", summary="Delete a system prompt", access=Access.CHAT, returns={200: Done})
def delete_system_prompt(path: PromptPath) -> Response:
    services().prompts.delete(principal(), path.prompt_id)
    return answer({"success": True, "message": "The system prompt was deleted."})


@routes.post(
    "/system-prompts/<prompt_id>/activate",
    summary="Make it the active one",
    access=Access.CHAT,
    returns={200: SavedSystemPrompt},
)
def activate_system_prompt(path: PromptPath) -> Response:
    prompt = services().prompts.activate(principal(), path.prompt_id)
    return answer({"success": True, "message": "The system prompt is active.", "prompt": wire.prompt_value(prompt)})
