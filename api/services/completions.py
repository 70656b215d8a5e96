"""Completions without a chat: model, limits, ledger and errors as for messages; nothing else is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from api.domain import clock
from api.domain.budgets import OUTPUT_GUESS, Forecast
from api.domain.conversation import CompletionRequest, Turn
from api.domain.errors import AppError, NotFound
from api.domain.generations import queued
from api.domain.ids import new_id, parse_id
from api.domain.principal import Principal
from api.domain.sight import refuse_blind
from api.providers.base import Call
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services import once
from api.services.budgets import BudgetService, forecast
from api.services.choice import NO_CONFIG
from api.services.generations import GenerationService, Plan
from api.services.generations.run import Run
from api.services.model_configs import ModelConfigService, Target, Wish
from api.services.once import CallKey
from api.services.rate_limits import LimitState, RateLimitService, told

TRIAL_SECONDS = 60.0  # a model on one's own machine may have to be loaded
WRITTEN_TOKENS = 300  # some models think before they write
GREETING = "Reply with the word OK and nothing else."


@dataclass(frozen=True, slots=True)
class CompletionDraft:
    """What a client of OpenAI's form asks for.

    `raw` is its request for a provider of the same form, which gets all of it; `read` makes the same in our own terms
    for the others, or raises Invalid for what they have no word for. `size` is the request's, in bytes. `ours` is no
    client's but the server's own: in our terms whatever the provider's form. A `trial` is one of that config.
    """

    model: str | None
    raw: Mapping[str, Any]
    read: Callable[[], CompletionRequest]
    stream: bool
    size: int
    surface: str
    api_key_id: UUID | None = None
    key: CallKey | None = None
    ours: bool = False
    trial: UUID | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The completion that runs now. `replayed`: an earlier request with the same Idempotency-Key began it."""

    generation_id: UUID
    provider: str
    model: str
    created: int  # in Unix seconds
    replayed: bool = False


class CompletionService:
    def __init__(
        self,
        store: Store,
        generations: GenerationService,
        model_configs: ModelConfigService,
        rate_limits: RateLimitService,
        budgets: BudgetService,
    ) -> None:
        self._store = store
        self._generations = generations
        self._model_configs = model_configs
        self._rate_limits = rate_limits
        self._budgets = budgets

    def begin(self, principal: Principal, draft: CompletionDraft) -> Begun:
        """Put the call into the ledger and begin it. It ends with its reader: what nobody reads is not paid for.

        Raises what the choice of a model raises, Invalid, Conflict, TooMany, Overloaded, StoreUnavailable.
        """
        run = self._begun(principal, draft)
        return Begun(run.id, run.plan.provider, run.plan.model, int(clock.now().timestamp()))

    def _begun(self, principal: Principal, draft: CompletionDraft) -> Run:
        self._generations.refuse_if_full()
        generation_id = new_id()
        target, limits = self._store.write(lambda work: self._enter(work, principal, draft, generation_id))
        told(limits)
        plan = Plan(
            user_id=principal.user_id,
            generation_id=generation_id,
            provider=target.vendor.id,
            model=target.model,
            surface=draft.surface,
            prompt_size=draft.size,
            turns=len(draft.raw["messages"]),
            rates=target.facts.rates,
        )
        return self._generations.begin(plan, self._encoded(target, draft))

    def try_out(self, principal: Principal, reference: str) -> Begun:
        """One tiny call of a config, one's own or shared, with its parameters. Raises NotFound, and as `begin` does."""
        if (config_id := parse_id(reference)) is None:
            raise NotFound(NO_CONFIG)
        draft = _own(GREETING, "test")
        return self.begin(principal, replace(draft, trial=config_id, api_key_id=principal.api_key_id))

    def write(self, principal: Principal, model: str, text: str, surface: str) -> Run:
        """A call of the server's own, for `principal`. Raises as `begin` does."""
        return self._begun(principal, replace(_own(text, surface, WRITTEN_TOKENS), model=model))

    def _enter(
        self, work: UnitOfWork, principal: Principal, draft: CompletionDraft, generation_id: UUID
    ) -> tuple[Target, tuple[LimitState, ...]]:
        limits = self._rate_limits.count_within(work, principal, generations=1)
        target = self._model_configs.target(work, principal, None, Wish(draft.model, draft.trial))
        row = queued(
            principal,
            generation_id,
            owner=self._generations.owner,
            surface=draft.surface,
            provider=target.vendor.id,
            model=target.model,
            config=target.config,
            api_key_id=draft.api_key_id,
            notes=dict(target.notes) if self._system(target, draft) else None,
        )
        limits += self._rate_limits.count_calls(work, principal, draft.surface, [(target.vendor.id, target.model)])
        self._budgets.reserve(work, principal, [_forecast(generation_id, target, draft)])
        once.enter(work, row, draft.key)
        return target, limits

    @staticmethod
    def _system(target: Target, draft: CompletionDraft) -> str | None:
        """The config's system prompt, where the client has none of its own."""
        if draft.ours:
            return None
        own = any(message.get("role") in ("system", "developer") for message in draft.raw["messages"])
        return None if own else target.system

    def _encoded(self, target: Target, draft: CompletionDraft) -> Call | AppError:
        """The provider's request; an error here is the completion's typed end, for it is in the ledger already."""
        try:
            if _shows_images(draft.raw):
                refuse_blind(target.model, target.facts)
            if target.vendor.wire == "openai" and not draft.ours:
                request = CompletionRequest(
                    target.model, (), stream=draft.stream, raw=_with_defaults(target, draft.raw)
                )
            else:
                request = _completed(target, draft.read())
            if system := self._system(target, draft):
                request = replace(request, system=system)
            call = self._model_configs.call(target, request)
            return call if draft.trial is None else replace(call, timeouts=call.timeouts.within(TRIAL_SECONDS))
        except AppError as error:
            return error


