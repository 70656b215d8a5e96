"""Who is asking: one credential a request, from one place, checked against the database every time.

    Authorization: Bearer <access token>     a session; all scopes
    Authorization: Bearer <API key>          the key's scopes
    X-Page-Secret: <secret>                  the page's own process, where a route is for it
    Cookie: parley_client=<access token>     an older client's browser, where a route takes it and nothing else is sent

The factory sets `JWT_SECRET_KEY` in the application's config before `install`.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import Any, NoReturn
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from api.domain.account_rules import spelled
from api.domain.accounts import Session, User
from api.domain.audit import Actor
from api.domain.errors import Forbidden, InsufficientScope, SessionEnded, TokenExpired, Unauthenticated
from api.domain.ids import parse_id
from api.domain.principal import Principal, Scope
from api.security.tokens import same
from api.web.context import behind, services, web_settings
from api.web.openapi import Access, access_of

MAX_CREDENTIAL = 4096
COOKIE = "parley_client"
UNREADABLE = "This token cannot be read; sign in again."
NEEDED: dict[Access, Scope] = {
    Access.READ: "read",
    Access.GUEST: "read",
    Access.CHAT: "chat",
    Access.ACCOUNT: "admin",
    Access.ADMIN: "admin",
    Access.SESSION: "admin",
}


def install(app: Flask) -> None:
    """Pins how tokens are made and read, and asks at every request. Raises RuntimeError without a secret."""
    if not app.config.get("JWT_SECRET_KEY"):
        raise RuntimeError("JWT_SECRET_KEY must be set before auth is installed")
    settings = app.extensions["parley_web"]
    app.config.update(
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_TOKEN_LOCATION=["headers"],
        JWT_COOKIE_CSRF_PROTECT=False,
        JWT_ACCESS_TOKEN_EXPIRES=dt.timedelta(minutes=settings.access_token_minutes),
        JWT_REFRESH_TOKEN_EXPIRES=dt.timedelta(days=settings.refresh_token_days),
        JWT_DECODE_LEEWAY=5,
    )
    manager = JWTManager(app)

    @manager.decode_key_loader
    def _key(header: dict[str, Any], _claims: dict[str, Any]) -> str:
        if "crit" in header:  # extensions that must be understood; we understand none
            raise Unauthenticated(UNREADABLE)
        secret: str = app.config["JWT_SECRET_KEY"]
        return secret

    @app.before_request
    def _authorize() -> None:
        asked = behind(request)
        if asked.endpoint is not None and asked.method != "OPTIONS":
            _admit(access_of(app, asked.endpoint), getattr(app.view_functions[asked.endpoint], "cookie", False))


def _admit(access: Access | None, cookie: bool) -> None:
    if access is Access.PUBLIC or (access is Access.GUEST and not _presented(cookie)):
        return
    if access is Access.PAGE:
        if not from_page():
            raise Forbidden("Only the page's own process may ask this.")
    elif access is Access.METRICS:
        _admit_metrics()
    elif access is None:
        raise Forbidden("This route is not open to anybody.")
    else:
        _check(access, _identify(cookie))


def _check(access: Access, who: Principal) -> None:
    if access is Access.SESSION and who.session_id is None:
        raise Forbidden("Sign in for this; an API key does not do.")
    if NEEDED[access] not in who.scopes:
        raise InsufficientScope(f"This needs an API key with the scope {NEEDED[access]}.")
    if access is Access.ADMIN and not who.is_admin:
        raise Forbidden("Only an administrator may do this.")
    g.principal = who


def _admit_metrics() -> None:
    expected = web_settings().metrics_token
    if expected:
        if not same(_bearer(), expected):
            raise Unauthenticated("Metrics need the token in METRICS_TOKEN.")
    elif not _is_loopback(request.remote_addr) or "X-Forwarded-For" in request.headers:
        raise Forbidden("Metrics are for this machine only; set METRICS_TOKEN to read them from elsewhere.")


def _presented(cookie: bool) -> bool:
    return "Authorization" in request.headers or (cookie and _of_own_page() and COOKIE in request.cookies)


def _of_own_page() -> bool:
    """Whether a cookie may count: the browser sends it along whoever makes it ask."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return site in ("same-origin", "none") and (origin is None or urlsplit(origin).netloc == request.host)


def _identify(cookie: bool) -> Principal:
    if cookie and "Authorization" not in request.headers and _presented(cookie):
        return _by_token(request.cookies[COOKIE][:MAX_CREDENTIAL])
    credential = _bearer()
    if not (credential.startswith("eyJ") and credential.count(".") == 2):
        return services().api_keys.authenticate(credential)
    return _by_token(credential)


