import { expect, test } from "vitest";

import { band, toDestination } from "./eta-band.ts";

const NOON = Date.parse("2026-11-21T12:00:00Z");
const at = (minutes: number) => new Date(NOON + minutes * 60_000);
const FRAME = { width: 400, height: 200, left: 40, bottom: 20, top: 10 };

function estimate(computedMin: number, p50Min: number, p90Min: number, arrivedMin: number | null = null) {
  return {
    stop_seq: 1,
    kind: "destination",
    computed_at: at(computedMin).toISOString(),
    p10_at: null,
    p50_at: at(p50Min).toISOString(),
    p90_at: at(p90Min).toISOString(),
    arrived_at: arrivedMin === null ? null : at(arrivedMin).toISOString(),
  };
}

test("an estimate holds until the next one, the last until now", () => {
  const drawn = band([estimate(0, 60, 80), estimate(30, 70, 75)], at(65), at(40), FRAME)!;
  const xs = drawn.line.match(/-?[\d.]+(?=,)/g)!.map(Number);
  expect(xs).toEqual([40, 310, 310, 400]);
});

test("later is higher, and the likeliest lies below the nearly certain", () => {
  const drawn = band([estimate(0, 60, 90)], at(75), at(10), FRAME)!;
  const ys = drawn.area.match(/(?<=,)-?[\d.]+/g)!.map(Number);
  expect(ys[0]).toBeGreaterThan(drawn.promisedY);
  expect(drawn.promisedY).toBeGreaterThan(ys[2]!);
});

test("the drawing ends with the arrival, which is a line of its own", () => {
  const drawn = band([estimate(0, 60, 80, 62)], at(75), at(600), FRAME)!;
  expect(drawn.arrivedY).not.toBeNull();
  expect(drawn.xTicks.at(-1)!.at.getTime()).toBeLessThanOrEqual(at(62).getTime());
});

test("ticks are few and round", () => {
  const drawn = band([estimate(0, 61, 187)], at(75), at(47), FRAME)!;
  expect(drawn.yTicks.length).toBeLessThanOrEqual(5);
  for (const tick of drawn.yTicks) expect(tick.at.getUTCMinutes() % 15).toBe(0);
});

test("without estimates there is nothing to draw", () => {
  expect(band([], at(0), at(1), FRAME)).toBeNull();
  expect(toDestination([{ ...estimate(0, 1, 2), kind: "hub" }])).toEqual([]);
});
