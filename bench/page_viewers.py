"""People who watch their reply, as sockets: the same messages as a browser's, and none of its cost."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.asyncio.client import connect

from bench.page_people import Instance
from bench.processes import memory_mib

PATIENCE = 180.0


def watch_streams(instance: Instance, people: list[tuple[str, str]], last: str) -> tuple[int, float]:
    """How many saw the last word, and the most memory that the page's server took meanwhile, in MiB."""
    with ThreadPoolExecutor(1) as apart:  # Playwright's loop runs in this thread
        return apart.submit(asyncio.run, _all(instance, people, last)).result()


async def _all(instance: Instance, people: list[tuple[str, str]], last: str) -> tuple[int, float]:
    watching = asyncio.gather(*(_one(instance.url, handle, chat, last.encode()) for handle, chat in people))
    peak = 0.0
    while not watching.done():
        peak = max(peak, await asyncio.to_thread(memory_mib, instance.page_pid))
        await asyncio.wait([watching], timeout=1.0)
    return sum(await watching), peak


async def _one(url: str, handle: str, chat: str, last: bytes) -> bool:
    address = f"ws://{urlsplit(url).netloc}/_stcore/stream"
    headers = {"Cookie": f"parley_session={handle}", "Origin": url}
    async with connect(address, additional_headers=headers, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        begin = BackMsg()
        begin.rerun_script.query_string = f"chat={chat}"
        begin.rerun_script.context_info.timezone = "UTC"
        begin.rerun_script.context_info.url = f"{url}/?chat={chat}"
        await socket.send(begin.SerializeToString())
        try:
            async with asyncio.timeout(PATIENCE):
                async for message in socket:
                    if isinstance(message, bytes) and last in message:
                        return True
        except TimeoutError:
            return False
    return False
