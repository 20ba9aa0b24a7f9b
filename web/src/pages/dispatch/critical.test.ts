import { expect, test } from "vitest";

import type { Schema } from "../../api/client.ts";
import { CriticalNews, GATHER_MS, SHORTEST_GAP_MS } from "./critical.ts";

type Alert = Schema["Alert"];

function alert(id: string, more: Partial<Alert> = {}): Alert {
  return { id, severity: "critical", found_late: false, acknowledged_at: null, ...more } as Alert;
}

const idsOf = (alerts: Alert[]) => alerts.map(({ id }) => id);

test("what was open when the page was opened is no news", () => {
  const news = new CriticalNews();
  news.see([alert("a")], 0);
  news.see([alert("a")], 10_000);
  expect(news.take(1_000_000)).toEqual([]);
});

test("what comes together is said together, once", () => {
  const news = new CriticalNews();
  news.see([], 0);
  news.see([alert("a")], 1000);
  expect(news.take(1000)).toEqual([]);
  news.see([alert("a"), alert("b"), alert("c", { severity: "warning" }), alert("d", { found_late: true })], 2000);
  expect(idsOf(news.take(1000 + GATHER_MS))).toEqual(["a", "b"]);
  expect(news.take(1000 + GATHER_MS)).toEqual([]);
});

test("a flood is one notice a minute", () => {
  const news = new CriticalNews();
  news.see([], 0);
  const open: Alert[] = [];
  const said: number[] = [];
  for (let second = 1; second <= 180; second++) {
    open.push(alert(`alert ${second}`));
    news.see(open, second * 1000);
    if (news.take(second * 1000).length > 0) said.push(second);
  }
  expect(said).toEqual([4, 64, 124]);
  expect(SHORTEST_GAP_MS).toBe(60_000);
});

test("what somebody saw, or what is over, meanwhile is not said", () => {
  const news = new CriticalNews();
  news.see([], 0);
  news.see([alert("a"), alert("b"), alert("c")], 1000);
  news.see([alert("a", { acknowledged_at: "2026-11-21T12:00:00Z" }), alert("c")], 2000);
  expect(idsOf(news.take(10_000))).toEqual(["c"]);
});
