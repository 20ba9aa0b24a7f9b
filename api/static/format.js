// Texts, times and small elements, for both pages.

export const texts = JSON.parse(document.body.dataset.texts);
const language = document.documentElement.lang;

export function clock(at, timeZone) {
  if (!at) return "";
  const options = { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone };
  return new Intl.DateTimeFormat(language, options).format(new Date(at));
}

export function ago(at) {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(at).getTime()) / 1000));
  const [amount, unit] =
    seconds < 60 ? [seconds, "second"] : seconds < 3600 ? [Math.round(seconds / 60), "minute"]
      : seconds < 86400 ? [Math.round(seconds / 3600), "hour"] : [Math.round(seconds / 86400), "day"];
  return new Intl.RelativeTimeFormat(language, { numeric: "always", style: "short" }).format(-amount, unit);
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function connection(text, state = "") {
  const shown = document.getElementById("connection");
  shown.textContent = text;
  shown.className = state;
}
