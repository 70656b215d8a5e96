"""The dashboard and the alerts ask for metrics that exist, with labels that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from api.domain import metrics
from tests.architecture.files import python_files
from tests.server import ROOT

DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "parley.json").read_text())
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
OF_PROMETHEUS = {"up", "process_resident_memory_bytes"}


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (rule["expr"] for rule in RULES)


def known() -> set[str]:
    """Every series that /metrics can show, by the name that Prometheus gives it."""
    found = set(OF_PROMETHEUS)
    for metric in metrics.REGISTRY.collect():
        name = metric.name
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(metric.type, ("",))
        found |= {name + ending for ending in endings}
    return found


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_metric_exists(expression: str) -> None:
    names = set(re.findall(r"\b(?:parley|process)_[a-z_]+|\bup\b", expression))
    assert names
    assert names <= known()


def test_every_metric_of_ours_is_shown() -> None:
    shown = " ".join(expressions())
    ours = {metric.name for metric in metrics.REGISTRY.collect() if metric.name.startswith("parley_")}
    assert {name for name in ours if name not in shown} == set()


def test_every_alert_says_what_to_do() -> None:
    for rule in RULES:
        assert re.fullmatch(r"Parley[A-Z]\w+", rule["alert"])
        assert rule["labels"]["severity"] in ("page", "warn")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]


def test_every_replica_is_scraped_under_the_name_that_alerts_ask_for() -> None:
    folder = ROOT / "deploy" / "prometheus"
    told = yaml.safe_load((folder / "prometheus.yml").read_text())
    (job,) = told["scrape_configs"]
    assert all(f'job="{job["job_name"]}"' in rule["expr"] for rule in RULES if "up{" in rule["expr"])
    (found,) = job["dns_sd_configs"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(found["names"]) <= services.keys()
    assert str(found["port"]) == services["api"]["environment"]["API_PORT"]
    assert all((folder / name).exists() for name in told["rule_files"])


def test_panels_do_not_lie_over_each_other() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


def test_every_metric_is_fed() -> None:
    """One that exists and that nobody feeds draws an empty panel, and its alert never comes."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in python_files("api"))
    ours = [name for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)]
    assert ours
    assert [name for name in ours if not re.search(rf"\b{name}\.(inc|set|time|observe|labels)\b", code)] == []
