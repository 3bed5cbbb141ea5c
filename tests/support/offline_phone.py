"""A phone that lives through bad networks: a queue, a separate clock, tokens, and every kind of bad luck."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2

Item = dict[str, Any]
# Too much at once: the phone sends it again another time.
_AGAIN = {503}
_PAGE = 15
_WRONG_TIME = ("check-in-in-future", "check-in-too-old")


@dataclass(frozen=True)
class Luck:
    """How likely each mishap is; at peace nothing happens."""

    lost_request: float = 0
    lost_reply: float = 0
    twice_at_once: float = 0
    shuffled: float = 0


BAD = Luck(lost_request=0.1, lost_reply=0.2, twice_at_once=0.2, shuffled=0.5)
PEACE = Luck()


@dataclass
class OfflinePhone:
    """One patient's phone; ``made`` is all that was ever reported with it, in order, as it was last said."""

    http: httpx2.AsyncClient
    chance: random.Random
    patient_id: str
    skew: timedelta
    enrol: Callable[[], Awaitable[tuple[str, str]]]
    access: str = ""
    refresh: str = ""
    made: dict[str, Item] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    withdrawing: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    cursor: str | None = None
    known: dict[str, Item] = field(default_factory=dict)
    mishaps: dict[str, int] = field(default_factory=dict)

    def report(self, at: datetime, zone: str, answers: Item) -> None:
        """The person fills in the form; the phone's clock says when."""
        shown = (at + self.skew).astimezone(ZoneInfo(zone))
        self._keep({"recorded_at": shown.isoformat(), "time_zone": zone, **answers})

    def correct(self, answers: Item) -> None:
        """The person corrects something that stands."""
        if current := self._current():
            wrong = self.chance.choice(current)
            of = {name: self.made[wrong][name] for name in ("recorded_at", "time_zone")}
            self._keep({**of, **answers, "supersedes": wrong})

    def withdraw(self) -> None:
        """The person takes back something that the service is known to have."""
        if current := [one for one in self._current() if one not in self.queue]:
            self.withdrawing.append(self.chance.choice(current))

    async def live(self, now: datetime, luck: Luck) -> None:
        """Have a network for a while: send what waits, and take in what changed."""
        for piece in self._pieces(luck):
            send = lambda some=piece: self._send(some, now)  # noqa: E731 - the same again, perhaps
            for reply in await self._with_luck(send, luck):
                self._settle(piece, reply, now)
        for one in list(self.withdrawing):
            await self._take_back(one, luck)
        if self.chance.random() < 0.5:
            for reply in await self._with_luck(self._changes, luck):
                self._take_in(reply)

    async def sync_to_the_end(self) -> None:
        """Follow the sync until nothing is new."""
        while True:
            (reply,) = await self._with_luck(self._changes, PEACE)
            self._take_in(reply)
            if len(reply.json()["items"]) < _PAGE:
                return

    def _keep(self, said: Item) -> None:
        one = str(_id_of(self.chance, datetime.fromisoformat(said["recorded_at"])))
        self.made[one] = {"id": one, **said}
        self.queue.append(one)

    def _current(self) -> list[str]:
        gone = {item.get("supersedes") for item in self.made.values()}
        return [one for one in self.made if one not in {*gone, *self.withdrawing, *self.withdrawn}]

    def _pieces(self, luck: Luck) -> list[list[Item]]:
        waiting = [self.made[one] for one in self.queue]
        if self.chance.random() < luck.shuffled:
            self._note("shuffled")
            self.chance.shuffle(waiting)
        size = self.chance.choice([5, 100, 100])
        return [waiting[start : start + size] for start in range(0, len(waiting), size)]

    async def _with_luck(
        self, ask: Callable[[], Coroutine[Any, Any, httpx2.Response]], luck: Luck
    ) -> list[httpx2.Response]:
        """Ask, perhaps twice at once; give the answers that arrive."""
        if self.chance.random() < luck.lost_request:
            self._note("lost request")
            return []
        times = 2 if self.chance.random() < luck.twice_at_once else 1
        replies = list(await asyncio.gather(*(ask() for _ in range(times))))
        if {reply.status_code for reply in replies} == {401}:
            if not await self._renew(luck):
                return []
            replies = list(await asyncio.gather(*(ask() for _ in range(times))))
        for reply in replies:
            assert reply.status_code in {200, 204, 404, *_AGAIN}, reply.text
        arrived = [reply for reply in replies if self.chance.random() >= luck.lost_reply]
        self._note("lost reply", len(replies) - len(arrived))
        self._note("twice at once", times - 1)
        return [reply for reply in arrived if reply.status_code not in _AGAIN]

    async def _renew(self, luck: Luck) -> bool:
        """Get new tokens: in a race with itself, or after a lost reply with the old token again.

        False when every reply was lost: the phone is left with its old token, perhaps for days.
        """
        self._note("expired")
        for _ in range(2):
            racing = 2 if self.chance.random() < luck.twice_at_once else 1
            body = {"refresh_token": self.refresh}
            ask = [self.http.post("/v1/tokens/refresh", json=body) for _ in range(racing)]
            arrived = await asyncio.gather(*ask)
            replies = [reply for reply in arrived if reply.status_code not in _AGAIN]
            self._note("refresh race", racing - 1)
            if not replies:
                continue
            if replies[0].status_code == 401:
                # Its replies were lost, and more than a day has passed since: the clinic enrolls it again.
                self._note("enrolled again")
                self.access, self.refresh = await self.enrol()
                return True
            assert {reply.status_code for reply in replies} == {200}, replies[0].text
            if self.chance.random() >= luck.lost_reply:
                tokens = self.chance.choice(replies).json()
                self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]
                return True
            self._note("lost refresh")
        return False

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.access}"}

    async def _send(self, piece: list[Item], now: datetime) -> httpx2.Response:
        headers = self._headers() | {"afterglow-client-time": (now + self.skew).isoformat()}
        return await self.http.post("/v1/check-ins/batch", json={"items": piece}, headers=headers)

    async def _changes(self) -> httpx2.Response:
        params = {"limit": str(_PAGE)} | ({"after": self.cursor} if self.cursor else {})
        return await self.http.get("/v1/check-ins", params=params, headers=self._headers())

    def _settle(self, piece: list[Item], reply: httpx2.Response, now: datetime) -> None:
        """Strike out what was kept; correct what was refused for its time, as the answer says."""
        for sent, result in zip(piece, reply.json()["results"], strict=True):
            assert result["id"] == sent["id"]
            if result["status"] in {200, 201}:
                if sent["id"] in self.queue:
                    self.queue.remove(sent["id"])
                continue
            code = result["problem"]["type"].rsplit("/", 1)[1]
            if code in _WRONG_TIME:
                self._note("wrong time")
                off = datetime.fromisoformat(result["problem"]["server_time"]) - (now + self.skew)
                self.made[sent["id"]] = _moved(sent, off)
            else:
                # The one that it corrects is still on its way.
                assert code == "superseded-not-found", result
                self._note("correction came first")

    async def _take_back(self, one: str, luck: Luck) -> None:
        path = f"/v1/check-ins/{one}"
        # Whoever asks again is answered that it is gone: so it is.
        if await self._with_luck(lambda: self.http.delete(path, headers=self._headers()), luck):
            self.withdrawing.remove(one)
            self.withdrawn.append(one)

    def _take_in(self, reply: httpx2.Response) -> None:
        page = reply.json()
        self.known |= {one["id"]: one for one in page["items"]}
        self.cursor = page["cursor"]

    def _note(self, mishap: str, times: int = 1) -> None:
        self.mishaps[mishap] = self.mishaps.get(mishap, 0) + times


def _id_of(chance: random.Random, at: datetime) -> UUID:
    """A UUIDv7 by this phone's clock, and repeatable."""
    value = chance.getrandbits(128) & ~(0xF << 76 | 0x3 << 62 | (1 << 48) - 1 << 80)
    return UUID(int=int(at.timestamp() * 1000) << 80 | value | 0x7 << 76 | 0x2 << 62)


def _moved(item: Item, off: timedelta) -> Item:
    """The same with its time set right."""
    at = datetime.fromisoformat(item["recorded_at"]).astimezone(UTC) + off
    return item | {"recorded_at": at.astimezone(ZoneInfo(item["time_zone"])).isoformat()}
