/** A piece of HTML; only `html` makes one, so that every text in it is escaped. */
export type Html = { readonly markup: string };

export type Value = Html | string | number | null | undefined | false | readonly Value[];

/** HTML with everything in it escaped that is not HTML itself. Null, undefined and false are nothing, arrays are joined. */
export function html(texts: TemplateStringsArray, ...values: Value[]): Html {
  return { markup: texts.map((text, index) => text + markupOf(values[index])).join("") };
}

function markupOf(value: Value): string {
  if (value === null || value === undefined || value === false) return "";
  if (typeof value === "string" || typeof value === "number") return escaped(String(value));
  if ("markup" in value) return value.markup;
  return value.map(markupOf).join("");
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
