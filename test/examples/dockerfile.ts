import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { outputOf } from "./calling-stage.ts";
import { startProgram } from "./run-program.ts";

type Instruction = { word: string; rest: string };
export type Image = {
  /** Where `/` of the image is on this machine. */
  root: string;
  folder: string;
  env: Record<string, string>;
  user: string;
  command: string[];
  health: string;
};

/** The instructions of a Dockerfile, comments left out. */
export function instructionsOf(text: string): Instruction[] {
  const lines = text.replaceAll(/\\\n/g, " ").split("\n");
  return lines
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => ({ word: line.split(" ")[0] ?? "", rest: line.slice(line.indexOf(" ") + 1) }));
}

/**
 * Do what a Dockerfile says without an engine: each stage is a folder, each command runs there with this machine's Node.
 * It knows the instructions that the example uses, and throws at any other.
 */
export async function build(text: string, context: string, into: string): Promise<Image> {
  const stages = new Map<string, Image>();
  let image: Image | undefined;
  for (const { word, rest } of instructionsOf(text)) {
    if (word === "FROM") {
      const [, name = "last"] = / AS (\w+)$/.exec(rest) ?? [];
      image = { root: join(into, name), folder: "/", env: {}, user: "root", command: [], health: "" };
      mkdirSync(image.root, { recursive: true });
      stages.set(name, image);
      continue;
    }
    if (!image) throw new Error(`${word} before FROM`);
    await follow(image, word, rest, context, stages);
  }
  if (!image) throw new Error("no FROM");
  return image;
}

async function follow(image: Image, word: string, rest: string, context: string, stages: Map<string, Image>) {
  const place = (path: string) => join(image.root, path.startsWith("/") ? path : join(image.folder, path));
  if (word === "WORKDIR") {
    image.folder = rest;
    mkdirSync(place("."), { recursive: true });
  } else if (word === "COPY") {
    const [, stage, from = "", to = ""] = /^(?:--from=(\w+) )?(\S+) (\S+)$/.exec(rest) ?? [];
    const source = stage ? join(stages.get(stage)?.root ?? "no such stage", from) : join(context, from);
    cpSync(source, place(to), { recursive: true });
  } else if (word === "RUN") {
    await run(image, rest);
  } else if (word === "ENV") {
    const [name = "", value = ""] = rest.split("=");
    image.env[name] = value;
  } else if (word === "USER") {
    image.user = rest;
  } else if (word === "CMD") {
    image.command = JSON.parse(rest) as string[];
  } else if (word === "HEALTHCHECK") {
    image.health = rest.replace(/^CMD /, "");
  } else {
    throw new Error(`${word} is not known here`);
  }
}

/** Run a line by the shell of an image; a path of the image that it names is one of this machine. */
export async function run(image: Image, line: string, env: Record<string, string> = {}): Promise<string> {
  const here = line.replaceAll(/(?<= )\/(?=\w)/g, `${image.root}/`);
  const program = startProgram(
    "/bin/sh",
    ["-c", here],
    { PATH: process.env.PATH, HOME: process.env.HOME, ...image.env, ...env },
    { cwd: join(image.root, image.folder) },
  );
  return outputOf(program.ended);
}
