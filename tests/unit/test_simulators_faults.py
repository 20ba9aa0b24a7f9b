"""What each fault makes of a stream of messages, and that the report of a run counts it exactly."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from domain.facts import Kind, clock_fault
from domain.numbering import Numbering
from ingest.formats.zaitu import decode
from simulators.device_faults import Drift, Jitter, Tunnel, WrongClock
from simulators.faults import (
    FAULTS,
    Duplicate,
    Fault,
    Gap,
    Late,
    Malformed,
    OutOfOrder,
    Resend,
    befall,
    chosen_faults,
)
from simulators.fleet import simulate
from simulators.keeper import PATIENCE_S, Keeper
from simulators.messages import Encoding, Item, Message
from simulators.playback import Playback
from simulators.scenario import build_scenario
from simulators.tally import Tally

BEGAN_AT_S = 1_795_249_800.0
EVERYTHING = dict.fromkeys(FAULTS, 0.04)


def fix(number: int, device: str = "trk-1") -> Message:
    item: Item = {"ts": int((BEGAN_AT_S + number) * 1000), "seq": number, "lat": 31.2, "lon": 121.4}
    return Message(float(number), device, "gps", (item,), False, Encoding.JSON, {"stored": 1})


def through(fault: Fault, messages: Iterable[Message], seed: int = 1) -> list[Message]:
    rng = random.Random(seed)
    return [sent for message in messages for sent in befall(message, [fault], rng)]


def numbers(messages: Iterable[Message]) -> list[object]:
    return [item["seq"] for message in messages for item in message.items]


def test_jitter_moves_a_fix_within_what_it_says_of_itself() -> None:
    (moved,) = through(Jitter(1.0), [fix(0)])

    north_m = abs(moved.items[0]["lat"] - 31.2) * 111_195  # type: ignore[operator]
    assert 0 < north_m < moved.items[0]["accuracy_m"]  # type: ignore[operator]
    assert moved.items[0]["ts"] == fix(0).items[0]["ts"]
    assert (moved.fates, moved.faults) == ({"stored": 1}, ("jitter",))


def test_a_drift_wanders_further_with_each_fix_and_ends() -> None:
    fault = Drift(1.0, fixes=5)
    moved = through(fault, [fix(number) for number in range(5)])
    accuracies = [message.items[0]["accuracy_m"] for message in moved]

    assert accuracies == [8.0, 16.0, 24.0, 32.0, 40.0]
    fault.probability = 0.0
    assert through(fault, [fix(5)]) == [fix(5)]


def test_a_wrong_clock_lasts_for_some_messages_and_the_server_sets_each_apart() -> None:
    for seed in range(10):
        fault = WrongClock(1.0, messages=4)
        wrong = through(fault, [fix(number) for number in range(4)], seed)
        fault.probability = 0.0
        assert through(fault, [fix(4)]) == [fix(4)]
        received_at = datetime.fromtimestamp(BEGAN_AT_S + 60, UTC)
        for message in wrong:
            (place_and_fact,) = decode(Kind.GPS, message.payload(), "trk-1", "wgs84", received_at).facts
            assert clock_fault(place_and_fact[1].stamp.device_time, received_at)
            assert message.fates == {"quarantined": 1}


def test_a_gap_is_never_sent_and_no_other_fault_brings_it_back() -> None:
    rng = random.Random(1)
    sent = [
        each
        for number in range(200)
        for each in befall(fix(number), [Gap(0.3), Resend(0.2), Tunnel(0.05)], rng)
    ]
    tally = Tally()
    for message in sent:
        if message.lost:
            tally.lose(message)
    lost = {message.items[0]["seq"] for message in sent if message.lost}
    arrived = set(numbers(message for message in sent if not message.lost))

    assert tally.report(0)["never_sent"] == len(lost) > 0
    assert tally.faults["gap"] == len(lost)
    assert not lost & arrived


def test_what_is_stored_in_a_tunnel_comes_out_in_one_array_in_order() -> None:
    fault = Tunnel(1.0)
    rng = random.Random(1)
    held = [each for number in range(15) for each in befall(fix(number), [fault], rng)]
    fault.probability = 0.0
    array, after = befall(fix(200), [fault], rng)

    assert held == []
    assert numbers([array]) == list(range(15))
    assert (array.in_array, array.fates, array.faults) == (True, {"stored": 15}, ("tunnel",))
    assert (after, array.send_at_s) == (fix(200), 200.0)


def test_out_of_order_swaps_a_message_with_the_next_of_its_topic() -> None:
    fault = OutOfOrder(1.0)
    first = through(fault, [fix(0), fix(0, "trk-2"), fix(1)])

    assert [(message.device, message.items[0]["seq"]) for message in first] == [("trk-1", 1), ("trk-1", 0)]
    assert first[1].send_at_s > first[0].send_at_s
    assert first[1].faults == ("out-of-order",)


def test_a_resend_repeats_the_last_messages_as_duplicates() -> None:
    fault = Resend(0.0)
    through(fault, [fix(number) for number in range(20)])
    fault.probability = 1.0
    sent = through(fault, [fix(20)])

    assert numbers(sent) == [20, *range(11, 21)]
    assert all(message.fates == {"duplicate": 1} for message in sent[1:])


def test_a_late_message_is_held_up_for_up_to_a_minute_and_otherwise_as_it_was() -> None:
    sent = through(Late(1.0), [fix(number) for number in range(100)])
    delays_s = [message.send_at_s - number for number, message in enumerate(sent)]

    assert all(5 <= delay_s <= 60 for delay_s in delays_s)
    assert len(set(delays_s)) > 90
    assert [message.items for message in sent] == [fix(number).items for number in range(100)]
    assert sorted(sent, key=lambda message: message.send_at_s) != sent
    assert {message.faults for message in sent} == {("late",)}


def test_a_duplicate_is_the_same_message_again_within_twenty_seconds() -> None:
    first, again = through(Duplicate(1.0), [fix(0)])

    assert first == fix(0)
    assert again.payload() == first.payload()
    assert 0 < again.send_at_s - first.send_at_s <= 20
    assert (again.fates, again.faults) == ({"duplicate": 1}, ("duplicate",))


def test_a_malformed_payload_comes_beside_the_good_one_and_meets_the_end_it_is_said_to() -> None:
    received_at = datetime.fromtimestamp(BEGAN_AT_S + 600, UTC)
    ends = Counter[str]()
    for seed in range(300):
        good, spoilt = through(Malformed(1.0), [fix(0)], seed)
        assert good == fix(0)
        result = decode(Kind.GPS, spoilt.payload(), "trk-1", "wgs84", received_at)
        met = Counter(refusal.reason for _, refusal in result.refusals)
        met.update(
            "quarantined" if clock_fault(fact.stamp.device_time, received_at) else "stored"
            for _, fact in result.facts
        )
        assert met == spoilt.fates
        ends.update(met)
    assert ends.keys() >= {"bad_json", "bad_msgpack", "not_finite", "out_of_range", "quarantined"}


@pytest.mark.parametrize("name", ["jitter", "gap", "late", "duplicate", "malformed"])
def test_a_fault_befalls_as_many_messages_as_its_probability_says(name: str) -> None:
    fault, rng = FAULTS[name](0.02), random.Random(7)
    struck = sum(
        any(name in sent.faults for sent in befall(fix(number), [fault], rng)) for number in range(20_000)
    )

    assert 0.016 <= struck / 20_000 <= 0.024


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_without_probability_leaves_everything_as_it_is(name: str) -> None:
    messages = [fix(number) for number in range(200)]

    assert through(FAULTS[name](0.0), messages) == messages


def test_the_command_names_every_fault() -> None:
    app = typer.Typer()
    app.command()(simulate)

    said = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output

    assert len(FAULTS) == 10
    assert all(name in said for name in FAULTS)


def test_with_every_fault_the_report_is_what_a_server_finds() -> None:
    run = Playback(build_scenario(3, 7, "t"), chosen_faults(EVERYTHING), BEGAN_AT_S, interval_s=2.0)
    tally, fates, seen, came = Tally(), Counter[str](), set(), defaultdict[tuple[str, str], set[int]](set)
    received_at = datetime.fromtimestamp(BEGAN_AT_S + 300, UTC)
    for message in (event for event in run.due(300.0) if isinstance(event, Message)):
        if message.lost:
            tally.lose(message)
            continue
        tally.add(message)
        result = decode(Kind(message.kind), message.payload(), message.device, "wgs84", received_at)
        fates.update(refusal.reason for _, refusal in result.refusals)
        for _, fact in result.facts:
            stamp = fact.stamp
            identity = (message.device, message.kind, stamp.device_time, stamp.content_hash)
            end = "quarantined" if clock_fault(stamp.device_time, received_at) else "stored"
            fates["duplicate" if identity in seen else end] += 1
            seen.add(identity)
            assert stamp.seq is not None
            came[message.device, message.kind].add(stamp.seq)

    assert fates == tally.fates
    assert set(tally.faults) == set(EVERYTHING)
    assert tally.report(0)["facts"] == sum(fates.values())


def test_the_loss_meter_finds_what_a_run_never_sent() -> None:
    messages = [fix(number) for number in range(500)]
    rng = random.Random(4)
    faults = chosen_faults({"gap": 0.1, "out-of-order": 0.2, "late": 0.2, "resend": 0.05})
    sent = [each for message in messages for each in befall(message, faults, rng)]
    arriving = sorted((each for each in sent if not each.lost), key=lambda each: each.send_at_s)
    arrived = [int(str(number)) for number in dict.fromkeys(numbers(arriving))]
    first, *rest = arrived
    meter = Numbering(first, first, datetime.fromtimestamp(BEGAN_AT_S + first, UTC))
    for seq in rest:
        meter.take(seq, datetime.fromtimestamp(BEGAN_AT_S + seq, UTC))

    lost = {each.items[0]["seq"] for each in sent if each.lost}
    inside = {seq for seq in lost if min(arrived) < int(str(seq)) < max(arrived)}
    held = set(range(500)) - lost - set(arrived)
    assert meter.missing_count == len(inside | {seq for seq in held if seq < max(arrived)})


def test_a_keeper_lets_go_of_what_a_receipt_covers_and_sends_the_rest_again() -> None:
    keeper = Keeper()
    for number in range(10):
        keeper.keep(fix(number), now_s=float(number))
    keeper.hear("zaitu/v1/trk-1/cmd", b'{"type": "receipt", "topic": "gps", "from_seq": 2, "seq": 7}')
    keeper.hear("zaitu/v1/trk-1/cmd", b'{"type": "receipt", "topic": "scan", "from_seq": 0, "seq": 9}')
    keeper.hear("zaitu/v1/trk-1/cmd", b'{"type": "command", "id": "1", "name": "locate"}')

    assert len(keeper) == 4
    assert keeper.due(PATIENCE_S - 1) == []
    assert numbers(keeper.due(PATIENCE_S + 1)) == [0, 1]
    assert numbers(keeper.due(PATIENCE_S + 2, reconnected=True)) == [0, 1, 8, 9]
    assert keeper.due(PATIENCE_S + 3) == []
