// What a role may do here, as api/access_rules.py has it: what is not allowed is not shown. The API refuses it, too.

import type { Schema } from "../../api/client.ts";

type Role = Schema["Role"];

const MANAGERS: readonly Role[] = ["manager", "admin"];
const PLANNERS: readonly Role[] = ["dispatcher", ...MANAGERS];
const OFFICE: readonly Role[] = [...PLANNERS, "customer_service"];
const STAFF: readonly Role[] = [...OFFICE, "warehouse"];

const WHO = {
  acknowledge: STAFF,
  note: STAFF,
  assign: OFFICE,
  snooze: OFFICE,
  resolve: OFFICE,
  seeTrack: OFFICE,
  giveToVehicle: PLANNERS,
  drawFences: PLANNERS,
  correctClocks: MANAGERS,
  seeRejected: MANAGERS,
  approveDevices: MANAGERS,
} satisfies Record<string, readonly Role[]>;

export type Ability = keyof typeof WHO;

/** Whether a role may do something. */
export function may(role: Role, ability: Ability): boolean {
  return (WHO[ability] as readonly Role[]).includes(role);
}
