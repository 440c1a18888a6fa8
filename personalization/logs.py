"""What every process writes of itself: one line for each thing, as JSON or as text, and never a word about a person.

Our own loggers are trusted with what they say, as none is given what somebody sent. What libraries say is kept without
the texts they put in, and of every error its class and its way through the code, as its words may quote a value."""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

from profiles.telling import say_error

ROOT = Path(__file__).resolve().parent.parent
OURS = ("studio", "personalization", "ingestion", "rules", "recommendations", "segments", "profiles")
CLOSED = ("name", "id", "description", "hostname")  # what Celery says of a task
REFUSALS = "django.security"  # what was refused is told, not our code's way there
BESIDE = ("method", "route", "status", "door", "why", "by", "left_out")  # the event, in a line for people
LONGEST = 500
FRAMES = 30
HIDDEN = "…"

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|\[[^\]]*\]|\S*[@/]\S*")
_PLACE = re.compile(r"%(?:\((?P<name>\w+)\))?[-+ #0]*\d*(?:\.\d+)?[a-zA-Z%]")

Said = dict[str, Any]
_process = "manage"


def name_process(kind: str) -> None:
    """What lines of this process say it is; whatever ends it or a thread of it is written down like the rest."""
    global _process
    _process = kind
    sys.excepthook = _tell_end
    threading.excepthook = lambda args: _tell_end(args.exc_type, args.exc_value, args.exc_traceback)


def make_formatter(form: str) -> logging.Formatter:
    """`form` is json or text; auto is text on a terminal."""
    if form == "auto":
        form = "text" if sys.stderr.isatty() else "json"
    last: Any = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else write_text
    return structlog.stdlib.ProcessorFormatter(
        use_get_message=False,
        pass_foreign_args=True,
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[describe, structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )


class CountingHandler(logging.StreamHandler[Any]):
    """Standard error, each line of trouble counted."""

    def emit(self, record: logging.LogRecord) -> None:
        from personalization.metrics import metrics  # this module is loaded before anything is made

        super().emit(record)
        metrics().logged(record.levelno)


def describe(logger: Any, method: str, said: MutableMapping[str, Any]) -> Said:
    """The line of one record: `event` says what happened, `error` and `way` what was raised, and where."""
    kept: logging.LogRecord = said["_record"]
    record = logging.makeLogRecord({**kept.__dict__, "args": said["positional_args"]})
    is_ours = record.name.partition(".")[0] in OURS
    told: Said = {
        "at": said["timestamp"],
        "level": said["level"],
        "process": _process,
        "logger": record.name,
        "event": record.getMessage()[:LONGEST] if is_ours else tell_foreign(record),
    }
    if (request := getattr(record, "request", None)) is not None:
        told |= _tell_request(request, getattr(record, "status_code", None))
    told |= getattr(record, "told", {})
    error = said["exc_info"][1] if "exc_info" in said else None
    if error is not None and not record.name.startswith(REFUSALS):
        told["error"] = " <- ".join(say_error(each) for each in _list_causes(error))
        told["way"] = [
            f"{_shorten(frame.filename)}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-FRAMES:]
        ]
    return {**told, "_record": kept, "_from_structlog": False}


def tell_foreign(record: logging.LogRecord) -> str:
    """The first line of what a library says, without the texts it puts in: numbers and classes of errors stay."""
    line = str(record.msg).strip().partition("\n")[0][:LONGEST]
    if not record.args:
        return _QUOTED.sub(HIDDEN, line)
    if isinstance(record.args, Mapping):
        named = record.args
        return _PLACE.sub(lambda place: _say(named[name]) if (name := place["name"]) in CLOSED else HIDDEN, line)
    values = iter(record.args)
    return _PLACE.sub(lambda place: "%" if place[0] == "%%" else _show(next(values, "")), line)


def write_text(logger: Any, method: str, said: MutableMapping[str, Any]) -> str:
    """As people read it."""
    lines = [f"{said['level'].upper()} {said['logger']}: {said['event']}"]
    more = {name: value for name, value in said.items() if name in BESIDE}
    if more:
        lines[0] += " " + " ".join(f"{name}={value}" for name, value in more.items())
    if "error" in said:
        lines += [f"  at {place}" for place in said["way"]]
        lines.append(f"  {said['error']}")
    return "\n".join(lines)


def _show(value: Any) -> str:
    if isinstance(value, BaseException):
        return say_error(value)
    return str(value) if isinstance(value, int | float) else HIDDEN


def _say(value: Any) -> str:
    return str(value)[:100]


def _tell_request(request: Any, status: Any) -> Said:
    """A page by its pattern: addresses may name people."""
    match = getattr(request, "resolver_match", None)
    return {"method": getattr(request, "method", ""), "route": getattr(match, "route", ""), "status": status}


def _list_causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in found and len(found) < FRAMES:
        found.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return found


def _shorten(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else "/".join(path.parts[-3:])


def _tell_end(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None, *_: object) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    logging.getLogger(__name__).critical("ended by an error", exc_info=(kind, error or kind(), trace))
