import { expect, test } from "vitest";

import { fromGcj02, type LonLat, toGcj02 } from "./datum.ts";
import values from "./datum-values.json";

test.each(values)("$wgs84 is shifted as the server shifts it, and back", ({ wgs84, gcj02 }) => {
  expectClose(toGcj02(wgs84 as unknown as LonLat), gcj02);
  expectClose(fromGcj02(gcj02 as unknown as LonLat), wgs84);
});

function expectClose(found: readonly number[], expected: readonly number[]) {
  expect(found[0]).toBeCloseTo(expected[0]!, 7);
  expect(found[1]).toBeCloseTo(expected[1]!, 7);
}
