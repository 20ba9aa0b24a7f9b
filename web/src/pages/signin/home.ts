// Where people go after they signed in.

import { answer, api, type Schema } from "../../api/client.ts";

const HOMES: Record<Schema["Role"], string> = {
  customer: "/track",
  shipper: "/track",
  driver: "/work",
  warehouse: "/work",
  customer_service: "/desk",
  dispatcher: "/",
  manager: "/",
  admin: "/",
};

/** The page of whoever is signed in; throws ApiError. */
export async function homeOf(): Promise<string> {
  const { role } = await answer(api.GET("/v1/me"));
  return HOMES[role];
}

/** A path within this site, for somebody could have sent a link that leads elsewhere; null for anything else. */
export function safePath(given: string | null): string | null {
  return given !== null && /^\/(?![/\\])/.test(given) ? given : null;
}
