"""Running one thing against the service's own database, as the operator."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from app.cli.options import settings_of
from app.cli.runtime import open_runtime
from app.context import AppContext, Work
from app.foundation.audit import OPERATOR
from app.storage import clinics
from app.storage.clinics import UnknownClinicError

Found = TypeVar("Found")


def in_context(data_dir: Path | None, do: Callable[[AppContext], Awaitable[Found]]) -> Found:
    """Do something with what a process has, and give its outcome."""
    settings = settings_of(data_dir)

    async def done(context: AppContext) -> Found:
        try:
            return await do(context)
        finally:
            await context.database.close()

    with open_runtime(settings) as runtime:
        return asyncio.run(done(runtime.context(settings)))


def in_clinic(data_dir: Path | None, clinic_id: UUID, do: Callable[[Work], Awaitable[Found]]) -> Found:
    """Do something in one clinic, in one transaction, on the audit log as the operator's doing.

    Raises:
        UnknownClinicError: there is no such clinic.
    """

    async def done(context: AppContext) -> Found:
        async with context.work(clinic_id, actor=OPERATOR) as work:
            if await clinics.profile(work) is None:
                raise UnknownClinicError(UnknownClinicError.__doc__)
            return await do(work)

    return in_context(data_dir, done)
