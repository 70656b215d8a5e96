"""What a process says of itself without being asked."""

from __future__ import annotations

from api.domain import metrics
from tests.server import until
from tests.services.whole import Whole


def in_use() -> float:
    return next(sample.value for metric in metrics.db_pool_in_use.collect() for sample in metric.samples)


def test_connections_in_use_are_noted_though_another_process_answers_for_the_metrics(whole: Whole) -> None:
    database = whole.services.chats._store.database
    with database.reader.connect():
        until(lambda: in_use() >= 1, what="the connection to be counted")
    until(lambda: in_use() == 0, what="its return to be counted")
