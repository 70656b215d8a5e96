"""The guard where it bites, on every wire and in every SDK: no connection is ever opened to what it forbids.

Public addresses cannot be dialled here, so 127.0.0.2 plays one; 127.0.0.1 is forbidden as ever. Names are answered from
a table, since a name server of our own would need the machine's settings.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from api.domain import errors
from api.domain.conversation import CompletionRequest, Turn
from api.providers.base import Call, Endpoint
from api.providers.catalogue import Catalogue
from api.providers.control import Control
from api.providers.transport import Transport
from api.security.egress import Egress, parse_allowed
from tests.providers.helpers import KEY, PATIENT, WIRES, call_for, http, in_transport, run, text_of
from tests.upstream import Upstream

PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"
SDKS = ("openai", "ollama")  # the vendors' own clients; the first carries every other vendor's calls as well
WRITTEN = """
    127.0.0.1 127.1 127.0.1 127.00.0.1 2130706433 0x7f000001 0x7F000001 0x7f.1 0x7f.0.0.1 0x7f.0x0.0x0.0x1 0177.1
    0177.0.0.1 0177.0000.0000.0001 017700000001 00000177.0.0.1 0 0.0.0.0 0x0 127.0.0.1. localhost LOCALHOST LocalHost
    localhost. [::1] [0:0:0:0:0:0:0:1] [0000:0000::0001] [::] [::ffff:127.0.0.1] [::FFFF:127.0.0.1] [::ffff:7f00:1]
    [0:0:0:0:0:ffff:7f00:0001] [::127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::] [2001:0:7f00:1::]
    [::1%lo] 169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 [::ffff:169.254.169.254] [fd00:ec2::254]
    169.254.170.2 100.100.100.200 10.0.0.1 172.16.0.1 192.168.0.1 100.64.0.1 [fc00::1] [fe80::1] user@127.0.0.1
    user:pass@127.0.0.1 public.example@127.0.0.1 %31%32%37.0.0.1 %6c%6fcalhost １２７.０.０.１ ⑫⑦.0.0.1 127。0。0。1
    ⓛocalhost
