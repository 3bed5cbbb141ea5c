"""The settings of the embedded server, and which of them nobody may change."""

from pathlib import Path
from typing import Final

PORT = 5432

# Written into the new cluster's postgresql.conf: sizes for a small machine, free to be tuned by ALTER SYSTEM.
TUNABLE = {"max_connections": "100", "shared_buffers": "128MB"}

# Given on the command line, which outranks every file. Health data must never reach the log: an ERROR's own
# text quotes values ("invalid input syntax ..."), so no message below LOG is written at all (the application
# gets every error anyway); DETAIL, CONTEXT and STATEMENT quote rows and parameters, so none of them is.
_NEVER_CHANGED = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


# What compresses pages in the write-ahead log for less processor time than their writing takes, the best first; what
# every server has (pglz) takes a fifth more.
CHEAP_COMPRESSIONS: Final = ("lz4", "zstd")


def server_arguments(cluster: Path, socket_folder: Path, wal_compression: str) -> list[str]:
    """Give the arguments of `postgres` for one cluster and one socket folder."""
    # The setting is a list separated by commas, so one folder with a comma or quote has to be quoted.
    quoted = '"' + str(socket_folder).replace('"', '""') + '"'
    settings = {
        "unix_socket_directories": quoted,
        "wal_compression": wal_compression,
        **_NEVER_CHANGED,
    }
    return ["-D", str(cluster), *(part for item in settings.items() for part in ("-c", "=".join(item)))]


def configuration_lines() -> str:
    """Give the lines that a new cluster's postgresql.conf gets at its end."""
    return "".join(f"{name} = '{value}'\n" for name, value in TUNABLE.items())
