import { expect, test } from "vitest";

import { hashOf, spotOf } from "./place.svelte.ts";

test("an address names a view and what the drawer shows", () => {
  expect(spotOf("#board/order/01-a")).toEqual({ view: "board", drawer: { of: "order", id: "01-a" } });
  expect(spotOf("#board")).toEqual({ view: "board", drawer: null });
});

test("an address that names nothing known is the live view", () => {
  for (const hash of ["", "#", "#nowhere/order", "#live/ship/7"]) {
    expect(spotOf(hash)).toEqual({ view: "live", drawer: null });
  }
});

test("a place's address leads back to it", () => {
  const drawer = { of: "vehicle", id: "a/b" } as const;
  expect(spotOf(hashOf("live", drawer))).toEqual({ view: "live", drawer });
});
