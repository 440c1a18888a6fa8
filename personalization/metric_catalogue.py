"""Every metric there is, with its labels and what these may say: the one table that processes measure by, /metrics
answers from, and docs/reference/metrics.md describes. No label ever says who somebody is."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from ingestion.closing import BAD_FRAME, BUSY, NO_HELLO, ORIGIN_REFUSED, TOO_FAST, TOO_LARGE, UNKNOWN_KEY
from ingestion.meter import NOT_READING, Away, Way
from ingestion.refusals import Refused
from ingestion.steps import Outcome
from rules.engine import Reason

Values = tuple[str, ...]


class Metric(NamedTuple):
    """`labels` says what each label can be, or None where the settings, the schedule or the machine bound it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    says: str
    labels: Mapping[str, Values | None] = {}
    buckets: tuple[float, ...] = ()


STAGES = ("stored", "committed", "fresh", "archived", "pushed")
DOORS = ("web", "rest", "batch", "socket", "live", "graphql", "fragment", "email")
CLOSINGS = tuple(name for _, name in (BAD_FRAME, UNKNOWN_KEY, ORIGIN_REFUSED, NO_HELLO, TOO_FAST, TOO_LARGE, BUSY))
WAYS, AWAY, REASONS = tuple(Way), tuple(Away), tuple(Refused)

STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
DECIDE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0)
TASK_S = (0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0)

EVENTS_TAKEN = Metric("pz_events_taken_total", "counter", "Events a door has acknowledged.", {"door": WAYS})
EVENTS_REFUSED = Metric(
    "pz_events_refused_total", "counter", "Events, bodies and sockets refused.", {"door": WAYS, "reason": REASONS}
)
EVENTS_TURNED_AWAY = Metric(
    "pz_events_turned_away_total",
    "counter",
    "Calls of events answered with 429 or slow (full), or with 503 (unavailable): nothing of them is promised.",
    {"door": WAYS, "reason": AWAY},
)
EVENTS_PROCESSED = Metric(
    "pz_events_processed_total",
    "counter",
    "What the processors made of events.",
    {"outcome": tuple(Outcome)},
)
STAGE = Metric(
    "pz_stage_seconds",
    "histogram",
    "How long a stage of an event's way took.",
    {"stage": STAGES},
    STAGE_S,
)
DECIDE = Metric("pz_decide_seconds", "histogram", "How long a decide call took.", {"door": DOORS}, DECIDE_S)
DECIDE_SLOTS = Metric("pz_decide_slots_total", "counter", "Slots answered.", {"reason": tuple(Reason)})
SOCKETS_OPEN = Metric("pz_sockets_open", "gauge", "Open sockets.", {"kind": ("visitor", "studio")})
SOCKETS_CLOSED = Metric(
    "pz_sockets_closed_total",
    "counter",
    "Sockets closed by the server.",
    {"reason": (*CLOSINGS, NOT_READING)},
)
TASK = Metric("pz_task_seconds", "histogram", "How long a Celery task ran.", {"task": None}, TASK_S)
TASK_RUNS = Metric(
    "pz_task_runs_total", "counter", "Celery tasks that ended.", {"task": None, "outcome": ("done", "failed")}
)
ROUNDS = Metric(
    "pz_rounds_total", "counter", "Rounds of the archiver's process.", {"round": None, "outcome": ("done", "failed")}
)
LOGGED = Metric(
    "pz_log_lines_total", "counter", "Lines of trouble logged.", {"level": ("warning", "error", "critical")}
)

MEASURED = (
    *(EVENTS_TAKEN, EVENTS_REFUSED, EVENTS_TURNED_AWAY, EVENTS_PROCESSED, STAGE, DECIDE, DECIDE_SLOTS),
    *(SOCKETS_OPEN, SOCKETS_CLOSED, TASK, TASK_RUNS, ROUNDS, LOGGED),
)

