import type { Schema } from "../api/client.ts";

/** What a colour means here. */
export type Tone = "neutral" | "good" | "warn" | "bad" | "info" | "brand";

const OF_COLOUR: Record<Schema["Colour"], Tone> = { green: "good", yellow: "warn", red: "bad" };

/** The tone of a milestone's or clock's colour. */
export function toneOf(colour: Schema["Colour"]): Tone {
  return OF_COLOUR[colour];
}
