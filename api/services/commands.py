"""Carrying out slash commands: each does what a route does, and says it in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from api.domain.chats import CONTROL, MAX_TITLE, ONE_LINE, Chat, Message
from api.domain.commands import COMMANDS, Line, parse
from api.domain.errors import Conflict, Invalid, NotFound
from api.domain.images import Image
from api.domain.principal import Principal
from api.domain.prompts import blanks
from api.services.catalogue import CatalogueService
from api.services.chats import ChatService
from api.services.exports import FORMS
from api.services.generations import GenerationService
from api.services.images import ImageDraft, ImageService
from api.services.messages import Draft, MessageService, Sent
from api.services.model_configs import ModelConfigService, Wish
from api.services.prompts import PromptService

SHOWN = 50
BARE: Final = Draft()
KEPT = ("model_config_id", "model", "prompt_id", "parameters")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`text` is for people. `chat` is the one that was changed or made, `sent` the replies that began, `send` the text
    that is no command and wants to be sent, `download` the path of a file, `images` those that were made. `replayed`:
    an earlier request with the same Idempotency-Key did it."""

    command: str | None
    text: str
    items: list[str] = field(default_factory=list)
    chat: Chat | None = None
    sent: list[Sent] = field(default_factory=list)
    send: str | None = None
    images: list[Image] = field(default_factory=list)
    download: str | None = None
    replayed: bool = False


