import type { Sql } from "postgres";

/** An answer other than 200. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export type WhoMayOptions = {
  sql: Sql;
  supabaseUrl: string;
  /** The anon key, which Auth wants to see beside the user's token. */
  apiKey: string;
  /** What `profiles.role` has to say. */
  roles: string[];
};

/**
 * Who asks, as Supabase Auth says, if their profile has one of the roles.
 *
 * @returns a function that answers a name for the history, or throws a Refusal (401, 403, 502)
 */
export function askWhoMay({ sql, supabaseUrl, apiKey, roles }: WhoMayOptions) {
  return async (request: Request): Promise<string> => {
    const authorization = request.headers.get("authorization");
    if (!authorization) throw new Refusal(401, "no Authorization header");
    const answer = await fetch(`${supabaseUrl}/auth/v1/user`, {
      headers: { authorization, apikey: apiKey },
      signal: AbortSignal.timeout(10_000),
    }).catch(() => undefined);
    if (!answer || answer.status >= 500) throw new Refusal(502, "Auth does not answer");
    const user = answer.ok ? ((await answer.json()) as { id?: string; email?: string }) : {};
    if (!user.id) throw new Refusal(401, "the token is not a user's, or has expired");
    const [profile] = await sql`select role from public.profiles where id::text = ${user.id}`;
    if (!roles.includes(profile?.role)) throw new Refusal(403, `needs one of the roles ${roles.join(", ")}`);
    return user.email ?? user.id;
  };
}
