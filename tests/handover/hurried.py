"""Our worker, with less patience than a test has."""

from __future__ import annotations

from api.web.worker import Worker


class HurriedWorker(Worker):
    arrival_seconds, piece_seconds = 1.0, 1
