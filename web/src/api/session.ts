// Who is signed in. The access token lives in memory for its ten minutes; the refresh token, good once, in
// localStorage, where a lock keeps two tabs from using the same one (which would end the session).

import { ApiError, errorOf } from "./problems.ts";
import type { components } from "./schema.d.ts";

type Tokens = components["schemas"]["Tokens"];

const KEPT_AS = "zaitu.refresh";
const BEGAN_AS = "zaitu.provider";
const EARLY_MS = 30_000;

let access: { token: string; until: number } | null = null;
let renewing: Promise<string> | null = null;

/** Whether somebody was signed in here; whether they still are, the server says. */
export function isSignedIn(): boolean {
  return access !== null || localStorage.getItem(KEPT_AS) !== null;
}

/** Sign in; throws ApiError 400 for a wrong login or password, 429 after too many. */
export async function signIn(login: string, password: string): Promise<void> {
  keep(await ask("/v1/token", { grant_type: "password", username: login, password }));
}

/** To the company's identity provider, which sends the browser back to the sign-in page. */
export function goToProvider(): void {
  sessionStorage.setItem(BEGAN_AS, "yes");
  location.assign("/v1/oidc/login");
}

/**
 * Back from the identity provider: take over the session the address carries, and clear it from there.
 *
 * Only where this tab went there itself: a link somebody sent could otherwise sign people in as its sender.
 * Returns whether there was one; throws ApiError 400 when it is not good any more.
 */
export async function takeOver(): Promise<boolean> {
  const refresh = new URLSearchParams(location.hash.slice(1)).get("refresh_token");
  if (refresh === null) return false;
  history.replaceState(null, "", location.pathname + location.search);
  if (sessionStorage.getItem(BEGAN_AS) === null) return false;
  sessionStorage.removeItem(BEGAN_AS);
  keep(await ask("/v1/token", { grant_type: "refresh_token", refresh_token: refresh }));
  return true;
}

/** Sign out here and on the server. */
export async function signOut(): Promise<void> {
  const refresh = localStorage.getItem(KEPT_AS);
  forget();
  if (refresh === null) return;
  const body = new URLSearchParams({ token: refresh });
  await fetch("/v1/token/revocation", { method: "POST", body }).catch(() => undefined);
}

/** An access token that is good for a while; throws ApiError 401 when nobody is signed in (any more). */
export async function accessToken(): Promise<string> {
  if (access !== null && Date.now() < access.until - EARLY_MS) return access.token;
  renewing ??= alone(renew).finally(() => (renewing = null));
  return renewing;
}

/** Forget an access token the server did not take. */
export function distrust(token: string): void {
  if (access?.token === token) access = null;
}

/** To the sign-in page, and back here afterwards. */
export function goSignIn(): void {
  const here = location.pathname + location.search;
  location.assign(here === "/" ? "/signin" : `/signin?next=${encodeURIComponent(here)}`);
}

async function renew(): Promise<string> {
  const refresh = localStorage.getItem(KEPT_AS);
  if (refresh === null) throw new ApiError(401);
  try {
    return keep(await ask("/v1/token", { grant_type: "refresh_token", refresh_token: refresh }));
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 400) throw error;
    forget();
    throw new ApiError(401);
  }
}

async function ask(path: string, form: Record<string, string>): Promise<Tokens> {
  let response;
  try {
    response = await fetch(path, { method: "POST", body: new URLSearchParams(form) });
  } catch {
    throw new ApiError(0);
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw errorOf(response, body);
  return body as Tokens;
}

function keep(tokens: Tokens): string {
  access = { token: tokens.access_token, until: Date.now() + tokens.expires_in * 1000 };
  localStorage.setItem(KEPT_AS, tokens.refresh_token);
  return tokens.access_token;
}

function forget(): void {
  access = null;
  localStorage.removeItem(KEPT_AS);
}

/** One tab at a time. Where a page is served without TLS there are no locks, and tabs must hope. */
async function alone(work: () => Promise<string>): Promise<string> {
  return "locks" in navigator ? await navigator.locks.request("zaitu.session", work) : await work();
}
