"""On what terms models are used here: limits by rule, prices, and the configs that are shared with everybody."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ui.api_client.calls import Caller, one_id
from ui.api_client.records import Json


@dataclass(frozen=True)
class Rule:
    """At most so many calls, or tokens, of one account in any hour; `name` None means each of its kind by itself."""

    kind: str
    name: str | None
    measure: str
    per_hour: int

    @classmethod
    def read(cls, body: Json) -> Rule:
        return cls(str(body.get("kind")), body.get("name"), str(body.get("measure")), int(body.get("per_hour") or 0))


@dataclass(frozen=True)
class Price:
    """US dollars a million tokens, exact; `model` may be `*`. None: nothing is put out."""

    provider: str
    model: str
    input: str
    output: str | None = None
    cached: str | None = None

    @classmethod
    def read(cls, body: Json) -> Price:
        return cls(
            str(body.get("provider")),
            str(body.get("model")),
            str(body.get("input")),
            body.get("output"),
            body.get("cached"),
        )


@dataclass(frozen=True)
class SharedConfig:
    id: str
    user_id: str
    name: str
    provider: str
    model: str
    base_url: str

    @classmethod
    def read(cls, body: Json) -> SharedConfig:
        return cls(*(str(body.get(name) or "") for name in ("id", "user_id", "name", "provider", "model", "base_url")))


class Terms(Caller):
    def rules(self) -> list[Rule]:
        return [Rule.read(entry) for entry in self._call("GET", "/admin/limits").get("items") or []]

    def set_rules(self, rules: list[Rule]) -> None:
        """All of them: what is not among them holds no longer."""
        self._call("PUT", "/admin/limits", json={"items": [asdict(rule) for rule in rules]})

    def prices(self) -> list[Price]:
        return [Price.read(entry) for entry in self._call("GET", "/admin/prices").get("items") or []]

    def set_price(self, fields: dict[str, Any]) -> None:
        self._call("PUT", "/admin/prices", json=fields)

    def delete_price(self, provider: str, model: str) -> None:
        self._call("DELETE", "/admin/prices", params={"provider": provider, "model": model})

    def shared_configs(self) -> list[SharedConfig]:
        return [SharedConfig.read(entry) for entry in self._call("GET", "/admin/model-configs").get("items") or []]

    def unshare(self, config_id: str) -> None:
        self._call("DELETE", f"/admin/model-configs/{one_id(config_id)}")
