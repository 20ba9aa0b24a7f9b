// Moves a thing smoothly from where it is shown to where it was last seen.

import { between, turned } from "./along.ts";
import type { LonLat } from "./datum.ts";

export interface Pose {
  readonly place: [number, number];
  readonly heading: number;
}

const LONGEST_MS = 2500;
// Further than this (degrees) it did not drive there while somebody looked on.
const JUMP_DEGREES = 0.5;

/** Shows poses one after the other. With reduced motion, or when it is far, it jumps. */
export class Glide {
  #from: Pose | null = null;
  #to: Pose | null = null;
  #beganAt = 0;
  #frame = 0;
  readonly #show: (pose: Pose) => void;

  constructor(show: (pose: Pose) => void) {
    this.#show = show;
  }

  to(place: LonLat, heading: number | null): void {
    const shown = this.#now();
    const goal: Pose = { place: [place[0], place[1]], heading: heading ?? shown?.heading ?? 0 };
    cancelAnimationFrame(this.#frame);
    this.#from = shown === null || isFar(shown.place, goal.place) || isStill() ? goal : shown;
    this.#to = goal;
    this.#beganAt = performance.now();
    this.#step();
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
  }

  readonly #step = (): void => {
    const pose = this.#now();
    if (pose === null) return;
    this.#show(pose);
    if (pose !== this.#to) this.#frame = requestAnimationFrame(this.#step);
  };

  #now(): Pose | null {
    if (this.#from === null || this.#to === null) return null;
    const share = (performance.now() - this.#beganAt) / LONGEST_MS;
    if (share >= 1 || this.#from === this.#to) return this.#to;
    const eased = 1 - (1 - share) ** 3;
    return {
      place: between(this.#from.place, this.#to.place, eased),
      heading: turned(this.#from.heading, this.#to.heading, eased),
    };
  }
}

function isFar(from: LonLat, to: LonLat): boolean {
  return Math.hypot(from[0] - to[0], from[1] - to[1]) > JUMP_DEGREES;
}

function isStill(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
