import { describe, test } from "vitest";
import { expectRow } from "./outcomes.ts";
import { TABLE } from "./table.ts";

describe("a reading, an identity and the token's user see", () => {
  test.each(TABLE)("$seen", (row) => expectRow(row, ["list", "identity", "user"]));
});
