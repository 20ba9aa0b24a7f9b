import { expect, test } from "vitest";

import { Track } from "./track.ts";

const NOON = Date.parse("2026-11-21T12:00:00Z");

function point(minutes: number, lon: number) {
  const at = new Date(NOON + minutes * 60_000).toISOString();
  return { at, received_at: at, lon, lat: 31, speed_mps: 10, heading_deg: 90, accuracy_m: 5 };
}

const track = new Track([point(0, 121), point(1, 121.01), point(2, 121.02), point(40, 121.5), point(41, 121.51)]);

test("between two fixes it is on the way from one to the other", () => {
  expect(track.at(NOON + 30_000).place[0]).toBeCloseTo(121.005, 9);
  expect(track.at(NOON + 60_000).place[0]).toBeCloseTo(121.01, 9);
});

test("before the first and after the last it stands there", () => {
  expect(track.at(NOON - 1000).place[0]).toBe(121);
  expect(track.at(NOON + 3_600_000).place[0]).toBe(121.51);
});

test("where nobody knows it is not made up", () => {
  const played = track.at(NOON + 20 * 60_000);
  expect([played.place[0], played.unknown, played.speedMps]).toEqual([121.02, true, null]);
  expect(track.lines(5, (place) => place).map((line) => line.length)).toEqual([3, 2]);
});
