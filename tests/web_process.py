"""A web process as it is, on a real server in a thread of the test's own process."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from ingestion.bounded_http import BoundedHttp
from ingestion.bounded_socket import BoundedSocket
from personalization.asgi import Application
from personalization.servers import free_port


@contextmanager
def run_web_process() -> Iterator[int]:
    """The port of one that has been started; whether its doors are open yet is the caller's to look."""
    port = free_port()
    config = uvicorn.Config(
        Application(), port=port, http=BoundedHttp, ws=BoundedSocket, log_level="warning", lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
