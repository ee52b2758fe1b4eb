/** Untrusted text for HTML and SVG: what a model wrote must be read, never run. */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Control characters (all but line ends and tabs) and halves of surrogate pairs as U+FFFD, which
 * can be seen.
 */
export function visibleText(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(/[^\P{Cc}\n\t]|\p{Cs}/gu, "\ufffd");
}

/** Text as HTML text or attribute value. */
export function escapeHtml(text: string): string {
  return visibleText(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}
