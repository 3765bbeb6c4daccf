/** The part of a path that names a crew call. */
export const CREW_CALL_ID = "(?<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})";

export function isUuid(text: string): boolean {
  return new RegExp(`^${CREW_CALL_ID}$`).test(text);
}
