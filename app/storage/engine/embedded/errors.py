"""What can stand in the way of the embedded database; each docstring is the message people read."""

from app.storage.engine.binaries import LocalDatabaseError


class EmbeddedDatabaseError(LocalDatabaseError):
    """The embedded database could not be run."""


class AlreadySupervisedError(EmbeddedDatabaseError):
    """Another process already runs the database in {data_dir}."""


class NotStartedError(EmbeddedDatabaseError):
    """The database in {data_dir} has not been started by this process."""


class DataFolderRefusedError(EmbeddedDatabaseError):
    """The data folder {data_dir} cannot be used: {folder}: {reason}.

    Name another folder in AFTERGLOW_DATA_DIR, or give this account the right to write there.
    """


class UnreachableFolderError(EmbeddedDatabaseError):
    """The data folder {data_dir} cannot be reached by the account "{account}".

    PostgreSQL refuses to run as root, so it runs as that account, which may not pass through {folder}.
    Name a folder in AFTERGLOW_DATA_DIR that it can reach, such as /var/lib/afterglow, or allow the way with
    `chmod o+x {folder}`.
    """


class NoAccountError(EmbeddedDatabaseError):
    """PostgreSQL refuses to run as root, and there is neither an account "postgres" nor "nobody".

    Create an account for it, and make that account the owner of the data folder.
    """


class AccountChangeError(EmbeddedDatabaseError):
    """PostgreSQL refuses to run as root, and root may not change to the account "{account}" here: {reason}.

    Run the service as an ordinary account, or give DATABASE_URL a server that runs elsewhere.
    """


class UnreachableProgramsError(EmbeddedDatabaseError):
    """The PostgreSQL programs in {folder} cannot be run by the account "{account}", nor copied for it.

    Install them where every account can read them, and name that folder in {setting}.
    """


class OtherMajorVersionError(EmbeddedDatabaseError):
    """The database in {cluster} was made by PostgreSQL {found}, but the programs in {folder} are {major}.

    One version cannot open the files of another, and nothing was changed. Either name the programs of
    version {found} in {setting}, or take a backup with those, name another data folder and restore it there.
    """


class NotADatabaseError(EmbeddedDatabaseError):
    """The folder {cluster} holds files, but not a PostgreSQL database.

    Nothing was changed. Move these files away, or name another folder in AFTERGLOW_DATA_DIR.
    """


class ForeignClusterError(EmbeddedDatabaseError):
    """The database in {cluster} belongs to the account "{owner}", and would run as "{account}".

    Start the service as the account it was first started with, or hand the files over with
    `chown -R {account} {cluster}`.
    """


class ClusterNotMadeError(EmbeddedDatabaseError):
    """A new database could not be made below {data_dir}; {program} said: {said}."""


class ServerEndedError(EmbeddedDatabaseError):
    """PostgreSQL ended while it was starting; the end of {log} says: {said}."""


class NotReadyError(EmbeddedDatabaseError):
    """PostgreSQL did not accept connections within {seconds} seconds; the end of {log} says: {said}."""


class PredecessorRemainsError(EmbeddedDatabaseError):
    """An earlier PostgreSQL (process {pid}) still uses {cluster} and has not ended within {seconds} seconds.

    Nothing was started beside it, because two would destroy the data. End that process and start again.
    """


class WouldNotStopError(EmbeddedDatabaseError):
    """PostgreSQL (process {pid}) has not ended within {seconds} seconds of being asked to."""
