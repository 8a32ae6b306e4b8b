"""Rendered pods as processes of this machine: commands, environment, folders, probes and signal as the manifests say.

There is no cluster here. What a container has elsewhere is translated: mounted folders lie in the test's, its ports
are free ones, and values of secrets are the test's own. A command, setting, port or probe that the programs do not know
fails here as it would there.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

from dashplate.stack.server import free_port
from tests.support.kubernetes.rendered import Object, main_container, named, pods
from tests.support.processes import PATIENCE_S

#: What Kubernetes sends where neither the image nor the pod names another signal.
STOP = signal.SIGTERM


@dataclass
class Replica:
    """One pod that runs."""

    pod: str
    number: int
    process: subprocess.Popen[bytes]

    @property
    def name(self) -> str:
        return f"{self.pod}-{self.number}"


@dataclass
class Native:
    """The pods of an overlay."""

    objects: tuple[Object, ...]
    folder: Path
    #: By name of the Secret, then by key.
    secrets: Mapping[str, Mapping[str, str]]
    #: Where the containers' programs are found.
    path: str
    #: Added to each container's environment.
    extra: Mapping[str, str]
    replicas: list[Replica] = field(default_factory=list)
    _ports: dict[tuple[str, int], int] = field(default_factory=dict)
    _initialised: set[str] = field(default_factory=set)

    def start(self, pod: str) -> Replica:
        """Run the pod's init containers one after the other, then start its container, and wait for no probe.

        Of init containers that differ in their image alone, the first runs: here there are no images.
        """
        number = sum(one.pod == pod for one in self.replicas)
        spec = self._pod(pod)["spec"]
        for first in spec.get("initContainers", ()):
            alike = json.dumps({**first, "image": ""}, sort_keys=True)
            if alike not in self._initialised:
                assert self._launch(pod, number, first).wait(PATIENCE_S) == 0, self.log(f"{pod}-{number}")
                self._initialised.add(alike)
        replica = Replica(pod, number, self._launch(pod, number, main_container(self._pod(pod))))
        self.replicas.append(replica)
        return replica

    def launch_init(self, pod: str, number: int) -> subprocess.Popen[bytes]:
        (first,) = self._pod(pod)["spec"]["initContainers"]
        return self._launch(pod, number, first)

    def wait_ready(self, replica: Replica) -> None:
        """Until each of its probes has succeeded."""
        container = main_container(self._pod(replica.pod))
        questions: list[Object] = []
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            question = {key: container[kind][key] for key in ("exec", "httpGet") if key in container.get(kind, {})}
            # Most ask the same at another pace.
            if question and question not in questions:
                questions.append(question)
        assert questions, f"{replica.pod} has no probe"
        deadline = time.monotonic() + PATIENCE_S
        for question in questions:
            while (said := self._ask(replica, container, question)) is not None:
                assert replica.process.poll() is None, f"{replica.name} ended: {self.log(replica.name)}"
                assert time.monotonic() < deadline, f"{replica.name}: {said}{self.log(replica.name)}"
                time.sleep(1.0)

    def stop(self, *replicas: Replica) -> None:
        """End them as Kubernetes does. Fails where one has not ended within its grace period."""
        for one in replicas:
            one.process.send_signal(STOP)
        began = time.monotonic()
        for one in replicas:
            grace_s = self._pod(one.pod)["spec"].get("terminationGracePeriodSeconds", 30)
            one.process.wait(max(0.1, grace_s - (time.monotonic() - began)))

    def running(self, *names: str) -> list[Replica]:
        return [one for one in self.replicas if one.process.poll() is None and (not names or one.pod in names)]

    def family(self) -> list[psutil.Process]:
        """All that runs, pool processes included."""
        leaders = [psutil.Process(one.process.pid) for one in self.running()]
        return [process for leader in leaders for process in (leader, *leader.children(recursive=True))]

    def environment(self, pod: str, number: int = 0, container: Object | None = None) -> dict[str, str]:
        """A container's environment, and no more than that and `extra`."""
        chosen = container or main_container(self._pod(pod))
        given: dict[str, str] = {}
        for source in chosen.get("envFrom", ()):
            given |= self._whole(source)
        for variable in chosen.get("env", ()):
            value = variable.get("value") if "value" in variable else self._referenced(variable["valueFrom"])
            if value is not None:
                given[variable["name"]] = value
        translated = {name: self._translate(pod, number, value) for name, value in given.items()}
        home = self._mounts(pod, number).get("/data", self.folder)
        temporary = self._mounts(pod, number).get("/tmp", self.folder)
        here = {"PATH": self.path, "HOME": str(home), "TMPDIR": str(temporary), "LC_ALL": "C.UTF-8"}
        return {**here, **translated, **self.extra}

    def port(self, pod: str, number: int, container_port: int) -> int:
        return self._ports.setdefault((f"{pod}-{number}", container_port), free_port())

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def _pod(self, name: str) -> Object:
        found: Object = pods(self.objects)[name]
        return found

    def _launch(self, pod: str, number: int, container: Object) -> subprocess.Popen[bytes]:
        folders = self._mounts(pod, number)
        for place in folders.values():
            place.mkdir(parents=True, exist_ok=True)
        argv = [self._translate(pod, number, word) for word in [*container["command"], *container.get("args", ())]]
        with (self.folder / f"{pod}-{number}.log").open("ab") as log:
            return subprocess.Popen(
                argv, cwd=folders["/data"], env=self.environment(pod, number, container),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def _ask(self, replica: Replica, container: Object, probe: Object) -> str | None:
        """None where the probe succeeds, else what was said."""
        pod, number = replica.pod, replica.number
        if "exec" in probe:
            argv = [self._translate(pod, number, word) for word in probe["exec"]["command"]]
            asked = subprocess.run(
                argv,
                cwd=self.folder,
                env=self.environment(pod, number),
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
            )
            return None if asked.returncode == 0 else asked.stdout + asked.stderr
        wanted = probe["httpGet"]
        (at,) = [
            one["containerPort"] for one in container["ports"] if wanted["port"] in (one["name"], one["containerPort"])
        ]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port(pod, number, at)}{wanted['path']}", timeout=10) as answer:
                return None if HTTPStatus.OK <= answer.status < HTTPStatus.BAD_REQUEST else str(answer.status)
        except (urllib.error.URLError, OSError) as problem:
            return str(problem)

    def _mounts(self, pod: str, number: int) -> dict[str, Path]:
        """Where each mounted folder lies here: claims are shared, all else is the pod's own."""
        spec = self._pod(pod)["spec"]
        volumes = {one["name"]: one for one in spec.get("volumes", ())}
        found = {}
        for mount in main_container(self._pod(pod)).get("volumeMounts", ()):
            claim = volumes.get(mount["name"], {}).get("persistentVolumeClaim", {}).get("claimName")
            own = self.folder / f"{pod}-{number}" / mount["name"]
            found[mount["mountPath"]] = self.folder / "claims" / claim if claim else own
        return found

    def _translate(self, pod: str, number: int, value: str) -> str:
        mounts = self._mounts(pod, number)
        ports = [str(one["containerPort"]) for one in main_container(self._pod(pod)).get("ports", ())]
        words = [rf"(?<![\w/.])(?P<folder>{'|'.join(map(re.escape, mounts))})(?![\w])"] if mounts else []
        words += [rf"(?<![\w/])(?P<port>{'|'.join(ports)})\b"] if ports else []

        def here(match: re.Match[str]) -> str:
            parts = match.groupdict()
            if parts.get("folder"):
                return str(mounts[parts["folder"]])
            return str(self.port(pod, number, int(parts["port"])))

        return re.sub("|".join(words), here, value) if words else value

    def _whole(self, source: Object) -> dict[str, str]:
        if "configMapRef" in source:
            return dict(named(self.objects, "ConfigMap", source["configMapRef"]["name"])["data"])
        wanted = source["secretRef"]
        assert wanted["name"] in self.secrets or wanted.get("optional"), wanted
        return dict(self.secrets.get(wanted["name"], {}))

    def _referenced(self, source: Any) -> str | None:
        wanted = source["secretKeyRef"]
        value = self.secrets.get(wanted["name"], {}).get(wanted["key"])
        assert value is not None or wanted.get("optional"), f"no secret has {wanted}"
        return value