def _by_token(token: str) -> Principal:
    claims = _claims(token, "access")
    session_id, user_id = parse_id(str(claims.get("sid"))), parse_id(str(claims.get("sub")))
    if session_id is None or user_id is None:
        raise Unauthenticated(UNREADABLE)
    return services().sessions.check(session_id, user_id)


def _bearer() -> str:
    """The one credential. Raises Unauthenticated."""
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential:
        raise Unauthenticated("Send an access token or an API key as `Authorization: Bearer …`.")
    if len(credential) > MAX_CREDENTIAL or not credential.isascii() or " " in credential:
        raise Unauthenticated(UNREADABLE)
    return credential


def _claims(token: str, kind: str) -> dict[str, Any]:
    """The claims of a token of ours, of this kind and not expired. Raises Unauthenticated or TokenExpired."""
    try:
        claims: dict[str, Any] = decode_token(token)
    except ExpiredSignatureError:
        _expired(kind)
    except (PyJWTError, JWTExtendedException, ValueError):
        raise Unauthenticated(UNREADABLE) from None
    if claims.get("type") != kind:
        raise Unauthenticated(f"This is not the {kind} token.")
    return claims


def _expired(kind: str) -> NoReturn:
    if kind == "access":
        raise TokenExpired("The access token has expired; refresh it.") from None
    raise SessionEnded("This session has ended; sign in again.") from None


def read_refresh_token(token: str) -> tuple[Any, str]:
    """The session's id and the `jti` of a refresh token. Raises Unauthenticated or SessionEnded."""
    claims = _claims(token, "refresh")
    session_id = parse_id(str(claims.get("sid")))
    if session_id is None:
        raise Unauthenticated(UNREADABLE)
    return session_id, str(claims.get("jti"))


def sign_in(identifier: str, password: str, *, with_handle: bool = False) -> tuple[Session, User, str | None]:
    """A new session of whoever this is, and the page's handle if asked for. Each attempt is counted before it is
    looked at, and alike whether there is such an account. The audit log learns whose account was meant, and nothing
    that was typed. Raises TooMany, BadCredentials."""
    accounts = services().accounts
    g.meant = meant = accounts.meant(identifier)
    services().rate_limits.count_login(meant.id.hex if meant else spelled(identifier), client_address())
    g.signed_in = user = accounts.authenticate(identifier, password)
    session, handle = services().sessions.start(user, request.headers.get("User-Agent"), with_handle=with_handle)
    return session, user, handle


def token_pair(session: Session, user: User) -> dict[str, Any]:
    """Both tokens of a session, as the answers of `/auth` carry them."""
    identity, claims = str(user.id), {"sid": str(session.id)}
    return {
        "access_token": create_access_token(identity, additional_claims=claims),
        "refresh_token": create_refresh_token(identity, additional_claims={**claims, "jti": session.refresh_jti}),
        "token_type": "bearer",
        "expires_in": web_settings().access_token_minutes * 60,
    }


def lasting_token(session: Session, user: User) -> str:
    """An access token for a client that cannot refresh one; it ends with its session all the same."""
    life = dt.timedelta(hours=web_settings().client_token_hours)
    claims = {"sid": str(session.id)}
    return str(create_access_token(str(user.id), additional_claims=claims, expires_delta=life))


def keep_token(response: Response, token: str) -> Response:
    """Let the client's browser send the token by itself, where a route takes that."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=web_settings().client_token_hours * 3600,
        path="/api",
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
    return response


def from_page() -> bool:
    """Whether the page's own process is asking."""
    return same(request.headers.get("X-Page-Secret", ""), web_settings().page_secret)


def client_address() -> str:
    """The address that counts as the person's: said by the page, or by the proxies that are trusted, or seen."""
    if from_page():
        said = request.headers.get("X-Client-Address", "")
    else:
        hops = web_settings().trusted_proxies
        chain = ",".join(request.headers.getlist("X-Forwarded-For")).split(",")
        said = chain[-hops] if 0 < hops <= len(chain) else ""
    return _address(said) or _address(request.remote_addr) or "unknown"


def actor() -> Actor:
    """Who acts, for the audit log: the account that asks, signs in or was just made, from where, by which request."""
    who: Principal | None = g.get("principal")
    user: User | None = g.get("signed_in")
    user_id = who.user_id if who else user.id if user else None
    username = who.username if who else user.username if user else "(not signed in)"
    return Actor(user_id, username, client_address(), g.request_id)


def _address(text: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address((text or "").strip().partition("%")[0]))
    except ValueError:
        return None


def _is_loopback(text: str | None) -> bool:
    address = _address(text)
    return address is not None and ipaddress.ip_address(address).is_loopback
