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

BUDGET, COUNTER, DAY, RESERVATION = BUDGETS.c, BUDGET_COUNTERS.c, USAGE_DAYS.c, RESERVATIONS.c
ALL = sa.select(*(BUDGET[name] for name in Budget.__dataclass_fields__)).order_by(BUDGET.scope, BUDGET.id)


class CounterKey(NamedTuple):
    """In this order all transactions take counters."""

    subject: UUID
    budget_id: UUID
    starts: dt.date


class Held(NamedTuple):
    """What is put aside for one call on one counter."""

    generation_id: UUID
    key: CounterKey
    amount: int


@functools.cache
def _statements(dialect: str) -> tuple[Prepared, Prepared, Prepared]:
    """Reserve within a limit; change without one; put a reservation down."""
    binds = {name: sa.bindparam(name, type_=COUNTER[name].type) for name in ("subject", "budget_id", "starts")}
    amount, limit = sa.bindparam("amount", type_=sa.BigInteger()), sa.bindparam("limit", type_=sa.BigInteger())
    row = sa.select(*binds.values(), sa.literal_column("0"), amount).where(amount <= limit)
    insert = insert_into(BUDGET_COUNTERS, dialect)
    reserve = (
        insert.from_select([*binds, "used", "reserved"], row, include_defaults=False)
        .on_conflict_do_update(
            index_elements=list(binds),
            set_={"reserved": COUNTER.reserved + amount},
            where=COUNTER.used + COUNTER.reserved + amount <= limit,
        )
        .returning(COUNTER.used, COUNTER.reserved)
    )
    spent = sa.bindparam("spent", type_=sa.BigInteger())
    freed = sa.bindparam("freed", type_=sa.BigInteger())
    change = insert.values(**binds, used=spent, reserved=0).on_conflict_do_update(
        index_elements=list(binds), set_={"used": COUNTER.used + spent, "reserved": COUNTER.reserved - freed}
    )
    return Prepared(reserve), Prepared(change), Prepared(sa.insert(RESERVATIONS), *RESERVATION.keys())


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
        ).returning(BUDGET.id, BUDGET.created_at)
        found = self.connection.execute(statement).one()
        if found[0] == budget.id:
            self._fill(budget)
        return Budget(found[0], budget.scope, budget.user_id, budget.unit, budget.period, budget.amount)

    def delete(self, budget_id: UUID) -> bool:
        return self.changed(sa.delete(BUDGETS).where(BUDGET.id == budget_id)) > 0

    def _fill(self, budget: Budget) -> None:
        """What the present period has seen already counts: from the sums of usage."""
        day = clock.now().date() - dt.timedelta(days=1)  # somewhere it is still yesterday
        since = budget.starts(day)
        total = DAY.prompt_tokens + DAY.completion_tokens
        value = sa.func.sum(DAY.cost, type_=DAY.cost.type) if budget.unit == "cost" else sa.func.sum(total)
        query = sa.select(DAY.user_id, DAY.day, value).where(DAY.day >= since).group_by(DAY.user_id, DAY.day)
        if budget.scope == "user":
            query = query.where(DAY.user_id == budget.user_id)
        used: dict[CounterKey, int] = defaultdict(int)
        for user_id, used_on, amount in self.connection.execute(query):
            key = CounterKey(budget.subject(user_id), budget.id, budget.starts(used_on))
            used[key] += to_units(amount) if budget.unit == "cost" else int(amount)
        if used:
            rows = [key._asdict() | {"used": amount, "reserved": 0} for key, amount in used.items()]
            self.connection.execute(sa.insert(BUDGET_COUNTERS), rows)

    def reserve(self, key: CounterKey, amount: int, limit: int) -> tuple[int, int] | None:
        """Put `amount` aside if it fits: (used, reserved) then, None where it does not and nothing is changed."""
        values = key._asdict() | {"amount": amount, "limit": limit}
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
                    **one.key._asdict(),
                    "amount": one.amount,
                    "expires_at": expires_at,
                },
            )
            for one in held
        ]
        if rows:
            together(self.connection, *rows)

    def settle(self, generation_ids: Sequence[UUID], spent: dict[CounterKey, int]) -> None:
        """Calls that ended: what they spent is used, what was put aside for them is free again."""
        freed = self._taken_back(RESERVATION.generation_id.in_(generation_ids))
        self._change(spent, freed)

    def expired(self, now: dt.datetime, limit: int) -> list[UUID]:
        """Generations whose reservations are over."""
        query = sa.select(RESERVATION.generation_id).where(RESERVATION.expires_at <= now).distinct().limit(limit)
        return list(self.connection.execute(query).scalars())

    def expire(self, generation_id: UUID, now: dt.datetime) -> None:
        """Give back what was put aside for a call that nobody has settled in time."""
        over = (RESERVATION.generation_id == generation_id) & (RESERVATION.expires_at <= now)
        self._change({}, self._taken_back(over))

    def counters(self, keys: Sequence[CounterKey]) -> dict[CounterKey, tuple[int, int]]:
        """(used, reserved) of those counters that are there."""
        columns = (COUNTER.subject, COUNTER.budget_id, COUNTER.starts)
        query = sa.select(*columns, COUNTER.used, COUNTER.reserved).where(sa.tuple_(*columns).in_(keys))
        return {CounterKey(*row[:3]): (row[3], row[4]) for row in self.connection.execute(query)} if keys else {}

    def prune(self, before: dt.date) -> int:
        """Remove the counters of periods that began before that day."""
        return self.changed(sa.delete(BUDGET_COUNTERS).where(COUNTER.starts < before, COUNTER.reserved == 0))

    def forget(self, user_id: UUID) -> None:
        """An account that is gone counts on nothing of its own any more; what its calls used of the instance stays."""
        self.connection.execute(sa.delete(RESERVATIONS).where(RESERVATION.subject == user_id))
        self.connection.execute(sa.delete(BUDGET_COUNTERS).where(COUNTER.subject == user_id))

    def _taken_back(self, which: sa.ColumnElement[bool]) -> dict[CounterKey, int]:
        freed: dict[CounterKey, int] = defaultdict(int)
        kept = (RESERVATION.subject, RESERVATION.budget_id, RESERVATION.starts, RESERVATION.amount)
        for row in self.connection.execute(sa.delete(RESERVATIONS).where(which).returning(*kept)):
            freed[CounterKey(*row[:3])] += row[3]
        return freed

    def _change(self, spent: dict[CounterKey, int], freed: dict[CounterKey, int]) -> None:
        change = _statements(self.connection.dialect.name)[1]
        pieces: list[tuple[Prepared, Values]] = [
            (change, key._asdict() | {"spent": spent.get(key, 0), "freed": freed.get(key, 0)})
            for key in sorted({*spent, *freed})
        ]
        if pieces:
            together(self.connection, *pieces)
