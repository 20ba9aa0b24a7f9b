"""The stream of a run repeats exactly, counts itself exactly, and holds what its faults say."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.facts import Kind, clock_fault
from ingest.formats.zaitu import decode
from simulators.damage import DAMAGE, Damage
from simulators.errors import SimulatorError
from simulators.faults import Duplicate, Late, Malformed, befall, chosen_faults
from simulators.fleet import parse_faults
from simulators.messages import Encoding, Message
from simulators.playback import Playback
from simulators.scenario import Trip, build_scenario
from simulators.tally import Tally

BEGAN_AT_S = 1_795_249_800.0
MANY_FAULTS = {"late": 0.1, "duplicate": 0.1, "malformed": 0.1}


def playback(faults: dict[str, float]) -> Playback:
    return Playback(build_scenario(3, 7, "t"), chosen_faults(faults), BEGAN_AT_S, interval_s=2.0)


def played(run: Playback, moments: Iterable[float]) -> list[Message]:
    return [event for now_s in moments for event in run.due(now_s) if isinstance(event, Message)]


def told(message: Message) -> tuple[Counter[str], list[tuple[datetime, int]]]:
    """What ingest's own decoder makes of a message received a minute into the run."""
    received_at = datetime.fromtimestamp(BEGAN_AT_S + 60, UTC)
    result = decode(Kind(message.kind), message.payload(), message.device, "wgs84", received_at)
    fates = Counter(refusal.reason for _, refusal in result.refusals)
    identities = []
    for _, fact in result.facts:
        if clock_fault(fact.stamp.device_time, received_at):
            fates["quarantined"] += 1
        else:
            identities.append((fact.stamp.device_time, fact.stamp.content_hash))
    return fates, identities


def test_a_seed_repeats_every_message_however_often_the_stream_is_read() -> None:
    at_once = played(playback(MANY_FAULTS), [60.0])
    bit_by_bit = played(playback(MANY_FAULTS), [step / 10 for step in range(601)])

    assert bit_by_bit == at_once
    assert [message.payload() for message in bit_by_bit] == [message.payload() for message in at_once]


def test_messages_are_due_in_the_order_of_their_sending() -> None:
    times = [message.send_at_s for message in played(playback(MANY_FAULTS), [60.0])]

    assert times == sorted(times)
    assert times[-1] <= 60.0


def test_the_past_comes_first_in_arrays() -> None:
    messages = played(playback({}), [0.0, 60.0])
    count = sum(message.in_array for message in messages)

    assert count > 0
    assert all(message.in_array for message in messages[:count])
    assert all(len(message.items) <= 100 for message in messages)


def test_without_faults_each_device_counts_its_facts_in_order_of_time() -> None:
    by_stream: defaultdict[tuple[str, str], list[tuple[Any, Any]]] = defaultdict(list)
    for message in played(playback({}), [60.0]):
        by_stream[message.device, message.kind] += [(item["seq"], item["ts"]) for item in message.items]

    for stamps in by_stream.values():
        assert [seq for seq, _ in stamps] == list(range(len(stamps)))
        assert stamps == sorted(stamps, key=lambda stamp: stamp[1])


def test_what_a_run_expects_is_what_the_decoder_finds() -> None:
    tally, fates, seen = Tally(), Counter[str](), set()
    for message in played(playback(MANY_FAULTS), [60.0]):
        tally.add(message)
        refused, identities = told(message)
        fates += refused
        for identity in identities:
            key = (message.device, message.kind, *identity)
            fates["duplicate" if key in seen else "stored"] += 1
            seen.add(key)

    assert fates == tally.fates
    assert fates["duplicate"] > 0
    report = tally.report(unconfirmed=0)
    assert report["facts"] == sum(fates.values())


def test_a_trip_begins_before_its_facts_are_sent() -> None:
    run = playback({})
    list(run.due(60.0))
    known = {trip.label for trip in run.first_trips}
    begun = {}
    for event in run.due(1800.0):
        if isinstance(event, Trip):
            begun[event.vehicle.tracker] = event
        elif event.device in begun:
            assert event.send_at_s >= begun[event.device].began_s

    assert begun
    assert known.isdisjoint(trip.label for trip in begun.values())


@pytest.mark.parametrize(
    ("kind", "damage"),
    [pytest.param(kind, damage, id=f"{kind}: {damage.name}") for kind in DAMAGE for damage in DAMAGE[kind]],
)
def test_each_damage_meets_the_fate_it_names(kind: str, damage: Damage) -> None:
    item: dict[str, object] = {"ts": int(BEGAN_AT_S * 1000), "seq": 4, "lat": 31.2, "lon": 121.4}
    if kind == "scan":
        item |= {"scan_id": "s", "code": "P-1", "action": "load", "operator": "op-1"}
    message = Message(0.0, "trk-1", kind, (item,), False, Encoding.JSON, {"stored": 1})
    for seed in range(20):
        spoilt = replace(message, raw=damage.spoil(item, random.Random(seed)))
        fates, identities = told(spoilt)
        assert (fates, identities) == (Counter({damage.fate: 1}), [])


def sample() -> Message:
    item = {"ts": int(BEGAN_AT_S * 1000), "seq": 1, "lat": 31.2, "lon": 121.4}
    return Message(5.0, "trk-1", "gps", (item,), False, Encoding.JSON, {"stored": 1})


def test_a_late_message_is_the_same_message_later() -> None:
    (late,) = Late(1.0).apply(sample(), random.Random(1))

    assert 10.0 <= late.send_at_s <= 65.0
    assert (late.payload(), late.fates) == (sample().payload(), sample().fates)


def test_a_duplicate_is_the_same_payload_again() -> None:
    first, again = Duplicate(1.0).apply(sample(), random.Random(1))

    assert first == sample()
    assert (again.payload(), again.topic) == (first.payload(), first.topic)
    assert again.fates == {"duplicate": 1}


def test_a_malformed_message_comes_beside_the_good_one() -> None:
    first, spoilt = Malformed(1.0).apply(sample(), random.Random(1))

    assert first == sample()
    assert spoilt.payload() != first.payload()
    assert spoilt.faults == ("malformed",)


def test_a_fault_of_probability_zero_changes_nothing() -> None:
    assert befall(sample(), [Late(0.0), Duplicate(0.0), Malformed(0.0)], random.Random(1)) == [sample()]


def test_fault_options_change_the_defaults() -> None:
    assert parse_faults(["late=0.5"])["late"] == 0.5
    assert parse_faults(["none", "late=0.5"]) == {"late": 0.5}


@pytest.mark.parametrize("text", ["late", "late=often", "late=1.5", "late=nan", "tired=0.5"])
def test_a_wrong_fault_option_is_refused(text: str) -> None:
    with pytest.raises(SimulatorError, match=r"late|tired"):
        parse_faults([text])
