"""Where an embedded server listens, as libpq and everything above it want to hear it."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from psycopg import pq
from psycopg.conninfo import make_conninfo

SUPERUSER = "postgres"
MAINTENANCE_DATABASE = "postgres"
_PING_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Address:
    """A Unix socket: its folder and the port number that is part of the socket's file name.

    Nothing listens on the network. There is no password: whoever may enter the folder may connect.
    """

    socket_folder: Path
    port: int

    def url(self, user: str = SUPERUSER, database: str = MAINTENANCE_DATABASE) -> str:
        """Give `postgresql://user@/database?host=/folder&port=5432`."""
        host = quote(str(self.socket_folder), safe="/")
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={host}&port={self.port}"

    def conninfo(self, user: str = SUPERUSER, database: str = MAINTENANCE_DATABASE) -> str:
        """Give `host=/folder port=5432 user=... dbname=...`, quoted as libpq wants it."""
        return make_conninfo(host=str(self.socket_folder), port=self.port, user=user, dbname=database)

    def accepts_connections(self) -> bool:
        """Say whether a server answers here now and takes connections (not while it starts or stops)."""
        # An existing user and database, since a refused ping would be a line in the server's log.
        question = make_conninfo(self.conninfo(), connect_timeout=_PING_SECONDS)
        return pq.PGconn.ping(question.encode()) == pq.Ping.OK
