/** A key nobody else makes. (`crypto.randomUUID` needs TLS, and depots run without.) */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
