// Light or dark: as the system has it, unless the reader chose, which is kept.

export type Theme = "light" | "dark";

const KEPT_AS = "zaitu.theme";

class Appearance {
  theme = $state<Theme>("light");

  constructor() {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const kept = localStorage.getItem(KEPT_AS);
    this.#show(kept === "dark" || kept === "light" ? kept : system.matches ? "dark" : "light");
    system.addEventListener("change", (event) => {
      if (localStorage.getItem(KEPT_AS) === null) this.#show(event.matches ? "dark" : "light");
    });
  }

  choose(theme: Theme): void {
    localStorage.setItem(KEPT_AS, theme);
    this.#show(theme);
  }

  #show(theme: Theme): void {
    this.theme = theme;
    document.documentElement.dataset["theme"] = theme;
  }
}

export const appearance = new Appearance();
