"""What a worker, a producer or a face needs to know of its surroundings: all of it from the environment."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.queue.segment_moves import RETRY_DELAY_S, TROUBLE_DELAY_S
from db.queue.unreachable import AWAY_S
from pipeline.detection.yolo import INPUT_PX
from pipeline.errors import UsageError
from pipeline.run import Parts
from pipeline.sources.roots import split_roots
from pipeline.sources.source import Source


class Settings(BaseSettings):
    """Read from variables that begin with `DASHPLATE_`."""

    model_config = SettingsConfigDict(env_prefix="DASHPLATE_", extra="ignore", hide_input_in_errors=True)

    #: Where the embedded servers, the result store and the logs live.
    data_dir: Path = Field(default_factory=lambda: user_data_path("dashplate"))
    #: `redis://:password@host:6379/0`; unset means the embedded server.
    redis_url: SecretStr | None = None
    #: `postgresql://user:password@host/dashplate`; unset means the embedded server.
    database_url: SecretStr | None = None
    #: Crops and evidence: a folder that every machine sees under the same path, or a URL that fsspec knows, such as
    #: `s3://bucket/dashplate`. Default: `store` in the data folder.
    store_dir: str | None = None
    #: Folders and addresses below which videos may be opened, separated by `:`. Empty allows every path and every
    #: public address: `dashplate up` and `run` set it for the workers they start.
    roots: Annotated[tuple[Source, ...], NoDecode] = ()
    #: Detector weights: any file or folder that Ultralytics loads. Default: the shipped network.
    detector: Path | None = None
    #: Longer side of the detector's input, pixels.
    detector_input_px: int = INPUT_PX
    #: Look again at unsure boxes, at full resolution with this margin in pixels. Unset: look once.
    second_look_px: int | None = Field(default=None, ge=0)
    #: `cpu`, `cuda:0`; unset means the CPU, by OpenVINO.
    detector_device: str | None = None
    #: Recogniser: a PaddleOCR model name or a model folder. Default: the shipped network.
    reader: str | None = None
    #: What runs the recogniser: `openvino`, `onnxruntime` or `paddle`.
    reader_engine: str = "openvino"
    #: Threads that decoding and each network may use in one process.
    threads: int = 2
    #: The role of this worker process; `dashplate worker` sets it.
    role: str | None = None
    #: Segments of one job between the dispatcher and their end.
    window: int = 32
    #: Steps on whole videos, openings for the most part, on the way over all jobs.
    control_window: int = 8
    #: Under this secret, jobs with `--hashed` store plates as hashes. Workers and whoever searches need the same one.
    plate_key: SecretStr | None = None
    #: What does the work, as `module:Class`; unset means the real road. For tests and benchmarks.
    work: str | None = None
    #: A worker that goes silent for this long counts as lost; its segment is given to another.
    lease_s: float = 20.0
    #: A segment that takes longer than this in one stage is stopped.
    time_limit_s: int = 300
    #: A task that does not hear that is killed this much later.
    kill_after_s: int = 30
    #: How often the sweeper looks for what went quiet.
    sweep_every_s: float = 2.0
    #: A message that nobody has taken after this while its queue was empty is gone, and sent again.
    quiet_s: float = 10.0
    #: On a queue that has work a message may wait this long.
    quiet_busy_s: float = 300.0
    #: Wait before the second attempt at what failed; doubles with each further one.
    retry_delay_s: float = RETRY_DELAY_S
    #: Wait where the result store or the database was in trouble, or the video away.
    trouble_delay_s: float = TROUBLE_DELAY_S
    #: A video whose share or server does not answer for this long is given up.
    away_s: float = AWAY_S
    #: Redis hands an unacknowledged message out again after this. Unset: well past any task's hard limit.
    visibility_s: int | None = None

    @field_validator("roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        return split_roots(value) if isinstance(value, str) else value

    @property
    def store(self) -> str:
        return self.store_dir or str(self.data_dir / "store")

    @property
    def visibility_timeout_s(self) -> int:
        return self.visibility_s or 4 * (self.time_limit_s + self.kill_after_s)

    def limit_s(self, footage_s: float) -> int:
        """How long a stage may take for a stretch: one that could not be split is given three times its length."""
        return max(self.time_limit_s, round(3 * footage_s))

    @property
    def parts(self) -> Parts:
        """The models that this process loads."""
        return Parts(
            detector=self.detector,
            detector_input_px=self.detector_input_px,
            detector_device=self.detector_device,
            second_look_px=self.second_look_px,
            reader=self.reader,
            reader_engine=self.reader_engine,
            cache_dir=self.data_dir / "cache",
            threads=self.threads,
        )

    def require_redis(self) -> str:
        """The broker's URL; raises UsageError where none is set."""
        if self.redis_url is None:
            raise UsageError("DASHPLATE_REDIS_URL is not set; start this through `dashplate up`, or set it.")
        return self.redis_url.get_secret_value()

    def require_database(self) -> str:
        """The database's URL; raises UsageError where none is set."""
        if self.database_url is None:
            raise UsageError("DASHPLATE_DATABASE_URL is not set; start this through `dashplate up`, or set it.")
        return self.database_url.get_secret_value()


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
