"""Counting requests against their limits: per account and hour, and per account and address at sign-in."""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute

from api.domain.errors import LimitExceeded
from api.domain.generations import Counted
from api.domain.instance import InstanceSettings
from api.domain.limit_rules import Origin, Rule, holding
from api.domain.principal import Principal
from api.rate_limits.storage import DatabaseStorage, Refused
from api.rate_limits.window import Bucket, Count
from api.repositories.unit_of_work import UnitOfWork

READS_PER_WRITE: Final = 10
SIGN_IN_MINUTES: Final = 5
HOUR: Final = 3600
HOURLY: Final = ("writes", "reads", "generations")
WORDS: Final = {
    "writes": "You have used all {limit} changes and model calls of this hour",
    "reads": "You have used all {limit} reads of this hour",
    "generations": "You have used all {limit} replies of this hour",
    "login-account": "There were too many sign-in attempts for this account or from this address",
    "login-address": "There were too many sign-in attempts for this account or from this address",
    "register": "There were too many registrations from this address",
}
BY_RULE: Final = {
    "requests": "You have used all {limit} calls of this hour {what}",
    "tokens": "You have used all {limit} tokens of this hour {what}",
}
OF: Final = {
    "user": "that your account has",
    "key": "that this API key has",
    "model": "that you have for this model",
    "surface": "that you have on this interface",
}
OF_ADDRESSES: Final = frozenset(("login-account", "login-address", "register"))  # whoever meets them guesses, or waits
WHO_HELPS: Final = "If that is too little, ask the administrator of this server to raise the limit."


@dataclass(frozen=True, slots=True)
class LimitState:
    """One limit after a hit: what the headers say. `reset_seconds` is when more becomes free."""

    name: str
    limit: int
    remaining: int
    reset_seconds: int
    window_seconds: int


class TooMany(LimitExceeded):
    """A limit is reached, with the state of every limit that was looked at."""

    def __init__(self, detail: str, *, retry_after: float, states: tuple[LimitState, ...]) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.states = states


def told(states: tuple[LimitState, ...]) -> None:
    """Let the answer's headers say how the limits stand."""
    counted.set(states)


counted: ContextVar[tuple[LimitState, ...]] = ContextVar("counted", default=())
"""The limits that the present request was counted by or refused over."""


