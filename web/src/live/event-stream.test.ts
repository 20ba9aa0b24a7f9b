import { expect, test } from "vitest";

import { EventParser } from "./event-stream.ts";

function parsed(...pieces: string[]) {
  const parser = new EventParser();
  return pieces.flatMap((piece) => [...parser.push(piece)]);
}

test("events are found however the text is cut", () => {
  const text = "id: 7:1\nevent: view\ndata: {\ndata: }\n\n: still here\n\nevent: end\ndata: {}\n\n";
  const whole = parsed(text);
  expect(whole).toEqual([
    { id: "7:1", name: "view", data: "{\n}" },
    { id: "7:1", name: "end", data: "{}" },
  ]);
  for (let cut = 0; cut <= text.length; cut++) {
    expect(parsed(text.slice(0, cut), text.slice(cut))).toEqual(whole);
  }
  expect(parsed(...text)).toEqual(whole);
});

test("lines may end as on any system", () => {
  expect(parsed("event: a\r\ndata: 1\r\n\r\n")).toEqual([{ id: "", name: "a", data: "1" }]);
  expect(parsed("data:no blank\n\n")).toEqual([{ id: "", name: "message", data: "no blank" }]);
});

test("an event is not told before its empty line", () => {
  expect(parsed("event: a\ndata: 1\n")).toEqual([]);
});
