"""The run as a stream of due events: trips that begin, and messages as the faults left them."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from itertools import count

from simulators.faults import Fault, befall
from simulators.messages import Encoding, Message, Stamper, backlog, single
from simulators.scenario import Scenario, Trip
from simulators.timeline import Fact, facts_of


def encoding_of(device: str) -> Encoding:
    """Every third tracker or so writes MessagePack; a name always gives the same answer."""
    return Encoding.MSGPACK if random.Random(device.rsplit("-", 1)[-1]).random() < 0.33 else Encoding.JSON


class Playback:
    """Plays a scenario: the same seed and start give the same messages, however often it is asked for them.

    Seconds count from the beginning of the run; `began_at_s` is that moment, since 1970. What trips did
    before it is sent first, as a backlog.
    """

    def __init__(
        self, scenario: Scenario, faults: Sequence[Fault], began_at_s: float, interval_s: float
    ) -> None:
        self._scenario = scenario
        self._faults = faults
        self._interval_s = interval_s
        self._stamper = Stamper(began_at_s)
        self._rng = random.Random(f"{scenario.seed}/faults")
        self._numbers = count()
        self._events: list[tuple[float, int, Fact | Trip]] = []
        self._outgoing: list[tuple[float, int, Message]] = []
        self.first_trips = tuple(scenario.first_trip(vehicle) for vehicle in scenario.vehicles)
        past: list[Fact] = []
        for trip in self.first_trips:
            past += self._plan(trip)
        past.sort(key=lambda fact: fact.at_s)
        for message in backlog(past, 0.0, self._stamper, encoding_of):
            self._send(message)

    def _plan(self, trip: Trip) -> list[Fact]:
        """List a trip's facts and the trip after it as events; its facts from before the run come back."""
        past = []
        for fact in facts_of(self._scenario, trip, self._interval_s):
            if fact.at_s < 0:
                past.append(fact)
            else:
                heapq.heappush(self._events, (fact.at_s, next(self._numbers), fact))
        if trip.vehicle.silent_after_s is None:
            following = self._scenario.next_trip(trip)
            heapq.heappush(self._events, (trip.active_to_s, next(self._numbers), following))
        return past

    def _send(self, message: Message) -> None:
        for sent in befall(message, self._faults, self._rng):
            heapq.heappush(self._outgoing, (sent.send_at_s, next(self._numbers), sent))

    def due(self, now_s: float) -> Iterator[Trip | Message]:
        """Everything that is due by now, in order; a trip comes before its facts do."""
        while (next_s := self.next_s()) <= now_s:
            if self._outgoing and self._outgoing[0][0] == next_s:
                yield heapq.heappop(self._outgoing)[2]
                continue
            event = heapq.heappop(self._events)[2]
            if isinstance(event, Trip):
                self._plan(event)
                yield event
            else:
                self._send(single(event, self._stamper, encoding_of(event.device)))

    def next_s(self) -> float:
        """When the next event is due; infinity when there is none."""
        return min((queue[0][0] for queue in (self._events, self._outgoing) if queue), default=float("inf"))
