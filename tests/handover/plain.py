"""gunicorn's own gthread worker over the same application: nothing is handed over there."""

from __future__ import annotations

from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class PlainWorker(ThreadWorker):
    """Starts and drains the application's process, and leaves every socket to gunicorn."""

    def run(self) -> None:
        process = self.wsgi.extensions["parley_process"]
        process.start()
        super().run()
        process.finish_drain(self.notify)

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.alive:
            self.wsgi.extensions["parley_process"].begin_drain()
        super().handle_exit(sig, frame)
