"""Shapes are built when they are first needed, by whichever request comes first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from pydantic import create_model

from api.web.shapes import Shape

THREADS = 8


def test_a_shape_that_many_requests_need_first() -> None:
    together = Barrier(THREADS)

    def read(number: int, shape: type[Shape]) -> dict[str, object]:
        together.wait(60)
        return shape.model_validate({"inner": {"count": str(number)}}).model_dump()

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(25):
            inner = create_model("Inner", __base__=Shape, count=(int, ...))
            outer = create_model("Outer", __base__=Shape, inner=(inner, ...), also=(list[inner], []))
            assert {inner.__pydantic_complete__, outer.__pydantic_complete__} == {False}
            answers = pool.map(read, range(THREADS), [outer] * THREADS)
            assert list(answers) == [{"inner": {"count": number}, "also": []} for number in range(THREADS)]
