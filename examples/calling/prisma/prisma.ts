// Prisma: raw SQL, through the pg driver. The database's code is in the cause of Prisma's own error, P2010.
import { PrismaPg } from "@prisma/adapter-pg";
import type { CrewCallPlan } from "flex-crew-sync";
import { PrismaClient } from "./generated/client.ts";

const [crewCallId = ""] = process.argv.slice(2);
const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL ?? "" });
const prisma = new PrismaClient({ adapter });
try {
  const [row] = await prisma.$queryRaw<{ plan: CrewCallPlan }[]>`
    select sync_crew_call(${crewCallId}::uuid, requested_by => ${"office@example.org"}) as plan`;
  console.log(JSON.stringify(row?.plan));
} catch (error) {
  if (codeOf(error) !== "NOCAL") throw error;
  console.log("there is no such crew call");
} finally {
  await prisma.$disconnect();
}

function codeOf(error: unknown): string | undefined {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: { originalCode?: string } } } };
  return meta?.driverAdapterError?.cause?.originalCode;
}
