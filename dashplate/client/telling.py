"""Calls about watch lists and about who is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal
from urllib.parse import quote

from pydantic import TypeAdapter

from dashplate.client.connection import Connection
from dashplate.client.paging import paged
from dashplate.service.documents import Page
from dashplate.service.telling.documents import (
    DeliveryTold,
    EndpointMade,
    EndpointTold,
    EntryTold,
    HitTold,
    Imported,
    Resent,
    SecretTold,
)

_ENDPOINTS = TypeAdapter(list[EndpointTold])


class TellingCalls:
    """What a client asks of watch lists, endpoints and deliveries."""

    _connection: Connection

    def watch(
        self,
        plate: str,
        label: str,
        *,
        like: bool = False,
        colour: str | None = None,
        note: str | None = None,
        expires_at: dt.datetime | None = None,
        alert_existing: bool = False,
    ) -> EntryTold:
        """Put a plate, or a pattern with `*` and `?`, on the list of that label; the same again is the same entry."""
        wanted = {
            "plate": plate, "label": label, "like": like, "colour": colour, "note": note,
            "expires_at": expires_at and expires_at.isoformat(), "alert_existing": alert_existing,
        }  # fmt: skip
        return self._connection.ask("POST", "/v1/watchlist", EntryTold, again=True, json=wanted)

    def import_watched(self, csv: str, label: str | None = None, *, alert_existing: bool = False) -> int:
        """Put all entries of a CSV file on their lists, `label` being that of those that name none; returns how many.

        `csv` is the file's text. Its first line names the columns: `plate`, and any of `like`, `label`, `colour`,
        `note`, `expires`. Nothing is put in where a line is wrong.
        """
        asked = _given({"label": label, "alert_existing": alert_existing or None})
        sent = {"content": csv.encode(), "headers": {"Content-Type": "text/csv"}, "params": asked}
        return self._connection.ask("POST", "/v1/watchlist/import", Imported, again=True, **sent).entries

    def watched(self, label: str | None = None, *, ended: bool = False) -> Iterator[EntryTold]:
        """Entries, in the order in which they were added."""
        asked = {"label": label, "ended": ended or None}
        return paged(self._connection, "/v1/watchlist", Page[EntryTold], **_given(asked))

    def unwatch(self, entry: int, *, forget: bool = False) -> None:
        """Watch for an entry no longer; its hits stay, unless they are to be forgotten."""
        self._connection.answer("DELETE", f"/v1/watchlist/{entry}", params=_given({"forget": forget or None}))

    def hits(
        self, *, label: str | None = None, job: int | None = None, entry: int | None = None, new: bool = False
    ) -> Iterator[HitTold]:
        """Sightings that fit entries, and why; the newest first. `new` leaves out what was there before its entry."""
        asked = {"label": label, "job": job, "entry": entry, "new": new or None}
        return paged(self._connection, "/v1/hits", Page[HitTold], **_given(asked))

    def add_endpoint(
        self,
        name: str,
        address: str,
        *,
        format: Literal["dashplate", "platerecognizer", "openalpr", "frigate", "text"] | None = None,
        events: Sequence[Literal["sighting", "hit", "video", "job"]] = (),
        labels: Sequence[str] = (),
    ) -> EndpointMade:
        """Tell somebody from now on; the answer holds the secret that a webhook checks signatures with.

        `address` is that of a webhook, of an MQTT broker, or of a service that Apprise knows; without a `format` the
        one that fits it.
        """
        wanted = {
            "name": name, "address": address, "format": format, "events": list(events), "labels": list(labels),
        }  # fmt: skip
        return self._connection.ask("POST", "/v1/endpoints", EndpointMade, json=wanted)

    def endpoints(self) -> list[EndpointTold]:
        """Everybody who is told."""
        return _ENDPOINTS.validate_json(self._connection.answer("GET", "/v1/endpoints").content)

    def remove_endpoint(self, name: str) -> None:
        """Tell somebody no more; what they were still owed goes too."""
        self._connection.answer("DELETE", f"/v1/endpoints/{quote(name, safe='')}")

    def enable_endpoint(self, name: str) -> EndpointTold:
        """Go on with one that was switched off because it answered 410."""
        return self._connection.ask("POST", f"/v1/endpoints/{quote(name, safe='')}/enable", EndpointTold, again=True)

    def rotate_secret(self, name: str, overlap_s: int = 86_400) -> str:
        """A new secret for an endpoint; the one before signs too for so many seconds."""
        path = f"/v1/endpoints/{quote(name, safe='')}/rotate"
        return self._connection.ask("POST", path, SecretTold, params={"overlap_s": overlap_s}).secret

    def deliveries(
        self, endpoint: str | None = None, state: Literal["pending", "told", "dead"] | None = None
    ) -> Iterator[DeliveryTold]:
        """What endpoints were told, are owed, and could not be told; the newest first."""
        asked = {"endpoint": endpoint, "state": state}
        return paged(self._connection, "/v1/deliveries", Page[DeliveryTold], **_given(asked))

    def resend(self, delivery: int) -> None:
        """Tell a delivery again, under the id that it had."""
        self._connection.ask("POST", f"/v1/deliveries/{delivery}/resend", Resent, again=True)

    def resend_dead(self, endpoint: str | None = None) -> int:
        """Tell all again that were given up, of one endpoint or of all; returns how many those are."""
        asked = _given({"endpoint": endpoint})
        return self._connection.ask("POST", "/v1/deliveries/resend", Resent, params=asked).deliveries


def _given(asked: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in asked.items() if value is not None}
