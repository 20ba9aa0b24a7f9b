// Made while the pages are built (vite-ground.ts).
declare module "virtual:ground" {
  /** Address of the tiles, with {z}, {x} and {y}. */
  export const url: string;
  export const finestZoom: number;
}
