import { beforeAll, expect, test, vi } from "vitest";

// The language is the browser's; here there is none.
vi.mock("../../../i18n/language.svelte.ts", () => ({ reader: { language: "en" } }));

let findings: typeof import("./findings.ts");
let coordinates: typeof import("./coordinates.ts");

beforeAll(async () => {
  findings = await import("./findings.ts");
  coordinates = await import("./coordinates.ts");
});

test("repairs are told with their places", () => {
  const told = findings.repairsOf([
    "closed a ring at 121.000000, 31.000000",
    "removed 2 repeated points",
    "repaired what was not valid: Self-intersection[121.5 31.25]",
    "something new",
  ]);
  expect(told.map(({ place }) => place)).toEqual([[121, 31], null, [121.5, 31.25], null]);
  expect(told[2]!.text).toContain("crosses itself");
  expect(told[3]!.text).toBe("something new");
});

test("refusals are told with their places", () => {
  const told = findings.refusalOf("a polygon needs three different corners, at longitude 121.500000, latitude -3.000000");
  expect(told).toEqual({ text: "A polygon needs three different corners", place: [121.5, -3] });
  const flat = "the fence encloses no area (Self-intersection[1 2]), at longitude 1.000000, latitude 2.000000";
  expect(findings.refusalOf(flat).text).toBe("The geofence encloses no area");
});

test("points are read as people paste them, and a wrong line is named", () => {
  const { read, written } = coordinates;
  expect(read("31.2, 121.5\n\n31.3\t121.6\n31.4，121.7")).toEqual({
    points: [[121.5, 31.2], [121.6, 31.3], [121.7, 31.4]],
    wrongLine: null,
  });
  expect(read("31.2, 121.5\n121.5, 31.2").wrongLine).toBe(2);
  expect(read("31.2").wrongLine).toBe(1);
  expect(read(written([[121.5, 31.2]])).points).toEqual([[121.5, 31.2]]);
});
