"""`/metrics`: what all processes of this machine have measured, and figures looked up at this moment, in Prometheus'
text format; raw ASGI. Not for the public: with a token, or from this machine alone."""

import asyncio
import hmac
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from ingestion.http import Answer, Scope, Send, read_address, read_bearer, refuse, refuse_method, send_answer
from personalization.figures import Figure
from personalization.metric_catalogue import CATALOGUE, MEASURED, Metric
from personalization.metric_files import read
from personalization.metrics import metrics

logger = logging.getLogger(__name__)

PATH = "/metrics"
PATIENCE_S = 3.0
KEPT_S = 1.0  # an answer serves everybody who asks within
HERE = ("127.0.0.1", "::1", "localhost")
# By a proxy, or by the browser for a page of somebody else.
PASSED_ON = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via", b"origin")
NO_TOKEN = "set PZ_METRICS_TOKEN and send it as Bearer: without one, metrics are told to this machine alone"  # noqa: S105


class MetricsApp:
    """`look` looks up figures, in a thread; one that hangs is not waited for, and no second one is sent after it."""

    def __init__(self, folder: Path, *, token: str, look: Callable[[], Sequence[Figure]]) -> None:
        self._folder = folder
        self._token = token
        self._look = look
        self._asked = 0.0
        self._task: asyncio.Task[bytes] | None = None
        self._figures: asyncio.Future[Sequence[Figure]] | None = None

    async def __call__(self, scope: Scope, send: Send) -> None:
        await send_answer(send, await self._answer(scope))

    async def _answer(self, scope: Scope) -> Answer:
        if scope["method"] not in ("GET", "HEAD"):
            return refuse_method(b"GET, HEAD")
        headers = dict(scope["headers"])
        if self._token:
            said = read_bearer(headers.get(b"authorization", b""))
            if not hmac.compare_digest(said.encode(), self._token.encode()):
                return refuse(401, "unknown_key", "send PZ_METRICS_TOKEN as Bearer", CHALLENGE)
        elif not is_from_here(scope):
            return refuse(401, "unknown_key", NO_TOKEN, CHALLENGE)
        body = await self._share()
        return Answer(200, b"" if scope["method"] == "HEAD" else body, kind=CONTENT_TYPE_LATEST.encode())

    async def _share(self) -> bytes:
        now = time.monotonic()
        if self._task is None or (self._task.done() and now - self._asked > KEPT_S):
            self._asked, self._task = now, asyncio.create_task(self._write())
        return await asyncio.shield(self._task)

    async def _write(self) -> bytes:
        figures = await self._look_in_time()
        metrics().settle()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Told([*collect(self._folder), *_gather(figures)]))
        return generate_latest(registry)

    async def _look_in_time(self) -> Sequence[Figure]:
        if self._figures is None or self._figures.done():
            self._figures = self._send_look()
        await asyncio.wait([self._figures], timeout=PATIENCE_S)
        return self._figures.result() if self._figures.done() else ()

    def _send_look(self) -> "asyncio.Future[Sequence[Figure]]":
        """In a thread that holds up nobody's end, whatever it waits for."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sequence[Figure]] = loop.create_future()

        def settle(found: Sequence[Figure]) -> None:
            if not future.done():
                future.set_result(found)

        def look() -> None:
            found: Sequence[Figure] = ()
            try:
                found = self._look()
            except Exception:  # what the processes have counted is told all the same
                logger.exception("figures cannot be looked up")
            finally:
                loop.call_soon_threadsafe(settle, found)

        threading.Thread(target=look, name="figures", daemon=True).start()
        return future


CHALLENGE = [(b"www-authenticate", b'Bearer realm="metrics"')]


def is_from_here(scope: Scope) -> bool:
    """Whether the call was made on this machine, to this machine, and passed on by nobody."""
    headers = dict(scope["headers"])
    if read_address(scope) not in HERE or any(name in headers for name in PASSED_ON):
        return False
    try:
        return urlsplit(f"//{headers.get(b'host', b'').decode('latin-1')}").hostname in HERE
    except ValueError:
        return False


def collect(folder: Path) -> Iterator[Family]:
    """What the processes have measured, without what an older version may have left behind."""
    known = {metric.name.removesuffix("_total"): metric for metric in MEASURED}
    for family in read(folder):
        metric = known.get(family.name)
        if metric is not None and family.type == metric.kind:
            family.documentation = metric.says
            yield family


def _gather(figures: Iterable[Figure]) -> Iterator[Family]:
    found: dict[str, list[Figure]] = {}
    for figure in figures:
        found.setdefault(figure.metric.name, []).append(figure)
    for name, each in found.items():
        yield _make(CATALOGUE[name], each)


def _make(metric: Metric, figures: Sequence[Figure]) -> Family:
    family = GaugeMetricFamily(metric.name, metric.says, labels=tuple(metric.labels))
    for figure in figures:
        family.add_metric([figure.labels[label] for label in metric.labels], float(figure.value))
    return family


class _Told(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families
