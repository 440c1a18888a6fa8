"""The command: through the log into profiles and archive, each event once, however often it is interrupted or run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ingestion import import_runs, importing
from ingestion.actions import create_source
from ingestion.import_runs import keep_import, open_import
from ingestion.importing import CannotImport, Importer, fingerprint
from ingestion.log import EventLog, LogUnavailable
from ingestion.log_redis import RedisLog
from ingestion.models import ImportRun, Source
from profiles.clients import Client
from profiles.event import Event
from profiles.models import ArchivedEvent
from profiles.profile import PARTS
from tests.importers.conftest import NOW, PARTITIONS, Engine, Write, import_file

ROWS = "".join(
    f"{number},A,X,2,2011-0{1 + number % 9}-01 10:00:00,1.5,{number % 40 or ''},Spain\n"
    for number in range(1_000, 2_200)
)
ORDERS_OF_7 = 30


def orders_of_7(engine: Engine) -> tuple[int, float]:
    history = engine.profile("u:7").events["Order Completed"]
    return history.count, history.total / PARTS


def test_a_file_becomes_history(engine: Engine, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    import_file(write(ROWS + "x,A,X,two,2011-01-01 10:00:00,1,7,Spain\nA1,B,debt,1,2011-01-01 10:00:00,5,,Spain\n"))
    said = capsys.readouterr().out
    assert "1,202 rows: 1,200 Order Completed, 39 Identified" in said
    assert "1,239 events sent, 0 were there already" in said
    assert "1 rows left out: adjustments of bad debt" in said
    assert "1 rows could not be read:\n  line 1,202: Quantity is not a whole number" in said
    engine.run()
    assert orders_of_7(engine) == (ORDERS_OF_7, 3.0 * ORDERS_OF_7)
    assert engine.profile("u:7").traits["country"].value == "Spain"
    assert engine.profile("a:online-retail-1000").events["Order Completed"].count == 1
    assert ArchivedEvent.objects.count() == 1_239
    assert Source.objects.get().kind == Source.Kind.IMPORT


def test_again_at_once_doubles_nothing(engine: Engine, write: Write) -> None:
    path = write(ROWS)
    import_file(path)
    import_file(path)
    assert engine.waiting() == 2 * 1_239
    engine.run()
    assert orders_of_7(engine)[0] == ORDERS_OF_7
    assert ArchivedEvent.objects.count() == 1_239


def test_again_a_month_later_doubles_nothing(engine: Engine, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(ROWS)
    import_file(path)
    engine.run()
    engine.forget_what_was_seen()
    import_file(path)
    assert "0 events sent, 1,239 were there already" in capsys.readouterr().out
    assert engine.process() == 0
    longer = write(ROWS + "9999,A,X,2,2011-12-01 10:00:00,1.5,7,Spain\n")
    import_file(longer)
    engine.run()
    assert orders_of_7(engine)[0] == ORDERS_OF_7 + 1
    assert ArchivedEvent.objects.count() == 1_240


def test_an_interrupted_import_goes_on_where_it_was(
    engine: Engine, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_runs, "LOOKED_AT_AGAIN", 100)
    path = write(ROWS)
    batches = 0

    def interrupt(self: Importer, events: list[Event]) -> None:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise KeyboardInterrupt
        append(self, events)

    append = Importer._append
    monkeypatch.setattr(Importer, "_append", interrupt)
    with pytest.raises(CommandError, match="the same command goes on"):
        import_file(path)
    run = ImportRun.objects.get()
    assert (run.events, run.finished) == (importing.BATCH, None)
    import_file(path)
    assert "400 events had been sent before" in capsys.readouterr().out
    run.refresh_from_db()
    assert (run.events, engine.waiting()) == (1_239, 1_239 + import_runs.LOOKED_AT_AGAIN)
    assert run.finished is not None
    engine.run()
    assert orders_of_7(engine)[0] == ORDERS_OF_7


def test_an_import_waits_for_the_processor(engine: Engine) -> None:
    said: list[str] = []

    def work(seconds: float) -> None:
        assert engine.waiting() <= PARTITIONS * 1_000
        engine.process()

    importer = make_importer(engine.client, engine.log, wait=work, say=said.append)
    sent = importer.send(make_events(9_000), lambda settled, total: None)
    assert (sent.new, sent.known) == (9_000, 0)
    assert set(said) == {"the processor has to catch up"}
    engine.process()
    assert sum(engine.profile(f"u:u{number}").events["N"].count for number in range(9)) == 9_000


def test_an_import_rides_out_a_redis_that_is_away(engine: Engine) -> None:
    said: list[str] = []
    gate = Gate(engine.log)
    importer = make_importer(engine.client, gate, wait=gate.open, say=said.append)
    importer.send(make_events(1), lambda settled, total: None)
    assert said == ["Redis is away: LogUnavailable"]
    assert engine.waiting() == 1


def test_an_import_gives_up_when_the_processor_takes_nothing(engine: Engine) -> None:
    clock = Clock()
    importer = make_importer(engine.client, engine.log, wait=clock.wait, clock=clock)
    with pytest.raises(
        CannotImport, match=r"the processor has not taken anything for 60 s .*; the same command goes on"
    ):
        importer.send(make_events(9_000), lambda settled, total: None)
    assert importing.PATIENCE_S <= clock.now < importing.PATIENCE_S + 2


def test_a_processor_that_is_slow_is_waited_for(engine: Engine) -> None:
    clock = Clock()

    def work_slowly(seconds: float) -> None:
        clock.wait(importing.PATIENCE_S - 1)
        engine.processor.drain([max(range(PARTITIONS), key=engine.log.length)])

    importer = make_importer(engine.client, engine.log, wait=work_slowly, clock=clock)
    assert importer.send(make_events(9_000), lambda settled, total: None).new == 9_000
    assert clock.now > importing.PATIENCE_S


def test_an_import_gives_up_when_redis_stays_away(engine: Engine) -> None:
    clock = Clock()
    importer = make_importer(engine.client, Gate(engine.log), wait=clock.wait, clock=clock)
    with pytest.raises(CannotImport, match=r"Redis has been away for 60 s .*; the same command goes on"):
        importer.send(make_events(1), lambda settled, total: None)


def test_one_import_of_a_file_at_a_time(engine: Engine, write: Write, tmp_path: Path) -> None:
    path = write(ROWS)
    source = create_source(slug="online-retail", name="Online Retail", kind=Source.Kind.IMPORT)
    digest = fingerprint(path)
    with open_import(source, file=path.name, sha256=digest, preset="online-retail", at=timezone.now()) as run:
        keep_import(run, 1)
        with pytest.raises(CommandError, match=r"^orders.csv is already being imported by another process$"):
            import_file(path)
        other = tmp_path / "other.csv"
        other.write_text(path.read_text() + "9999,A,X,2,2011-12-01 10:00:00,1.5,7,Spain\n")
        import_file(other)
    assert ImportRun.objects.get(pk=run.pk).events == 1
    import_file(path)


def make_events(count: int) -> Iterator[Event]:
    for number in range(count):
        yield Event(id=f"m{number}", source="s", type="track", name="N", at=NOW, received=NOW, user_id=f"u{number % 9}")


def make_importer(
    client: Client,
    log: EventLog,
    *,
    wait: Callable[[float], None],
    clock: Callable[[], float] = lambda: 0.0,
    say: Callable[[str], None] = lambda reason: None,
) -> Importer:
    return Importer(client, log, partitions=PARTITIONS, max_length=1_000, wait=wait, clock=clock, say=say)


class Clock:
    """Time goes on while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


class Gate(RedisLog):
    """A log that is away until somebody has waited."""

    def __init__(self, log: RedisLog) -> None:
        super().__init__(log._client)
        self._is_open = False

    def open(self, seconds: float) -> None:
        self._is_open = True

    def length(self, partition: int) -> int:
        if not self._is_open:
            raise LogUnavailable("Redis: away")
        return super().length(partition)


def test_a_source_may_be_named(engine: Engine, write: Write) -> None:
    Source.objects.create(slug="till", name="Till", write_key="k")
    call_command("import_events", str(write(ROWS)), "--preset", "online-retail", "--source", "till")
    engine.run()
    assert set(ArchivedEvent.objects.values_list("source", flat=True)) == {"till"}
    with pytest.raises(CommandError, match="there is no source 'shop'"):
        call_command("import_events", "x", "--preset", "online-retail", "--source", "shop")


def test_a_file_that_is_not_there(db: None) -> None:
    with pytest.raises(CommandError, match="No such file"):
        import_file(Path("/nowhere/orders.csv"))


def test_an_event_too_large_for_the_log_is_named(engine: Engine, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MAX_EVENT_BYTES", 100)
    with pytest.raises(CommandError, match="event online-retail-1000"):
        import_file(write(ROWS))
