"""Models that the operator declares in CONFIG_FILE: shared with everybody, without keys, owned by `bootstrap`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

from api.domain import clock
from api.domain.account_rules import BOOTSTRAP_EMAIL
from api.domain.errors import Invalid
from api.providers.catalogue import Catalogue
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.api_keys import bootstrap_account

BY_NAME: Final = 5  # the version of ids made from names; all others are made from the time
DECLARED: Final = UUID("6f1b1c3e-5d0a-4d6e-9a55-2f6a4f0c7e11")  # the namespace of their ids, which follow their names


class DeclaredModels:
    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    def declare(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Make the declared configs what the file says now. Raises Invalid for one that cannot work."""
        rows = [self._row(entry) for entry in entries]

        def write(work: UnitOfWork) -> None:
            account = work.accounts.by_email(BOOTSTRAP_EMAIL) or (bootstrap_account(work) if rows else None)
            if account is None:
                return
            present = {config.id for config in work.model_configs.usable(account.id) if config.user_id == account.id}
            for row in rows:
                if row["id"] in present:
                    work.model_configs.change(account.id, row["id"], row | {"updated_at": clock.now()})
                elif not work.model_configs.add(row | {"user_id": account.id}):
                    raise Invalid(f"the account `bootstrap` has a model config named {row['name']!r} already")
            for gone in present - {row["id"] for row in rows}:
                if gone.version == BY_NAME:
                    work.model_configs.delete(account.id, gone)

        self._store.write(write)

    def _row(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        try:
            endpoint = self._catalogue.endpoint(entry["provider"], entry.get("base_url"), None)
        except Invalid as error:
            raise Invalid(f"{entry['name']!r}: {error.detail}") from error
        own = {"id": uuid5(DECLARED, entry["name"]), "provider": endpoint.provider, "shared": True}
        return dict(entry) | own
