// Geofences as the API has them.

import { answer, api, type Schema } from "../../../api/client.ts";
import type { Geofence, Purpose } from "./names.ts";

/** All geofences, or all of a purpose. */
export async function readFences(purpose?: Purpose): Promise<Geofence[]> {
  const found: Geofence[] = [];
  let after: string | null = null;
  do {
    const query = { limit: 500, ...(purpose ? { purpose } : {}), ...(after ? { after } : {}) };
    const page: Schema["Page_Geofence_"] = await answer(api.GET("/v1/geofences", { params: { query } }));
    found.push(...page.items);
    after = page.next ?? null;
  } while (after !== null);
  return found;
}

/** Whether it has ended by then. */
export function isOver(fence: Geofence, by: Date): boolean {
  return fence.valid_to !== null && new Date(fence.valid_to) <= by;
}
