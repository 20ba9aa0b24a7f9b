import { expect, test } from "vitest";
import { clock, expectedAt, expectedClock, notBefore } from "./times.ts";

const NOW = new Date("2026-03-02T09:00:00Z");
const IN_TEN_MINUTES = new Date("2026-03-02T09:10:00Z");
const AGO = new Date("2026-03-02T08:58:00Z");

test("an expected time to come is told, one that is past is due", () => {
  expect(expectedClock(IN_TEN_MINUTES, NOW, "UTC")).toBe("09:10");
  expect(expectedAt(IN_TEN_MINUTES, NOW, "UTC")).toContain("09:10");
  for (const due of [expectedClock(AGO, NOW, "UTC"), expectedAt(AGO, NOW, "UTC"), expectedClock(NOW, NOW, "UTC")]) {
    expect(["due now", "随时可到"]).toContain(due);
  }
});

test("a window of expected times does not begin in the past", () => {
  expect(clock(notBefore(AGO, NOW), "UTC")).toBe("09:00");
  expect(notBefore(IN_TEN_MINUTES, NOW)).toBe(IN_TEN_MINUTES);
});
