"""The embedded PostgreSQL: a server of our own for one data folder, when no DATABASE_URL names another.

Uses PostgreSQL's programs and nothing else. Started only from the command line, the service and the worker.
"""

from app.storage.engine.embedded.errors import AlreadySupervisedError, EmbeddedDatabaseError
from app.storage.engine.embedded.folders import Address, default_data_dir, prepare_data_dir
from app.storage.engine.embedded.supervisor import Supervisor, connect_or_start, find_running

__all__ = [
    "Address",
    "AlreadySupervisedError",
    "EmbeddedDatabaseError",
    "Supervisor",
    "connect_or_start",
    "default_data_dir",
    "find_running",
    "prepare_data_dir",
]
