"""Many calls at once against a budget, from one process of several: run by the tests."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier as ProcessBarrier
from uuid import UUID

from api.db import Database
from api.domain.errors import BudgetExceeded
from api.domain.principal import Principal
from api.repositories.unit_of_work import Store
from tests.services.machine import FOR_EVER, Machine, principal

ESTIMATE = 2 + 8 + 4096
"""What is put aside for `Machine.send`: ⌈5 bytes / 3.5⌉, a turn, and the guess at its output."""


def spend(machine: Machine, who: Principal, attempts: int) -> int:
    """How many of so many parallel calls are admitted; they run on."""
    chats = [machine.chat(who) for _ in range(attempts)]
    start = threading.Barrier(attempts)

    def attempt(chat: str) -> bool:
        start.wait(60)
        try:
            machine.send(who, chat, FOR_EVER)
        except BudgetExceeded:
            return False
        return True

    with ThreadPoolExecutor(attempts) as threads:
        return sum(threads.map(attempt, chats))


def spend_from_process(url: str, user_id: UUID, attempts: int, together: ProcessBarrier, done: ProcessBarrier) -> int:
    """So from this process; nothing ends before all processes have tried."""
    store = Store(Database(url))
    machine = Machine(store)
    machine.generations.start()
    together.wait(120)
    admitted = spend(machine, principal(user_id, "ann"), attempts)
    done.wait(120)
    machine.generations.stop()
    store.close()
    return admitted


def main(url: str, user_id: str, hold_seconds: str) -> None:
    """Begin one call that never ends, say so, and wait to be killed."""
    machine = Machine(Store(Database(url)), hold_seconds=float(hold_seconds))
    machine.generations.start()
    who = principal(UUID(user_id), "ann")
    machine.send(who, machine.chat(who), FOR_EVER)
    sys.stdout.write("reserved\n")
    sys.stdout.flush()
    time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
