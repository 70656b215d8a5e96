"""Secrets made once, where settings come from, and the refusals that need no process."""

from __future__ import annotations

import json
import multiprocessing
import re
import stat
from pathlib import Path

import pytest

from api.secrets_file import SECRETS
from deploy.preflight import Refused, check_data_dir, check_python, ensure_secrets, environment


def test_an_old_python_is_named() -> None:
    with pytest.raises(Refused, match=r"^Parley needs Python 3\.11 or newer; this is 3\.9\.2$"):
        check_python((3, 9, 2))
    check_python((3, 11, 0))


def test_secrets_are_made_once_with_mode_0600(tmp_path: Path) -> None:
    first = ensure_secrets(tmp_path, {})
    assert list(first) == list(SECRETS)
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in first.values())
    assert len(set(first.values())) == len(SECRETS)
    assert ensure_secrets(tmp_path, {}) == first
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.env"]
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_the_environment_wins_and_is_not_written(tmp_path: Path) -> None:
    given = {"JWT_SECRET": "from the environment", "PAGE_SECRET": ""}
    found = ensure_secrets(tmp_path, given)
    text = (tmp_path / "secrets.env").read_text()
    assert found["JWT_SECRET"] == "from the environment"
    assert "JWT_SECRET" not in text
    assert f"PAGE_SECRET={found['PAGE_SECRET']}\n" in text


def test_a_missing_secret_is_added_and_the_others_stay(tmp_path: Path) -> None:
    before = ensure_secrets(tmp_path, {"JWT_SECRET": "from the environment"})
    after = ensure_secrets(tmp_path, {})
    assert after.pop("JWT_SECRET") != before.pop("JWT_SECRET")
    assert after == before


def test_a_file_that_others_can_read_is_closed(tmp_path: Path) -> None:
    ensure_secrets(tmp_path, {})
    (tmp_path / "secrets.env").chmod(0o644)
    ensure_secrets(tmp_path, {})
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_parallel_starts_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(6) as pool:
        found = pool.starmap(ensure_secrets, [(tmp_path, {})] * 24, chunksize=1)
    assert len({json.dumps(each) for each in found}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.env"]


def test_the_environment_over_env_file_over_config_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# ports\nAPI_PORT=1001\nUI_PORT='1002'\nexport DATA_DIR=\nJWT_SECRET=\n")
    (tmp_path / "config.yaml").write_text("api_port: 2001\nui_port: 2002\ndata_dir: kept\nlogin_limit: 3\n")
    files = {"PARLEY_RUN_ENV_FILE": str(tmp_path / ".env"), "CONFIG_FILE": str(tmp_path / "config.yaml")}
    found = environment(files | {"API_PORT": "3001", "API_KEY": ""})
    assert found == files | {"API_PORT": "3001", "UI_PORT": "1002", "DATA_DIR": "kept"}


def test_a_secret_in_a_file_is_read_for_the_page_and_never_made_here(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("from a file\n")
    files = {"PAGE_SECRET_FILE": str(tmp_path / "page"), "JWT_SECRET_FILE": str(tmp_path / "jwt")}
    found = environment(files | {"PARLEY_RUN_ENV_FILE": str(tmp_path / "none")})
    assert found["PAGE_SECRET"] == "from a file"
    assert "JWT_SECRET" not in found
    secrets = ensure_secrets(tmp_path, found)
    assert secrets.keys() == {"ENCRYPTION_KEY", "TOKEN_PEPPER", "PAGE_SECRET"}
    with pytest.raises(Refused, match="^PAGE_SECRET_FILE=/dev/null/x cannot be read: Not a directory$"):
        environment({"PAGE_SECRET_FILE": "/dev/null/x"})


def test_a_new_data_dir_is_for_its_owner_only(tmp_path: Path) -> None:
    path = check_data_dir(str(tmp_path / "new"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert list(path.iterdir()) == []
