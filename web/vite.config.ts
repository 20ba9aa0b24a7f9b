import { fileURLToPath } from "node:url";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

import { compressed } from "./vite-compressed.ts";
import { ground } from "./vite-ground.ts";

const page = (name: string) => fileURLToPath(new URL(`./${name}.html`, import.meta.url));

export default defineConfig({
  plugins: [svelte(), ground(), compressed()],
  build: {
    target: "es2022",
    // The pages' policy allows no data: scripts or styles, and a file can be cached.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Only the map library is larger, and it is loaded apart.
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: ["index", "track", "work", "desk", "signin"].map(page),
    },
  },
  worker: { format: "es" },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
