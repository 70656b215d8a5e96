"""What calls cost here: an administrator's word, then the provider's, then the tables. Known within a second of a
change in every process."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from api.domain import pricing
from api.domain.audit import Actor
from api.domain.errors import Invalid, NotFound
from api.domain.events import Usage
from api.domain.model_facts import Rates, rates_of
from api.domain.money import in_dollars, rounded
from api.domain.prices import ALL_MODELS, RATES, ModelPrice
from api.domain.pricing import Cost
from api.providers.vendors import VENDORS
from api.repositories.unit_of_work import Store, UnitOfWork


class PriceService:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._rates: dict[tuple[str, str], Rates] = {}

    def refresh(self) -> list[ModelPrice]:
        """Read what is set; a thread of its own does so within each second."""
        prices = self._store.read(lambda work: work.prices.all())
        self._rates = {(one.provider, one.model): one.rates() for one in prices}
        return prices

    def put(self, actor: Actor, price: ModelPrice) -> None:
        """Set the price of a model, or of all models of a provider. It holds for calls that end from now on. Raises
        Invalid for a provider that there is not."""
        if price.provider not in (known := sorted(vendor.id for vendor in VENDORS)):
            detail = f"There is no provider {price.provider}; there are {', '.join(known)}."
            raise Invalid.at("provider", detail)
        rates = {name: in_dollars(getattr(price, name)) for name in RATES}

        def store(work: UnitOfWork) -> None:
            work.prices.put(price)
            work.audit.add(actor.did("price.set", f"{price.provider}/{price.model}", **rates))

        self._store.write(store)
        self.refresh()

    def delete(self, actor: Actor, provider: str, model: str) -> None:
        """Back to what the provider and the tables say. Raises NotFound."""

        def remove(work: UnitOfWork) -> None:
            if not work.prices.delete(provider, model):
                raise NotFound("No price is set for this model.")
            work.audit.add(actor.did("price.delete", f"{provider}/{model}"))

        self._store.write(remove)
        self.refresh()

    def rates(self, provider: str, model: str, told: Rates | None) -> Rates | None:
        """The rates of a call; `told` is what was known of the model when it was chosen. May load the price list."""
        return self._set(provider, model) or told or rates_of(provider, model)

    def price(
        self, provider: str, model: str, usage: Usage, at: dt.datetime | None = None, *, told: Rates | None = None
    ) -> Cost | None:
        """As `pricing.price`, an administrator's word above all."""
        return pricing.price(provider, model, usage, at, told=self._set(provider, model) or told)

    def charged(self, provider: str, model: str, usage: Usage, amount: Decimal) -> Cost:
        """The same for a call whose provider says what it charged: an administrator's word, then its own."""
        own = self._set(provider, model)
        return (pricing.price(provider, model, usage, told=own) if own else None) or Cost(rounded(amount), provider)

    def _set(self, provider: str, model: str) -> Rates | None:
        return self._rates.get((provider, model)) or self._rates.get((provider, ALL_MODELS))
