// Says aloud, or on the desktop, that there are new critical alerts, where somebody asked for that.

import { alertName } from "../../i18n/domain.ts";
import { texts } from "../../i18n/texts.ts";
import type { Schema } from "../../api/client.ts";
import { CriticalNews } from "./critical.ts";

type Alert = Schema["Alert"];

const t = texts({
  critical: ["{n} 条新的紧急告警", { one: "{n} new critical alert", other: "{n} new critical alerts" }],
});
const KEPT_AS = "zaitu.dispatch.bell";
const LOOK_MS = 1000;
const MOST_NAMED = 3;

class Bell {
  on = $state(typeof localStorage !== "undefined" && localStorage.getItem(KEPT_AS) === "on");
  #news = new CriticalNews();
  #sound: AudioContext | null = null;

  /** Ask for notices, or do without; called by a press, without which browsers allow neither sound nor notices. */
  async toggle(): Promise<void> {
    this.on = !this.on;
    localStorage.setItem(KEPT_AS, this.on ? "on" : "off");
    if (!this.on) return;
    this.#ring();
    if ("Notification" in window && Notification.permission === "default") await Notification.requestPermission();
  }

  see(alerts: readonly Alert[]): void {
    this.#news.see(alerts, performance.now());
  }

  /** Watch for the time to speak, until the function that is returned is called. */
  watch(): () => void {
    const timer = setInterval(() => {
      const fresh = this.#news.take(performance.now());
      if (fresh.length > 0 && this.on) this.#say(fresh);
    }, LOOK_MS);
    return () => clearInterval(timer);
  }

  #say(fresh: readonly Alert[]): void {
    this.#ring();
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const named = fresh.slice(0, MOST_NAMED).map(({ kind, vehicle_label, orders }) => {
      return `${alertName(kind as Schema["AlertKind"])} ${vehicle_label ?? orders[0]?.number ?? ""}`.trim();
    });
    // The tag: one notice takes the place of the last.
    const notice = new Notification(t("critical", { n: fresh.length }), { body: named.join("\n"), tag: "zaitu.critical" });
    notice.onclick = () => {
      window.focus();
      notice.close();
    };
  }

  /** Two short tones. */
  #ring(): void {
    this.#sound ??= new AudioContext();
    void this.#sound.resume();
    const begin = this.#sound.currentTime;
    for (const [nth, pitchHz] of [660, 880].entries()) {
      const tone = new OscillatorNode(this.#sound, { frequency: pitchHz });
      const volume = new GainNode(this.#sound, { gain: 0 });
      const at = begin + nth * 0.18;
      volume.gain.setTargetAtTime(0.15, at, 0.01);
      volume.gain.setTargetAtTime(0, at + 0.12, 0.03);
      tone.connect(volume).connect(this.#sound.destination);
      tone.start(at);
      tone.stop(at + 0.4);
    }
  }
}

export const bell = new Bell();
