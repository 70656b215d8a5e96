"""The list of all models where providers misbehave: eight of them, one silent, one broken, one refusing the key.

python -m bench.catalogue
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from api.app import create_app
from api.config import Settings
from api.domain.principal import ALL_SCOPES, Principal
from api.services.accounts import NewAccount
from api.services.catalogue import DEADLINE_SECONDS
from api.services.registry import Services

LATEST = DEADLINE_SECONDS * 1.1
HOW = {"groq": "hang", "mistral": "500", "deepseek": "401"}
VENDORS = ("openai", "openrouter", "qwen", "huggingface", "litellm", *HOW)
LOADS = 100
SECRETS = dict.fromkeys(("jwt_secret", "encryption_key", "token_pepper", "page_secret"), "5f1c84d09be72a63" * 4)


class Provider(BaseHTTPRequestHandler):
    """A vendor's list of models, as the first part of the path says."""

    asked: Counter[str] = Counter()  # noqa: RUF012
    over = threading.Event()

    def do_GET(self) -> None:
        vendor, how = self.path.split("/")[1:3]
        if self.path.endswith("/models"):
            self.asked[vendor] += 1
        if how == "hang":
            self.over.wait(60)
        if self.over.is_set():
            return
        data = b'{"object": "list", "data": [{"id": "one"}, {"id": "two"}]}'
        self.send_response(int(how) if how.isdigit() else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def account(services: Services, name: str) -> Principal:
    user = services.accounts.register(NewAccount(f"{name}@example.org", name, "correct horse battery"))
    who = Principal(user.id, user.username, user.role, ALL_SCOPES)
    for vendor in VENDORS:
        services.model_configs.create(who, {"name": vendor, "provider": vendor, "api_key": f"sk-{vendor}-0123456789"})
    return who


def loaded(services: Services, who: Principal) -> tuple[float, bool]:
    """Seconds, and whether the five good ones are whole and the three others named."""
    began = time.perf_counter()
    found = services.catalogue.models(who)
    seconds = time.perf_counter() - began
    told = {one["provider"]: one for one in found["configured_providers"]}
    good = {model["provider"] for model in found["models"]} >= set(VENDORS) - set(HOW)
    return seconds, good and all("error" in told[vendor] for vendor in HOW)


def measured(services: Services) -> bool:
    kept = True
    for name in ("first of the process", "later"):
        seconds, right = loaded(services, account(services, name.split()[0]))
        held = right and seconds <= LATEST
        kept &= held
        print(
            f"all models, 8 providers (one silent, one 500, one 401), {name}: {seconds:.2f} s, at most {LATEST:.2f}, "
            f"five lists and three errors: {'kept' if held else 'NOT KEPT'}"
        )
    who = account(services, "many")
    Provider.asked.clear()
    with ThreadPoolExecutor(LOADS) as pool:
        slowest = max(seconds for seconds, _ in pool.map(lambda _: loaded(services, who), range(LOADS)))
    most = max(Provider.asked.values(), default=0)
    print(f"{LOADS} loads at once: {most} call a provider, the slowest {slowest:.2f} s")
    return kept and most == 1


def main() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        at = f"http://127.0.0.1:{server.server_port}"
        urls = {f"{vendor}_base_url": f"{at}/{vendor}/{HOW.get(vendor, 'ok')}" for vendor in VENDORS}
        values: dict[str, Any] = {"data_dir": Path(folder), "database_url": f"sqlite:///{folder}/parley.db", **SECRETS}
        app = create_app(Settings(**values, **urls, ollama_base_url="http://127.0.0.1:9"))
        try:
            return 0 if measured(app.extensions["parley"]) else 1
        finally:
            Provider.over.set()
            app.extensions["parley_close"]()


if __name__ == "__main__":
    sys.exit(main())
