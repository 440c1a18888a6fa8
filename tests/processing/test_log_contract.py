"""The contract of an event log, run on every implementation."""

from ingestion.log import START, EventLog
from tests.processing.conftest import LOGS


def test_every_implementation_is_in_the_suite() -> None:
    assert sorted(LOGS) == ["memory", "redis"]


def test_records_come_back_in_order_and_whole(log: EventLog) -> None:
    records = [bytes([number]) * 3 + b"\x00\xff" for number in range(10)]
    log.append({0: records[:4], 1: [b"other"]})
    log.append({0: records[4:]})
    assert [record for _, record in log.read(0, START, 100)] == records
    assert [record for _, record in log.read(1, START, 100)] == [b"other"]
    assert log.read(2, START, 100) == []


def test_reading_goes_on_after_an_offset(log: EventLog) -> None:
    log.append({3: [b"a", b"b", b"c"]})
    first = log.read(3, START, 2)
    assert [record for _, record in first] == [b"a", b"b"]
    assert [record for _, record in log.read(3, first[-1][0], 2)] == [b"c"]


def test_polling_reads_several_partitions_and_leaves_out_empty_ones(log: EventLog) -> None:
    log.append({0: [b"a", b"b"], 1: [b"c"]})
    found = log.poll({0: START, 1: START, 2: START}, 1, 1)
    assert {partition: [raw for _, raw in records] for partition, records in found.items()} == {0: [b"a"], 1: [b"c"]}
    assert not log.poll({2: START}, 10, 1)


def test_trimming_forgets_up_to_an_offset_and_no_further(log: EventLog) -> None:
    log.append({0: [b"a", b"b", b"c"]})
    offset = log.read(0, START, 2)[-1][0]
    log.trim(0, offset)
    assert [record for _, record in log.read(0, START, 10)] == [b"c"]
    assert log.length(0) == 1
    log.append({0: [b"d"]})
    assert [record for _, record in log.read(0, offset, 10)] == [b"c", b"d"]
