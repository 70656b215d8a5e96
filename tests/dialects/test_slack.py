"""Slack: whose request it is, linking, roles, and answers that come now or later."""

from __future__ import annotations

import datetime as dt
import html
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain import clock
from api.domain.audit import Sought
from api.web.dialects.slack import wire
from tests.answers import Answers
from tests.dialects.slack import FORM, SECRET, SlackUser, headers, post, signature
from tests.dialects.surfaces import asker
from tests.server import Person, Server, until
from tests.services.whole import Whole
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("slack")


def linked(server: Server, slack_host: Answers, name: str, model: str = "text") -> tuple[Person, SlackUser]:
    person = asker(server.person(name), model)
    user = SlackUser(server.port, f"{slack_host.url}/commands/{server.port}/{name}")
    user.link(person)
    return person, user


def later(slack_host: Answers, user: SlackUser) -> list[Any]:
    """What was sent to this user's response_url."""
    return [body for path, body, _ in tuple(slack_host.asked) if user.answers_to.endswith(path)]


# Whose request it is


def test_only_slacks_signature_counts(server: Server) -> None:
    user = SlackUser(server.port)
    now = int(time.time())
    body = user.form("/roles")
    for wrong in (
        {"signature": ""},
        {"signature": "v0="},
        {"signature": signature(body, str(now), "another secret")},
        {"signature": signature(body + b"&x=1", str(now))},
        {"signature": signature(body, str(now - 1)), "timestamp": str(now)},
        {"signature": signature(body, str(now)).upper(), "timestamp": str(now)},
        {"signature": signature(body, str(now)).removeprefix("v0="), "timestamp": str(now)},
        {"signature": "v0=é"},
        {"timestamp": str(now - 310)},
        {"timestamp": str(now + 310)},
        {"timestamp": ""},
        {"timestamp": "soon"},
        {"timestamp": f"{now}.5"},
        {"timestamp": "9" * 30},
        {"timestamp": "٣"},
    ):
        try:
            sent = headers(body, **wrong)
            answer = post(server.port, body, {name: text.encode().decode("latin-1") for name, text in sent.items()})
        except UnicodeEncodeError:
            continue
        assert (answer.status, list(answer.json)) == (401, ["error"]), wrong
    unsigned = post(server.port, body, {"Content-Type": FORM})
    assert unsigned.status == 401
    assert post(server.port, body, headers(body, **{"Content-Type": "application/json"})).status == 415
    for moment in (now - 280, now + 280):
        assert post(server.port, body, headers(body, timestamp=str(moment))).status == 200
    twisted = body.replace(b"command=", b"comm%61nd=").replace(b"%2F", b"/")
    assert post(server.port, twisted, headers(twisted)).status == 200, "the bytes are signed, however they are written"


def test_forms_that_are_none(server: Server) -> None:
    for body in (b"", b"\xff\xfe", b"%ff=%fe&team_id=T&user_id=U", b"team_id=T1", b"&".join([b"a=1"] * 500)):
        answer = post(server.port, body, headers(body))
        assert (answer.status, list(answer.json)) == (400, ["error"]), body[:20]
    body = SlackUser(server.port, user="U" * 60).form("/roles")
    assert post(server.port, body, headers(body)).status == 400


def test_a_request_counts_once(server: Server) -> None:
    body = SlackUser(server.port).form("/roles")
    sent = headers(body)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: post(server.port, body, sent).status, range(6)))
    assert sorted(answers) == [200] + [401] * 5
    assert post(server.port, body, sent).status == 401


def test_it_counts_once_for_all_processes(make_app: Any) -> None:
    first, second = (make_app(slack_signing_secret=SECRET).extensions["parley"].slack for _ in range(2))
    body, now = b"team_id=T&user_id=U", str(int(time.time()))
    first.verify(body, now, signature(body, now))
    with pytest.raises(Exception, match="was here before"):
        second.verify(body, now, signature(body, now))


def test_without_a_secret_there_is_nothing(make_app: Any) -> None:
    whole = Whole(make_app(slack_signing_secret=""))
    client = whole.app.test_client()
    body = b"team_id=T&user_id=U&command=/roles"
    for sent in ({}, headers(body, signature=signature(body, str(int(time.time())), ""))):
        answer = client.post("/slack/command", data=body, headers={"Content-Type": FORM} | sent)
        assert (answer.status_code, list(answer.get_json())) == (404, ["error"])
    assert whole.services.slack.link(whole.ann) is None
    with pytest.raises(Exception, match="not set up"):
        whole.services.slack.new_code(whole.ann)


# Linking


