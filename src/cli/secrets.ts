import { type Env, read } from "./environment.ts";

/** Takes tokens and passwords out of a text that is about to be shown. */
export function withoutSecrets(text: string, env: Env): string {
  // The word PASSWORD stands in our own examples.
  let shown = text.replaceAll(/(\w+:\/\/[^\s:/@]*):(?!PASSWORD@)[^\s@/]*@/g, "$1:***@");
  for (const secret of secretsOf(env)) shown = shown.replaceAll(secret, "***");
  return shown;
}

function secretsOf(env: Env): string[] {
  const tokens = [env.FLEX_AUTH_TOKEN, env.X_AUTH_TOKEN, env.STATUS_TOKEN].map(
    (token) => token?.trim() ?? "",
  );
  const urls = [read(env, "DATABASE_URL"), read(env, "LISTEN_DATABASE_URL")];
  const passwords = urls.flatMap((url) => {
    const password = /^\w+:\/\/[^:/@]*:(.*)@/.exec(url ?? "")?.[1] ?? "";
    return [password, decoded(password)];
  });
  // A password such as "sync" is a word of ours: cutting it out of every sentence would tell it, not hide it.
  return [...tokens, ...passwords.filter((password) => password.length >= 8)].filter(
    (secret) => secret !== "",
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
