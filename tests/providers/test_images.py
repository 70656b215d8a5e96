"""Images through the control plane: the wire against golden files, and a provider that cannot be trusted."""

from __future__ import annotations

import base64
import json
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.errors import (
    AddressForbidden,
    ContentFiltered,
    Invalid,
    ModelNotFound,
    ProviderAuthFailed,
    ProviderBadResponse,
    ProviderError,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
)
from api.domain.events import Usage
from api.domain.images import DrawnAnswer, ImageOrder
from api.providers.base import Endpoint
from api.providers.catalogue import Catalogue
from api.providers.control import Control
from api.providers.vendors import VENDORS
from api.providers.wires.image import ImageWire
from api.security.egress import Egress, parse_allowed
from tests import hypothesis_profiles  # noqa: F401
from tests.answers import Answers
from tests.image_router import KEY, png, running

GOLDEN = Path(__file__).parent.parent / "golden" / "image"
MAX = 100_000
CATALOGUE = Catalogue()


def draw(server: Answers, model: str = "any", n: int = 1, *, egress: Egress | None = None, **order: Any) -> DrawnAnswer:
    """Of a trusted address, as the operator's is."""
    endpoint = Endpoint("imagerouter", f"{server.url}/v1/openai", KEY, True)
    control = Control(CATALOGUE, egress or Egress())
    return control.draw(endpoint, ImageOrder(model, "a fox", n, **order), timeout=30, max_bytes=MAX)


# Golden files


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    golden = json.loads(path.read_text())
    vendor = CATALOGUE.vendor(golden["vendor"])
    assert vendor is not None
    assert vendor.images is not None
    wire, order = ImageWire(vendor.images.answer_form), ImageOrder(**golden["order"])
    assert wire.encode(order) == golden["request"]
    body = golden["answer"].encode() if isinstance(golden["answer"], str) else json.dumps(golden["answer"]).encode()
    assert drawn(wire, body, order.n) == golden["drawn"]


def drawn(wire: ImageWire, body: bytes, most: int) -> dict[str, Any]:
    """What an answer is read as, in the golden files' form."""
    try:
        answer = wire.decode(body, most=most, max_bytes=MAX)
    except ProviderError as error:
        return {"error": error.code}
    assert answer.fault is None
    images = [
        {"data": one.data and base64.b64encode(one.data).decode(), "url": one.url, "revised": one.revised_prompt}
        for one in answer.images
    ]
    told = {"input": answer.usage.prompt_tokens, "output": answer.usage.completion_tokens}
    return {"images": images, "usage": told, "cost": answer.cost if answer.cost is None else str(answer.cost)}


def test_every_vendor_of_images_has_a_golden_file() -> None:
    assert {path.stem.partition("-")[0] for path in GOLDEN.iterdir()} == {one.id for one in VENDORS if one.images}
    assert {one.id for one in VENDORS if one.images} == {one.id for one in VENDORS if "images" in one.abilities}


@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda value: json.dumps(value).encode(),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["data", "error", "b64_json", "url", "usage", "cost"]), inner, max_size=4
                    )
                ),
                max_leaves=12,
            ),
        ),
    )
)
def test_any_answer_is_images_or_one_of_our_errors(body: bytes) -> None:
    try:
        answer = ImageWire().decode(body, most=2, max_bytes=50)
    except ProviderError:
        return
    assert len(answer.images) + (answer.fault is not None) in (1, 2)
    assert answer.cost is None or answer.cost >= 0


# A real server


def test_an_image(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        answer = draw(server, size="8x8", quality="high")
        ((_, body, headers),) = server.asked
    (image,) = answer.images
    assert image.data is not None
    assert image.data.startswith(b"\x89PNG")
    assert (image.revised_prompt, answer.cost) == ("a fox, revised", Decimal("0.004"))
    assert headers["authorization"] == f"Bearer {KEY}"
    form = {"response_format": "b64_ephemeral"}  # which ImageRouter does not keep
    assert body == {"model": "any", "prompt": "a fox", "size": "8x8", "quality": "high"} | form


def test_as_many_calls_as_images_where_one_call_brings_one() -> None:
    with running() as server:
        answer = draw(server, n=5)
        assert len(server.asked) == 5
        assert all("n" not in body for _, body, _ in server.asked)
    assert len({image.data for image in answer.images}) == 5
    assert answer.cost == Decimal("0.020")


def test_what_came_is_kept_where_another_call_fails() -> None:
    with running() as server:
        answer = draw(server, "third", n=3)
        assert (len(answer.images), answer.cost) == (2, Decimal("0.008"))
        with pytest.raises(ProviderRateLimited):
            draw(server, "status:429", n=3)


@pytest.mark.parametrize("told", ["null", '"0.04"', "-1", "true", "1e400", "NaN", "[1]"])
def test_a_cost_that_is_no_amount_is_unknown(told: str) -> None:
    body = b'{"data": [{"url": "http://x/"}], "cost": %b}' % told.encode()
    if told == "NaN":
        with pytest.raises(ProviderBadResponse):
            ImageWire().decode(body, most=1, max_bytes=MAX)
        return
    assert ImageWire().decode(body, most=1, max_bytes=MAX).cost is None


@pytest.mark.parametrize("model", ["raw:", "raw:<html>", "raw:[]", 'raw:{"data":[]}', "raw:" + "[" * 100_000])
def test_what_is_no_answer_is_refused(model: str) -> None:
    with running() as server, pytest.raises(ProviderBadResponse) as caught:
        draw(server, model)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "model", ["svg", "html", "junk", "empty", "bomb", "cut", "huge", "scheme", "user", 'raw:{"data":[{"b64_json":5}]}']
)
def test_what_is_no_image_is_not_kept_and_paid_all_the_same(model: str) -> None:
    with running() as server:
        answer = draw(server, model)
        several = draw(server, model, n=2)
    assert isinstance(answer.fault, ProviderBadResponse)
    assert len(str(answer.fault)) < 400
    cost = None if model.startswith("raw:") else Decimal("0.004")
    assert (answer.images, answer.cost) == ((), cost)
    assert (several.images, several.cost) == ((), cost and 2 * cost)
    assert several.fault is not None


