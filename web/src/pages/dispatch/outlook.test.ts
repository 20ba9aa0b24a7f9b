import { expect, test } from "vitest";

import { outlookOf, worst } from "./outlook.ts";

const NOON = new Date("2026-11-21T12:00:00Z");
const after = (minutes: number) => new Date(NOON.getTime() + minutes * 60_000).toISOString();

function order(number: string, promisedMin: number, p50Min: number | null, probability: number | null) {
  return {
    id: number,
    number,
    promised_at: after(promisedMin),
    priority: "regular",
    customer_level: null,
    p50_at: p50Min === null ? null : after(p50Min),
    p90_at: p50Min === null ? null : after(p50Min + 10),
    probability_late: probability,
    late_min: null,
    left_min: promisedMin,
  };
}

test("time goes on after the API answered", () => {
  const later = new Date(NOON.getTime() + 10 * 60_000);
  const found = outlookOf(order("a", 30, 45, 0.8), later);
  expect([found.leftSeconds, found.lateSeconds, found.chance]).toEqual([1200, 900, 0.8]);
});

test("an order whose promise has passed is late for certain, and later every minute", () => {
  const found = outlookOf(order("a", -5, -1, 0.7), NOON);
  expect([found.chance, found.lateSeconds]).toEqual([1, 300]);
});

test("the likeliest to be late stands for an alert, then the one with the least time", () => {
  const orders = [order("a", 60, 70, 0.6), order("b", 90, 120, 0.9), order("c", 30, 60, 0.9), order("d", 5, null, null)];
  expect(worst(orders, NOON)?.order.number).toBe("c");
  expect(worst([], NOON)).toBeNull();
});
