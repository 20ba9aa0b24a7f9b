// Keys that work on the whole page. Single keys can be turned off: speech input, for one, types them by mistake.

const KEPT_AS = "zaitu.dispatch.keys";

class Shortcuts {
  on = $state(typeof localStorage === "undefined" || localStorage.getItem(KEPT_AS) !== "off");

  toggle(): void {
    this.on = !this.on;
    localStorage.setItem(KEPT_AS, this.on ? "on" : "off");
  }
}

export const shortcuts = new Shortcuts();

/** Whether keys are typed into something, or a dialog has them for itself. */
export function isTyping(event: KeyboardEvent): boolean {
  const element = event.target instanceof HTMLElement ? event.target : null;
  return element?.closest("input, textarea, select, [contenteditable], dialog") != null;
}
