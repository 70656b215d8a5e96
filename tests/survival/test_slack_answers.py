"""An answer that Slack was promised is delivered, though the process that promised it was killed."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from api.models.slack import SLACK_ANSWERS
from tests.answers import Answers
from tests.dialects.slack import SECRET, SlackUser
from tests.server import running_server, until
from tests.survival.parts import Stored
from tests.upstream import Upstream

ROW = SLACK_ANSWERS


@pytest.mark.timeout(300)
def test_a_promise_outlives_its_process(database_url: str, tmp_path: Path, upstream: Upstream, stored: Stored) -> None:
    with Answers({}) as slack:
        slack.otherwise = {"ok": True}
        settings = {
            "OPENAI_BASE_URL": f"{upstream.url}/v1",
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_RESPONSE_ORIGIN": slack.url,
            "ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{slack.port}",
        }
        with running_server(database_url, tmp_path, **settings) as server:
            ann = server.person()
            ann.openai("stall:3#promised")
            user = SlackUser(server.port, f"{slack.url}/commands/T0001/a-secret-of-sorts")
            user.link(ann)
            assert "will appear here" in user.send("/ask", "take your time")
            generation = ann.call("GET", "/chats/slack-C0001").json["active_generation_id"]
            until(lambda: stored.flushed(generation) == "1 2 3 ")
            (row,) = stored.rows(sa.select(ROW))
            assert "secret" not in str(row), "at rest the address is sealed"
            server.kill()
            assert slack.asked == []
            server.start()
            ((path, sent, _),) = until(lambda: tuple(slack.asked), what="the answer")
            assert path == "/commands/T0001/a-secret-of-sorts"
            assert (sent["response_type"], sent["text"].partition("\n")[0]) == ("ephemeral", "1 2 3 ")
            assert "restarted" in sent["text"], "what is missing is said"
            until(lambda: stored.rows(sa.select(ROW)) == [], what="the promise's end")
