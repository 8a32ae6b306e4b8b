"""The settings of workers and commands, read from the environment; run as a program it prints them as a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, NonNegativeFloat, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.queue.segment_moves import RETRY_DELAY_S, TROUBLE_DELAY_S
from db.queue.unreachable import AWAY_S
from db.telling.deliveries import DELAYS_S, LEASE_S
from pipeline.camera.clock import CameraClock, camera_clocks
from pipeline.detection.yolo import INPUT_PX
from pipeline.errors import UsageError
from pipeline.run import ModelConfig
from pipeline.sources.roots import join_roots, split_roots
from pipeline.sources.source import Source

#: A tile server's address with its host in front; nothing that would end its part of a page's security policy.
TILE_ADDRESS = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[!-+\--:<-~]*$"


class Settings(BaseSettings):
    """Read from variables that begin with `DASHPLATE_`."""

    model_config = SettingsConfigDict(env_prefix="DASHPLATE_", extra="ignore", hide_input_in_errors=True)

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("dashplate"),
        description="Folder of the embedded servers, result store, caches and logs; `--data` sets it too.",
    )
    redis_url: SecretStr | None = Field(
        default=None, description="`redis://:password@host:6379/0`. Unset: the embedded server."
    )
    database_url: SecretStr | None = Field(
        default=None, description="`postgresql://user:password@host/dashplate`. Unset: the embedded server."
    )
    store_dir: str | None = Field(
        default=None,
        description="Result store: a folder under the same path on every machine, or an address that fsspec knows, such"
        " as `s3://bucket/prefix`. Unset: `store` in the data folder.",
    )
    roots: Annotated[tuple[Source, ...], NoDecode] = Field(
        default=(),
        description="Folders and addresses below which videos may be opened, separated by `:`; `public://` is any"
        " public address. Unset: every path and every public address; `dashplate up` and `run` set it for their"
        " workers.",
    )
    detector: Path | None = Field(
        default=None,
        description="Detector weights that Ultralytics loads, for inputs of any size: `.pt`, ONNX, OpenVINO, TensorRT."
        " Unset: the shipped network.",
    )
    detector_input_px: int = Field(
        default=INPUT_PX,
        description="Longer side of the detector's input, pixels, for pictures of up to 1280; larger ones get up to "
        "three times as much.",
    )
    second_look_px: int | None = Field(
        default=None,
        ge=0,
        description="Detect again around unsure boxes, enlarged, with this margin in pixels of the frame. Unset: off.",
    )
    detector_device: str | None = Field(
        default=None,
        description="`cuda:0` runs the PyTorch weights on a GPU, `cpu` on the processor. Unset: OpenVINO on the"
        " processor.",
    )
    reader: str | None = Field(
        default=None,
        description="Recogniser: a PaddleOCR model folder, or a model's name, which PaddleOCR downloads unless it is"
        " `PP-OCRv6_small_rec`. Unset: the shipped network.",
    )
    reader_engine: str = Field(
        default="openvino",
        description="What runs the recogniser: `openvino`, `onnxruntime` or `paddle`, always on the processor.",
    )
    threads: int = Field(default=2, description="Threads of decoding and of each network in one process.")
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="Log lines of workers and of what serves: `text`, or `json`, an object a line; see"
        " [monitoring](monitoring.md#logs).",
    )
    role: str | None = Field(default=None, description="Role of this worker process; `dashplate worker` sets it.")
    photo_queue: int = Field(
        default=64, ge=1, description="Photographs that wait for the service's reader, those being read included."
    )
    flower_url: str | None = Field(
        default=None,
        pattern="^https?://",
        description="Flower's address: `dashplate health flower` asks there, and pages of jobs link there, so that"
        " browsers have to reach it. Unset: `http://127.0.0.1:5555` is asked; `dashplate up` sets it for its service.",
    )
    tile_url: str | None = Field(
        default=None,
        pattern=TILE_ADDRESS,
        description="Where maps on pages get their ground from, such as `https://tile.example/{z}/{x}/{y}.png`:"
        " browsers ask there, so that it learns where they look. Unset: coastlines and a grid, and nothing is fetched.",
    )
    tile_attribution: str | None = Field(
        default=None,
        description="Whom that ground is from, as its owner wants it named, such as `© OpenStreetMap contributors`.",
    )
    calls_at_once: int = Field(
        default=200,
        ge=1,
        description="Calls of one token to the service at once, or of one address without a right one; then as many a"
        " second as the next setting says.",
    )
    calls_a_second: float = Field(default=50.0, gt=0, description="See above.")
    upload_most_bytes: int = Field(default=50_000_000_000, ge=1, description="Largest video that may be uploaded.")
    upload_keep_s: float = Field(
        default=86_400.0,
        gt=0,
        description="An upload that nobody goes on with or submits for this long is removed.",
    )
    window: int = Field(
        default=32,
        description="Segments of one job between the dispatcher and their end, those that wait for another attempt"
        " included; or twice as many as workers hold, if those are more.",
    )
    control_window: int = Field(
        default=8,
        description="Video tasks on the way at a time, over all jobs; or twice as many as workers hold.",
    )
    plate_key: SecretStr | None = Field(
        default=None,
        description="Secret of jobs with `--hashed`, 16 characters or more; the same for control and read workers and"
        " whoever searches.",
    )
    webhook_key: SecretStr | None = Field(
        default=None,
        description="Secret that webhooks' signing secrets are made from, 32 characters or more; the same wherever"
        " `endpoint` commands and the sender run. Unset: with embedded servers, a file of the data folder.",
    )
    private_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Hosts that endpoints may have although they lie on a private network, separated by commas.",
    )
    delivery_lease_s: float = Field(
        default=LEASE_S,
        gt=0,
        description="What a sender took in hand and has not told for this long is told again. Longer than the 20 s that"
        " an answer is waited for.",
    )
    delivery_delays_s: Annotated[tuple[NonNegativeFloat, ...], NoDecode] = Field(
        default=DELAYS_S,
        description="Waits before each further try of what an endpoint did not take, separated by commas; after the"
        " last try it is dead.",
    )
    cameras: Path | None = Field(
        default=None,
        description="A YAML file of what cameras' clocks are off by, see [cameras](cameras.md#the-clock). Unset: they"
        " are taken as they are.",
    )
    work: str | None = Field(
        default=None, description="Stand-in for the models, as `module:Class`; for tests and benchmarks."
    )
    lease_s: float = Field(
        default=20.0, description="A worker that has not renewed its lease for this long counts as lost."
    )
    time_limit_s: int = Field(
        default=300,
        description="A task that takes longer is stopped; three times the length of its segment or video, where that is"
        " more.",
    )
    kill_after_s: int = Field(default=30, description="A task that does not stop is killed this much later.")
    sweep_every_s: float = Field(default=2.0, description="How often the sweeper looks for lost work.")
    quiet_s: float = Field(
        default=10.0,
        description="A message that nobody takes for this long while its queue is empty is lost, and is sent again.",
    )
    quiet_busy_s: float = Field(default=300.0, description="The same while its queue has other messages.")
    retry_delay_s: float = Field(
        default=RETRY_DELAY_S,
        description="Wait before the second attempt at what failed; doubles each time up to 300 s, of which 50 to 100%"
        " is taken at random.",
    )
    trouble_delay_s: float = Field(
        default=TROUBLE_DELAY_S,
        description="Wait after a failure of the result store or the database, or for an unreachable video; 50 to 100%"
        " of it at random.",
    )
    away_s: float = Field(default=AWAY_S, description="A video that cannot be reached for this long is given up.")
    visibility_s: int | None = Field(
        default=None,
        description="Redis delivers an unacknowledged message again after this. Unset: four times the sum of time limit"
        " and kill delay.",
    )

    @field_validator("roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        return split_roots(value) if isinstance(value, str) else value

    @field_validator("tile_url")
    @classmethod
    def _names_a_tile(cls, value: str | None) -> str | None:
        if value is not None and any(part not in value for part in ("{z}", "{x}", "{y}")):
            raise ValueError("a tile server's address holds {z}, {x} and {y}")
        return value

    @field_validator("private_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return tuple(filter(None, value.lower().replace(" ", "").split(","))) if isinstance(value, str) else value

    @field_validator("delivery_delays_s", mode="before")
    @classmethod
    def _split_delays(cls, value: object) -> object:
        return tuple(filter(None, value.replace(" ", "").split(","))) if isinstance(value, str) else value

    @property
    def store(self) -> str:
        return self.store_dir or str(self.data_dir / "store")

    @property
    def visibility_timeout_s(self) -> int:
        return self.visibility_s or 4 * (self.time_limit_s + self.kill_after_s)

    def limit_s(self, footage_s: float) -> int:
        """How long a stage may take for a segment: one that could not be split is given three times its length."""
        return max(self.time_limit_s, round(3 * footage_s))

    @property
    def camera_clocks(self) -> tuple[CameraClock, ...]:
        """What cameras' clocks are known to be off by. Raises UsageError for a file that cannot be read."""
        return () if self.cameras is None else camera_clocks(self.cameras)

    @property
    def models(self) -> ModelConfig:
        """The models that this process loads."""
        return ModelConfig(
            detector=self.detector,
            detector_input_px=self.detector_input_px,
            detector_device=self.detector_device,
            second_look_px=self.second_look_px,
            reader=self.reader,
            reader_engine=self.reader_engine,
            cache_dir=self.data_dir / "cache",
            threads=self.threads,
        )

    def as_variables(self) -> dict[str, str]:
        """The environment variables that give a child process these settings; they may hold passwords.

        A setting that is None is left to what the child inherits.
        """
        given = {name: _spelled(getattr(self, name)) for name in self.model_fields_set}
        prefix = self.model_config["env_prefix"]
        return {f"{prefix}{name.upper()}": value for name, value in given.items() if value is not None}

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


