"""Check-ins that wait for a network: each keeps the id it was made with, so that sending it twice is one report."""

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any
from uuid import UUID

Json = dict[str, Any]


def new_id() -> str:
    """Make a UUIDv7: ids in the order in which they were made."""
    milliseconds = time.time_ns() // 1_000_000
    number = (
        (milliseconds << 80) | (7 << 76) | (secrets.randbits(12) << 64) | (2 << 62) | secrets.randbits(62)
    )
    return str(UUID(int=number))


class OfflineQueue:
    """Check-ins in a file, in the order in which they were made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._items: list[Json] = json.loads(path.read_text("utf-8")) if path.exists() else []

    def __len__(self) -> int:
        return len(self._items)

    def add(self, check_in: Json) -> str:
        """Keep a check-in before anything is sent; gives its id."""
        item = {"id": new_id(), **check_in}
        self._keep([*self._items, item])
        return str(item["id"])

    def first(self, count: int) -> list[Json]:
        """Give the oldest ones."""
        return self._items[:count]

    def remove(self, ids: set[str]) -> None:
        """Forget what the service has answered for good."""
        self._keep([item for item in self._items if item["id"] not in ids])

    def _keep(self, items: list[Json]) -> None:
        # Whole or not at all: a phone may go out at any moment.
        beside = self._path.with_name(self._path.name + ".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump(items, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        self._items = items
