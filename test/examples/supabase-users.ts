import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Stage } from "../cli/stage.ts";

export const MANAGER = "manager@example.org";

/** A stand-in for Supabase Auth: the token is the id of a user. */
async function startAuth(users: Record<string, string>): Promise<string> {
  const auth = createServer((request, response) => {
    const id = request.headers.authorization?.replace("Bearer ", "") ?? "";
    const known = request.url === "/auth/v1/user" && request.headers.apikey === "anon-key" && id in users;
    response.writeHead(known ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(known ? { id, email: users[id] } : { msg: "invalid" }));
  });
  await new Promise<void>((resolve) => auth.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void auth.close());
  return `http://127.0.0.1:${(auth.address() as AddressInfo).port}`;
}

/** Users with profiles: a manager and a technician. */
export async function makeUsers(stage: Stage) {
  const [manager, technician] = [randomUUID(), randomUUID()];
  await stage.sql`alter table profiles add column role text`;
  await stage.sql`insert into profiles (id, role) values (${manager}, 'management'), (${technician}, 'technician')`;
  const supabaseUrl = await startAuth({ [manager]: MANAGER, [technician]: "technician@example.org" });
  return { manager, technician, supabaseUrl };
}
