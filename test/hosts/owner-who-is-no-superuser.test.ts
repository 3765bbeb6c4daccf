import { expect, test } from "vitest";
import { AUDITED_TABLES } from "./audited-tables.ts";
import { askForHelp, liveThrough } from "./live-through.ts";

const OUR_ROLES = ["flex_sync_app", "flex_sync_drainer", "flex_sync_operator"].map(
  (role) => `create role ${role} nologin;`,
);

test("RDS, Cloud SQL: an owner who may create roles and databases, and is no superuser", () =>
  liveThrough({
    roles:
      "create role managed nologin; create role owner login createrole createdb password 'host' in role managed",
    owner: "owner",
    tables: AUDITED_TABLES,
  }));

test("an owner who may create no role is told what an administrator has to run", () =>
  liveThrough({
    roles: "create role owner login password 'host'",
    owner: "owner",
    tables: AUDITED_TABLES,
    async help(host) {
      expect(await askForHelp(host, "NOROL")).toEqual(OUR_ROLES);
    },
  }));

test("an owner who may create no role, where service_role is an administrator's", () =>
  liveThrough({
    roles: "create role owner login password 'host'; create role service_role nologin",
    owner: "owner",
    tables: AUDITED_TABLES,
    asks: "service_role",
    async help(host) {
      const told = await askForHelp(host, "NOROL");
      expect(told).toEqual([...OUR_ROLES, "grant flex_sync_app to owner with admin option;"]);
    },
  }));

test("an owner for whom an administrator made our roles, where service_role is there", () =>
  liveThrough({
    roles: `create role owner login password 'host'; create role service_role nologin; ${OUR_ROLES.join(" ")}`,
    owner: "owner",
    tables: AUDITED_TABLES,
    asks: "service_role",
    async help(host) {
      expect(await askForHelp(host, "NOROL")).toEqual(["grant flex_sync_app to owner with admin option;"]);
    },
  }));
