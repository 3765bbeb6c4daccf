import { ConfigurationError } from "../errors.ts";
import type { FaceSettings } from "../face/face-settings.ts";
import { type Env, read } from "./environment.ts";

const SHORTEST_TOKEN = 16;

/**
 * How the daemon shows itself over HTTP; null where PORT is not set.
 *
 * @throws ConfigurationError WPORT, STTOK, STACT
 */
export function faceSettings(env: Env): FaceSettings | null {
  const port = read(env, "PORT");
  if (port === undefined) return null;
  return {
    port: portSetting(port),
    host: read(env, "HOST") ?? "127.0.0.1",
    statusToken: statusTokenSetting(env),
    actions: actionsSetting(read(env, "STATUS_ACTIONS")),
  };
}

function portSetting(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new ConfigurationError(
    "WPORT",
    `PORT is ${text}`,
    "Set it to a whole number from 1 to 65535 (0 lets the system choose), or leave it away.",
  );
}

/** Its value is not shown. */
function statusTokenSetting(env: Env): string | undefined {
  const token = read(env, "STATUS_TOKEN");
  if (token === undefined) return undefined;
  const problem =
    token === read(env, "FLEX_AUTH_TOKEN")
      ? "STATUS_TOKEN is the token of Flex"
      : token.length < SHORTEST_TOKEN
        ? `STATUS_TOKEN is shorter than ${SHORTEST_TOKEN} characters`
        : /\s/.test(token)
          ? "STATUS_TOKEN has a blank in it"
          : undefined;
  if (problem === undefined) return token;
  throw new ConfigurationError("STTOK", problem, "Make one of its own: openssl rand -hex 24");
}

function actionsSetting(text: string | undefined): boolean {
  if (text === undefined || text === "0") return false;
  if (text === "1") return true;
  throw new ConfigurationError(
    "STACT",
    `STATUS_ACTIONS is ${text}`,
    "Set it to 1 for buttons on the page, to 0 for none.",
  );
}
