"""The supervisor with stand-in servers: real processes, real signals, nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.supervised import Run, closing, until

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells a child of its parent's death on Linux")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with closing(Run(tmp_path).with_stand_ins()) as run:
        yield run


def test_two_lines_once_both_answer(run: Run) -> None:
    run.with_stand_ins(ui=("--delay", "1.5")).start()
    run.pid("ui")
    until(lambda: answers(run.api_port), "the API's stand-in")
    assert run.out == []
    run.wait_ready()
    assert answers(run.ui_port)
    api = f"http://127.0.0.1:{run.api_port}"
    assert run.stop() == 0
    assert run.out == [
        f"Page: http://127.0.0.1:{run.ui_port}\n",
        f"API:  {api}  (documentation: {api}/docs)\n",
    ]


def test_an_answer_that_is_not_200_is_not_ready(run: Run) -> None:
    run.with_stand_ins(ui=("--status", "503")).start(PARLEY_RUN_PATIENCE="2")
    assert run.wait() == 1
    assert run.out == []
    assert run.err == ["parley: the page did not answer within 2 s\n"]
    assert run.all_gone()


def test_the_api_alone(run: Run) -> None:
    run.start("--api-only").wait_ready(lines=1)
    assert not (run.folder / "ui.pid").exists()
    assert run.stop() == 0
    assert len(run.out) == 1


def test_the_page_alone_beside_a_running_api(run: Run) -> None:
    with socket.socket() as api:
        api.bind(("127.0.0.1", run.api_port))
        api.listen()
        run.start("--ui-only", API_URL="http://api.example:9000").wait_ready(lines=1)
    assert not (run.folder / "api.pid").exists()
    assert run.environment_of("ui")["API_URL"] == "http://api.example:9000"
    assert run.stop() == 0
    assert run.out == [f"Page: http://127.0.0.1:{run.ui_port}\n"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything(run: Run, number: signal.Signals) -> None:
    run.with_stand_ins(api=("--grandchild",), ui=("--grandchild",)).start().wait_ready()
    assert len(run.pids()) == 5  # the supervisor, two servers, a child of each
    assert run.stop(number) == 0
    assert run.all_gone()
    assert run.signals("api") == run.signals("ui") == ["SIGTERM"]
    assert run.err == []


def test_a_signal_during_the_start_ends_everything(run: Run) -> None:
    run.with_stand_ins(api=("--delay", "60")).start()
    run.pid("api"), run.pid("ui")
    assert run.stop(signal.SIGINT) == 0
    assert run.out == []
    assert run.all_gone()


def test_ctrl_c_to_the_whole_group_reaches_each_server_once(run: Run) -> None:
    run.start().wait_ready()
    os.killpg(run.process.pid, signal.SIGINT)
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.wait() == 0
    assert run.signals("api") == run.signals("ui") == ["SIGTERM"]


def test_a_server_that_will_not_end_is_killed(run: Run) -> None:
    run.with_stand_ins(api=("--stubborn", "--grandchild")).start(DRAIN_SECONDS="0.5", PARLEY_RUN_GRACE="0.5")
    run.wait_ready()
    assert run.stop() == 0
    assert run.err == ["parley: the API did not end in time and is killed\n"]
    assert run.all_gone()


def test_a_second_ctrl_c_does_not_wait(run: Run) -> None:
    run.with_stand_ins(api=("--stubborn",)).start(DRAIN_SECONDS="600").wait_ready()
    run.process.send_signal(signal.SIGINT)
    until(lambda: run.signals("api"), "the first request")
    time.sleep(1.2)
    assert run.stop(signal.SIGINT) == 0
    assert run.all_gone()


@pytest.mark.parametrize(("bad", "other"), [("api", "ui"), ("ui", "api")])
def test_a_server_that_dies_at_start_says_why(run: Run, bad: str, other: str) -> None:
    run.with_stand_ins(**{bad: ("--fail", "--words", "no such table: chats")}).start()
    name = {"api": "API", "ui": "page"}[bad]
    assert run.wait() == 1
    assert run.out == []
    assert run.err == ["no such table: chats\n", f"parley: the {name} did not start: it ended with code 7\n"]
    assert run.all_gone()


def test_a_command_that_does_not_exist(run: Run) -> None:
    run.env["PARLEY_RUN_UI_CMD"] = str(run.folder / "nothing")
    assert run.start().wait() == 1
    assert run.err[0].startswith("parley: the page could not be started: ")
    assert len(run.err) == 1
    assert run.all_gone()


@pytest.mark.parametrize(("dies", "name"), [("api", "API"), ("ui", "page")])
def test_a_server_that_dies_later_takes_the_other_with_it(run: Run, dies: str, name: str) -> None:
    run.with_stand_ins(api=("--grandchild",), ui=("--grandchild",)).start().wait_ready()
    os.kill(run.pid(dies), signal.SIGKILL)
    assert run.wait() == 1
    assert run.err == [f"parley: the {name} stopped: it was killed by SIGKILL\n"]
    assert run.all_gone()


@linux
def test_nothing_survives_a_killed_supervisor(run: Run) -> None:
    run.start().wait_ready()
    assert run.stop(signal.SIGKILL) == -signal.SIGKILL
    until(run.all_gone, "both servers to end")
    assert run.signals("api") == run.signals("ui") == ["SIGTERM"]


def test_held_output_comes_before_the_urls_and_later_output_passes(run: Run) -> None:
    run.with_stand_ins(api=("--words", "set-up code: 1234")).start().wait_ready()
    until(lambda: run.err, "the held line")
    assert run.stop() == 0
    assert run.err == ["set-up code: 1234\n"]


def test_settings_reach_the_servers_and_the_page_gets_only_its_secret(run: Run) -> None:
    run.start(DATABASE_URL="postgresql://db/parley", JWT_SECRET="j" * 40, RATE_LIMIT_PER_HOUR="7").wait_ready()
    api, page = run.environment_of("api"), run.environment_of("ui")
    assert run.stop() == 0
    assert api["DATABASE_URL"] == "postgresql://db/parley"
    assert api["RATE_LIMIT_PER_HOUR"] == "7"
    assert api["DATA_DIR"] == str(run.folder / "data")
    assert page["API_URL"] == f"http://127.0.0.1:{run.api_port}"
    assert f"PAGE_SECRET={page['PAGE_SECRET']}" in (run.folder / "data" / "secrets.env").read_text()
    assert not {"JWT_SECRET", "ENCRYPTION_KEY", "TOKEN_PEPPER"} & page.keys()


def test_production_makes_no_secrets(run: Run) -> None:
    run.start(PARLEY_ENV="production", PAGE_SECRET="p" * 40).wait_ready()
    assert run.environment_of("ui")["PAGE_SECRET"] == "p" * 40
    assert run.stop() == 0
    assert list((run.folder / "data").iterdir()) == []


@pytest.mark.parametrize(("variable", "options"), [("API_PORT", ["--api-only"]), ("API_PORT", []), ("UI_PORT", [])])
def test_a_taken_port_is_refused_in_one_line(run: Run, variable: str, options: list[str]) -> None:
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        port = holder.getsockname()[1]
        assert run.start(*options, **{variable: str(port)}).wait() == 2
    assert run.err == [
        f"parley: port {port} on 127.0.0.1 cannot be used (Address already in use): set {variable} to another port\n"
    ]
    assert run.out == []
    assert run.pids() == []


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"API_PORT": "many"}, "API_PORT must be a number from 1 to 65535, not 'many'"),
        ({"UI_PORT": "70000"}, "UI_PORT must be a number from 1 to 65535, not '70000'"),
        ({"API_PORT": "29999", "UI_PORT": "29999"}, "API_PORT and UI_PORT are both 29999"),
        ({"DRAIN_SECONDS": "long"}, "DRAIN_SECONDS must be a number of seconds, not 'long'"),
        ({"DATA_DIR": "/dev/null/data"}, "DATA_DIR=/dev/null/data cannot be written (Not a directory)"),
        ({"CONFIG_FILE": "/dev/null/config"}, "CONFIG_FILE=/dev/null/config cannot be read"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(run: Run, env: dict[str, str], words: str) -> None:
    assert run.start(**env).wait() == 2
    assert len(run.err) == 1
    assert run.err[0].startswith(f"parley: {words}")
    assert run.pids() == []


@linux
def test_nothing_survives_a_killed_make(run: Run) -> None:
    parent = (sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])")
    run.start("--die-with-parent", under=parent).wait_ready()
    assert run.pid("supervisor") != run.process.pid
    run.process.kill()
    until(run.all_gone, "the supervisor and both servers to end")
    assert run.wait() == -signal.SIGKILL


def answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(5)
        return client.connect_ex(("127.0.0.1", port)) == 0
