/** What a handler answers; `serve` adds the headers that every answer has. */
export type Answer = {
  status: number;
  type: string;
  body: string;
  headers?: Record<string, string>;
};

export function json(status: number, document: unknown): Answer {
  return { status, type: "application/json; charset=utf-8", body: `${JSON.stringify(document)}\n` };
}

export function plain(status: number, text: string, headers: Record<string, string> = {}): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${text}\n`, headers };
}

/** Read it with GET from there. */
export function seeOther(location: string, headers: Record<string, string> = {}): Answer {
  return { ...plain(303, `See ${location}`), headers: { ...headers, Location: location } };
}
