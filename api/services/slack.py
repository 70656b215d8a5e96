"""Slack: whose commands these are, and carrying them out as the linked account."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import threading
from typing import Any, Final

from api.domain import clock
from api.domain.audit import Actor
from api.domain.errors import AppError, NotFound, Unauthenticated
from api.domain.principal import Principal
from api.domain.prompts import BUILT_IN
from api.domain.slack import SlackCommand, SlackLink
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.tokens import Tokens, same
from api.services.generations import Follower, GenerationService
from api.services.messages import Draft, MessageService
from api.services.prompts import PromptService
from api.services.rate_limits import RateLimitService
from api.services.slack_answers import SlackAnswers, outcome

WINDOW_SECONDS: Final = 300
ANSWER_SECONDS: Final = 2.0  # of the three that Slack waits
WAITING: Final = 4  # request threads that may wait so long at once
CODE_LIFE: Final = dt.timedelta(minutes=10)
CODE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_CHARS: Final = 10
NOT_SET_UP: Final = "Slack is not set up on this server: its operator sets SLACK_SIGNING_SECRET."
UNLINKED: Final = "Link your Slack user first: make a code in Parley's settings, then send /link with that code here."
LATER: Final = "The answer is being written; it will appear here."
ELSEWHERE: Final = "The answer is being written; look for it in Parley, for Slack named no address of its own."
HELP: Final = "/roles lists the roles, /role NAME selects one, /ask TEXT answers, /link CODE links your account."


class SlackService:
    """`secret` is Slack's signing secret; empty where Slack is not set up."""

    def __init__(
        self,
        *,
        store: Store,
        tokens: Tokens,
        secret: str,
        rate_limits: RateLimitService,
        prompts: PromptService,
        messages: MessageService,
        generations: GenerationService,
        answers: SlackAnswers,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._secret = secret
        self._rate_limits = rate_limits
        self._prompts = prompts
        self._messages = messages
        self._generations = generations
        self._answers = answers
        self._waiting = threading.BoundedSemaphore(WAITING)

    @property
    def available(self) -> bool:
        return bool(self._secret)

    def tend(self) -> None:
        """See to the answers that were promised, here or by processes that are gone; once a second."""
        if self.available:
            self._answers.sweep()

    # Linking, from the settings

    def new_code(self, principal: Principal) -> tuple[str, dt.datetime]:
        """A code that links whoever sends it, once, within ten minutes. Raises NotFound where Slack is not set up."""
        self._require()
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_CHARS))
        expires_at = clock.now() + CODE_LIFE
        self._store.write(lambda work: work.slack.set_code(principal.user_id, self._tokens.digest(code), expires_at))
        return code, expires_at

    def link(self, principal: Principal) -> SlackLink | None:
        return self._store.read(lambda work: work.slack.get(principal.user_id))

    def unlink(self, principal: Principal) -> None:
        """The Slack user and an unused code count no more. Raises NotFound where there is neither."""
        if not self._store.write(lambda work: work.slack.remove(principal.user_id)):
            raise NotFound("No Slack user is linked to this account.")

    # Commands

    def verify(self, body: bytes, timestamp: str, signature: str) -> None:
        """Raises NotFound where Slack is not set up, Unauthenticated for what Slack has not signed, has signed more
        than five minutes ago, or was here before."""
        self._require()
        signed = b"v0:%b:%b" % (timestamp.encode("utf-8", "replace"), body)
        expected = "v0=" + hmac.new(self._secret.encode(), signed, hashlib.sha256).hexdigest()
        if not same(signature, expected):
            raise Unauthenticated("This request does not bear Slack's signature.")
        recent = timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 15
        if not recent or abs(clock.now().timestamp() - int(timestamp)) > WINDOW_SECONDS:
            raise Unauthenticated("This request was signed too long ago; check the server's clock.")
        if not self._rate_limits.first_time(f"slack-seen/{expected}", 2 * WINDOW_SECONDS + 60):
            raise Unauthenticated("This request was here before.")

    def obey(self, command: SlackCommand) -> str:
        """Carry the command out; what there is to say now. What comes later is sent to `response_url`."""
        try:
            return self._obey(command)
        except AppError as error:
            return error.detail

    def _obey(self, command: SlackCommand) -> str:
        if command.name == "/link":
            return self._link(command)
        principal = self._store.read(lambda work: work.slack.principal(command.team_id, command.user_id))
        if principal is None:
            names = "\n".join(f"• {prompt.name}" for prompt in BUILT_IN)
            return f"Roles:\n{names}\n{UNLINKED}" if command.name == "/roles" else UNLINKED
        if command.name == "/roles":
            return self._roles(principal)
        if command.name == "/role":
            return self._role(principal, command.text.strip())
        return self._ask(principal, command) if command.name == "/ask" else HELP

    def _link(self, command: SlackCommand) -> str:
        who = f"slack {command.team_id} {command.user_id}"
        self._rate_limits.count_login(who, who)
        code = re.sub(r"[\s-]", "", command.text).upper()
        digest = self._tokens.digest(code)
        if not self._store.write(lambda work: _link_in(work, digest, command)):
            return (
                "This code is not known, was used already or is older than ten minutes; make another in the settings."
            )
        return "Your Slack user acts as your Parley account from now on. /ask it something."

    def _roles(self, principal: Principal) -> str:
        self._rate_limits.count(principal, reads=True)
        active = principal.active_prompt_id
        library = self._prompts.library(principal)
        return "Roles:\n" + "\n".join(
            f"• {prompt.name}{' (selected)' if prompt.id == active else ''}" for prompt in library
        )

    def _role(self, principal: Principal, name: str) -> str:
        self._rate_limits.count(principal, reads=False)
        wanted = name.casefold()
        found = [one for one in self._prompts.library(principal) if wanted in (one.name.casefold(), one.slug)]
        if not found:
            return f"There is no role named {name[:100]!r}; /roles lists them." if name else "Name a role: /role NAME"
        self._prompts.activate(principal, str(found[0].id))
        return f"{found[0].name} is your role from now on, here and in Parley."

    # Answers

    def _ask(self, principal: Principal, command: SlackCommand) -> str:
        """In the chat that the account has for this channel: its default model answers, under its limits."""
        if not command.text.strip():
            return "Ask something: /ask TEXT"
        channel = re.sub(r"[^A-Za-z0-9_-]", "", command.channel_id)[:40] or "slack"
        opens: dict[str, Any] = {"title": f"Slack: {command.channel_name or channel}"[:200]}
        draft = Draft(command.text, surface="slack", opens=opens)
        sent = self._messages.send(principal, f"slack-{channel}", draft)
        follower = self._generations.follow_new(principal, sent.generation_id)
        if self._ended_soon(follower):
            follower.close()
            return outcome(follower)
        if not self._answers.permitted(command.response_url):
            follower.close()
            return ELSEWHERE
        self._answers.promise(follower, command.response_url)
        return LATER

    def _ended_soon(self, follower: Follower) -> bool:
        log = follower.cursor.log
        if not self._waiting.acquire(blocking=False):
            return log.closed
        over = threading.Event()

        def appended() -> None:
            if log.closed:
                over.set()

        log.subscribe(appended)
        try:
            appended()
            return over.wait(ANSWER_SECONDS)
        finally:
            log.unsubscribe(appended)
            self._waiting.release()

    def _require(self) -> None:
        if not self.available:
            raise NotFound(NOT_SET_UP)


def _link_in(work: UnitOfWork, digest: str, command: SlackCommand) -> bool:
    user_id = work.slack.link(digest, command.team_id, command.user_id)
    principal = work.slack.principal_of(user_id) if user_id else None
    if principal is not None:
        actor = Actor(principal.user_id, principal.username)
        work.audit.add(actor.did("slack.link", f"{command.team_id}/{command.user_id}"))
    return user_id is not None
