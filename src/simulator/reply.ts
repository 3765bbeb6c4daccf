/** One answer of the simulator, before it is written to the socket. */
export type Reply = {
  status: number;
  body: string;
  contentType: string | null;
  headers: Record<string, string>;
};

/** What a route makes of a request: its answer, and the change that it makes to the world (none for a refusal). */
export type Handled = { reply: Reply; apply?: () => void };

export function json(status: number, value: unknown): Reply {
  return { status, body: JSON.stringify(value), contentType: "application/json", headers: {} };
}

export function html(status: number, body: string): Reply {
  return { status, body, contentType: "text/html; charset=iso-8859-1", headers: {} };
}

export function empty(status: number): Reply {
  return { status, body: "", contentType: null, headers: {} };
}
