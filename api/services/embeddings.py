"""Vectors of texts, by any provider that makes them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from api.domain.embeddings import EmbeddingOrder
from api.domain.errors import Invalid
from api.domain.events import Usage
from api.domain.principal import Principal
from api.providers.control import Control
from api.providers.sdk_network import Leash
from api.repositories.unit_of_work import UnitOfWork
from api.services.choice import Choice
from api.services.direct_calls import DirectCalls, Made, Planned
from api.services.generations.counting import tokens_of
from api.services.model_configs import ModelConfigService
from api.services.once import CallKey

MAX_INPUTS = 2_048
MAX_DIMENSIONS = 16_384


@dataclass(frozen=True, slots=True)
class Embedded:
    """One vector an input, in their order, who made them, and the tokens that they cost."""

    provider: str
    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage


class EmbeddingService:
    """`timeout` is in seconds, of the whole call; `max_chars` of all texts together, or tokens."""

    def __init__(
        self,
        *,
        calls: DirectCalls,
        configs: ModelConfigService,
        choice: Choice,
        control: Control,
        timeout: float,
        max_chars: int,
    ) -> None:
        self._calls = calls
        self._configs = configs
        self._choice = choice
        self._control = control
        self._timeout = timeout
        self._max_chars = max_chars

    def embed(
        self,
        principal: Principal,
        model: str,
        order: EmbeddingOrder,
        surface: str = "native",
        *,
        key: CallKey | None = None,
    ) -> Embedded:
        """`model` is a config's name, `provider/model`, or a bare name that one provider has.

        Raises Invalid, what the choice of a model raises, KeyUnreadable, ProviderError, what DirectCalls.make raises.
        """
        self._check(order)
        size = sum(len(one.encode("utf-8", "replace")) for one in order.inputs if isinstance(one, str))
        counted = sum(len(one) for one in order.inputs if not isinstance(one, str))

        def plan(work: UnitOfWork) -> Planned:
            configs = work.model_configs.usable(principal.user_id)
            config, vendor, name = self._choice.named(configs, principal, model, "embeddings")
            facts = self._choice.facts(principal, vendor, config, name)
            return Planned(vendor, config, name, tokens_of(size, len(order.inputs)) + counted, facts.rates)

        def call(planned: Planned, _: UUID, leash: Leash) -> Made[Embedded]:
            endpoint = self._configs.endpoint(planned.config, planned.vendor)
            found = self._control.embed(endpoint, planned.model, order, timeout=self._timeout, leash=leash)
            return Made(Embedded(planned.vendor.id, planned.model, found.vectors, found.usage), found.usage)

        return self._calls.make(principal, surface, plan, call, key)

    def _check(self, order: EmbeddingOrder) -> None:
        inputs = order.inputs
        if not 1 <= len(inputs) <= MAX_INPUTS or not all(
            one.strip() if isinstance(one, str) else one for one in inputs
        ):
            raise Invalid(f"Send 1 to {MAX_INPUTS} texts, none of them blank.")
        if sum(map(len, inputs)) > self._max_chars:
            raise Invalid(f"The texts have more than {self._max_chars} characters together; send them in parts.")
        if order.dimensions is not None and not 1 <= order.dimensions <= MAX_DIMENSIONS:
            raise Invalid(f"A vector has 1 to {MAX_DIMENSIONS} dimensions.")
