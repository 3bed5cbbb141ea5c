"""What the tests of storage share: a database of one connection, and PostgreSQL's programs in a reachable folder."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.storage.engine.binaries import Binaries
from app.storage.engine.database import Database
from tests.storage.embedded_folders import open_folder, programs_under_test
from tests.support.databases import DatabaseUrls


@pytest.fixture
async def database(own_database: DatabaseUrls) -> AsyncIterator[Database]:
    """One connection only: whatever one transaction leaves on it, the next one finds."""
    made = Database(own_database.application_url, pool_size=1)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def programs() -> Binaries:
    return programs_under_test()


@pytest.fixture
def base() -> Iterator[Path]:
    with open_folder() as made:
        yield made
