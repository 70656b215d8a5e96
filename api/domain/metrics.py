"""Prometheus metrics that any layer may feed. With PROMETHEUS_MULTIPROC_DIR set before the import, all processes
of one server add up; else this process speaks for itself."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from api.domain.events import Usage

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

requests_total: Final = Counter(
    "parley_requests_total",
    "Requests answered, by route rule (never by path).",
    ("method", "rule", "status"),
    registry=REGISTRY,
)
request_seconds: Final = Histogram(
    "parley_request_seconds",
    "Seconds until the head of the answer was ready.",
    ("method", "rule"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
    registry=REGISTRY,
)
streams_open: Final = Gauge(
    "parley_streams_open",
    "Event streams open to readers.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
replies_running: Final = Gauge(
    "parley_replies_running",
    "Replies that are being generated.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
first_token_seconds: Final = Histogram(
    "parley_first_token_seconds",
    "Seconds from the start of a provider call to its first token.",
    ("provider",),
    buckets=(0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60),
    registry=REGISTRY,
)
tokens_total: Final = Counter(
    "parley_tokens_total",
    "Tokens that providers counted, by provider and kind (prompt, completion).",
    ("provider", "kind"),
    registry=REGISTRY,
)
provider_errors_total: Final = Counter(
    "parley_provider_errors_total",
    "Provider calls that failed, by error code.",
    ("provider", "code"),
    registry=REGISTRY,
)
generations_total: Final = Counter(
    "parley_generations_total",
    "Generations that ended, by status.",
    ("status",),
    registry=REGISTRY,
)
db_pool_in_use: Final = Gauge(
    "parley_db_pool_in_use",
    "Database connections that are checked out.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
replies_recovered_total: Final = Counter(
    "parley_replies_recovered_total",
    "Replies of dead processes whose text was saved.",
    registry=REGISTRY,
)
flush_seconds: Final = Histogram(
    "parley_flush_seconds",
    "Seconds that one flush of running replies took.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=REGISTRY,
)


def count_ended(provider: str, status: str, usage: Usage) -> None:
    """A generation whose end is stored, with the tokens that its provider counted."""
    generations_total.labels(status).inc()
    for kind, tokens in (("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)):
        if tokens:
            tokens_total.labels(provider, kind).inc(tokens)


def exposition() -> bytes:
    """All metrics as text: of every process of this server where they share a folder, else of this one."""
    together = CollectorRegistry()
    try:
        MultiProcessCollector(together)  # type: ignore[no-untyped-call, unused-ignore]
    except ValueError:  # no shared folder
        return generate_latest(REGISTRY)
    return generate_latest(together)
