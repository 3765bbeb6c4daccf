const MAX_LENGTH = 300;
// Control and format characters (zero width, direction marks), line separators, half surrogates (no UTF-8).
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text from Flex made fit for a log line and for Postgres, at most `maxLength` characters. */
export function printable(text: string, maxLength: number): string {
  return Array.from(text.replace(UNPRINTABLE, " ").replace(/ +/g, " ").trim()).slice(0, maxLength).join("");
}

/** Returns the function that makes every error text of one caller: printable, without the token, 300 characters. */
export function errorTextWithout(token: string): (text: string) => string {
  const spellings = [...new Set([token, encodeURIComponent(token)])];
  return (text) => {
    const squeezed = text.replace(UNPRINTABLE, "");
    const hidden = spellings.some((spelling) => squeezed.toLowerCase().includes(spelling.toLowerCase()));
    let clean = hidden ? squeezed : text; // a token interrupted by such characters is a token all the same
    for (const spelling of spellings) clean = clean.replaceAll(ignoringCase(spelling), "[token]");
    return printable(clean, MAX_LENGTH);
  };
}

/**
 * The message in an error body: `exceptionMessage`, else `message`, else `error` when they are text.
 * (`exceptionMessage` is recorded, the others are what public clients look for.)
 */
export function messageOf(json: unknown): string | null {
  if (typeof json !== "object" || json === null) return null;
  const body = json as Record<string, unknown>;
  for (const key of ["exceptionMessage", "message", "error"]) {
    const value = body[key];
    if (typeof value === "string" && value.trim() !== "") return value;
  }
  return null;
}

/** Whether a 2xx body says that it is an error: non-empty `exceptionMessage` or `error`, or `success: false`. */
export function isErrorBody(json: unknown): boolean {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return false;
  const body = json as Record<string, unknown>;
  return isFilled(body.exceptionMessage) || isFilled(body.error) || body.success === false;
}

function isFilled(value: unknown): boolean {
  if (typeof value === "string") return value.trim() !== "";
  return value !== undefined && value !== null && value !== false;
}

function ignoringCase(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
}
