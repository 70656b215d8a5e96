"""The ten journeys that matter most, again with PostgreSQL under the API. They are the very same functions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.answers import Answers
from tests.browser import test_admin, test_chat, test_library, test_models, test_settings, test_tree
from tests.browser.conftest import Downloads, PageServer, Painter, as_served, served
from tests.conftest import TEMPLATE
from tests.postgres import Cluster
from tests.server import Server
from tests.upstream import Upstream

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def api(
    chromium: Browser,
    postgres: Cluster,
    upstream: Upstream,
    downloads: tuple[Downloads, Answers],
    painter: Painter,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("browser-api-postgresql")
    with (
        postgres.database(TEMPLATE) as url,
        served(url, folder, **as_served(upstream, downloads[1], painter)) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def page_server(api: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    server = PageServer(api, tmp_path_factory.mktemp("browser-page-postgresql"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_it_is_postgresql(api: Server) -> None:
    assert api.environment["DATABASE_URL"].startswith("postgresql")


test_first_minute = test_settings.test_the_first_minute_from_registration_to_the_first_answer
test_stop = test_chat.test_stop_keeps_what_came_and_says_so
test_reload = test_chat.test_a_reload_in_mid_answer_shows_it_from_its_start_and_goes_on
test_second_tab = test_chat.test_a_second_tab_sees_the_same_reply
test_restart = test_chat.test_an_api_that_goes_away_comes_back_by_itself
test_edit = test_tree.test_edit_makes_a_branch_and_one_can_switch_back
test_key = test_models.test_a_key_is_shown_while_typed_refused_and_rotated
test_prompt = test_library.test_a_prompt_is_written_tried_activated_and_rolled_back
test_limit = test_admin.test_a_limit_that_is_reached_is_told_with_the_text_kept
test_disabled = test_admin.test_an_admin_disables_a_user_who_is_streaming
