import { createServer, type Socket } from "node:net";
import { now } from "./statistics.ts";

// A Flex that answers at once and remembers nothing but when each request's first byte came. It reads just as much HTTP
// as it needs to, so that it is not what is measured.

const JSON_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
const answer = (body: string) => `${JSON_HEAD}${body.length}\r\n\r\n${body}`;
const NOTHING = answer("{}");
const NO_LINES = answer("[]");

let arrivals: number[] = [];
let lines = 0;
let waiting: { count: number; reply: () => void }[] = [];

function answerTo(head: string): string {
  if (head.startsWith("GET")) return head.includes("/row-data/") ? NO_LINES : NOTHING;
  if (!head.includes("/add-resource/")) return NOTHING;
  lines += 1;
  const id = `70000000-0000-4000-8000-${String(lines).padStart(12, "0")}`;
  return answer(
    `{"addedResourceLineIds":["${id}"],"affectedRootLineIds":["${id}"],"addedNoteLineId":null,"nonRootClonedLineIds":null}`,
  );
}

function serve(socket: Socket): void {
  let held = "";
  let firstByteAt = 0;
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    if (held === "") firstByteAt = now();
    held += chunk.toString("latin1");
    for (;;) {
      const end = held.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = held.slice(0, end);
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (held.length < end + 4 + length) return;
      held = held.slice(end + 4 + length);
      arrivals.push(firstByteAt);
      socket.write(answerTo(head));
      if (waiting.length > 0) tellWhoWaits();
    }
  });
}

function tellWhoWaits(): void {
  const ready = waiting.filter(({ count }) => arrivals.length >= count);
  waiting = waiting.filter(({ count }) => arrivals.length < count);
  for (const { reply } of ready) reply();
}

/** What the harness asks for: forget what came; wait until so many came, and say when some of them did. */
export type FastFlexRequest =
  | { id: number; do: "reset" }
  | { id: number; do: "wait"; count: number; when: number[] };

process.on("message", (request: FastFlexRequest) => {
  const send = (times: number[]) => process.send?.({ id: request.id, count: arrivals.length, times });
  if (request.do === "reset") {
    arrivals = [];
    send([]);
    return;
  }
  const { count, when } = request;
  waiting.push({ count, reply: () => send(when.map((index) => arrivals[index] ?? Number.NaN)) });
  tellWhoWaits();
});
process.on("disconnect", () => process.exit());

const server = createServer({ noDelay: true }, serve);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" && address ? address.port : 0 });
});
