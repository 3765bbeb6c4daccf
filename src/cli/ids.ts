import { ConfigurationError } from "../errors.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * An id from the command line, trimmed and lower-case.
 *
 * @param what what the id is of, such as `crew call`
 * @throws ConfigurationError BADID, which names the value
 */
export function checkId(value: string, what: string, where: string): string {
  const id = value.trim().toLowerCase();
  if (UUID.test(id)) return id;
  throw new ConfigurationError(
    "BADID",
    `${JSON.stringify(value.slice(0, 80))} is not the id of a ${what}`,
    `Pass ${where}, a UUID such as 3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60.`,
  );
}