"""
SPELLINGS = WRITTEN.split()


Dial = Callable[[str, Egress], None]


class PublicToo(Egress):
    """With one more public address, which is on this machine."""

    def permitted(self, ip: str, host: str, port: int) -> bool:
        return ip == PUBLIC or super().permitted(ip, host, port)


@dataclass
class Place:
    """The same port at the forbidden address, where nobody answers, and at the public one; and what names lead to."""

    port: int
    forbidden: socket.socket
    dialled: int = 0  # connections to the public address
    answers: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def name(self, host: str, *answers: Sequence[str]) -> str:
        """A base URL; each look-up takes the next answer, the last one stays."""
        self.answers[host] = list(answers)
        return f"http://{host}:{self.port}/v1"

    def serve(self, public: socket.socket) -> None:
        while True:
            try:
                connection, _ = public.accept()
            except OSError:
                return
            self.dialled += 1
            with connection:
                connection.recv(65536)
                connection.sendall(http("500 Oh", b"{}"))

    def untouched(self) -> bool:
        """Did nobody connect to the forbidden address?"""
        try:
            self.forbidden.accept()[0].close()
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with socket.create_server((PRIVATE, 0)) as private, socket.socket() as public:
        private.setblocking(False)
        public.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        public.bind((PUBLIC, private.getsockname()[1]))
        public.listen()
        made = Place(private.getsockname()[1], private)
        thread = threading.Thread(target=made.serve, args=(public,))
        thread.start()
        monkeypatch.setattr(socket, "getaddrinfo", answering(made, socket.getaddrinfo))
        yield made
        public.shutdown(socket.SHUT_RDWR)
        thread.join(20)


def answering(place: Place, real: Callable[..., Any]) -> Callable[..., Any]:
    def look_up(host: Any, port: Any, *args: Any, **named: Any) -> Any:
        if host not in place.answers:
            return real(host, port, *args, **named)
        place.asked.append(host)
        answers = place.answers[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for ip in found for entry in real(ip, port, type=socket.SOCK_STREAM)]

    return look_up


def by_wire(wire: str) -> Dial:
    def ask(url: str, egress: Egress) -> None:
        request = CompletionRequest(model="m", turns=(Turn("user", "hello"),))
        encoded = WIRES[wire].encode(Endpoint(wire, url, KEY, False), request)
        run(Call(encoded, WIRES[wire], request, PATIENT, (KEY,)), egress)

    return ask


def by_sdk(provider: str) -> Dial:
    def ask(url: str, egress: Egress) -> None:
        Control(Catalogue(), egress).list_models(Endpoint(provider, url, KEY, False))

    return ask


DIALLERS = [pytest.param(by_wire(wire), id=f"wire-{wire}") for wire in WIRES]
DIALLERS += [pytest.param(by_sdk(provider), id=f"sdk-{provider}") for provider in SDKS]


@pytest.mark.parametrize("wire", WIRES)
def test_no_spelling_reaches_what_is_forbidden(place: Place, upstream: Upstream, wire: str) -> None:
    """Some are no address at all to who reads the URL; none is dialled."""
    refusals: list[errors.ProviderError] = []

    async def scenario(transport: Transport) -> None:
        for host in SPELLINGS:
            call = call_for(upstream, "x", wire=wire, trusted=False, base_url=f"http://{host}:{place.port}/v1")
            with pytest.raises(errors.ProviderError) as caught:
                await transport.run(call, lambda _: None)
            refusals.append(caught.value)

    in_transport(scenario)
    assert len(refusals) == len(SPELLINGS) >= 40
    judge(refusals)
    assert place.untouched()


@pytest.mark.parametrize("provider", SDKS)
def test_no_spelling_reaches_it_through_an_sdk(place: Place, provider: str) -> None:
    refusals = []
    some = SPELLINGS[SDKS.index(provider) :: len(SDKS)]
    for host in some:
        with pytest.raises(errors.ProviderError) as caught:
            by_sdk(provider)(f"http://{host}:{place.port}/v1", Egress())
        refusals.append(caught.value)
    judge(refusals)
    assert place.untouched()


def judge(refusals: Sequence[errors.ProviderError]) -> None:
    forbidden = [error for error in refusals if isinstance(error, errors.AddressForbidden)]
    assert len(forbidden) >= len(refusals) / 2
    assert not any(KEY[5:18] in error.detail for error in refusals)


@pytest.mark.parametrize("dial", DIALLERS)
def test_a_name_that_leads_to_a_public_address_is_dialled(place: Place, dial: Dial) -> None:
    with pytest.raises(errors.ProviderUnavailable):  # its 500
        dial(place.name("good.example", [PUBLIC]), PublicToo())
    assert place.dialled == 1


@pytest.mark.parametrize("dial", DIALLERS)
@pytest.mark.parametrize("answer", [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC], [PUBLIC, PUBLIC, "::1"], [PRIVATE], ["::1"]])
def test_one_forbidden_answer_among_several_refuses_the_name(place: Place, dial: Dial, answer: list[str]) -> None:
    with pytest.raises(errors.AddressForbidden):
        dial(place.name("mixed.example", answer), PublicToo())
    assert place.dialled == 0
    assert place.untouched()


@pytest.mark.parametrize("dial", DIALLERS)
def test_an_answer_that_changes_after_the_check_is_not_dialled(place: Place, dial: Dial) -> None:
    url = place.name("rebinding.example", [PUBLIC], [PRIVATE])
    with pytest.raises(errors.ProviderUnavailable):
        dial(url, PublicToo())
    assert place.asked == ["rebinding.example"], "one look-up, and what it said is dialled"
    with pytest.raises(errors.AddressForbidden):
        dial(url, PublicToo())
    assert place.dialled == 1
    assert place.untouched()


@pytest.mark.parametrize("dial", DIALLERS)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed(
    place: Place, canned: tuple[str, list[bytes], list[bytes]], dial: Dial, status: str
) -> None:
    url, answers, asked = canned
    answers.append(http(status, b"", f"Location: http://{PRIVATE}:{place.port}/"))
    port = url.rpartition(":")[2]
    with pytest.raises(errors.ProviderError) as caught:
        dial(f"http://localhost:{port}", Egress(parse_allowed(f"localhost:{port}")))
    assert "redirect" in str(caught.value.detail).lower()
    assert len(asked) == 1
    assert place.untouched()


def test_an_allowed_ollama_is_let_through(upstream: Upstream) -> None:
    """The pair that the operator listed, on the data plane and in the SDK; its neighbour is refused."""
    url = f"http://localhost:{upstream.port}"
    allowed = Egress(parse_allowed(f"localhost:{upstream.port}"))
    assert text_of(run(call_for(upstream, "plain", wire="ollama", trusted=False, base_url=url), allowed))
    assert Control(Catalogue(), allowed).list_models(Endpoint("ollama", url, None, False))
    neighbour = Egress(parse_allowed(f"localhost:{upstream.port + 1}"))
    with pytest.raises(errors.AddressForbidden):
        run(call_for(upstream, "plain", wire="ollama", trusted=False, base_url=url), neighbour)
    with pytest.raises(errors.AddressForbidden):
        Control(Catalogue(), neighbour).list_models(Endpoint("ollama", url, None, False))