def _own(text: str, surface: str, max_tokens: int | None = None) -> CompletionDraft:
    """A call of the server's own, with these words."""
    limit = {} if max_tokens is None else {"max_tokens": max_tokens}
    return CompletionDraft(
        model=None,
        raw={"messages": [{"role": "user", "content": text}], **limit},
        read=lambda: CompletionRequest(model="", turns=(Turn("user", text),), max_tokens=max_tokens),
        stream=True,
        size=len(text.encode("utf-8", "replace")),
        surface=surface,
        ours=True,
    )


def _shows_images(raw: Mapping[str, Any]) -> bool:
    contents = (one.get("content") for one in raw["messages"] if isinstance(one, dict))
    parts = (part for content in contents if isinstance(content, list) for part in content if isinstance(part, dict))
    return any(part.get("type") == "image_url" for part in parts)


def _forecast(generation_id: UUID, target: Target, draft: CompletionDraft) -> Forecast:
    """The client's limit, else the config's; as often as it asks for choices."""
    asked = [draft.raw.get(name) for name in ("max_completion_tokens", "max_tokens")]
    limit = next((value for value in asked if isinstance(value, int) and value > 0), target.max_tokens)
    choices = draft.raw.get("n")
    turns = len(draft.raw["messages"])
    call = forecast(generation_id, replace(target, max_tokens=limit), draft.size, turns)
    if isinstance(choices, int) and choices > 1:
        return replace(call, output_tokens=choices * (call.output_tokens or OUTPUT_GUESS))
    return call


def _with_defaults(target: Target, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The config's parameters, where the client names none."""
    given: dict[str, Any] = {"temperature": target.temperature, "top_p": target.top_p}
    if not raw.keys() & {"max_tokens", "max_completion_tokens"}:
        given[target.vendor.tokens_field] = target.max_tokens
    return {name: value for name, value in given.items() if value is not None} | dict(raw)


def _completed(target: Target, request: CompletionRequest) -> CompletionRequest:
    return replace(
        request,
        model=target.model,
        temperature=target.temperature if request.temperature is None else request.temperature,
        top_p=target.top_p if request.top_p is None else request.top_p,
        max_tokens=target.max_tokens if request.max_tokens is None else request.max_tokens,
    )
