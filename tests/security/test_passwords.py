from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher, extract_parameters

from api.domain.errors import Overloaded
from api.security import passwords as module
from api.security.passwords import AT_ONCE, DUMMY, UNUSABLE, Passwords


def test_hashes_are_argon2id_with_the_documented_cost() -> None:
    stored = Passwords().hash("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert extract_parameters(stored) == extract_parameters(DUMMY)


@pytest.mark.parametrize("password", ["correct horse battery", "пароль-пароль", "🐴🔋" * 8, " spaces kept "])
def test_a_password_matches_its_own_hash_only(password: str) -> None:
    passwords = Passwords()
    stored = passwords.hash(password)
    assert passwords.verify_or_dummy(stored, password)
    for wrong in ("", password[:-1], password + " ", password.swapcase() + "x", "\ud800", "a\0b"):
        assert not passwords.verify_or_dummy(stored, wrong)


@pytest.mark.parametrize("stored", [None, UNUSABLE, "", "not a hash", DUMMY])
@pytest.mark.parametrize("password", ["", "!", "correct horse battery", "\0" * 32])
def test_without_a_usable_hash_nothing_matches(stored: str | None, password: str) -> None:
    assert not Passwords().verify_or_dummy(stored, password)


def test_a_hash_of_other_parameters_is_outdated() -> None:
    passwords = Passwords()
    assert not passwords.is_outdated(passwords.hash("x"))
    assert passwords.is_outdated(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("x"))


class Slow(Passwords):
    """Counts how many verifications run at once; each waits for `gate`."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.running = self.most = 0
        self.lock = threading.Lock()

    def _verify(self, stored: str, password: str) -> bool:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.gate.wait(10)
        with self.lock:
            self.running -= 1
        return True


def test_at_most_four_run_at_once_and_the_rest_wait() -> None:
    slow = Slow()
    with ThreadPoolExecutor(12) as pool:
        results = [pool.submit(slow.verify_or_dummy, DUMMY, "x") for _ in range(12)]
        until = time.monotonic() + 10
        while slow.running < AT_ONCE and time.monotonic() < until:
            time.sleep(0.005)
        slow.gate.set()
        assert all(result.result(10) for result in results)
    assert slow.most == AT_ONCE


def test_who_waits_too_long_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAIT", 0.01)
    slow = Slow()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        held = [pool.submit(slow.verify_or_dummy, DUMMY, "x") for _ in range(AT_ONCE)]
        until = time.monotonic() + 10
        while slow.running < AT_ONCE and time.monotonic() < until:
            time.sleep(0.005)
        with pytest.raises(Overloaded) as refusal:
            slow.hash("x")
        slow.gate.set()
        assert all(result.result(10) for result in held)
    assert refusal.value.retry_after
