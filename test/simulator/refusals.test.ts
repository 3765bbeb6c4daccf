import { describe, expect, it } from "vitest";
import { ANA, BEN, ELEMENT, ROLE, request, startFlex } from "./running-simulator.ts";

const ADD = `/f5/api/line-item/${ELEMENT}/add-resource/${ANA}`;
const LIST = `/f5/api/line-item/${ELEMENT}/row-data/`;

describe("refusals", () => {
  it("outside /f5 are Apache's 403 page", async () => {
    const { flex } = await startFlex();
    const answer = await request(flex, "GET", "/api/user-profile/current-user");
    expect(answer).toMatchObject({ status: 403, type: "text/html; charset=iso-8859-1" });
    expect(answer.text).toContain("Apache/2.4.58 (Ubuntu) Server");
  });

  it.each([[null], ["another"]])("of the token %j are 401 with FLEX_5000", async (token) => {
    const { flex } = await startFlex();
    const answer = await request(flex, "GET", "/f5/api/user-profile/current-user", { token });
    expect(answer).toMatchObject({
      status: 401,
      text: '{"exceptionCode":"FLEX_5000","exceptionMessage":"Access Denied"}',
    });
  });

  it("of a revoked token end when it is restored", async () => {
    const { flex, caller } = await startFlex();
    flex.revokeToken();
    expect(await caller.currentUser()).toMatchObject({ class: "unauthorized" });
    flex.restoreToken();
    expect(await caller.currentUser()).toMatchObject({ class: "done" });
  });

  it.each([
    ["GET", ADD, 405],
    ["DELETE", LIST, 405],
    ["DELETE", "/f5/api/line-item", 405],
    ["DELETE", "/f5/api/line-item?lineItemIds=1", 405],
    ["PUT", `/f5/api/line-item/${ANA}`, 405],
    ["POST", "/f5/api/user-profile/current-user", 405],
    ["GET", `/f5/api/line-item/${ANA}`, 404],
    ["GET", `/f5/api/element/${ELEMENT}/line-items`, 404],
    ["GET", "/f5/api/nothing", 404],
  ])("of %s %s are %i", async (method, path, status) => {
    const { flex } = await startFlex();
    const answer = await request(flex, method, path);
    expect(answer.status).toBe(status);
    if (status === 405) expect(answer.text).toContain(`Request method '${method}' not supported`);
  });

  it("follow the rules of codeList", async () => {
    const { flex } = await startFlex();
    flex.humanAdds(ELEMENT, ANA);
    const absent = await request(flex, "GET", `${LIST}?node=root`);
    expect(absent.status).toBe(400);
    expect(JSON.parse(absent.text).exceptionMessage).toBe(
      "Required request parameter 'codeList' for method parameter type List is not present",
    );
    expect(await request(flex, "GET", `${LIST}?codeList=&node=root`)).toMatchObject({
      status: 200,
      text: "[]",
    });
    const other = await request(flex, "GET", `${LIST}?codeList=quantity,notes`);
    expect(JSON.parse(other.text)).toHaveLength(1);
    expect(other.text).not.toContain("business-role");
  });

  it.each([
    ["", "is not present"],
    ["managedResourceLineItemType=resource", "is present but converted to null"],
  ])("of an add with %j say that the type %s", async (body, tail) => {
    const { flex } = await startFlex();
    const answer = await request(flex, "POST", ADD, { body, type: "application/x-www-form-urlencoded" });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).exceptionMessage).toBe(
      `Required request parameter 'managedResourceLineItemType' for method parameter type ManagedResourceLineItemType ${tail}`,
    );
    expect(flex.linesOf(ELEMENT)).toEqual([]);
  });

  it("of a JSON body where parameters belong", async () => {
    const { flex } = await startFlex();
    const body = JSON.stringify({ managedResourceLineItemType: "contact" });
    expect((await request(flex, "POST", ADD, { body })).status).toBe(400);
    expect((await request(flex, "POST", `${ADD}?managedResourceLineItemType=contact`)).status).toBe(200);
  });

  it("of unknown contacts are 400 when they are strict", async () => {
    const { flex, caller } = await startFlex({ strictContacts: true });
    const outcome = await caller.addResource(ELEMENT, ANA);
    expect(outcome).toMatchObject({ class: "refused", status: 400 });
    expect("error" in outcome && outcome.error).toContain(`Unable to find contact with id: ${ANA}`);
    flex.addContact(ANA, "Ana");
    expect(await caller.addResource(ELEMENT, ANA)).toMatchObject({ class: "done" });
  });

  it("of a role for a line elsewhere are 400", async () => {
    const { flex, caller } = await startFlex();
    flex.addElement(BEN);
    const line = flex.humanAdds(BEN, ANA);
    expect(await caller.setBusinessRole(ELEMENT, line, ROLE)).toMatchObject({
      class: "refused",
      status: 400,
    });
  });
});
