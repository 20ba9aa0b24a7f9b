import { expect, test } from "vitest";

import {
  blank, boundsOf, distanceM, fromGeoJson, inserted, isComplete, middles, moved, niceUp, pathAt, removed, type Shape,
  sizedTo, sizeHandle, toGeoJson, withPath,
} from "./shape.ts";

const SQUARE: Shape = { kind: "polygon", parts: [[[[121, 31], [122, 31], [122, 32], [121, 32]]]], sizeM: 0 };
const CIRCLE: Shape = { kind: "circle", parts: [[[[121, 31]]]], sizeM: 500 };
const CORRIDOR: Shape = { kind: "corridor", parts: [[[[121, 31], [121.2, 31]]]], sizeM: 80 };

test("what the API answers comes back the same", () => {
  const geometries = [
    { type: "Point", coordinates: [121, 31], radius_m: 200 },
    { type: "LineString", coordinates: [[121, 31], [122, 32]], half_width_m: 80 },
    { type: "MultiLineString", coordinates: [[[121, 31], [122, 32]], [[120, 31], [120, 32]]], half_width_m: 80 },
    { type: "Polygon", coordinates: [[[0, 0], [9, 0], [9, 9], [0, 0]], [[5, 1], [6, 3], [6, 1], [5, 1]]] },
    { type: "MultiPolygon", coordinates: [[[[0, 0], [9, 0], [9, 9], [0, 0]]], [[[20, 0], [29, 0], [29, 9], [20, 0]]]] },
  ];
  for (const geometry of geometries) expect(toGeoJson(fromGeoJson(geometry))).toEqual(geometry);
  expect(() => fromGeoJson({ type: "GeometryCollection", geometries: [] })).toThrow(TypeError);
});

test("a ring drawn clockwise is turned, so that nothing has to be repaired", () => {
  const clockwise = withPath(SQUARE, 0, 0, pathAt(SQUARE, { part: 0, path: 0 }).toReversed());
  expect(toGeoJson(clockwise)).toEqual({
    type: "Polygon",
    coordinates: [[[121, 31], [122, 31], [122, 32], [121, 32], [121, 31]]],
  });
});

test("points are put in at the middle of a side, moved and taken out", () => {
  const [spot, place] = [...middles(SQUARE)][3]!;
  expect([spot.index, place]).toEqual([4, [121, 31.5]]);
  const five = moved(inserted(SQUARE, spot, place), spot, [120.5, 31.5]);
  expect(pathAt(five, spot)).toEqual([[121, 31], [122, 31], [122, 32], [121, 32], [120.5, 31.5]]);
  expect(removed(five, spot)).toEqual(SQUARE);
  expect([...middles(CORRIDOR)].map(([each]) => each.index)).toEqual([1]);
  expect([...middles(CIRCLE)]).toEqual([]);
});

test("a shell keeps three corners, a line two ends, and a hole of two goes as a whole", () => {
  const first = { part: 0, path: 0, index: 0 };
  const triangle = removed(SQUARE, first);
  expect(removed(triangle, first)).toBe(triangle);
  expect(removed(CORRIDOR, first)).toBe(CORRIDOR);
  const holed: Shape = { ...SQUARE, parts: [[...SQUARE.parts[0]!, [[121.2, 31.2], [121.4, 31.2], [121.3, 31.4]]]] };
  expect(removed(holed, { ...first, path: 1 })).toEqual(SQUARE);
});

test("taking hold of the edge changes the radius and the half width", () => {
  const handle = sizeHandle(CIRCLE)!;
  expect(distanceM([121, 31], handle)).toBeCloseTo(500, 3);
  expect(sizedTo({ ...CIRCLE, sizeM: 9 }, handle).sizeM).toBe(500);
  expect(sizedTo({ ...CORRIDOR, sizeM: 9 }, sizeHandle(CORRIDOR)!).sizeM).toBe(80);
  expect(sizedTo(CORRIDOR, [121.1, 33]).sizeM).toBe(10_000);
  expect(sizeHandle(SQUARE)).toBeNull();
});

test("what is not drawn yet is not complete", () => {
  expect(isComplete(blank("polygon", 0))).toBe(false);
  expect(isComplete({ ...CIRCLE, sizeM: 0 })).toBe(false);
  expect([SQUARE, CIRCLE, CORRIDOR].every(isComplete)).toBe(true);
  expect(boundsOf(blank("circle", 5))).toBeNull();
});

test("bounds hold the whole of a circle; sizes go up to the next round one", () => {
  const [[west, south], [east, north]] = boundsOf(CIRCLE)!;
  expect(distanceM([west, 31], [east, 31])).toBeCloseTo(1000, 1);
  expect(distanceM([121, south], [121, north])).toBeCloseTo(1000, 1);
  expect([0.2, 3, 120, 500, 501].map(niceUp)).toEqual([1, 5, 200, 500, 1000]);
});
