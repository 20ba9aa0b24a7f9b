// How the orders of an alert stand, told by the one that is worst off.

import type { Schema } from "../../api/client.ts";

type AlertedOrder = Schema["AlertedOrder"];

export interface Outlook {
  readonly order: AlertedOrder;
  /** 0 to 1; null where no arrival is estimated. */
  readonly chance: number | null;
  /** How long after the promise it probably arrives; negative: before. */
  readonly lateSeconds: number | null;
  /** Until the promise; negative: it has passed. */
  readonly leftSeconds: number;
}

/** How an order stands at a time: what the API said of it, as time went on since. */
export function outlookOf(order: AlertedOrder, now: Date): Outlook {
  const promised = Date.parse(order.promised_at);
  const leftSeconds = (promised - now.getTime()) / 1000;
  const arrival = order.p50_at === null ? null : Math.max(Date.parse(order.p50_at), now.getTime());
  const chance = order.probability_late !== null && leftSeconds <= 0 ? 1 : order.probability_late;
  return { order, chance, lateSeconds: arrival === null ? null : (arrival - promised) / 1000, leftSeconds };
}

/** The order that is most likely late, and of several the one with the least time left; null: the alert names none. */
export function worst(orders: readonly AlertedOrder[], now: Date): Outlook | null {
  const all = orders.map((order) => outlookOf(order, now));
  all.sort((one, other) => (other.chance ?? -1) - (one.chance ?? -1) || one.leftSeconds - other.leftSeconds);
  return all[0] ?? null;
}
