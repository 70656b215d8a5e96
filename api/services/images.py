"""Images: made by a model, kept as files by hash, shown to their owner alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, BinaryIO
from uuid import UUID

from api.domain import clock, model_facts
from api.domain.budgets import OUTPUT_GUESS
from api.domain.errors import AppError, Conflict, Invalid, NotFound, ProviderError
from api.domain.events import Usage
from api.domain.ids import new_id, parse_id
from api.domain.images import MOST_AT_ONCE, Drawn, DrawnAnswer, Image, ImageOrder
from api.domain.model_configs import ModelConfig
from api.domain.model_facts import Rate, Rates
from api.domain.pictures import picture_of
from api.domain.principal import Principal
from api.providers.control import Control
from api.providers.sdk_network import Leash
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.choice import NO_CONFIG, Choice
from api.services.direct_calls import DirectCalls, Made, Planned
from api.services.generations.counting import tokens_of
from api.services.model_configs import ModelConfigService
from api.services.once import CallKey
from api.storage import FileStorage

NO_IMAGE = "There is no such image."
TRIAL_PROMPT = "A white dot on black."
TRIAL_SECONDS = 60.0
FREE = Rates(Rate(Decimal(0)), Rate(Decimal(0)), "trial")


@dataclass(frozen=True, slots=True)
class ImageDraft:
    """What a client asks for. `model` is a config's name, `provider/model`, or a bare name that one provider has;
    beside a config it is a model of that config's provider."""

    prompt: str
    model: str | None = None
    model_config_id: UUID | None = None
    size: str | None = None
    quality: str | None = None
    n: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)
    surface: str = "native"


@dataclass(frozen=True, slots=True)
class ImagesMade:
    """All that one call brought. `replayed`: an earlier request with the same Idempotency-Key did it."""

    generation_id: UUID
    images: list[Image]
    usage: Usage
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ImagePage:
    """`next_cursor` asks for the page after this one; None at the end."""

    items: list[Image]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Tried:
    """A key tried out; `error` says why it did not go well."""

    provider: str
    model: str
    latency_ms: int
    error: AppError | None