def test_linking(server: Server) -> None:
    ann, ben = server.person("slack_ann"), server.person("slack_ben")
    none = {"available": True, "linked": False, "team_id": None, "slack_user_id": None, "linked_at": None}
    assert ann.call("GET", "/slack/link").json == none
    user, other = SlackUser(server.port), SlackUser(server.port)
    assert "Link your Slack user first" in user.send("/ask", "hello")
    code = ann.call("POST", "/slack/link").json["code"]
    newer = ann.call("POST", "/slack/link").json["code"]
    assert code != newer
    assert "not known" in user.send("/link", code), "the newest one counts"
    assert "not known" in user.send("/link", "")
    assert "acts as" in user.send("/link", f" {newer[:5].lower()}-{newer[5:]} ")
    assert "not known" in other.send("/link", newer), "once"
    link = ann.call("GET", "/slack/link").json
    assert (link["linked"], link["team_id"], link["slack_user_id"]) == (True, user.team, user.user)
    user.link(ben)
    assert ann.call("GET", "/slack/link").json == none, "a Slack user acts as one account"
    assert ben.call("GET", "/slack/link").json["slack_user_id"] == user.user
    other.link(ben)
    assert "Link your Slack user first" in user.send("/ask", "hello"), "and an account has one"
    assert ben.call("DELETE", "/slack/link").status == 204
    assert ben.call("DELETE", "/slack/link").status == 404
    assert "Link your Slack user first" in other.send("/ask", "hello")
    small = ann.call("POST", "/api-keys", {"name": "small", "scopes": ["chat"]}).json["key"]
    assert Person(server.port, small).call("POST", "/slack/link").status == 403


def test_a_code_does_not_last(make_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Whole(make_app(slack_signing_secret=SECRET))
    slack = whole.services.slack
    user = SlackUser(0)
    code, expires_at = slack.new_code(whole.ann)
    told = wire.command(user.form("/link", code))
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: expires_at + dt.timedelta(seconds=1))
        assert "ten minutes" in slack.obey(told)
    assert "acts as" in slack.obey(told)
    (noted,) = whole.services.audit.page(Sought(action="slack.link")).items
    assert (noted.actor.user_id, noted.target) == (whole.ann.user_id, f"T0001/{user.user}")


def test_guessing_codes_is_limited(make_app: Any) -> None:
    whole = Whole(make_app(slack_signing_secret=SECRET, login_limit=3))
    user = SlackUser(0)
    said = [whole.services.slack.obey(wire.command(user.form("/link", "AAAA"))) for _ in range(4)]
    assert "not known" in said[2]
    assert "too many" in said[3]


def test_an_account_that_is_disabled_answers_nobody(make_app: Any) -> None:
    whole = Whole(make_app(slack_signing_secret=SECRET))
    slack, user = whole.services.slack, SlackUser(0)
    code, _ = slack.new_code(whole.ben)
    slack.obey(wire.command(user.form("/link", code)))
    ask = wire.command(user.form("/roles"))
    assert "Link your" not in slack.obey(ask)
    with whole.services.chats._store.database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE users SET is_active = false WHERE username = 'ben'")
    assert "Link your" in slack.obey(ask)


# Roles


def test_roles(server: Server, slack_host: Answers) -> None:
    stranger = SlackUser(server.port)
    assert "• Basic assistant" in stranger.send("/roles")
    assert "Link your Slack user first" in stranger.send("/role", "basic")
    ann, user = linked(server, slack_host, "slack_roles")
    ann.call("POST", "/prompts", {"name": "<!channel> & <@U1>", "content": "Be <b>rief</b>."})
    listed = user.send("/roles")
    assert "• &lt;!channel&gt; &amp; &lt;@U1&gt;" in listed
    assert "• Basic assistant" in listed
    assert "no role named" in user.send("/role", "nothing-like-it")
    assert "Name a role" in user.send("/role")
    assert "your role" in user.send("/role", " code ASSISTANT ")
    assert "• Code assistant (selected)" in user.send("/roles")
    active = [one["name"] for one in ann.call("GET", "/prompts").json["items"] if one["is_active"]]
    assert active == ["Code assistant"], "the same library as everywhere"
    for command in ("/help", "", "roles"):
        assert "/ask TEXT" in user.send(command)


# Answers


