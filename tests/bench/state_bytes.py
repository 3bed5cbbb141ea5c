"""What keeping a state and reading it again costs, beside Pydantic's `TypeAdapter` for the same types, as small.

A check-in does both once. The types are written nowhere twice by either; which of them packs is chosen by this.
"""

import time
import zlib
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import TypeAdapter

from app.clinical.state.timeline import Timeline
from app.storage.clinical_json import KeptState, pack_state, unpack_state
from tests.bench.core_step import Step

RULE: Final = "bench"
ROUNDS: Final = 5
LEAST: Final = {"write": 1.0, "read": 1.5}
"""Where Pydantic does it almost as fast, the other library goes."""
_ADAPTER: Final = TypeAdapter(KeptState)


def compared(steps: Sequence[Step]) -> dict[str, float]:
    """Give how many times as long Pydantic takes to write and to read the same states, compressed alike."""
    kept = [KeptState(Timeline(step.core, ()), "digest") for step in steps[:200]]
    packed, written = [pack_state(one, rule=RULE) for one in kept], [_written(one) for one in kept]
    assert [unpack_state(one, rule=RULE) for one in packed] == kept
    assert [_read(one) for one in written] == kept
    return {
        "write": _least(lambda: [_written(one) for one in kept])
        / _least(lambda: [pack_state(one, rule=RULE) for one in kept]),
        "read": _least(lambda: [_read(one) for one in written])
        / _least(lambda: [unpack_state(one, rule=RULE) for one in packed]),
    }


def report(times: dict[str, float]) -> list[str]:
    """The lines of the table."""
    return [f"a state, {how}: Pydantic takes {times[how]:.2f} times as long" for how in times]


def missed(times: dict[str, float]) -> list[str]:
    """Say where another library than Pydantic is not worth it any more."""
    return [
        f"a state, {how}: Pydantic takes only {times[how]:.2f} times as long, {least:g} wanted"
        for how, least in LEAST.items()
        if times[how] < least
    ]


def _written(state: KeptState) -> bytes:
    return zlib.compress(_ADAPTER.dump_json(state), level=1)


def _read(written: bytes) -> KeptState:
    return _ADAPTER.validate_json(zlib.decompress(written))


def _least(work: Callable[[], object]) -> float:
    def once() -> float:
        start = time.thread_time()
        work()
        return time.thread_time() - start

    return min(once() for _ in range(ROUNDS))
