"""The keys that seal: whether this server has the right ones, and all that was sealed under the newest of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from api.repositories.model_configs import Sealed
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.vault import Vault, VaultError, sealed_with

FACT = "vault_keys"
BATCH = 100
MAX_ROUNDS = 20
MISSING = (
    "ENCRYPTION_KEY lacks the key {kid}, with which the provider keys in this database are sealed: give it back, "
    "behind a newer one if there is one (a comma list, newest first). Lost for good: "
    "flask --app api.cli vault rotate --lost"
)


class KeyMissing(Exception):
    """ENCRYPTION_KEY is not the one that the stored data need; one line for a person."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """How many keys were sealed anew, and the names of the configs whose key nobody can read."""

    resealed: int
    unreadable: tuple[str, ...]


class VaultService:
    """The instance remembers the ids of the keys that its data may need: every newest one since the last rotation."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def check(self) -> None:
        """Raises KeyMissing where the data need a key that is not here. Single rows of other keys are no matter."""
        fact = self._store.read(lambda work: work.instance.get(FACT))
        remembered = set(fact.split(",")) if fact is not None else None
        if remembered is not None and self._vault.newest in remembered and all(map(self._vault.has, remembered)):
            return
        found = {kid for sealed in self._all() if (kid := sealed_with(sealed.token)) is not None}
        known = {kid for kid in found if self._vault.has(kid)}
        if remembered is None:  # data from before the ids were remembered
            remembered = known if known else found
        if missing := sorted((remembered & found) - known):
            raise KeyMissing(MISSING.format(kid=" and ".join(missing)))
        self._remember(known | {self._vault.newest})

    def rotate(self, *, lost: bool = False, told: Callable[[int], None] = lambda _: None) -> Rotation:
        """Seal every key anew with the newest key, batch by batch: what was done stays done. `told` gets the count
        after each batch; `lost` goes on where a key of the data is missing for good. Raises KeyMissing."""
        if not lost:
            self.check()
        done = 0
        for _ in range(MAX_ROUNDS):  # a row that somebody saved meanwhile is seen again in the next round
            found = 0
            for batch in self._batches():
                anew = [(sealed, token) for sealed in batch if (token := self._anew(sealed)) is not None]
                if anew:
                    found += len(anew)
                    done += self._store.write(partial(_replaced, anew))
                    told(done)
            if not found:
                break
        else:
            raise KeyMissing("keys are still being sealed with an older key: restart all servers, then rotate again")
        unreadable = tuple(sealed.name for sealed in self._all() if not self._readable(sealed))
        self._remember({self._vault.newest})
        return Rotation(done, unreadable)

    def _anew(self, sealed: Sealed) -> str | None:
        """Its token by the newest key; None where it has that, or cannot be read."""
        try:
            if not self._vault.needs_reseal(sealed.token):
                return None
            return self._vault.seal(self._vault.open(sealed.token, sealed.id), sealed.id)
        except VaultError:
            return None

    def _readable(self, sealed: Sealed) -> bool:
        try:
            self._vault.open(sealed.token, sealed.id)
        except VaultError:
            return False
        return True

    def _remember(self, kids: set[str]) -> None:
        self._store.write(lambda work: work.instance.put(FACT, ",".join(sorted(kids))))

    def _all(self) -> Iterator[Sealed]:
        for batch in self._batches():
            yield from batch

    def _batches(self) -> Iterator[list[Sealed]]:
        last: Sealed | None = None
        while batch := self._after(last):
            yield batch
            last = batch[-1]

    def _after(self, last: Sealed | None) -> list[Sealed]:
        return self._store.read(lambda work: work.model_configs.sealed(last, BATCH))


def _replaced(anew: list[tuple[Sealed, str]], work: UnitOfWork) -> int:
    return sum(work.model_configs.reseal(sealed, token) for sealed, token in anew)
