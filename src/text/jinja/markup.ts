/**
 * Text that is safe in HTML, which templates ask for with `safe` and `escape`. Source: markupsafe.
 */
import type { Text } from "./data-text.ts";
import { escapeText, textOf } from "./data-text.ts";
import { Markup } from "./values.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

export const escapeHtml = (value: Text): Text =>
  escapeText(value, /[&<>"']/g, (character) => ENTITIES[character]!);

export function asMarkup(value: Text): Markup {
  return value instanceof Markup
    ? value
    : new Markup(textOf(value), typeof value === "string" ? [] : value.runs);
}
