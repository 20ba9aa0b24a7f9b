import { expect, test } from "vitest";

import { divided, turned } from "./along.ts";

const CORNER: [number, number][] = [[0, 0], [1, 0], [1, 1]];

test("a line is divided at the place nearest to another", () => {
  const { done, left, share } = divided(CORNER, [0.5, -0.1]);
  expect(done).toEqual([[0, 0], [0.5, 0]]);
  expect(left).toEqual([[0.5, 0], [1, 0], [1, 1]]);
  expect(share).toBeCloseTo(0.25, 4);
});

test("before the beginning nothing is done, after the end everything", () => {
  expect(divided(CORNER, [-3, 0]).share).toBe(0);
  expect(divided(CORNER, [1, 4]).share).toBe(1);
});

test("a heading turns the short way", () => {
  expect(turned(350, 10, 0.5)).toBe(0);
  expect(turned(10, 350, 0.5)).toBe(0);
  expect(turned(90, 180, 0)).toBe(90);
});
