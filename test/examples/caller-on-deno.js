// Run by deno.test.ts on Deno: asks a Flex whatever the test posts, one attempt each, and answers the outcome.
import process from "node:process";
import { createFlexCaller } from "flex-crew-sync";

Deno.serve(async (request) => {
  const { baseUrl, element, resource, token } = await request.json();
  let started = 0;
  const beforeFirstByte = () => {
    started += 1;
    return process.env.MAY_START !== "no";
  };
  const caller = createFlexCaller({ baseUrl, token, timeoutMs: 1_000 });
  const added = await caller.addResource(element, resource, { beforeFirstByte });
  const read = await caller.readLines(element);
  await caller.close();
  const { class: add, status } = added;
  return Response.json({ add, status, started, read: read.class });
});
