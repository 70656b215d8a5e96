"""Prices that administrators set."""

from __future__ import annotations

import sqlalchemy as sa

from api.domain.prices import ModelPrice
from api.models.prices import MODEL_PRICES
from api.repositories.base import Repository

PRICE = MODEL_PRICES.c
FIELDS = tuple(ModelPrice.__dataclass_fields__)
ALL = sa.select(*(PRICE[name] for name in FIELDS)).order_by(PRICE.provider, PRICE.model)


class PriceRepository(Repository):
    def all(self) -> list[ModelPrice]:
        return [ModelPrice(*row) for row in self.connection.execute(ALL)]

    def put(self, price: ModelPrice) -> None:
        values = {name: getattr(price, name) for name in FIELDS}
        changes = {name: value for name, value in values.items() if name not in ("provider", "model")}
        statement = self.insert(MODEL_PRICES).values(values)
        self.connection.execute(statement.on_conflict_do_update(index_elements=["provider", "model"], set_=changes))

    def delete(self, provider: str, model: str) -> bool:
        found = (PRICE.provider == provider, PRICE.model == model)
        return self.changed(sa.delete(MODEL_PRICES).where(*found)) > 0