def test_asking(server: Server, slack_host: Answers, upstream: Upstream) -> None:
    ann, user = linked(server, slack_host, "slack_asker", "text#slack")
    assert user.send("/ask", "hello you") == "hello you"
    user.send("/role", "basic")
    assert user.send("/ask", "<!channel> <@U123> & <https://x|y>") == (
        "&lt;!channel&gt; &lt;@U123&gt; &amp; &lt;https://x|y&gt;"
    )
    served = upstream.sent("slack")
    assert served is not None
    contents = [turn["content"] for turn in served.body["messages"]]
    assert contents[1:] == ["hello you", "hello you", "<!channel> <@U123> & <https://x|y>"], "as it was typed"
    assert contents[0].startswith("You are a helpful assistant")
    (chat,) = ann.call("GET", "/chats").json["items"]
    assert (chat["slug"], chat["title"], chat["model"]) == ("slack-C0001", "Slack: general", None)
    assert len(ann.messages("slack-C0001")) == 4
    assert ann.call("PATCH", "/users/me", {"preferences": {"default_model": "demo/demo"}}).status == 200
    assert "demo" in user.send("/ask", "demo:fast which model?").lower(), "the default model of now"
    used = {one["surface"]: one["calls"] for one in ann.call("GET", "/usage?group_by=surface").json["items"]}
    assert used == {"slack": 3}
    elsewhere = SlackUser(server.port, user.answers_to, user=user.user, channel="D0002")
    elsewhere.send("/ask", "demo:fast in another channel")
    assert len(ann.call("GET", "/chats").json["items"]) == 2
    assert later(slack_host, user) == [], "everything was said at once"
    assert "Ask something" in user.send("/ask", " ")


def test_a_later_answer_goes_to_the_response_url(server: Server, slack_host: Answers, upstream: Upstream) -> None:
    ann, user = linked(server, slack_host, "slack_later", "stall:3#slack-later")
    begun = time.monotonic()
    assert "will appear here" in user.send("/ask", "take your time")
    assert time.monotonic() - begun < 30, "three seconds on a machine that is not busy"
    assert "still running" in user.send("/ask", "and this?"), "one at a time in a channel"
    assert later(slack_host, user) == []
    generation = ann.messages("slack-C0001")[1]["metadata"].get("generation_id")
    generation = generation or ann.call("GET", "/chats/slack-C0001").json["active_generation_id"]
    assert ann.call("POST", f"/generations/{generation}/stop").status in (200, 202)
    (sent,) = until(lambda: later(slack_host, user))
    assert (sent["response_type"], sent["text"], sent["parse"]) == ("ephemeral", "1 2 3 ", "none")
    assert upstream.sent("slack-later").left  # type: ignore[union-attr]


def test_a_later_failure_is_told_and_delivered_in_spite_of_one(server: Server, slack_host: Answers) -> None:
    refusals = iter(((500, {}), (429, {})))
    ann, user = linked(server, slack_host, "slack_failing", "stall:2")
    slack_host.by_path[f"/commands/{server.port}/slack_failing"] = lambda _: next(refusals, {"ok": True})
    assert "will appear here" in user.send("/ask", "hello")
    chat = ann.call("GET", "/chats/slack-C0001").json
    assert ann.call("DELETE", f"/chats/{chat['id']}").status == 204
    sent = until(lambda: len(found := later(slack_host, user)) == 3 and found)
    assert len({str(one) for one in sent}) == 1, "the same again, until it is taken"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "https://hooks.slack.com/commands/1",  # not the operator's setting on this server
        "http://127.0.0.1:{other}/commands/1",
        "http://localhost:{port}/commands/1",
        "http://user@127.0.0.1:{port}/commands/1",
        "http://127.0.0.1:{port}@evil.example/commands/1",
        "https://127.0.0.1:{port}/commands/1",
        "file:///etc/passwd",
    ],
)
def test_nothing_is_sent_elsewhere(make_app: Any, url: str) -> None:
    with Answers({}) as host, Answers({}) as other:
        whole = Whole(make_app(slack_signing_secret=SECRET, slack_response_origin=host.url))
        outbound = whole.services.slack._answers._outbound
        assert not outbound.permitted(url.format(port=host.port, other=other.port))
        assert outbound.permitted(f"{host.url}/commands/T1/1?x=1")


def test_the_guard_of_private_addresses_holds_for_slacks_host_too(make_app: Any) -> None:
    with Answers({}) as host:
        whole = Whole(make_app(slack_signing_secret=SECRET, slack_response_origin=host.url))
        answers = whole.services.slack._answers
        loop, outbound = answers._loop, answers._outbound
        assert loop.wait_for(outbound._taken(f"{host.url}/commands/1", b"{}"), 30) is False
        assert host.asked == []


@given(st.text())
def test_output_is_neutral(text: str) -> None:
    told = wire.neutral(text)
    assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", told)
    assert html.unescape(told.replace("&amp;", "&amp;")) == html.unescape(html.escape(text, quote=False))


def test_a_long_answer_is_cut_with_a_word_about_it() -> None:
    assert "whole answer is in Parley" in wire.message("<" * 100_000).decode()[-200:]
