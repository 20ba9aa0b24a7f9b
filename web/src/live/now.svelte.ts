// The time, told anew every second to whoever shows it, while the page is seen.

import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  document.addEventListener("visibilitychange", update);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", update);
  };
});

/** The time now; a template that calls it is drawn again every second. */
export function now(): Date {
  subscribe();
  return new Date();
}
