// Which critical alerts are news, and when to say so: at most one notice a minute, of all that came since the last.

import type { Schema } from "../../api/client.ts";

type Alert = Schema["Alert"];

/** So long is waited for others that come together with the first. */
export const GATHER_MS = 3000;
export const SHORTEST_GAP_MS = 60_000;

export class CriticalNews {
  #known: Set<string> | null = null;
  #waiting = new Map<string, Alert>();
  #firstMs = 0;
  #saidMs = Number.NEGATIVE_INFINITY;

  /** Look at the open alerts. What was open at the first look is no news, nor is what somebody has seen. */
  see(alerts: readonly Alert[], nowMs: number): void {
    const critical = alerts.filter(({ severity, found_late }) => severity === "critical" && !found_late);
    const isFirst = this.#known === null;
    const known = (this.#known ??= new Set());
    const open = new Set<string>();
    for (const alert of critical) {
      if (alert.acknowledged_at === null) open.add(alert.id);
      if (known.has(alert.id)) continue;
      known.add(alert.id);
      if (isFirst || alert.acknowledged_at !== null) continue;
      if (this.#waiting.size === 0) this.#firstMs = nowMs;
      this.#waiting.set(alert.id, alert);
    }
    for (const id of this.#waiting.keys()) if (!open.has(id)) this.#waiting.delete(id);
  }

  /** What is to be said now, and then no more; empty: nothing, or not yet. */
  take(nowMs: number): Alert[] {
    const isTime = nowMs >= this.#firstMs + GATHER_MS && nowMs >= this.#saidMs + SHORTEST_GAP_MS;
    if (this.#waiting.size === 0 || !isTime) return [];
    const said = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#saidMs = nowMs;
    return said;
  }
}
