// Short words about what just happened; shown by Toasts.svelte, which each page has once.

import type { Tone } from "./tones.ts";

export interface Toast {
  readonly key: number;
  readonly text: string;
  readonly tone: Tone;
}

const SHOWN_MS = 6000;
const MOST = 3;

class Toasts {
  shown = $state<Toast[]>([]);
  #made = 0;

  /** Say something for a few seconds; the oldest leave when there are more than three. */
  say(text: string, tone: Tone = "neutral"): void {
    const key = ++this.#made;
    this.shown = [...this.shown, { key, text, tone }].slice(-MOST);
    setTimeout(() => this.dismiss(key), SHOWN_MS);
  }

  dismiss(key: number): void {
    this.shown = this.shown.filter((toast) => toast.key !== key);
  }
}

export const toasts = new Toasts();
