"""Tells endpoints at MQTT brokers: a connection each, with a last will, and discovery for Home Assistant.

Topics lie below the address's path, `mqtts://broker/garage`: `garage/hit`, `garage/sighting`, `garage/video`,
`garage/job`, and `garage/status`, which says `online` or, by the connection's last will, `offline`.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Collection
from contextlib import suppress
from importlib import metadata
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from dashplate.delivery.message import ANSWER_S, Answer, Message
from pipeline.sources.roots import NotAllowed, check_public, is_public, private_address

_CONNECT_S = 10.0
_KEEPALIVE_S = 30
_PORTS = {"mqtt": 1883, "mqtts": 8883}
#: Where Home Assistant looks for devices.
_DISCOVERY = "homeassistant/device/{device}/config"
_TOPIC = "dashplate"
_ONLINE, _OFFLINE = "online", "offline"


class Brokers:
    """The sender's connections to brokers, by endpoint."""

    def __init__(self, private_hosts: Collection[str]) -> None:
        self._private = frozenset(private_hosts)
        self._connections: dict[str, _Connection] = {}
        self._lock = threading.Lock()

    def hold(self, endpoint: str, address: str) -> None:
        """Be connected from now on, so that the broker knows that somebody tells."""
        self._connection(endpoint, address)

    def keep_only(self, endpoints: Collection[str]) -> None:
        """Leave the brokers of all others."""
        with self._lock:
            gone = [self._connections.pop(name) for name in set(self._connections) - set(endpoints)]
        for connection in gone:
            connection.leave()

    def send(self, endpoint: str, address: str, message: Message) -> Answer:
        """Publish a message, and wait until the broker has it. Nothing is raised: what went wrong is the answer."""
        return self._connection(endpoint, address).publish(message.kind, message.body)

    def _connection(self, endpoint: str, address: str) -> _Connection:
        with self._lock:
            known = self._connections.get(endpoint)
            if known is None or known.address != address:
                if known is not None:
                    known.leave()
                known = self._connections[endpoint] = _Connection(endpoint, address, self._private)
            return known


class _Connection:
    """One broker, connected to again whenever it is lost."""

    def __init__(self, endpoint: str, address: str, private: frozenset[str]) -> None:
        self.address = address
        self._endpoint = endpoint
        self._parts, self._private = urlsplit(address), private
        self._topic = unquote(self._parts.path.strip("/")) or _TOPIC
        self._online = threading.Event()
        self._problem: str | None = None
        #: Connected once; from then on the client connects again by itself.
        self._begun = False
        self._client = self._made()
        self._begin()

    def publish(self, kind: str, body: bytes) -> Answer:
        if not self._online.is_set():
            self._begin()
        if not self._online.wait(_CONNECT_S):
            return Answer(self._problem or f"The broker {self._parts.hostname} does not answer.")
        sent = self._client.publish(f"{self._topic}/{kind}", body, qos=1)
        try:
            sent.wait_for_publish(ANSWER_S)
        except (RuntimeError, ValueError):
            return Answer(f"The connection to the broker {self._parts.hostname} was lost.")
        return Answer() if sent.is_published() else Answer(f"The broker did not confirm within {ANSWER_S:g} s.")

    def leave(self) -> None:
        """Say that nobody tells any more, and go."""
        if self._online.is_set():
            said = self._client.publish(f"{self._topic}/status", _OFFLINE, qos=1, retain=True)
            with suppress(RuntimeError, ValueError):
                said.wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _made(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"dashplate-{_plain(self._endpoint)}")
        parts = self._parts
        if parts.username is not None:
            client.username_pw_set(unquote(parts.username), unquote(parts.password or "") or None)
        if parts.scheme == "mqtts":
            client.tls_set_context(ssl.create_default_context())
        client.will_set(f"{self._topic}/status", _OFFLINE, qos=1, retain=True)
        client.on_connect, client.on_disconnect = self._connected, self._lost
        client.reconnect_delay_set(1, 60)
        # What is not confirmed is told again by the next try, under its id; nothing waits here for a broker.
        client.max_queued_messages_set(16)
        return client

    def _begin(self) -> None:
        """Connect, unless that goes on already; what is in the way is the problem of whoever sends."""
        if self._begun:
            return
        host, parts = self._parts.hostname or "", self._parts
        try:
            _check_host(host, self._private)
            self._client.connect(host, parts.port or _PORTS[parts.scheme], _KEEPALIVE_S)
        except NotAllowed:
            self._problem = f"{host} lies on a private network; DASHPLATE_PRIVATE_HOSTS of the sender does not name it."
        except ssl.SSLError:
            self._problem = f"The broker {host} shows a certificate that is not trusted here."
        except (OSError, ValueError):
            self._problem = f"The broker {host} cannot be reached."
        else:
            self._begun = True
            self._client.loop_start()

    def _connected(self, client: Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            self._problem = f"The broker {self._parts.hostname} refuses: {str(reason).lower()}."
            return
        client.publish(_DISCOVERY.format(device=self._device), json.dumps(self._discovery()), qos=1, retain=True)
        client.publish(f"{self._topic}/status", _ONLINE, qos=1, retain=True)
        self._problem = None
        self._online.set()

    def _lost(self, client: Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        self._online.clear()
        if self._problem is None and reason != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._problem = f"The connection to the broker {self._parts.hostname} was lost."

    @property
    def _device(self) -> str:
        return f"dashplate_{_plain(self._endpoint)}"

    def _discovery(self) -> dict[str, Any]:
        """What Home Assistant makes a device of: the last sighting and the last hit, with all that is told of them."""
        return {
            "device": {
                "identifiers": [self._device],
                "name": f"Dashplate {self._endpoint}",
                "manufacturer": "Dashplate",
            },
            "origin": {"name": "dashplate", "sw_version": metadata.version("dashplate")},
            "availability_topic": f"{self._topic}/status",
            "qos": 1,
            "components": {
                kind: {
                    "platform": "sensor",
                    "unique_id": f"{self._device}_{kind}",
                    "name": name,
                    "icon": icon,
                    "state_topic": f"{self._topic}/{kind}",
                    "value_template": value,
                    "json_attributes_topic": f"{self._topic}/{kind}",
                    "json_attributes_template": "{{ value_json.data | tojson }}",
                }
                for kind, name, icon, value in (
                    ("sighting", "Last plate", "mdi:car", "{{ value_json.data.plate }}"),
                    ("hit", "Last hit", "mdi:car-search", "{{ value_json.data.label }} {{ value_json.data.said }}"),
                )
            },
        }


def _check_host(host: str, private: frozenset[str]) -> None:
    """Raises NotAllowed for a host on a private network that is not named; OSError where it is not known."""
    if host.lower() in private:
        return
    check_public(host, host)
    found = {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(host, None)}
    if not all(is_public(ip_address(one)) for one in found):
        raise private_address(host)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
