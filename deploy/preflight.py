"""What has to be right before a server starts: Python, settings, ports, DATA_DIR; and the secrets made once.

Standard library only, so that it can say in one line what is wrong before anything is installed.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from api.secrets_file import SECRETS, ensure, read_lines

ROOT = Path(__file__).resolve().parent.parent
NEEDED_HERE = (
    "API_HOST",
    "API_PORT",
    "API_URL",
    "UI_HOST",
    "UI_PORT",
    "DATA_DIR",
    "DRAIN_SECONDS",
    "PAGE_SECRET",
    "PARLEY_ENV",
    "PUBLIC_URL",
    "TRUSTED_PROXIES",
)


class Refused(Exception):
    """Nothing was started; one line for a person, exit code 2."""


def check_python(version: tuple[int, ...]) -> None:
    if version < (3, 11):
        raise Refused(f"Parley needs Python 3.11 or newer; this is {'.'.join(map(str, version[:3]))}")


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ`, then `.env` beside the Makefile; what the supervisor or the page needs may also stand in a
    file that a `*_FILE` variable names, or in CONFIG_FILE. Empty is not set."""
    given = {name: value for name, value in environ.items() if value}
    found = read_lines(Path(given.get("PARLEY_RUN_ENV_FILE", ROOT / ".env")))
    merged = {name: value for name, value in found.items() if value} | given
    for name in NEEDED_HERE:
        if name not in merged and (path := merged.get(f"{name}_FILE")):
            merged[name] = _value_in(path, f"{name}_FILE")
    if path := merged.get("CONFIG_FILE"):
        merged = _config_file(path) | merged
    return merged


def _value_in(path: str, variable: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Refused(f"{variable}={path} cannot be read: {error.strerror}") from error


def _config_file(path: str) -> dict[str, str]:
    import yaml  # type: ignore[import-untyped,unused-ignore]  # installed wherever CONFIG_FILE can work

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        values = {str(name).upper(): str(value) for name, value in content.items() if value is not None}
    except (OSError, yaml.YAMLError, AttributeError) as error:
        raise Refused(f"CONFIG_FILE={path} cannot be read: {' '.join(str(error).split())}") from error
    return {name: values[name] for name in NEEDED_HERE if values.get(name)}


def seconds(env: Mapping[str, str], variable: str, default: float) -> float:
    try:
        return float(env.get(variable, default))
    except ValueError as error:
        raise Refused(f"{variable} must be a number of seconds, not {env[variable]!r}") from error


def check_port(variable: str, value: str, host: str = "") -> None:
    """A port's number; with a `host`, also whether a server could listen there now."""
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise Refused(f"{variable} must be a number from 1 to 65535, not {value!r}")
    if not host:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(value)))
        except OSError as error:
            why = f"port {value} on {host} cannot be used ({error.strerror})"
            raise Refused(f"{why}: set {variable} to another port") from error


def check_data_dir(value: str) -> Path:
    """The folder's absolute path; it exists then and can be written."""
    path = Path(os.path.abspath(Path(value).expanduser()))
    try:
        if not path.exists():
            path.mkdir(mode=0o700, parents=True)
        with tempfile.NamedTemporaryFile(dir=path, prefix=".writable-"):
            return path
    except OSError as error:
        why = f"DATA_DIR={path} cannot be written ({error.strerror})"
        raise Refused(f"{why}: set DATA_DIR to another folder") from error


def ensure_secrets(data_dir: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every secret: from the environment, else from `data_dir/secrets.env`, where the missing are made once."""
    environ = os.environ if environ is None else environ  # noqa: TID251  (it runs before the settings are read)
    given = {name: environ[name] for name in SECRETS if environ.get(name)}
    elsewhere = {name for name in SECRETS if environ.get(name) or environ.get(f"{name}_FILE")}
    try:
        return ensure(data_dir, elsewhere) | given
    except OSError as error:
        where = data_dir / "secrets.env"
        raise Refused(f"{where} cannot be read or written ({error.strerror}): set DATA_DIR") from error
