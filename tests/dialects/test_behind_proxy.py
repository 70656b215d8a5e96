"""What clients are told behind a proxy that is not on this machine's own address, by the real server."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from tests.answers import Answers
from tests.dialects.test_openai_drawing import CONFIG
from tests.server import PATIENCE, Server, running_server

pytestmark = pytest.mark.xdist_group("behind-proxy")
OUTSIDE = "api.example.org:8443"


def asked(server: Server, peer: str, path: str, values: dict[str, Any], **headers: str) -> tuple[Any, Any]:
    """Headers and JSON of the answer to a proxy at the address `peer`, to which the client came by https."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, PATIENCE, source_address=(peer, 0))
    told = {"Host": OUTSIDE, "X-Forwarded-Proto": "https", "Content-Type": "application/json"}
    try:
        connection.request("POST", path, json.dumps(values), told | headers)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.headers, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(("proxies", "scheme"), [("0", "http"), ("1", "https")])
def test_the_scheme_of_the_outer_line(drawings: Answers, tmp_path: Path, proxies: str, scheme: str) -> None:
    settings = {"TRUSTED_PROXIES": proxies, "IMAGEROUTER_BASE_URL": f"{drawings.url}/v1/openai"}
    with running_server(f"sqlite:///{tmp_path}/parley.db", tmp_path, **settings) as server:
        ann = server.person("ann")
        assert ann.call("POST", "/model-configs", CONFIG).status == 201
        login = {"username": "ann", "password": "ann has a long password"}
        picture = {"prompt": "a fox", "model": "imagerouter/test/test", "response_format": "url"}
        for peer in ("127.0.0.1", "127.0.0.2"):  # a proxy in another container is as good as one on this machine
            for more in ({}, {"Connection": "close"}):
                headers, _ = asked(server, peer, "/api/login", login, **more)
                assert ("Secure" in headers["Set-Cookie"].split("; ")) == (scheme == "https"), peer
            _, made = asked(server, peer, "/v1/images/generations", picture, Authorization=f"Bearer {ann.token}")
            assert made["data"][0]["url"].startswith(f"{scheme}://{OUTSIDE}/images/"), peer