class RateLimitService:
    """Every count is one unit of work. A refused request consumes nothing. Nothing is let through uncounted:
    StoreUnavailable when the database cannot count."""

    def __init__(self, storage: DatabaseStorage, login_limit: int, instance: Callable[[], InstanceSettings]) -> None:
        """`instance` tells the hourly limits and rules that hold now."""
        self.storage = storage
        self._instance = instance
        self._login_account = RateLimitItemPerMinute(login_limit, SIGN_IN_MINUTES, namespace="login-account")
        self._login_address = RateLimitItemPerMinute(login_limit, SIGN_IN_MINUTES, namespace="login-address")
        self._register = RateLimitItemPerMinute(login_limit, SIGN_IN_MINUTES, namespace="register")

    def count(self, principal: Principal, reads: bool) -> tuple[LimitState, ...]:
        """One hit for a request of this account. Raises TooMany (a LimitExceeded), StoreUnavailable."""
        return self._acquire([self._hourly(principal, "reads" if reads else "writes")])

    def count_within(self, work: UnitOfWork, principal: Principal, generations: int) -> tuple[LimitState, ...]:
        """A hit for a request that begins so many replies, as part of the transaction that begins them: what begins
        nothing has counted nothing. Whoever asked tells the states on (`told`). Raises TooMany."""
        hits = [(self._hourly(principal, "writes"), 1), (self._hourly(principal, "generations"), generations)]
        return _admitted(lambda: self.storage.acquire_within(work.connection, hits))

    def count_calls(
        self, work: UnitOfWork, principal: Principal, surface: str, models: Sequence[tuple[str, str]]
    ) -> tuple[LimitState, ...]:
        """Calls of those (provider, model), by the rules that administrators set, in the transaction that begins them.
        Of tokens, one a call is counted now and the rest by `settle`: calls that run may pass a limit by what they
        use, and no further call is let through. Raises TooMany."""
        rules = self._instance().limit_rules
        if not rules:
            return ()
        amounts: Counter[Bucket] = Counter()
        for provider, model in models:
            origin = Origin(principal.user_id, principal.api_key_id, surface, provider, model)
            amounts.update(_by_rule(rule, origin) for rule in holding(rules, origin))
        return _admitted(lambda: self.storage.acquire_within(work.connection, sorted(amounts.items())))

    def settle(self, work: UnitOfWork, calls: Sequence[Counted]) -> None:
        """Count the tokens of calls that this transaction closes, where a rule limits them."""
        rules = [rule for rule in self._instance().limit_rules if rule.measure == "tokens"]
        if not rules:
            return
        amounts: Counter[Bucket] = Counter()
        for call in calls:
            end = call.closing
            tokens = (end.prompt_tokens or 0) + (end.completion_tokens or 0)
            origin = Origin(end.user_id, call.api_key_id, call.surface, call.provider, call.model)
            for rule in holding(rules, origin):
                amounts[_by_rule(rule, origin)] += max(0, tokens - 1)
        self.storage.add_within(work.connection, sorted(amounts.items()))

    def look(self, principal: Principal) -> tuple[LimitState, ...]:
        """Where this account stands, without a hit."""
        origin = Origin(principal.user_id, principal.api_key_id, "", "", "")
        rules = [rule for rule in self._instance().limit_rules if rule.kind in ("user", "key")]
        own = [_by_rule(rule, origin) for rule in holding(rules, origin)]
        counts = self.storage.look([self._hourly(principal, name) for name in HOURLY] + own)
        return tuple(_state(count) for count in counts)

    def _hourly(self, principal: Principal, name: str) -> Bucket:
        """An account's bucket: the limit that an administrator gave it, or the instance's. A new limit counts on."""
        now = self._instance()
        usual = {"writes": now.requests_per_hour, "reads": now.requests_per_hour * READS_PER_WRITE}
        limit = principal.limits.get(name, usual.get(name, now.generations_per_hour))
        return Bucket(f"{name}/{principal.user_id.hex}", limit, HOUR)

    def count_login(self, account: str, address: str) -> tuple[LimitState, ...]:
        """One attempt to sign in: per account (one text for every spelling of it) and per address. Raises TooMany."""
        account = hashlib.sha256(account.encode("utf-8", "replace")).hexdigest()
        return self._acquire([_bucket(self._login_account, account), _bucket(self._login_address, _network(address))])

    def count_address(self, address: str) -> tuple[LimitState, ...]:
        """One registration from an address. Raises TooMany."""
        return self._acquire([_bucket(self._register, _network(address))])

    def first_time(self, key: str, seconds: int) -> bool:
        """Whether nobody asked for this key in so many seconds, in any process. Raises StoreUnavailable."""
        return self.storage.incr(key, seconds) == 1

    def purge(self) -> int:
        """Remove what counts no more; how many rows that were."""
        return self.storage.purge()

    def _acquire(self, buckets: Sequence[Bucket]) -> tuple[LimitState, ...]:
        states = _admitted(lambda: self.storage.acquire(buckets))
        told(states)
        return states


def _admitted(acquire: Callable[[], Iterable[Count]]) -> tuple[LimitState, ...]:
    """The limits after these hits. Raises TooMany."""
    try:
        return tuple(map(_state, acquire()))
    except Refused as refusal:
        raise _too_many(refusal) from None


def _by_rule(rule: Rule, origin: Origin) -> Bucket:
    key = f"{rule.measure}-{rule.kind}/{origin.user_id.hex}/{origin.named(rule.kind)}"
    return Bucket(key, rule.per_hour, HOUR)


def _bucket(item: RateLimitItem, *whose: str) -> Bucket:
    return Bucket(item.key_for(*whose), item.amount, item.get_expiry())


def _state(count: Count) -> LimitState:
    bucket = count.bucket
    reset = count.seconds_until() if count.remaining == 0 else count.left
    name = bucket.key.partition("/")[0]
    return LimitState(name, bucket.limit, count.remaining, math.floor(reset) + 1, bucket.window)


def _too_many(refusal: Refused) -> TooMany:
    states = tuple(map(_state, refusal.counts))
    wait = max((state.reset_seconds for state in states if state.remaining == 0), default=1)
    name = refusal.full.key.partition("/")[0]
    what = WORDS.get(name, BY_RULE.get(name.partition("-")[0], "")).format(
        limit=f"{refusal.full.limit:,}", what=OF.get(name.partition("-")[2], "")
    )
    until = f"try again in {_duration(wait)}" if refusal.full.limit else "the limit is 0"
    help_ = "" if name in OF_ADDRESSES else f" {WHO_HELPS}"
    return TooMany(f"{what}; {until}.{help_}", retry_after=wait, states=states)


def _duration(seconds: int) -> str:
    if seconds <= 90:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    return f"{math.ceil(seconds / 60)} minutes"


def _network(address: str) -> str:
    """What one party holds: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()
    if isinstance(ip, ipaddress.IPv6Address):
        mapped = ip.ipv4_mapped
        return str(mapped or ipaddress.ip_network((ip, 64), strict=False).network_address)
    return str(ip)
