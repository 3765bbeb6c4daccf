/** The calls that the simulator knows by name; `other` is every other path. */
export type RouteName = "add" | "list" | "role" | "remove" | "identity" | "user" | "find-rows" | "other";

/** Where a request goes, with the ids of its path in lower case (whether Flex minds their case is unknown). */
export type Route = {
  name: RouteName;
  element: string | null;
  resource: string | null;
  line: string | null;
  /** The path is known but not with this method. */
  methodNotSupported: boolean;
};

type Pattern = { method: string; path: RegExp; name: RouteName };

const ID = "([^/]+)";
const PATTERNS: readonly Pattern[] = [
  { method: "POST", path: new RegExp(`^/line-item/${ID}/add-resource/${ID}/?$`), name: "add" },
  { method: "GET", path: new RegExp(`^/line-item/${ID}/row-data/findRowData$`), name: "find-rows" },
  { method: "GET", path: new RegExp(`^/line-item/${ID}/row-data/?$`), name: "list" },
  { method: "POST", path: new RegExp(`^/line-item/${ID}/row-data/?$`), name: "role" },
  { method: "DELETE", path: new RegExp(`^/line-item/${ID}$`), name: "remove" },
  { method: "GET", path: new RegExp(`^/element/${ID}/identity/?$`), name: "identity" },
  { method: "GET", path: /^\/user-profile\/current-user\/?$/, name: "user" },
  { method: "", path: /^\/line-item\/?$/, name: "other" }, // bulk deletion: not supported
];
// Guessed by a client, without evidence that it exists: 404 rather than 405.
const GUESSED = new RegExp(`^/line-item/${ID}$`);

/** Finds the route of a path below `/f5/api`. */
export function findRoute(method: string, path: string): Route {
  const known = PATTERNS.filter((pattern) => pattern.path.test(path));
  const pattern = known.find((candidate) => candidate.method === method);
  const [first = null, second = null] = (pattern?.path.exec(path)?.slice(1) ?? []).map(decodeId);
  const name = pattern?.name ?? "other";
  return {
    name,
    element: name === "remove" ? null : first,
    resource: name === "add" ? second : null,
    line: name === "remove" ? first : null,
    methodNotSupported: !pattern && known.length > 0 && !(method === "GET" && GUESSED.test(path)),
  };
}

function decodeId(text: string): string {
  try {
    return decodeURIComponent(text).toLowerCase();
  } catch {
    return text.toLowerCase();
  }
}