# Looked up when /metrics is asked for.
UP = Metric("pz_up", "gauge", "Whether a server answers.", {"server": ("postgresql", "redis")})
PARTITION_LAG = Metric(
    "pz_partition_lag_seconds", "gauge", "How long the oldest record has waited.", {"partition": None}
)
PARTITION_RECORDS = Metric("pz_partition_records", "gauge", "Records in a partition's log.", {"partition": None})
PARTITION_OWNED = Metric("pz_partition_owned", "gauge", "Whether a processor holds it.", {"partition": None})
LOG_LIMIT = Metric("pz_partition_records_limit", "gauge", "Records at which events are turned away.")
TIMERS_LAG = Metric("pz_timers_lag_seconds", "gauge", "How long ago the oldest window ended that nobody has noticed.")
ARCHIVE_LAG = Metric("pz_archive_lag_seconds", "gauge", "How long the oldest change waits for PostgreSQL.")
PROCESSORS = Metric("pz_processors", "gauge", "Processors that are alive.")
ARCHIVERS = Metric("pz_archivers", "gauge", "Archivers that work: one, or none.")
WORKERS = Metric("pz_workers", "gauge", "Celery workers that are alive.")
BEAT_SIGN = Metric("pz_beat_last_sign_timestamp_seconds", "gauge", "When beat was last heard of.")
TASKS_WAITING = Metric("pz_tasks_waiting", "gauge", "Tasks that wait for a worker.")
TASK_DONE = Metric("pz_task_last_success_timestamp_seconds", "gauge", "When a task last succeeded.", {"task": None})
TASK_FAILED = Metric("pz_task_last_failure_timestamp_seconds", "gauge", "When a task last failed.", {"task": None})
DEAD_LETTERS = Metric("pz_dead_letters", "gauge", "Records set aside and not replayed.")
REDIS_MEMORY = Metric("pz_redis_memory_bytes", "gauge", "Memory that Redis uses.")
REDIS_LIMIT = Metric("pz_redis_memory_limit_bytes", "gauge", "Redis' maxmemory; 0 without one.")
REDIS_KEEPS = Metric("pz_redis_persistent", "gauge", "Whether the append-only file is on and can be written.")
REDIS_WHOLE = Metric("pz_redis_whole", "gauge", "Whether Redis holds all it should; 0 while it is filled again.")
POSTGRESQL_SIZE = Metric("pz_postgresql_size_bytes", "gauge", "Size of the database.")
POSTGRESQL_CONNECTIONS = Metric("pz_postgresql_connections", "gauge", "Connections in use.")
POSTGRESQL_LIMIT = Metric("pz_postgresql_connections_limit", "gauge", "PostgreSQL's max_connections.")
DISK_FREE = Metric("pz_disk_free_bytes", "gauge", "Room on the disk of PZ_DATA.")
DISK_SIZE = Metric("pz_disk_size_bytes", "gauge", "Size of the disk of PZ_DATA.")
DRIFT = Metric(
    "pz_drift_profiles",
    "gauge",
    "Of the last whole reconciliation: profiles compared, and those that differed from the archive.",
    {"kind": ("compared", "drifted", "mended", "unjudged")},
)
DRIFT_COMMON = Metric(
    "pz_drift_common", "gauge", "Of the last whole reconciliation: counters of everybody and codes that differed."
)
DRIFT_AT = Metric("pz_drift_last_run_timestamp_seconds", "gauge", "When the last whole reconciliation ended.")

LOOKED_UP = (
    *(UP, PARTITION_LAG, PARTITION_RECORDS, PARTITION_OWNED, LOG_LIMIT, TIMERS_LAG, ARCHIVE_LAG),
    *(PROCESSORS, ARCHIVERS, WORKERS, BEAT_SIGN, TASKS_WAITING, TASK_DONE, TASK_FAILED, DEAD_LETTERS),
    *(REDIS_MEMORY, REDIS_LIMIT, REDIS_KEEPS, REDIS_WHOLE),
    *(POSTGRESQL_SIZE, POSTGRESQL_CONNECTIONS, POSTGRESQL_LIMIT),
    *(DISK_FREE, DISK_SIZE, DRIFT, DRIFT_COMMON, DRIFT_AT),
)
CATALOGUE = {metric.name: metric for metric in (*MEASURED, *LOOKED_UP)}
