"""What a worker, a producer or a face needs to know of its surroundings: all of it from the environment."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.detect import INPUT_PX
from pipeline.errors import UsageError
from pipeline.road import Parts


class Settings(BaseSettings):
    """Read from variables that begin with `DASHPLATE_`."""

    model_config = SettingsConfigDict(env_prefix="DASHPLATE_", extra="ignore", hide_input_in_errors=True)

    #: Where the embedded servers, the result store and the logs live.
    data_dir: Path = Field(default_factory=lambda: user_data_path("dashplate"))
    #: `redis://:password@host:6379/0`; unset means the embedded server.
    redis_url: SecretStr | None = None
    #: `postgresql://user:password@host/dashplate`; unset means the embedded server.
    database_url: SecretStr | None = None
    #: Folder that every machine sees under the same path: crops and evidence. Default: `store` in the data folder.
    store_dir: Path | None = None
    #: Folders below which videos may be opened, separated by `:`. Empty allows every path: `dashplate up`
    #: and `run` set it for the workers they start.
    roots: Annotated[tuple[Path, ...], NoDecode] = ()
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
    #: Segments of one job on the queues at a time.
    window: int = 32
    #: A worker that goes silent for this long counts as lost; its segment is given to another.
    lease_s: float = 20.0
    #: A segment that takes longer than this in one stage is stopped.
    time_limit_s: int = 300
    #: How often the sweeper looks for what went quiet.
    sweep_every_s: float = 2.0

    @field_validator("roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part).expanduser() for part in value.split(":") if part)
        return value

    @property
    def store(self) -> Path:
        return self.store_dir or self.data_dir / "store"

    @property
    def visibility_timeout_s(self) -> int:
        """Redis hands an unacknowledged message out again after this: well past any task's hard limit."""
        return 4 * self.time_limit_s

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
