// What can be done with an alert, and the key for it.

import type { Schema } from "../../../api/client.ts";
import { names } from "../../../i18n/texts.ts";
import { type Ability, may } from "../abilities.ts";

export type Act = "acknowledge" | "snooze" | "assign" | "note" | "resolve";

export const ACTS: Record<Act, string> = { acknowledge: "a", snooze: "s", assign: "g", note: "n", resolve: "r" };

export const actName = names<Act>({
  acknowledge: ["确认", "Acknowledge"],
  snooze: ["稍后", "Snooze"],
  assign: ["指派", "Assign"],
  note: ["备注", "Note"],
  resolve: ["了结", "Resolve"],
});

/** What a role may do with alerts. */
export function actsOf(role: Schema["Role"]): Act[] {
  return (Object.keys(ACTS) as Act[]).filter((act) => may(role, act satisfies Ability));
}

/** The act of a key; null for any other key. */
export function actOf(key: string, allowed: readonly Act[]): Act | null {
  return allowed.find((act) => ACTS[act] === key.toLowerCase()) ?? null;
}
