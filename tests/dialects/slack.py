"""A Slack workspace, as far as tests need one: it signs what it sends."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import itertools
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.server import Answer, Person

SECRET = "8f742231b10e4aa5b2c6d1e9f0a7c3d2"
FORM = "application/x-www-form-urlencoded"
_numbers = itertools.count(1)


def signature(body: bytes, timestamp: str, secret: str = SECRET) -> str:
    """Slack's v0."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def headers(body: bytes, **changes: str) -> dict[str, str]:
    timestamp = changes.pop("timestamp", str(int(time.time())))
    signed = changes.pop("signature", signature(body, timestamp))
    return {"Content-Type": FORM, "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signed} | changes


def post(port: int, body: bytes, given: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/slack/command", body, given)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


@dataclass
class SlackUser:
    """Somebody in a workspace, in one channel."""

    port: int
    answers_to: str = ""
    team: str = "T0001"
    user: str = ""
    channel: str = "C0001"
    fields: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.user = self.user or f"U{next(_numbers):04}"

    def form(self, command: str, text: str = "") -> bytes:
        values = {
            "token": "legacy",
            "team_id": self.team,
            "team_domain": "example",
            "channel_id": self.channel,
            "channel_name": "general",
            "user_id": self.user,
            "command": command,
            "text": text,
            "response_url": self.answers_to,
            "trigger_id": str(next(_numbers)),  # as Slack's, never the same twice
        }
        return urlencode(values | self.fields).encode()

    def send(self, command: str, text: str = "") -> str:
        """The message that only this user sees."""
        body = self.form(command, text)
        answer = post(self.port, body, headers(body))
        assert answer.status == 200, answer.body
        assert answer.json["response_type"] == "ephemeral"
        assert (answer.json["parse"], answer.json["link_names"]) == ("none", False)
        return str(answer.json["text"])

    def link(self, person: Person) -> None:
        made = person.call("POST", "/slack/link")
        assert made.status == 201, made.body
        command, code = made.json["command"].split()
        assert "acts as" in self.send(command, code)
