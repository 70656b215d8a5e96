"""What an administrator does not want to keep goes; nothing else does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from uuid import UUID

import pytest

from api.domain import clock
from api.domain.accounts import User
from api.domain.attachments import Attachment
from api.domain.audit import Actor, Sought
from api.domain.ids import new_id
from api.domain.instance import InstanceSettings
from api.repositories.unit_of_work import Store
from api.services.audit import AuditService
from api.services.chats import ChatFilter
from api.services.retention import BATCH, RetentionService
from tests.server import until
from tests.services.machine import FOR_EVER, Machine, principal, text


def keeping(store: Store, chats: int | None, audit: int | None) -> RetentionService:
    return RetentionService(store, lambda: InstanceSettings(retention_chats_days=chats, retention_audit_days=audit))


def later(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    moment = clock.now() + dt.timedelta(days=days)
    monkeypatch.setattr(clock, "now", lambda: moment)


def test_chats(store: Store, register: Callable[[str], User], monkeypatch: pytest.MonkeyPatch) -> None:
    user = register("ann")
    ann = principal(user.id, "ann")
    machine = Machine(store)
    machine.generations.start()
    old = [str(machine.chats.create(ann, {}).id) for _ in range(BATCH + 5)]
    pinned = str(machine.chats.create(ann, {"pinned": True}).id)
    running, spoken = machine.chat(ann), machine.chat(ann)
    machine.send(ann, running, FOR_EVER)
    told = machine.ended(ann, machine.send(ann, spoken, text("x")).generation_id)
    assert set(keeping(store, 30, None).prune().values()) == {0}
    later(monkeypatch, 31)
    fresh = machine.chat(ann)
    assert keeping(store, None, None).prune()["chats"] == 0
    assert keeping(store, 30, None).prune()["chats"] == len(old) + 1
    left = {str(chat.id) for chat in machine.chats.page(ann, 100, None, ChatFilter()).items}
    assert left == {pinned, running, fresh}
    assert machine.generations.get(ann, str(told.id)).id == told.id, "the ledger stays"
    machine.generations.stop()


def test_temporary_chats_go_a_day_after_their_last_message(
    store: Store, register: Callable[[str], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where chats are kept for ever; one that is written to stays for another day."""
    ann = principal(register("ann").id, "ann")
    machine = Machine(store)
    machine.generations.start()
    kept = str(machine.chats.create(ann, {}).id)
    old = [str(machine.chats.create(ann, {"temporary": True, "pinned": True}).id) for _ in range(BATCH + 5)]
    running, used = (str(machine.chats.create(ann, {"temporary": True}).id) for _ in range(2))
    machine.send(ann, running, FOR_EVER)
    with monkeypatch.context() as patch:
        moment = clock.now() + dt.timedelta(hours=12)
        patch.setattr(clock, "now", lambda: moment)
        machine.ended(ann, machine.send(ann, used, text("x")).generation_id)
    assert keeping(store, None, None).prune()["temporary"] == 0
    moment = clock.now() + dt.timedelta(hours=25)
    monkeypatch.setattr(clock, "now", lambda: moment)
    assert keeping(store, None, None).prune()["temporary"] == len(old)
    for left in (kept, running, used):
        assert machine.chats.get(ann, left)
    machine.generations.stop()


def test_audit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = AuditService(store)
    for number in range(BATCH + 5):
        audit.note(Actor(None, "root").did("user.change", number))
    assert keeping(store, None, 30).prune()["audit"] == 0
    later(monkeypatch, 31)
    audit.note(Actor(None, "root").did("user.change", "fresh"))
    assert keeping(store, None, 30).prune()["audit"] == BATCH + 5
    assert [one.target for one in audit.page(Sought()).items] == ["fresh"]


def test_files_that_were_never_sent(
    store: Store, register: Callable[[str], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In small batches, and whatever else is kept."""
    user = register("ann")
    store.write(lambda work: work.attachments.add([unsent(user.id) for _ in range(BATCH + 5)]))
    assert keeping(store, None, None).prune()["attachments"] == 0
    later(monkeypatch, 2)
    fresh = unsent(user.id)
    store.write(lambda work: work.attachments.add([fresh]))
    assert keeping(store, None, None).prune()["attachments"] == BATCH + 5
    assert store.read(lambda work: work.attachments.get_owned(fresh.id, user.id)) == fresh


def unsent(user_id: UUID) -> Attachment:
    digest = "a" * 64
    return Attachment(
        user_id, new_id(), None, "a.txt", "text", "text/plain", 1, digest, digest, 1, 1, None, None, clock.now()
    )


def test_events(store: Store, register: Callable[[str], User], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of replies that ended; of one that runs, every event may still be asked for."""
    user = register("ann")
    ann = principal(user.id, "ann")
    machine = Machine(store)
    machine.generations.start()
    ended, running = machine.chat(ann), machine.chat(ann)
    ends, runs = (machine.send(ann, chat, FOR_EVER).generation_id for chat in (ended, running))

    def kept(generation: UUID) -> int:
        return len(store.read(lambda work: work.generation_events.after([(user.id, generation, 0, 0)])))

    until(lambda: kept(runs) > 0 and kept(ends) > 0)
    machine.generations.stop_reply(ann, str(ends))
    machine.ended(ann, ends)
    assert keeping(store, None, None).prune()["events"] == 0
    moment = clock.now() + dt.timedelta(minutes=11)
    monkeypatch.setattr(clock, "now", lambda: moment)
    assert keeping(store, None, None).prune()["events"] > 0
    assert kept(ends) == 0
    assert kept(runs) > 0
    machine.generations.stop()
