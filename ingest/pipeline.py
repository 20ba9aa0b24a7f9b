"""What happens to a batch, as one ordered list: everything in here is one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ingest.batch import Batch
from ingest.clocks import correct_clocks, drop_stored_at_other_times
from ingest.context import IngestContext
from ingest.decoding import convert_datums, decode_messages, quarantine_wrong_clocks
from ingest.loss_meter import note_numbers
from ingest.receiving import answer_scans, note_received
from ingest.storing import drop_duplicates, note_newcomers, store_facts
from ingest.tracking import fold_vehicles, record_evidence, store_tracks

Step = Callable[[Batch, IngestContext], Awaitable[None]]

STEPS: tuple[Step, ...] = (
    decode_messages,
    convert_datums,
    correct_clocks,
    note_received,
    quarantine_wrong_clocks,
    drop_stored_at_other_times,
    drop_duplicates,
    note_numbers,
    store_facts,
    note_newcomers,
    fold_vehicles,
    store_tracks,
    record_evidence,
    answer_scans,
)


async def run_steps(batch: Batch, context: IngestContext) -> None:
    """Take a batch through all steps, in order."""
    for step in STEPS:
        await step(batch, context)
