"""Endpoints at a real MQTT broker: Debian's mosquitto, with password and TLS, killed and started again."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from dashplate.delivery.receivers import check_receiver
from db.engine import session
from db.states import EndpointFormat
from db.telling import endpoints
from db.telling.watch_lists import Wish
from pipeline.errors import UsageError
from tests.conftest import missing
from tests.support.database import end, run_sql
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.telling import Telling, a_video, leased
from tests.support.watching import watch

PASSWORD = "a password of the broker"


@dataclass
class Broker:
    """Mosquitto on a port of this machine, and all that it passes on."""

    folder: Path
    port: int
    certificate: Path
    process: subprocess.Popen[bytes] | None = None
    heard: list[tuple[str, str]] = field(default_factory=list)
    listener: Client | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(["mosquitto", "-c", str(self.folder / "mosquitto.conf")])
        wait_until("the broker", lambda: _answers(self.port))

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def listen(self) -> None:
        self.listener = Client(CallbackAPIVersion.VERSION2)
        self.listener.username_pw_set("gate", PASSWORD)
        self.listener.tls_set(ca_certs=str(self.certificate))
        ready = threading.Event()
        self.listener.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.listener.on_subscribe = lambda *_: ready.set()
        self.listener.on_message = lambda _, __, message: self.heard.append((message.topic, message.payload.decode()))
        self.listener.connect("localhost", self.port)
        self.listener.loop_start()
        assert ready.wait(PATIENCE_S)

    def on(self, topic: str) -> list[str]:
        return [said for where, said in self.heard if where == topic]


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Of this machine's name, signed by itself: certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, private = folder / "broker.crt", folder / "broker.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate, private


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if shutil.which("mosquitto") is None:
        missing("mosquitto is not installed; run: sudo apt-get install mosquitto")
    folder = tmp_path / "broker"
    folder.mkdir()
    certificate, key = _certificate(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    passwords = folder / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "gate", PASSWORD], check=True)
    # As root it would become an account that may not read its files.
    (folder / "mosquitto.conf").write_text(
        f"user root\nlistener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
        f"certfile {certificate}\nkeyfile {key}\n"
    )
    made = Broker(folder, port, certificate)
    made.start()
    made.listen()
    try:
        yield made
    finally:
        if made.listener is not None:
            made.listener.disconnect()
            made.listener.loop_stop()
        made.kill()


@pytest.fixture
def telling(database_url: str, redis_url: str, tmp_path: Path, broker: Broker) -> Iterator[Telling]:
    made = Telling(database_url, redis_url, tmp_path)
    made.env |= {"DASHPLATE_TELL_PASSWORD": PASSWORD, "SSL_CERT_FILE": str(broker.certificate)}
    address = f"mqtts://gate:${{DASHPLATE_TELL_PASSWORD}}@localhost:{broker.port}/garage"
    with session(database_url) as db:
        endpoints.add(db, "garage", address, check_receiver(address))
    try:
        yield made
    finally:
        made.end()


def test_a_broker_hears_what_is_found_and_how_it_ends(telling: Telling, broker: Broker) -> None:
    sender = telling.start()
    wait_until("the sender's greeting", lambda: broker.on("garage/status") == ["online"])
    (found,) = broker.on("homeassistant/device/dashplate_garage/config")
    device = json.loads(found)
    assert device["availability_topic"] == "garage/status"
    assert {part["state_topic"] for part in device["components"].values()} == {"garage/sighting", "garage/hit"}
    assert all(part["platform"] and part["unique_id"] for part in device["components"].values())
    watch(telling.url, Wish("AA11", "stolen"), matched=False)
    _, video = a_video(telling.url, "AA11")
    end(telling.url, video)
    telling.told(4)
    wait_until("all of it", lambda: len(broker.heard) >= 6)
    (seen,), (hit,) = broker.on("garage/sighting"), broker.on("garage/hit")
    assert json.loads(seen)["data"]["plate"] == "AA11"
    assert json.loads(hit)["data"]["label"] == "stolen"
    assert [json.loads(said)["type"] for said in broker.on("garage/video")] == ["video.done"]
    sender.send_signal(signal.SIGKILL)
    wait_until("the last will", lambda: broker.on("garage/status")[-1] == "offline")


def test_a_sender_that_is_stopped_says_so(telling: Telling, broker: Broker) -> None:
    sender = telling.start()
    wait_until("its greeting", lambda: broker.on("garage/status") == ["online"])
    sender.terminate()
    assert sender.wait(PATIENCE_S) == 0
    wait_until("its farewell", lambda: broker.on("garage/status") == ["online", "offline"])
    telling.start()
    wait_until("another at once", lambda: broker.on("garage/status")[-1] == "online")


def test_what_a_broker_missed_is_told_when_it_is_back(telling: Telling, broker: Broker) -> None:
    telling.start()
    wait_until("its greeting", lambda: broker.on("garage/status") == ["online"])
    broker.kill()
    a_video(telling.url, "AA11")
    wait_until("a try", lambda: telling.states()[0][1] and not leased(telling.url))
    # Not before somebody listens again: to others a broker passes on nothing of before.
    run_sql(telling.url, "UPDATE deliveries SET due_at = now() + interval '1 hour'")
    broker.start()
    broker.listen()
    run_sql(telling.url, "UPDATE deliveries SET due_at = now()")
    telling.told(1)
    wait_until("the sighting", lambda: broker.on("garage/sighting"))


def test_of_two_senders_one_has_the_broker(telling: Telling, broker: Broker) -> None:
    first = telling.start()
    wait_until("its greeting", lambda: broker.on("garage/status") == ["online"])
    telling.start()
    a_video(telling.url, "AA11", "BB22")
    telling.told(2)
    assert broker.on("garage/status") == ["online"]
    first.send_signal(signal.SIGKILL)
    wait_until("the other", lambda: broker.on("garage/status") == ["online", "offline", "online"], every_s=0.2)


def test_a_wrong_password_and_a_strange_certificate_are_told(telling: Telling, broker: Broker) -> None:
    telling.env["DASHPLATE_TELL_PASSWORD"] = "wrong"
    done = telling.run("endpoint", "test", "garage")
    assert (done.returncode, "refuses" in done.stderr) == (1, True), done.stderr
    assert "wrong" not in done.stderr
    telling.env["DASHPLATE_TELL_PASSWORD"] = PASSWORD
    assert telling.run("endpoint", "test", "garage").returncode == 0
    del telling.env["SSL_CERT_FILE"]
    done = telling.run("endpoint", "test", "garage")
    assert (done.returncode, "certificate" in done.stderr) == (1, True), done.stderr
    telling.env["DASHPLATE_PRIVATE_HOSTS"] = ""
    assert "private network" in telling.run("endpoint", "test", "garage").stderr


def test_frigates_words_are_spoken(telling: Telling, broker: Broker) -> None:
    address = f"mqtts://gate:${{DASHPLATE_TELL_PASSWORD}}@localhost:{broker.port}/frigate"
    done = telling.run("endpoint", "add", "home", "--to", address, "--format", "frigate", "--event", "hit")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    watch(telling.url, Wish("AA11", "John's Car"), matched=False)
    a_video(telling.url, "AA11")
    telling.start()
    wait_until("it", lambda: broker.on("frigate/tracked_object_update"))
    said = json.loads(broker.on("frigate/tracked_object_update")[0])
    assert (said["type"], said["name"], said["plate"], said["camera"]) == ("lpr", "John's Car", "AA11", "gate")
    assert len(said["plate_box"]) == 4


@pytest.mark.parametrize(
    ("address", "format", "why"),
    [
        ("mqtts://gate:secret@localhost/x", None, "password"),
        ("mqtt://localhost/x", EndpointFormat.OPENALPR, "not in openalpr"),
    ],
)
def test_what_no_broker_is_told_is_refused(address: str, format: EndpointFormat | None, why: str) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        check_receiver(address, format)
    assert "secret" not in str(refused.value)
