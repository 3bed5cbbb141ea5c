"""Logs: what is not on the allow-list does not get out, whoever logs it and however."""

import json
import logging
import socket
import subprocess
import sys
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog

from app.foundation.logs import ALLOWED_KEYS, set_up_logs, where


def last(own_log: StringIO) -> dict[str, Any]:
    return dict(json.loads(own_log.getvalue().splitlines()[-1]))


def test_an_allowed_key_is_written(own_log: StringIO) -> None:
    structlog.get_logger().info("signal.raised", signal_id="s", count=3)
    written = last(own_log)
    assert written.pop("timestamp").endswith("Z")
    assert written == {"event": "signal.raised", "level": "info", "signal_id": "s", "count": 3}


def test_a_full_disk_takes_a_line_of_the_log_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patched:
        patched.setattr("sys.stderr", full)
        set_up_logs()
        for _ in range(3):
            structlog.get_logger().info("signal.raised", signal_id="s" * 10_000)
        with suppress(OSError):
            full.close()
    set_up_logs()


def test_a_line_and_its_end_are_one_write_so_that_processes_do_not_cut_each_others_lines() -> None:
    told = "import structlog; from app.foundation.logs import set_up_logs; set_up_logs()\n"
    told += "for _ in range(3): structlog.get_logger().info('signal.raised', signal_id='s')"
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with reader, writer:
        subprocess.run([sys.executable, "-c", told], stderr=writer.fileno(), check=True, timeout=60)
        writer.close()
        # Each write arrives by itself.
        written = list(iter(lambda: reader.recv(10_000), b""))
    assert len(written) == 3
    assert all(json.loads(one)["event"] == "signal.raised" and one.endswith(b"}\n") for one in written)


def test_any_other_key_is_dropped_with_its_value_and_counted(own_log: StringIO) -> None:
    structlog.get_logger().info("check_in.recorded", mood=3, name="Maria", patient_id="p")
    written = last(own_log)
    assert "Maria" not in own_log.getvalue()
    assert written["count_of_dropped_keys"] == 2
    assert set(written) == {"event", "level", "timestamp", "patient_id", "count_of_dropped_keys"}


def test_a_bound_key_is_dropped_too(own_log: StringIO) -> None:
    structlog.get_logger().bind(note="I slept badly").warning("worker.reconnecting")
    assert "slept" not in own_log.getvalue()


def test_an_exception_is_never_written_out(own_log: StringIO) -> None:
    try:
        int("Maria")
    except ValueError:
        structlog.get_logger().exception("request.failed")
        structlog.get_logger().error("request.failed", exc_info=True, stack_info=True)
    assert "Maria" not in own_log.getvalue()
    assert "Traceback" not in own_log.getvalue()


def test_a_library_is_quoted_by_name_and_place_only(own_log: StringIO) -> None:
    try:
        int("Maria")
    except ValueError:
        logging.getLogger("sqlalchemy.pool").exception("parameters: %s", {"name": "Jonas"})
    written = last(own_log)
    assert "Maria" not in own_log.getvalue()
    assert "Jonas" not in own_log.getvalue()
    assert written["logger"] == "sqlalchemy.pool"
    assert written["error_type"] == "ValueError"
    assert written["error_at"].startswith("test_logs:")
    assert "count_of_dropped_keys" not in written


def test_a_librarys_chatter_is_not_written_at_all(own_log: StringIO) -> None:
    logging.getLogger("httpx2").info("GET https://ehr.example.org/Maria")
    assert own_log.getvalue() == ""


def test_a_key_whose_values_could_be_health_data_is_not_on_the_list() -> None:
    dangerous = {
        "mood", "energy", "sleep_quality", "sleep_hours", "note", "name", "email", "phone", "url", "path", "query",
        "body", "text", "message", "detail", "value", "values", "score", "total", "items", "token", "key", "secret",
        "external_ref", "exception", "exc_info", "error", "stack", "args", "params", "level_of_signal", "criterion",
    }  # fmt: skip
    assert dangerous & ALLOWED_KEYS == set()


def test_the_place_of_an_error_is_logged_without_its_text() -> None:
    with pytest.raises(ValueError, match="Maria") as raised:
        int("Maria")
    assert where(raised.value).startswith("test_logs.py:")
    assert where(ValueError("Maria")) == "unknown"
