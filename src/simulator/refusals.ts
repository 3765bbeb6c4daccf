import { html, json, type Reply } from "./reply.ts";

/** 401 for a bad token and for an inaccessible document alike (body recorded for the latter). */
export function accessDenied(): Reply {
  return json(401, { exceptionCode: "FLEX_5000", exceptionMessage: "Access Denied" });
}

/** 403 of the Apache in front for everything outside `/f5` (recorded). */
export function forbidden(): Reply {
  return html(
    403,
    `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
<html><head>
<title>403 Forbidden</title>
</head><body>
<h1>Forbidden</h1>
<p>You don't have permission to access this resource.</p>
<p>Additionally, a 500 Internal Server Error
error was encountered while trying to use an ErrorDocument to handle the request.</p>
<hr>
<address>Apache/2.4.58 (Ubuntu) Server at TENANT.flexrentalsolutions.com Port 80</address>
</body></html>
`,
  );
}

/** 502, 503 and 504 come from that Apache too, so they are HTML (inferred). */
export function gatewayError(status: number): Reply {
  const titles: Record<number, string> = {
    502: "Proxy Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
  };
  const title = `${status} ${titles[status] ?? "Error"}`;
  return html(
    status,
    `<html><head><title>${title}</title></head><body><h1>${titles[status] ?? "Error"}</h1></body></html>\n`,
  );
}

/** 404 with Flex's generic code (recorded for users; unknown paths are 404 too). */
export function notFound(what: string): Reply {
  return json(404, { exceptionCode: "FLEX_5000", exceptionMessage: what });
}

/** Recorded text. */
export function methodNotSupported(method: string): Reply {
  return json(405, { exceptionMessage: `Request method '${method}' not supported`, httpStatusCode: 405 });
}

export function badRequest(exceptionMessage: string): Reply {
  return json(400, { exceptionMessage, httpStatusCode: 400 });
}

/** Recorded text for contacts: 400, not 404. For line items and elements by analogy. */
export function unableToFind(what: string, id: string): Reply {
  return badRequest(`Unable to find ${what} with id: ${id}`);
}

/** Recorded texts: the parameter is missing, or it has a value that the enum does not know. */
export function badParameter(name: string, type: string, fault: "missing" | "unknown"): Reply {
  const tail = fault === "missing" ? "is not present" : "is present but converted to null";
  return badRequest(`Required request parameter '${name}' for method parameter type ${type} ${tail}`);
}

/** Recorded body; no `Retry-After` was ever seen. */
export function tooManyRequests(exceptionMessage: string): Reply {
  return json(429, { exceptionMessage, httpStatusCode: 429 });
}

/** Status and text of a locked element are unknown. */
export function locked(status: number): Reply {
  return json(status, { exceptionMessage: "The element is locked", httpStatusCode: status });
}

export function loginPage(): Reply {
  return html(
    200,
    "<!DOCTYPE html><html><head><title>Flex5 Login</title></head><body>Please log in.</body></html>\n",
  );
}