def _spelled(value: object) -> str | None:
    match value:
        case None:
            return None
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            listed = [str(one) for one in value if isinstance(one, str | float)]
            return ",".join(listed) if listed else join_roots(value)
        case _:
            return str(value)


_in_force: Settings | None = None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings: those that `using` put in force, else the environment's, read once."""
    return _in_force or Settings()


@contextmanager
def using(config: Settings) -> Iterator[Settings]:
    """Put these settings in force for all threads of this process, until the block ends."""
    global _in_force
    before, _in_force = _in_force, config
    settings.cache_clear()
    try:
        yield config
    finally:
        _in_force = before
        settings.cache_clear()


@dataclass(frozen=True, slots=True)
class Described:
    """A setting, for people."""

    name: str
    variable: str
    #: What it is where nobody sets it.
    default: str
    meaning: str


def described() -> list[Described]:
    """All settings, in their order."""
    prefix = Settings.model_config["env_prefix"]
    return [
        Described(
            name, f"{prefix}{name.upper()}", "per user" if field.default_factory else _shown(field.default),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]  # fmt: skip


def as_markdown() -> str:
    """The table of `docs/configuration.md`: one row per setting, with its variable, default and description."""
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    lines += [f"| `{one.variable}` | {one.default} | {one.meaning} |" for one in described()]
    return "\n".join(lines) + "\n"


def _shown(default: object) -> str:
    if default in (None, ()):
        return "unset"
    if isinstance(default, tuple):
        return ",".join(_shown(one) for one in default)
    return f"{default:g}" if isinstance(default, float) else f"{default}"


if __name__ == "__main__":
    print(as_markdown(), end="")
