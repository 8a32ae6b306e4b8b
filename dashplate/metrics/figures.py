"""All figures that are exported, each with what it says. No label ever holds a plate, a file or a job's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: a gauge or, where its name ends in `_total`, a counter; with at most one label."""

    name: str
    help: str
    #: stage, state or queue.
    label: str | None = None

    @property
    def is_counter(self) -> bool:
        return self.name.endswith("_total")

    def of(self, value: float) -> Metric:
        """The figure with its value."""
        return self.by([("", value)])

    def by(self, values: Iterable[tuple[str, float]]) -> Metric:
        """The figure with a value for each of its label's."""
        kind = CounterMetricFamily if self.is_counter else GaugeMetricFamily
        metric = kind(self.name, self.help, labels=[self.label] if self.label else None)
        for label, value in values:
            metric.add_metric([label] if self.label else [], value)
        return metric


POSTGRES_UP = Figure("dashplate_postgres_up", "Whether PostgreSQL answered; without it most figures are missing.")
REDIS_UP = Figure("dashplate_redis_up", "Whether Redis answered.")
JOBS = Figure("dashplate_jobs", "Jobs that have not finished.", "state")
VIDEOS = Figure("dashplate_videos", "Videos of unfinished jobs: registered, or opened and not ended.", "state")
VIDEOS_ENDED = Figure("dashplate_videos_ended_total", "Videos that have ended.", "state")
VIDEOS_AWAY = Figure("dashplate_videos_away", "Videos that cannot be reached.")
AWAY_LONGEST = Figure("dashplate_videos_away_longest_seconds", "How long the first of them has not been reached.")
VIDEO_TASKS = Figure("dashplate_video_tasks", "Openings and aggregations: sent, and those that failed before.", "state")
SEGMENTS = Figure("dashplate_segments", "Segments that have not ended.", "state")
SEGMENTS_DELAYED = Figure("dashplate_segments_delayed", "Pending segments that wait before another attempt.")
SEGMENTS_ENDED = Figure("dashplate_segments_ended_total", "Segments that have ended.", "state")
FAILURES = Figure("dashplate_segment_failures_total", "Attempts that ended with an error, of segments that have ended.")
LOSSES = Figure("dashplate_segment_losses_total", "Attempts whose worker went silent, of segments that have ended.")
FOOTAGE_DONE = Figure("dashplate_footage_done_seconds_total", "Video that has been processed.")
FOOTAGE_LEFT = Figure("dashplate_footage_left_seconds", "Opened video that has still to be processed.")
STAGE_OLDEST = Figure("dashplate_stage_oldest_seconds", "How long the segment that is in it longest has been.", "stage")
DELIVERIES = Figure("dashplate_deliveries", "What endpoints are still to be told, and could not be told.", "state")
DELIVERY_OVERDUE = Figure("dashplate_delivery_overdue_seconds", "How long the delivery that is due longest has been.")
ENDPOINTS_OFF = Figure("dashplate_endpoints_off", "Endpoints that are switched off, because they answered 410.")
SWEEP_AGE = Figure("dashplate_sweep_age_seconds", "Time since the last sweep; there is one every two seconds.")
DATABASE_BYTES = Figure("dashplate_database_bytes", "Size of the database.")
CONNECTIONS = Figure("dashplate_database_connections", "Connections to PostgreSQL.")
MOST_CONNECTIONS = Figure("dashplate_database_connections_limit", "Connections that PostgreSQL allows.")
QUEUE = Figure("dashplate_queue_messages", "Messages that no worker has taken yet.", "queue")
REDIS_BYTES = Figure("dashplate_redis_memory_bytes", "Memory that Redis uses.")
MOST_REDIS_BYTES = Figure("dashplate_redis_memory_limit_bytes", "Memory that Redis may use; 0 is no limit.")
STORE_FREE = Figure("dashplate_store_free_bytes", "Room on the disk of the result store, where that is a folder.")
STORE_SIZE = Figure("dashplate_store_size_bytes", "Size of that disk.")
STORE_RESERVE = Figure("dashplate_store_reserve_bytes", "Room below which the result store takes nothing more.")

#: Every figure of the exporter.
FIGURES = tuple(value for value in globals().values() if isinstance(value, Figure))
