// What the installation tells everybody: its name, where it works, its map tiles.

import { answer, publicApi, type Schema } from "./client.ts";

let asked: Promise<Schema["PageConfig"]> | null = null;

/** The installation's configuration, asked for once; throws ApiError. */
export function pageConfig(): Promise<Schema["PageConfig"]> {
  asked ??= answer(publicApi.GET("/v1/config")).catch((error: unknown) => {
    asked = null;
    throw error;
  });
  return asked;
}
