"""Images from a provider, as bytes: asked for as often as its API wants, fetched where it only names an address."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Final, TypeVar

from api.domain.errors import ProviderBadResponse, ProviderError
from api.domain.events import Usage
from api.domain.images import Drawn, DrawnAnswer, ImageOrder
from api.domain.pictures import picture_of
from api.providers.sdk_calls import Route, asked, fetch
from api.providers.sdk_network import Budget, Leash
from api.providers.vendors import Images
from api.providers.wires.image import PATH, ImageWire, too_large
from api.security.egress import Egress

T = TypeVar("T")
AT_ONCE: Final = 4
_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""Of one answer, whatever it holds: so much memory and no more."""
_BESIDE: Final = 64 * 1024  # what an answer says besides its images


def draw(
    route: Route,
    egress: Egress,
    how: Images,
    order: ImageOrder,
    *,
    timeout: float,
    max_bytes: int,
    leash: Leash | None = None,
) -> DrawnAnswer:
    """Raises ProviderError where nothing was drawn. What came is kept where other images fail: it is paid."""
    wire = ImageWire(how.answer_form)
    parts = _parts(order, how.a_call)

    def one(part: ImageOrder) -> DrawnAnswer:
        budget = Budget(timeout, min(_ANSWER_BYTES, part.n * (max_bytes * 4 // 3 + 4) + _BESIDE), leash)
        answer = wire.decode(asked(route, PATH, budget, wire.encode(part)), most=part.n, max_bytes=max_bytes)
        images, fault = [], answer.fault
        for image in answer.images:
            try:
                images.append(_whole(image, egress, budget, max_bytes))
            except ProviderError as error:
                fault = fault or error
        return replace(answer, images=tuple(images), fault=fault)

    if len(parts) == 1:
        return one(parts[0])
    with ThreadPoolExecutor(min(AT_ONCE, len(parts))) as pool:
        outcomes = list(pool.map(lambda part: _tried(lambda: one(part)), parts))
    came = [outcome for outcome in outcomes if isinstance(outcome, DrawnAnswer)]
    if not came:
        raise next(outcome for outcome in outcomes if isinstance(outcome, ProviderError))
    return _together(came)


def _parts(order: ImageOrder, a_call: int | None) -> list[ImageOrder]:
    size = a_call or order.n
    return [replace(order, n=min(size, order.n - begun)) for begun in range(0, order.n, size)]


def _tried(call: Callable[[], T]) -> T | ProviderError:
    try:
        return call()
    except ProviderError as error:
        return error


def _whole(image: Drawn, egress: Egress, budget: Budget, max_bytes: int) -> Drawn:
    """With its bytes, which are a picture by their own word, whatever the answer calls them."""
    data = image.data
    if data is None:
        data = fetch(image.url or "", egress, Budget(budget.time_left(None), max_bytes + _BESIDE, budget.leash))
        if len(data) > max_bytes:
            raise too_large(max_bytes)
    if picture_of(data) is None:
        raise ProviderBadResponse(
            "The provider sent something that is no PNG, JPEG, WebP or GIF image, or one too large to draw. Try "
            "another size or model."
        )
    return replace(image, data=data, url=None)


def _together(answers: list[DrawnAnswer]) -> DrawnAnswer:
    """Sums are known where each part is."""
    usages = [answer.usage for answer in answers]
    usage = Usage(
        _sum([one.prompt_tokens for one in usages]),
        _sum([one.completion_tokens for one in usages]),
    )
    costs = [answer.cost for answer in answers]
    cost = None if None in costs else sum((one for one in costs if one is not None), Decimal(0))
    fault = next((answer.fault for answer in answers if answer.fault), None)
    return DrawnAnswer(tuple(image for answer in answers for image in answer.images), usage, cost, fault)


def _sum(counts: list[int | None]) -> int | None:
    return None if None in counts else sum(count for count in counts if count is not None)