class CommandService:
    def __init__(
        self,
        chats: ChatService,
        messages: MessageService,
        prompts: PromptService,
        catalogue: CatalogueService,
        *,
        model_configs: ModelConfigService,
        generations: GenerationService,
        images: ImageService,
    ) -> None:
        self._images = images
        self._model_configs = model_configs
        self._chats = chats
        self._messages = messages
        self._prompts = prompts
        self._catalogue = catalogue
        self._generations = generations
        self._does: dict[str, Callable[[Principal, Chat, Line], Outcome]] = {
            "help": self._help,
            "models": self._models,
            "model": self._model,
            "model:plan-mode": self._plan_mode,
            "model:plan-mode-off": self._plan_mode_off,
            "prompts": self._list_prompts,
            "prompt": self._prompt,
            "roles": self._list_prompts,
            "role": self._prompt,
            "clear_role": self._clear_role,
            "export": self._export,
            "stop": self._stop,
        }
        self._makes: dict[str, Callable[[Principal, Chat, Line, Draft], Outcome]] = {  # something more, each time
            "new": self._new,
            "clear": self._clear,
            "compare": self._compare,
            "image": self._image,
            "retry": self._retry,
        }

    def run(self, principal: Principal, chat: str, text: str, draft: Draft = BARE) -> Outcome:
        """`draft` says how the request came. With its Idempotency-Key, what makes something does so once; the others
        change nothing when they are repeated. Raises Invalid for what is no command, NotFound for what it names, and
        what the act itself raises."""
        found = self._chats.get(principal, chat)
        line = parse(text)
        if line.command is None:
            return Outcome(None, "", send=line.rest)
        if (makes := self._makes.get(line.command.name)) is not None:
            return makes(principal, found, line, replace(draft, said=("command", str(found.id), text)))
        return self._does[line.command.name](principal, found, line)

    def _help(self, _principal: Principal, _chat: Chat, _line: Line) -> Outcome:
        return Outcome("help", "Commands:", [f"{one.usage}: {one.description}" for one in COMMANDS])

    def _new(self, principal: Principal, _chat: Chat, line: Line, draft: Draft) -> Outcome:
        values = {"title": _title(line.rest)} if line.rest else {}
        made, replayed = self._chats.create_once(principal, values, draft.order().key)
        return Outcome("new", f"New chat: {made.title}", chat=made, replayed=replayed)

    def _clear(self, principal: Principal, chat: Chat, _line: Line, draft: Draft) -> Outcome:
        kept: dict[str, Any] = {name: getattr(chat, name) for name in KEPT}
        made, replayed = self._chats.create_once(principal, kept, draft.order().key)
        return Outcome("clear", "A new chat; the old one is in the list.", chat=made, replayed=replayed)

    def _models(self, principal: Principal, _chat: Chat, _line: Line) -> Outcome:
        names = [model["id"] for model in self._catalogue.models(principal)["models"]]
        return Outcome("models", f"{len(names)} models:", names[:SHOWN])

    def _model(self, principal: Principal, chat: Chat, line: Line) -> Outcome:
        target = self._model_configs.named(principal, line.rest)
        config_id = target.config.id if target.config else None
        values = {"model": f"{target.vendor.id}/{target.model}", "model_config_id": config_id}
        changed = self._chats.change(principal, str(chat.id), values)
        return Outcome("model", f"{values['model']} answers in this chat from now on.", chat=changed)

    def _plan_mode(self, principal: Principal, chat: Chat, line: Line) -> Outcome:
        if len(line.words) != 2:
            raise Invalid("Name two models: the one that plans and the one that answers.")
        planner, answerer = (self._model_configs.named(principal, name) for name in line.words)
        names = [f"{target.vendor.id}/{target.model}" for target in (planner, answerer)]
        plan = {"planner": names[0], "answerer": names[1], "review": False}
        changed = self._chats.change(principal, str(chat.id), {"plan": plan})
        return Outcome("model:plan-mode", f"{names[0]} plans, {names[1]} answers.", chat=changed)

    def _plan_mode_off(self, principal: Principal, chat: Chat, _line: Line) -> Outcome:
        changed = self._chats.change(principal, str(chat.id), {"plan": None})
        return Outcome("model:plan-mode-off", "Messages of this chat are answered without a plan.", chat=changed)

    def _list_prompts(self, principal: Principal, _chat: Chat, line: Line) -> Outcome:
        found = self._prompts.library(principal)
        return Outcome(line.command.name if line.command else None, "Prompts:", [prompt.name for prompt in found])

    def _prompt(self, principal: Principal, chat: Chat, line: Line) -> Outcome:
        wanted = line.rest.casefold()
        found = [one for one in self._prompts.library(principal) if wanted in {one.name.casefold(), one.slug}]
        if not found:
            raise NotFound(f"There is no prompt named {line.rest[:100]!r}; /prompts lists them.")
        changed = self._chats.change(principal, str(chat.id), {"prompt_id": found[0].id})
        name = line.command.name if line.command else None
        said = f"{found[0].name} is the prompt of this chat."
        if left := blanks(found[0].content, changed.prompt_values):
            said += f" Blanks to fill in, in the settings of the chat: {', '.join(left)}."
        return Outcome(name, said, chat=changed)

    def _clear_role(self, principal: Principal, chat: Chat, _line: Line) -> Outcome:
        changed = self._chats.change(principal, str(chat.id), {"prompt_id": None})
        return Outcome("clear_role", "This chat has no prompt of its own any more.", chat=changed)

    def _compare(self, principal: Principal, chat: Chat, line: Line, draft: Draft) -> Outcome:
        if not 2 <= len(line.words) <= 4:
            raise Invalid("Name two to four models to compare.")
        question = self._last_question(principal, chat)
        sent = self._messages.answered_by(principal, str(question.id), draft, line.words)
        return Outcome("compare", f"{len(sent)} models answer.", sent=sent, replayed=sent[0].replayed)

    def _image(self, principal: Principal, _chat: Chat, line: Line, draft: Draft) -> Outcome:
        made = self._images.make(principal, ImageDraft(line.rest), draft.order().key)
        return Outcome(
            "image", "Here it is; all are in the list of images.", images=made.images, replayed=made.replayed
        )

    def _retry(self, principal: Principal, chat: Chat, line: Line, draft: Draft) -> Outcome:
        last = self._chats.open(principal, str(chat.id))[1]
        if not last:
            raise Conflict("Nothing has been said in this chat yet. Send a message first.")
        wish = Wish(model=line.rest or None)
        sent = self._messages.regenerate(principal, str(last[-1].id), replace(draft, wish=wish))
        return Outcome("retry", "Another answer.", sent=[sent], replayed=sent.replayed)

    def _export(self, _principal: Principal, chat: Chat, line: Line) -> Outcome:
        wanted = line.rest.casefold() or "markdown"
        form = "markdown" if wanted == "md" else wanted
        if form not in FORMS:
            raise Invalid(f"A chat is exported as {', '.join(FORMS)}; {line.rest[:40]!r} is none of them.")
        return Outcome("export", f"This chat as {form}.", download=f"/chats/{chat.id}/export?format={form}")

    def _stop(self, principal: Principal, chat: Chat, _line: Line) -> Outcome:
        if chat.active_generation_id is None:
            return Outcome("stop", "Nothing is being written in this chat.")
        self._generations.stop_reply(principal, str(chat.active_generation_id))
        return Outcome("stop", "Stopped; what had arrived is kept.")

    def _last_question(self, principal: Principal, chat: Chat) -> Message:
        path = self._chats.open(principal, str(chat.id))[1]
        for message in reversed(path):
            if message.role == "user":
                return message
        raise Conflict("Nothing has been said in this chat yet. Send a message first.")


def _title(text: str) -> str:
    """As `POST /chats` takes one. Raises Invalid."""
    if len(text) > MAX_TITLE:
        raise Invalid.at("text", f"The title should have at most {MAX_TITLE} characters.")
    if CONTROL.search(text):
        raise Invalid.at("text", f"The title {ONE_LINE}.")
    return text
