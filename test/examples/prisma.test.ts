import { needsPackages } from "../needs.ts";
import { fetchLocked } from "../package/fetch-packages.ts";
import { asksByName, beside, outputOf, runExample, UNKNOWN } from "./calling-stage.ts";
import { startProgram } from "./run-program.ts";

const modules = await fetchLocked("examples/calling/prisma");
const withPackages = needsPackages({ "the packages of examples/calling/prisma": modules });
const installed = beside("examples/calling/prisma", modules);

withPackages("prisma.ts asks for a sync, and knows the code of an unknown crew call", async () => {
  const { folder } = installed();
  // Making a client compiles nothing, but asks for a program that only migrations need: any will do.
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: "1",
  };
  const generate = ["node_modules/prisma/build/index.js", "generate", "--schema", "schema.prisma"];
  await outputOf(startProgram(process.execPath, generate, env, { cwd: folder }).ended);
  await asksByName((id, url) => runExample(installed(), "prisma.ts", [id, UNKNOWN], { DATABASE_URL: url }));
});