class ImageService:
    """`timeout` is in seconds, of the whole call; `max_bytes` of one image; `reserve` what is put aside on money
    budgets for an image whose provider says only afterwards what it charged."""

    def __init__(
        self,
        *,
        store: Store,
        calls: DirectCalls,
        configs: ModelConfigService,
        choice: Choice,
        control: Control,
        files: FileStorage,
        timeout: float,
        max_bytes: int,
        max_chars: int,
        reserve: Decimal,
    ) -> None:
        self._store = store
        self._calls = calls
        self._configs = configs
        self._choice = choice
        self._control = control
        self._files = files
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._max_chars = max_chars
        self._reserve = reserve

    # Making

    def make(self, principal: Principal, draft: ImageDraft, key: CallKey | None = None) -> ImagesMade:
        """Ask a model and keep what it brings. Raises Invalid, what the choice of a model raises, KeyUnreadable,
        ProviderError, what DirectCalls.make raises, StoreUnavailable where the disk is full."""
        self._check(draft)
        model_facts.load()  # here, so that no transaction waits for it

        def plan(work: UnitOfWork) -> Planned:
            configs = work.model_configs.usable(principal.user_id)
            config, vendor, name = self._choice.drawing(configs, principal, draft.model, draft.model_config_id)
            known = self._choice.facts(principal, vendor, config, name).rates
            rates = known or model_facts.image_rates_of(vendor.id, name)
            tokens = tokens_of(len(draft.prompt.encode("utf-8", "replace")), 1)
            tells = vendor.images is not None and vendor.images.tells_cost
            dollars = draft.n * self._reserve if tells else None
            return Planned(vendor, config, name, tokens, rates, draft.n * OUTPUT_GUESS, dollars)

        def call(planned: Planned, generation_id: UUID, leash: Leash) -> Made[ImagesMade]:
            answer = self._asked(planned, draft, self._timeout, leash)
            images = [self._put(principal, generation_id, draft, planned, drawn) for drawn in answer.images]
            made = ImagesMade(generation_id, images, answer.usage)
            if not images:
                return Made(made, answer.usage, answer.cost, fault=answer.fault)
            return Made(made, answer.usage, answer.cost, lambda work: work.images.add(images))

        try:
            made = self._calls.make(principal, draft.surface, plan, call, key, kept=True)
        except Conflict as conflict:  # the key of an earlier call, whose images are kept
            earlier = UUID(conflict.extra.get("generation_id", str(new_id())))
            if not (images := self._of_call(principal, earlier)):
                raise
            return ImagesMade(earlier, images, Usage(), replayed=True)
        return replace(made, images=self._of_call(principal, made.generation_id))  # with what the call cost

    def _of_call(self, principal: Principal, generation_id: UUID) -> list[Image]:
        return self._store.read(lambda work: work.images.of_call(principal.user_id, generation_id))

    def try_out(self, principal: Principal, reference: str) -> Tried | None:
        """One call of a config with a model that costs nothing. None for a provider that has none such: it is tried
        out by a greeting. Raises NotFound and what DirectCalls.make raises, but no fault of the provider's."""
        at, draft = time.monotonic(), ImageDraft(TRIAL_PROMPT)
        config = self._store.read(lambda work: _usable(work, principal, reference))
        vendor = self._choice.vendor(config)
        if vendor.images is None or (model := vendor.images.trial) is None:
            return None

        def call(planned: Planned, _: UUID, leash: Leash) -> Made[None]:
            answer = self._asked(planned, draft, min(self._timeout, TRIAL_SECONDS), leash)
            return Made(None, answer.usage, answer.cost, fault=None if answer.images else answer.fault)

        planned = Planned(vendor, config, model, tokens_of(len(TRIAL_PROMPT), 1), FREE)
        error: AppError | None = None
        try:
            self._calls.make(principal, "test", lambda _: planned, call)
        except (ProviderError, Invalid) as fault:
            error = fault
        return Tried(vendor.id, model, round((time.monotonic() - at) * 1000), error)

    def _asked(self, planned: Planned, draft: ImageDraft, timeout: float, leash: Leash) -> DrawnAnswer:
        order = ImageOrder(planned.model, draft.prompt, draft.n, draft.size, draft.quality, dict(draft.extra))
        endpoint = self._configs.endpoint(planned.config, planned.vendor)
        return self._control.draw(endpoint, order, timeout=timeout, max_bytes=self._max_bytes, leash=leash)

    def _put(
        self, principal: Principal, generation_id: UUID, draft: ImageDraft, planned: Planned, drawn: Drawn
    ) -> Image:
        data = drawn.data or b""
        picture = picture_of(data)
        assert picture is not None, "the control plane brings nothing else"
        stored = self._files.put([data], self._max_bytes)
        return Image(
            user_id=principal.user_id,
            id=new_id(),
            generation_id=generation_id,
            prompt=draft.prompt,
            revised_prompt=drawn.revised_prompt,
            provider=planned.vendor.id,
            model=planned.model,
            requested_size=draft.size,
            quality=draft.quality,
            mime=picture.mime,
            width=picture.width,
            height=picture.height,
            bytes=stored.size,
            digest=stored.digest,
            created_at=clock.now(),
        )

    def _check(self, draft: ImageDraft) -> None:
        if not draft.prompt.strip() or "\0" in draft.prompt:
            raise Invalid.at("prompt", "Say in the prompt what the image should show.")
        if len(draft.prompt) > self._max_chars:
            raise Invalid.at("prompt", f"The prompt is too long: at most {self._max_chars} characters.")
        if not 1 <= draft.n <= MOST_AT_ONCE:
            raise Invalid.at("n", f"Ask for 1 to {MOST_AT_ONCE} images at once.")

    # What is kept

    def page(self, principal: Principal, limit: int, cursor: str | None) -> ImagePage:
        """The newest first. Raises Invalid for a cursor that is not ours."""
        before = parse_id(cursor) if cursor else None
        if cursor and before is None:
            raise Invalid.at("cursor", "This cursor is not one that the list gave; start again without it.")
        found = self._store.read(lambda work: work.images.page(principal.user_id, limit=limit + 1, before=before))
        items = found[:limit]
        return ImagePage(items, str(items[-1].id) if len(found) > limit else None)

    def get(self, principal: Principal, reference: str) -> Image:
        """Raises NotFound."""
        image_id = parse_id(reference)
        found = image_id and self._store.read(lambda work: work.images.get_owned(image_id, principal.user_id))
        if not found:
            raise NotFound(NO_IMAGE)
        return found

    def open(self, principal: Principal, reference: str) -> tuple[Image, BinaryIO]:
        """The image and its bytes. Raises NotFound."""
        image = self.get(principal, reference)
        return image, self._files.open(image.digest)

    def read(self, image: Image) -> bytes:
        """All its bytes. Raises NotFound."""
        return self._files.read(image.digest)

    def delete(self, principal: Principal, reference: str) -> None:
        """Its file goes with the next sweep, unless another image has the same bytes. Raises NotFound."""
        image_id = parse_id(reference)
        if image_id is None or not self._store.write(lambda work: work.images.delete(principal.user_id, image_id)):
            raise NotFound(NO_IMAGE)


def _usable(work: UnitOfWork, principal: Principal, reference: str) -> ModelConfig:
    config_id = parse_id(reference)
    found = work.model_configs.get_usable(config_id, principal.user_id) if config_id else None
    if found is None:
        raise NotFound(NO_CONFIG)
    return found
