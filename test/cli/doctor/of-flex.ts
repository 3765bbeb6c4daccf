import type { Stage } from "../stage.ts";
import type { Misconfiguration } from "./misconfiguration.ts";

const REAL = "https://127.0.0.1.nip.example";

/** Somebody else's address is not asked in a test: what is suggested is compared, not tried. */
export const addresses: [given: string, meant: string | null][] = [
  ["https://acme.flexrentalsolutions.com", "https://acme.flexrentalsolutions.com/f5/api"],
  ["https://acme.flexrentalsolutions.com/", "https://acme.flexrentalsolutions.com/f5/api"],
  ["https://acme.flexrentalsolutions.com/f5/ui/?desktop#home", "https://acme.flexrentalsolutions.com/f5/api"],
  ["https://acme.flexrentalsolutions.com/api", "https://acme.flexrentalsolutions.com/f5/api"],
  ["http://acme.flexrentalsolutions.com/f5/api", "https://acme.flexrentalsolutions.com/f5/api"],
  ["acme.flexrentalsolutions.com", "https://acme.flexrentalsolutions.com/f5/api"],
  ["https://me:secret@acme.flexrentalsolutions.com/f5/api", null],
  ["ftp://acme.flexrentalsolutions.com/f5/api", null],
  ["AToken0123456789abcdef", null],
];

const withToken = ({ flex }: Stage) => ({ FLEX_AUTH_TOKEN: flex.token });
const withAddress = ({ flex }: Stage) => ({ FLEX_BASE_URL: flex.baseUrl });

export const ofFlex: Misconfiguration[] = [
  {
    name: "no token",
    check: "flex_token",
    status: "fail",
    names: "FLEX_AUTH_TOKEN is not set",
    make: () => ({ FLEX_AUTH_TOKEN: "" }),
    mend: withToken,
  },
  {
    name: "a token that Flex refuses",
    check: "flex",
    status: "fail",
    names: "refuses the token",
    make: () => ({ FLEX_AUTH_TOKEN: "WrongToken0123456789" }),
    mend: withToken,
  },
  {
    name: "a timeout that is no number",
    check: "flex_timeout",
    status: "fail",
    names: "FLEX_TIMEOUT_MS",
    make: () => ({ FLEX_TIMEOUT_MS: "soon" }),
  },
  {
    name: "an address without /f5",
    check: "flex_base_url",
    status: "fail",
    names: "/f5/api",
    make: ({ flex }) => ({ FLEX_BASE_URL: flex.baseUrl.replace("/f5/api", "") }),
  },
  {
    name: "a Flex that nobody is at",
    check: "flex",
    status: "fail",
    names: "ECONNREFUSED",
    make: () => ({ FLEX_BASE_URL: "http://127.0.0.1:1/f5/api" }),
    mend: withAddress,
  },
  {
    name: "a Flex whose name is none",
    check: "flex",
    status: "fail",
    names: "cannot be reached",
    make: () => ({ FLEX_BASE_URL: `${REAL.replace("nip.example", "invalid")}/f5/api` }),
    mend: withAddress,
  },
  {
    name: "a server that speaks no TLS",
    check: "flex",
    status: "fail",
    names: "cannot be reached",
    make: ({ flex }) => ({ FLEX_BASE_URL: flex.baseUrl.replace("http:", "https:") }),
    mend: withAddress,
  },
  {
    name: "a Flex that is down",
    check: "flex",
    status: "fail",
    names: "503",
    make({ flex }) {
      flex.fault({ route: "any", forever: true, do: { kind: "gateway", status: 503 } });
      return undefined;
    },
    mend({ flex }) {
      flex.clearFaults();
      return undefined;
    },
  },
  {
    name: "a breaker that is open",
    check: "breaker",
    status: "fail",
    names: "token_refused",
    also: ["flex warn"],
    async make({ sql }) {
      await sql`update flex_sync.tenant set breaker_opened_at = now(), breaker_reason = 'token_refused', probe_at = now()`;
      return undefined;
    },
    async mend({ startDrain, sql }) {
      // A drainer with a good token: it closes by itself.
      await startDrain();
      while ((await sql`select from flex_sync.tenant where breaker_opened_at is not null`).length > 0)
        await sql`select pg_sleep(0.1)`;
      return undefined;
    },
  },
];
