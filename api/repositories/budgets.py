"""Budgets: reserved by one atomic statement a budget, settled and given back."""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from api.domain import clock
from api.domain.budgets import Budget
from api.domain.money import to_units
from api.models.budgets import BUDGET_COUNTERS, BUDGETS, RESERVATIONS
from api.models.usage import USAGE_DAYS
from api.repositories.base import Repository, insert_into
from api.repositories.prepared import Prepared, Values, together

COUNTERS = BUDGET_COUNTERS
DAYS = USAGE_DAYS.c
ALL = sa.select(*(BUDGETS.c[name] for name in Budget.__dataclass_fields__)).order_by(BUDGETS.c.scope, BUDGETS.c.id)


class Place(NamedTuple):
    """A counter: in this order all transactions take them."""

    subject: UUID
    budget_id: UUID
    starts: dt.date


class Held(NamedTuple):
    """What is put aside for one call on one counter."""

    generation_id: UUID
    place: Place
    amount: int


@functools.cache
def _statements(dialect: str) -> tuple[Prepared, Prepared, Prepared]:
    """Reserve within a limit; change without one; put a reservation down."""
    binds = {name: sa.bindparam(name, type_=COUNTERS.c[name].type) for name in ("subject", "budget_id", "starts")}
    amount, limit = sa.bindparam("amount", type_=sa.BigInteger()), sa.bindparam("limit", type_=sa.BigInteger())
    row = sa.select(*binds.values(), sa.literal_column("0"), amount).where(amount <= limit)
    reserve = insert_into(COUNTERS, dialect).from_select([*binds, "used", "reserved"], row, include_defaults=False)
    reserve = reserve.on_conflict_do_update(
        index_elements=list(binds),
        set_={"reserved": COUNTERS.c.reserved + amount},
        where=COUNTERS.c.used + COUNTERS.c.reserved + amount <= limit,
    ).returning(COUNTERS.c.used, COUNTERS.c.reserved)
    spent = sa.bindparam("spent", type_=sa.BigInteger())
    freed = sa.bindparam("freed", type_=sa.BigInteger())
    change = insert_into(COUNTERS, dialect).values(**binds, used=spent, reserved=0)
    change = change.on_conflict_do_update(
        index_elements=list(binds), set_={"used": COUNTERS.c.used + spent, "reserved": COUNTERS.c.reserved - freed}
    )
    return Prepared(reserve), Prepared(change), Prepared(sa.insert(RESERVATIONS), *RESERVATIONS.c.keys())


