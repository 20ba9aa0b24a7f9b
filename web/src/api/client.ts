// The API, with the types of its OpenAPI document.
//
//   const page = await answer(api.GET("/v1/alerts", { params: { query: { limit: 50 } } }));
//
// `answer` gives what the API said, or throws an ApiError. A request of somebody who is not signed in (any more)
// leads to the sign-in page.

import createClient from "openapi-fetch";

import { ApiError, errorOf } from "./problems.ts";
import type { components, paths } from "./schema.d.ts";
import { accessToken, distrust, goSignIn } from "./session.ts";

export type Schema = components["schemas"];

/** For staff: every request carries the access token. */
export const api = createClient<paths>({ fetch: authorizedFetch });

/** For everybody: no token, no sign-in. */
export const publicApi = createClient<paths>({ fetch: plainFetch });

interface Answer<Data> {
  data?: Data | undefined;
  error?: unknown;
  response: Response;
}

/** What the API answered; throws ApiError for everything that is no success. */
export async function answer<Data>(asked: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await asked;
  if (!response.ok) throw errorOf(response, error);
  return data as Data;
}

/** Fetch with the access token, renewed once where the server does not take it (any more). */
export async function authorizedFetch(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await sentBySomebody(request);
  return response.status === 401 ? sentBySomebody(again) : response;
}

async function sentBySomebody(request: Request): Promise<Response> {
  let token;
  try {
    token = await accessToken();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) goSignIn();
    throw error;
  }
  request.headers.set("Authorization", `Bearer ${token}`);
  const response = await plainFetch(request);
  if (response.status === 401) distrust(token);
  return response;
}

async function plainFetch(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0);
  }
}
