import { expect, test } from "vitest";
import { html } from "../../src/face/html.ts";

test("text is escaped, in content and in attributes", () => {
  const evil = `<script>"&'`;
  expect(html`<p title="${evil}">${evil}</p>`.markup).toBe(
    `<p title="&lt;script&gt;&quot;&amp;&#39;">&lt;script&gt;&quot;&amp;&#39;</p>`,
  );
});

test("HTML is not escaped twice, lists are joined, and nothing is nothing", () => {
  const items = ["<a>", "b"].map((item) => html`<li>${item}</li>`);
  expect(html`<ul>${items}</ul>${null}${undefined}${false}${0}`.markup).toBe(
    "<ul><li>&lt;a&gt;</li><li>b</li></ul>0",
  );
});
