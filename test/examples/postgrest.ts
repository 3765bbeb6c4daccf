import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Sql } from "postgres";
import { onTestFinished } from "vitest";

type Answer = { status: number; body: unknown };

/**
 * A stand-in for PostgREST, as far as `rpc` needs one: `POST /rest/v1/rpc/NAME` with named arguments as JSON becomes
 * `select NAME(argument => …)` as the role of the key, in a transaction; errors have PostgREST's shape.
 *
 * @param keys what stands for a signed token here, and its role
 */
export async function startPostgrest(sql: Sql, keys: Record<string, string>): Promise<string> {
  const server = createServer(async (request, response) => {
    const { status, body } = await call(sql, keys, request);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function call(sql: Sql, keys: Record<string, string>, request: IncomingMessage): Promise<Answer> {
  const role = keys[request.headers.authorization?.replace("Bearer ", "") ?? ""];
  if (!role) return { status: 401, body: error("PGRST301", "No suitable key was found to decode the JWT") };
  const [, name = ""] = /^\/rest\/v1\/rpc\/(\w+)$/.exec(request.url ?? "") ?? [];
  const json = await text(request);
  const given = Object.keys(JSON.parse(json) as object);
  const [signature] = await sql<{ types: string[]; names: string[] }[]>`
    select proargnames as names, array(select format_type(oid, null) from unnest(proargtypes) as oid) as types
    from pg_proc where pronamespace = 'public'::regnamespace and proname = ${name}`;
  if (!signature || given.some((argument) => !signature.names.includes(argument)))
    return { status: 404, body: error("PGRST202", `Could not find the function public.${name}`) };
  const columns = given.map(
    (argument) => `${argument} ${signature.types[signature.names.indexOf(argument)]}`,
  );
  const named = given.map((argument) => `${argument} => given.${argument}`);
  try {
    const [row] = await sql.begin(async (transaction) => {
      await transaction.unsafe(`set local role ${role}`);
      await transaction`select set_config('request.jwt.claims', ${JSON.stringify({ role })}, true)`;
      return transaction.unsafe(
        `select public.${name}(${named.join(", ")}) as value from jsonb_to_record($1::text::jsonb) as given (${columns.join(", ")})`,
        [json],
      );
    });
    return { status: 200, body: row?.value };
  } catch (thrown) {
    const { code = "", message = "", detail = null, hint = null } = thrown as Record<string, string>;
    const denied = role === "anon" ? 401 : 403;
    return { status: code === "42501" ? denied : 400, body: { code, message, details: detail, hint } };
  }
}

const error = (code: string, message: string) => ({ code, message, details: null, hint: null });
