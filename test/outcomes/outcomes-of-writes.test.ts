import { describe, test } from "vitest";
import { expectRow } from "./outcomes.ts";
import { TABLE } from "./table.ts";

describe("an add, a role and a removal see", () => {
  test.each(TABLE)("$seen", (row) => expectRow(row, ["add", "set_role", "remove"]));
});
