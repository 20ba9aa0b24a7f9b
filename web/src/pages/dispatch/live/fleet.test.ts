import { expect, test } from "vitest";

import { Fleet, lonLat, mercator, poseOf, type Positions } from "./fleet.ts";

function positions(...rows: [id: string, lon: number, heading: number | null, atMs: number][]): Positions {
  return {
    ids: rows.map(([id]) => id),
    labels: rows.map(([id]) => `label ${id}`),
    lat: rows.map(() => 31),
    lon: rows.map(([, lon]) => lon),
    heading_deg: rows.map(([, , heading]) => heading),
    speed_mps: rows.map(() => 10),
    at_ms: rows.map(([, , , atMs]) => atMs),
    status: rows.map(() => "moving"),
    trip_ids: rows.map(() => null),
    risk: rows.map(() => null),
  };
}

const fleetOf = (moves = true) => new Fleet((place) => place, () => moves);

function lonAt(fleet: Fleet, nowMs: number): number {
  const { x, y } = poseOf(fleet.vehicles.get("a")!, nowMs);
  return lonLat(x, y)[0];
}

test("a vehicle moves from fix to fix in the time between them, and then stands", () => {
  const fleet = fleetOf();
  fleet.replace(positions(["a", 121, 90, 0]), 1000);
  fleet.change({ ...positions(["a", 121.0004, 90, 4000]), left: [] }, 5000);
  expect([lonAt(fleet, 5000), lonAt(fleet, 7000), lonAt(fleet, 9000), lonAt(fleet, 60_000)].map((lon) => lon.toFixed(6))).toEqual(
    ["121.000000", "121.000200", "121.000400", "121.000400"],
  );
});

test("a fix that comes while it moves is driven to from where it is shown", () => {
  const fleet = fleetOf();
  fleet.replace(positions(["a", 121, 90, 0]), 0);
  fleet.change({ ...positions(["a", 121.0004, 90, 4000]), left: [] }, 4000);
  fleet.change({ ...positions(["a", 121.0008, 90, 8000]), left: [] }, 6000);
  expect(lonAt(fleet, 6000)).toBeCloseTo(121.0002, 8);
  expect(lonAt(fleet, 10_000)).toBeCloseTo(121.0008, 8);
});

test("it jumps where nobody could drive so fast, and where people want nothing to move", () => {
  const far = fleetOf();
  far.replace(positions(["a", 121, 90, 0]), 0);
  far.change({ ...positions(["a", 123, 90, 5000]), left: [] }, 5000);
  expect(lonAt(far, 5000)).toBeCloseTo(123, 8);
  const still = fleetOf(false);
  still.replace(positions(["a", 121, 90, 0]), 0);
  still.change({ ...positions(["a", 121.0001, 90, 5000]), left: [] }, 5000);
  expect(lonAt(still, 5000)).toBeCloseTo(121.0001, 8);
});

test("it turns the short way round", () => {
  const fleet = fleetOf();
  fleet.replace(positions(["a", 121, 350, 0]), 0);
  fleet.change({ ...positions(["a", 121.0001, 20, 1000]), left: [] }, 1000);
  expect(poseOf(fleet.vehicles.get("a")!, 1500).heading).toBeCloseTo(365, 6);
});

test("who left is gone, and a new whole leaves nobody else", () => {
  const fleet = fleetOf();
  fleet.replace(positions(["a", 121, 0, 0], ["b", 122, 0, 0], ["c", 123, 0, 0]), 0);
  fleet.change({ ...positions(), left: ["b"] }, 1);
  expect([...fleet.vehicles.keys()]).toEqual(["a", "c"]);
  fleet.replace(positions(["c", 123, 0, 0]), 2);
  expect([...fleet.vehicles.keys()]).toEqual(["c"]);
  expect(fleet.counts()).toEqual({ moving: 1, stopped: 0, stale: 0, atRisk: 0 });
});

test("a place in Mercator leads back to degrees", () => {
  const [lon, lat] = lonLat(...mercator([121.4737, 31.2304]));
  expect([lon.toFixed(6), lat.toFixed(6)]).toEqual(["121.473700", "31.230400"]);
});