class BudgetRepository(Repository):
    def all(self) -> list[Budget]:
        """In the order in which counters are taken."""
        return [Budget(*row) for row in self.connection.execute(ALL)]

    def put(self, budget: Budget) -> Budget:
        """Make it, or change the amount of the one that is there; its counters go on."""
        values = {name: getattr(budget, name) for name in Budget.__dataclass_fields__}
        key = f"{budget.scope}:{budget.user_id or ''}:{budget.unit}:{budget.period}"
        statement = self.insert(BUDGETS).values(values | {"name": key})
        statement = statement.on_conflict_do_update(
            index_elements=["name"], set_={"amount": budget.amount, "updated_at": clock.now()}
        ).returning(BUDGETS.c.id, BUDGETS.c.created_at)
        found = self.connection.execute(statement).one()
        if found[0] == budget.id:
            self._fill(budget)
        return Budget(found[0], budget.scope, budget.user_id, budget.unit, budget.period, budget.amount)

    def delete(self, budget_id: UUID) -> bool:
        return self.changed(sa.delete(BUDGETS).where(BUDGETS.c.id == budget_id)) > 0

    def _fill(self, budget: Budget) -> None:
        """What the present period has seen already counts: from the sums of usage."""
        day = clock.now().date() - dt.timedelta(days=1)  # somewhere it is still yesterday
        since = budget.starts(day)
        total = DAYS.prompt_tokens + DAYS.completion_tokens
        value = sa.func.sum(DAYS.cost, type_=DAYS.cost.type) if budget.unit == "cost" else sa.func.sum(total)
        query = sa.select(DAYS.user_id, DAYS.day, value).where(DAYS.day >= since).group_by(DAYS.user_id, DAYS.day)
        if budget.scope == "user":
            query = query.where(DAYS.user_id == budget.user_id)
        used: dict[Place, int] = defaultdict(int)
        for user_id, used_on, amount in self.connection.execute(query):
            place = Place(budget.subject(user_id), budget.id, budget.starts(used_on))
            used[place] += to_units(amount) if budget.unit == "cost" else int(amount)
        if used:
            rows = [place._asdict() | {"used": amount, "reserved": 0} for place, amount in used.items()]
            self.connection.execute(sa.insert(COUNTERS), rows)

    def reserve(self, place: Place, amount: int, limit: int) -> tuple[int, int] | None:
        """Put `amount` aside if it fits: (used, reserved) then, None where it does not and nothing is changed."""
        values = place._asdict() | {"amount": amount, "limit": limit}
        row = _statements(self.connection.dialect.name)[0].first(self.connection, values)
        return None if row is None else (row[0], row[1])

    def hold(self, held: Sequence[Held], expires_at: dt.datetime) -> None:
        """Note what was put aside for whom, so that it can be given back."""
        insert = _statements(self.connection.dialect.name)[2]
        rows = [
            (
                insert,
                {
                    "generation_id": one.generation_id,
                    **one.place._asdict(),
                    "amount": one.amount,
                    "expires_at": expires_at,
                },
            )
            for one in held
        ]
        if rows:
            together(self.connection, *rows)

    def settle(self, generation_ids: Sequence[UUID], spent: dict[Place, int]) -> None:
        """Calls that ended: what they spent is used, what was put aside for them is free again."""
        freed = self._taken_back(RESERVATIONS.c.generation_id.in_(generation_ids))
        self._change(spent, freed)

    def expired(self, now: dt.datetime, limit: int) -> list[UUID]:
        """Generations whose reservations are over."""
        query = sa.select(RESERVATIONS.c.generation_id).where(RESERVATIONS.c.expires_at <= now).distinct().limit(limit)
        return list(self.connection.execute(query).scalars())

    def expire(self, generation_id: UUID, now: dt.datetime) -> None:
        """Give back what was put aside for a call that nobody has settled in time."""
        over = (RESERVATIONS.c.generation_id == generation_id) & (RESERVATIONS.c.expires_at <= now)
        self._change({}, self._taken_back(over))

    def counters(self, places: Sequence[Place]) -> dict[Place, tuple[int, int]]:
        """(used, reserved) of those counters that are there."""
        columns = (COUNTERS.c.subject, COUNTERS.c.budget_id, COUNTERS.c.starts)
        query = sa.select(*columns, COUNTERS.c.used, COUNTERS.c.reserved).where(sa.tuple_(*columns).in_(places))
        return {Place(*row[:3]): (row[3], row[4]) for row in self.connection.execute(query)} if places else {}

    def prune(self, before: dt.date) -> int:
        """Remove the counters of periods that began before that day."""
        return self.changed(sa.delete(COUNTERS).where(COUNTERS.c.starts < before, COUNTERS.c.reserved == 0))

    def _taken_back(self, which: sa.ColumnElement[bool]) -> dict[Place, int]:
        freed: dict[Place, int] = defaultdict(int)
        kept = (RESERVATIONS.c.subject, RESERVATIONS.c.budget_id, RESERVATIONS.c.starts, RESERVATIONS.c.amount)
        for row in self.connection.execute(sa.delete(RESERVATIONS).where(which).returning(*kept)):
            freed[Place(*row[:3])] += row[3]
        return freed

    def _change(self, spent: dict[Place, int], freed: dict[Place, int]) -> None:
        change = _statements(self.connection.dialect.name)[1]
        pieces: list[tuple[Prepared, Values]] = [
            (change, place._asdict() | {"spent": spent.get(place, 0), "freed": freed.get(place, 0)})
            for place in sorted({*spent, *freed})
        ]
        if pieces:
            together(self.connection, *pieces)
