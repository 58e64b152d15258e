// Promises one text and one short hash for equal values, whatever the order in which their fields were written.
// Leaves the meaning of the fields to spec.ts.

/**
 * JSON with sorted keys and no spaces; fields that are undefined are left out. Throws on what JSON would bend silently
 * (NaN, infinities, functions, undefined in a list).
 */
export function canonicalJson(value: unknown, path = "value"): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new Error(`canonical JSON: ${path} is ${value}; give a finite number`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => canonicalJson(item, `${path}[${index}]`)).join(",")}]`;
  }
  if (typeof value === "object") {
    const fields = Object.entries(value as Record<string, unknown>)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item, `${path}.${key}`)}`);
    return `{${fields.join(",")}}`;
  }
  throw new Error(`canonical JSON: ${path} is of type ${typeof value}; give plain data`);
}

/** SHA-256 of text or bytes, in hexadecimal. */
export async function sha256(data: string | Uint8Array): Promise<string> {
  // The copy gives Web Crypto a buffer of its own: bytes may lie in shared memory, which it refuses.
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
