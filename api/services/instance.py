"""The instance's settings as they stand, known in every process within a second of a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from api.domain.audit import Actor
from api.domain.errors import Invalid
from api.domain.instance import InstanceSettings
from api.domain.limit_rules import Rule, check
from api.providers.vendors import VENDORS
from api.repositories.unit_of_work import Store


class InstanceService:
    """`environment` holds what counts where no admin has set anything."""

    def __init__(self, store: Store, environment: InstanceSettings) -> None:
        self._store = store
        self._environment = environment
        self.current = environment

    def refresh(self) -> InstanceSettings:
        """Read what is stored; a thread of its own does so within each second. Raises StoreUnavailable: all stays as it
        was."""
        stored = self._store.read(lambda work: work.instance.settings())
        known = {name: value for name, value in stored.items() if name in InstanceSettings.__dataclass_fields__}
        if "limit_rules" in known:
            known["limit_rules"] = tuple(Rule(**rule) for rule in known["limit_rules"])
        self.current = replace(self._environment, **known)
        return self.current

    def change(self, actor: Actor, changes: Mapping[str, Any]) -> InstanceSettings:
        """Set these; the names in `reset` go back to the environment's value. Raises Invalid."""
        changes = dict(changes)
        reset = set(changes.pop("reset", None) or ())
        if unknown := reset - InstanceSettings.__dataclass_fields__.keys():
            raise Invalid.at("reset", f"There is no setting {', '.join(sorted(unknown))} to reset.")
        model = changes.get("default_model")
        if model and "/" not in model.strip("/"):
            raise Invalid.at("default_model", "The default model must be provider/model, such as openai/gpt-4o.")
        if "limit_rules" in changes:
            check([Rule(**rule) for rule in changes["limit_rules"]], {vendor.id for vendor in VENDORS})
        before = asdict(self.refresh())

        def store(work: Any) -> None:
            work.instance.set(changes, reset)
            named: dict[str, Any] = {name: [before[name], value] for name, value in changes.items()}
            if reset:
                named["reset"] = sorted(reset)
            work.audit.add(actor.did("settings.change", **named))

        self._store.write(store)
        return self.refresh()