def test_of_more_images_than_were_asked_for_the_first_are_kept() -> None:
    with running() as server:
        answer = draw(server, "many")
    assert (len(answer.images), answer.cost, answer.fault) == (1, Decimal("0.004"), None)


def test_of_several_images_in_an_answer_the_good_ones_are_kept() -> None:
    rows = [{"b64_json": base64.b64encode(one).decode()} for one in (png(shade=1), b"<svg>", png(shade=2))]
    told = {"data": rows, "usage": {"input_tokens": 10, "output_tokens": 100}}
    with Answers({"/v1/images/generations": told}) as server:
        endpoint = Endpoint("openai", f"{server.url}/v1", KEY, True)
        answer = Control(CATALOGUE, Egress()).draw(endpoint, ImageOrder("m", "p", 3), timeout=30, max_bytes=MAX)
    assert [image.data for image in answer.images] == [png(shade=1), png(shade=2)]
    assert (answer.usage, isinstance(answer.fault, ProviderBadResponse)) == (Usage(10, 100), True)


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    endless = {"/v1/openai/images/generations": b" " * (MAX * 3)}
    with Answers(endless) as server, pytest.raises(ProviderBadResponse, match="larger"):
        draw(server)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("status:401", ProviderAuthFailed),
        ("status:402", ProviderRateLimited),
        ("status:404", ModelNotFound),
        ("status:429", ProviderRateLimited),
        ("status:500", ProviderUnavailable),
        ("error:content_policy_violation", ContentFiltered),
        ("error:insufficient_quota", ProviderRateLimited),
        ("error:server_error", ProviderUnavailable),
        ("error:some_other", ProviderError),
    ],
)
def test_every_failure_is_typed_and_tells_no_key(model: str, error: type[ProviderError]) -> None:
    with running() as server, pytest.raises(error) as caught:
        draw(server, model)
    assert KEY not in caught.value.detail
    assert caught.value.detail


def test_no_answer_in_time() -> None:
    over = threading.Event()
    with Answers({"/v1/images/generations": lambda _: over.wait(60) and {}}) as server:
        endpoint = Endpoint("openai", f"{server.url}/v1", KEY, True)
        with pytest.raises(ProviderTimeout):
            Control(CATALOGUE, Egress()).draw(endpoint, ImageOrder("m", "p"), timeout=0.5, max_bytes=MAX)
        over.set()


def test_an_address_is_fetched_without_the_key() -> None:
    with running() as server:
        allowed = Egress(parse_allowed(f"127.0.0.1:{server.port}"))
        (image,) = draw(server, "url", egress=allowed).images
        assert image.data == png(16, 4)
        path, _, headers = server.asked[-1]
        assert path == "/file/good"
        assert "authorization" not in headers
        assert KEY not in str(headers)
        for model in ("file-svg", "file-huge", "file-gone", "file-moved"):
            assert isinstance(draw(server, model, egress=allowed).fault, ProviderBadResponse)


@pytest.mark.parametrize("model", ["url", "metadata", "private"])
def test_an_address_is_guarded_whoever_named_it(model: str) -> None:
    with running() as server:
        assert isinstance(draw(server, model).fault, AddressForbidden)
        assert server.paths() == ["/v1/openai/images/generations"]


def test_the_endpoint_is_guarded_as_everywhere() -> None:
    with running() as server:
        endpoint = Endpoint("imagerouter", f"{server.url}/v1/openai", KEY, False)
        with pytest.raises(AddressForbidden):
            Control(CATALOGUE, Egress()).draw(endpoint, ImageOrder("m", "p"), timeout=30, max_bytes=MAX)
        assert server.asked == []


def test_several_in_one_call_and_their_tokens() -> None:
    with running() as server:
        endpoint = Endpoint("openai", f"{server.url}/v1", KEY, True)
        answer = Control(CATALOGUE, Egress()).draw(endpoint, ImageOrder("tokens", "p", 3), timeout=30, max_bytes=MAX)
        assert server.asked[0][1] == {"model": "tokens", "prompt": "p", "n": 3}
    assert (len(answer.images), answer.usage, answer.cost) == (3, Usage(10, 100), None)


@pytest.mark.parametrize("provider", ["anthropic", "demo", "mistral", "nobody"])
def test_a_vendor_without_images_says_so(provider: str) -> None:
    endpoint = Endpoint(provider, "http://127.0.0.1:9", KEY, True)
    with pytest.raises(Invalid, match="makes no images"):
        Control(CATALOGUE, Egress()).draw(endpoint, ImageOrder("m", "p"), timeout=1, max_bytes=MAX)
