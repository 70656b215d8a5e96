"""Settings: where they come from, which wins, and what stops the start in one line."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from api.config import ConfigError, Settings, load
from api.secrets_file import SECRETS

GOOD = {
    "JWT_SECRET": "c0ffee" * 8 + "91ad",
    "ENCRYPTION_KEY": "9b74c9897bac770ffc029102a200c5de" * 2,
    "TOKEN_PEPPER": "a8f5f167f44f4964e6c998dee827110c",
    "PAGE_SECRET": "8b1a9953c4611296a827abf8c47804d7",
}


def production(tmp_path: Path, **changes: str) -> Settings:
    return load({"PARLEY_ENV": "production", "DATA_DIR": str(tmp_path)} | GOOD | changes)


def test_development_makes_its_secrets_once_and_keeps_them_private(tmp_path: Path) -> None:
    first = load({"DATA_DIR": str(tmp_path / "data")})
    second = load({"DATA_DIR": str(tmp_path / "data")})
    path = tmp_path / "data" / "secrets.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for name in SECRETS:
        secret = getattr(first, name.lower()).get_secret_value()
        assert len(secret) == 64
        assert secret == getattr(second, name.lower()).get_secret_value()


def test_the_environment_wins_over_the_made_secrets_and_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "parley.yml"
    config.write_text("api_port: 8100\nthreads: 12\n")
    environ = {"DATA_DIR": str(tmp_path), "CONFIG_FILE": str(config), "API_PORT": "8200"} | GOOD
    settings = load(environ)
    assert (settings.api_port, settings.threads) == (8200, 12)
    assert settings.jwt_secret.get_secret_value() == GOOD["JWT_SECRET"]
    assert not (tmp_path / "secrets.env").exists()


def test_a_value_can_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "jwt"
    secret.write_text(GOOD["JWT_SECRET"] + "\n")
    settings = load({"DATA_DIR": str(tmp_path), "JWT_SECRET_FILE": str(secret)})
    assert settings.jwt_secret.get_secret_value() == GOOD["JWT_SECRET"]
    with pytest.raises(ConfigError, match="JWT_SECRET_FILE"):
        load({"DATA_DIR": str(tmp_path), "JWT_SECRET_FILE": str(tmp_path / "missing")})


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "value",
    [
        "",
        "tiny-one",
        "change-me-please-change-me-please",
        "x" * 64,
        "0123456789abcdef" * 4,
        "5f1C" * 16,
        "abc" * 21 + "a",
    ],
)
def test_production_refuses_missing_short_and_published_secrets(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        production(tmp_path, **{name: value})
    assert "\n" not in str(caught.value)
    assert not value or value not in str(caught.value)
    assert not (tmp_path / "secrets.env").exists()


@pytest.mark.parametrize("value", ["1234", "my-example-key-000", "changeme-changeme-1"])
def test_production_refuses_a_weak_api_key(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match="API_KEY"):
        production(tmp_path, API_KEY=value)
    assert production(tmp_path, API_KEY="f47ac10b58cc" + "4372a5670e02").api_key.get_secret_value()


def test_the_encryption_key_has_its_shape(tmp_path: Path) -> None:
    two = f"{GOOD['ENCRYPTION_KEY']},{'4a' * 16 + 'b7' * 16}"
    assert production(tmp_path, ENCRYPTION_KEY=two).encryption_key.get_secret_value() == two
    with pytest.raises(ConfigError, match="ENCRYPTION_KEY must be 64 hex"):
        production(tmp_path, ENCRYPTION_KEY="not hex, but quite long enough to pass the length check, all of it")


@pytest.mark.parametrize("weak", ["0" * 64, "5f1c" * 16, "deadbeef" * 8, "DEADbeef" * 8, "0123456789abcdef" * 4])
@pytest.mark.parametrize("ring", ["{weak},{good}", "{good}, {weak}", "{weak},{ones}", "{weak}"])
def test_every_key_of_the_ring_is_a_key(tmp_path: Path, ring: str, weak: str) -> None:
    """The first one seals, the others open what was sealed before: a guess at any of them is as good."""
    value = ring.format(weak=weak, good=GOOD["ENCRYPTION_KEY"], ones="1" * 64)
    with pytest.raises(ConfigError, match="ENCRYPTION_KEY") as caught:
        production(tmp_path, ENCRYPTION_KEY=value)
    assert "\n" not in str(caught.value)
    assert weak not in str(caught.value)


def test_a_key_that_is_refused_can_still_be_rotated_away(tmp_path: Path) -> None:
    weak, good = "5f1c" * 16, GOOD["ENCRYPTION_KEY"]
    elsewhere = {"PARLEY_ENV": "development", "DATA_DIR": str(tmp_path)} | GOOD
    assert load(elsewhere | {"ENCRYPTION_KEY": f"{good},{weak}"}).encryption_key
    with pytest.raises(ConfigError, match="ENCRYPTION_KEY holds an example"):
        load(elsewhere | {"ENCRYPTION_KEY": f"{weak},{good}"})


def test_mistakes_are_named_in_one_line(tmp_path: Path) -> None:
    for name, value, words in (
        ("API_PORT", "eighty", "API_PORT"),
        ("API_PORT", "70000", "API_PORT"),
        ("REGISTRATION", "maybe", "REGISTRATION"),
        ("WEB_CONCURRENCY", "2", "WEB_CONCURRENCY above 1 needs PostgreSQL"),
        ("CONFIG_FILE", str(tmp_path / "none.yml"), "CONFIG_FILE"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            load({"DATA_DIR": str(tmp_path), name: value})
        assert "\n" not in str(caught.value)


def test_a_config_file_with_unknown_names_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "parley.yml"
    config.write_text("api_prot: 8100\n")
    with pytest.raises(ConfigError, match="unknown settings: api_prot"):
        load({"DATA_DIR": str(tmp_path), "CONFIG_FILE": str(config)})


def test_an_unusable_data_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="set DATA_DIR"):
        load({"DATA_DIR": str(tmp_path / "file" / "data")})


def test_database_urls(tmp_path: Path) -> None:
    data = {"DATA_DIR": str(tmp_path)}
    assert load(data).sqlalchemy_url == f"sqlite:///{tmp_path / 'parley.db'}"
    assert load(data | {"DATABASE_URL": "postgres://h/d"}).sqlalchemy_url == "postgresql+psycopg2://h/d"
    parts = {"DB_HOST": "h", "DB_USER": "u", "DB_PASSWORD": "p/w", "DB_NAME": "d"}
    assert load(data | parts).sqlalchemy_url == "postgresql+psycopg2://u:p%2Fw@h:5432/d"


def test_lists_are_comma_separated_and_secrets_stay_out_of_sight(tmp_path: Path) -> None:
    settings = production(tmp_path, CORS_ORIGINS="https://a.example, https://b.example")
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    for secret in GOOD.values():
        assert secret not in repr(settings)
