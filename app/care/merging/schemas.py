"""Requests and replies about merging a duplicate."""

from typing import Literal
from uuid import UUID

from app.care.merging.commands import MergeOutcome
from app.web.correction_schemas import ChangedReply, Reason
from app.web.schemas import ReplyBody, RequestBody, example


class MergeRequest(RequestBody):
    """The patient that the duplicate is, and why."""

    model_config = example(into="01a201b2-0000-7000-8000-000000000000", reason="Registered twice")

    into: UUID
    reason: Reason


class UnmergeRequest(RequestBody):
    """Why the merge is taken back."""

    model_config = example(reason="Two people with the same name")

    reason: Reason


class MergeReply(ReplyBody):
    """A merge, or one taken back, and what it changed of what is believed about the patient who stays."""

    patient_id: UUID
    merged_into: UUID
    status: Literal["merged", "unmerged"]
    changed: ChangedReply

    @classmethod
    def of(cls, outcome: MergeOutcome, status: Literal["merged", "unmerged"]) -> "MergeReply":
        """Make the reply."""
        merge = outcome.merge
        return cls(
            patient_id=merge.patient_id,
            merged_into=merge.into_id,
            status=status,
            changed=ChangedReply.of(outcome.effects),
        )
