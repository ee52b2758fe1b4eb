/**
 * Text of strangers as Markdown: no markup of its own, no images, links that say where they lead.
 * What this makes is cleaned once more by purify.ts.
 */
import { Marked } from "marked";
import type { RendererObject, TokenizerAndRendererExtension, Tokens } from "marked";
import { strings } from "../strings.ts";

/** A formula in a text, by its place in the list that {@link markdownToHtml} gives. */
export interface Formula {
  tex: string;
  display: boolean;
}

/** Longer texts, which would keep the page busy, are shown as they are. */
const LONGEST = 200_000;
/** Quotes in quotes in quotes: deeper ones break parsers. */
const DEEPEST = /^[ \t>*+\-0-9.)]{400}/m;

export const escapeHtml = (text: string): string =>
  text.replaceAll(
    /[&<>"']/g,
    (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[sign]!,
  );

/** @returns where a link may lead; undefined where it may not be one */
export function linkTarget(href: string): URL | undefined {
  if (!URL.canParse(href)) return undefined;
  const url = new URL(href);
  const known = ["https:", "http:", "mailto:"].includes(url.protocol);
  // a name before the @ is there to be taken for the host
  return known && url.username === "" && url.password === "" ? url : undefined;
}

const DISPLAY = /^\$\$([^]+?)\$\$|^\\\[([^]+?)\\\]/;
/** Lines of its own: what they begin with makes no list of them. */
const BLOCK = /^ {0,3}(?:\$\$([^]+?)\$\$|\\\[([^]+?)\\\])[ \t]*(?:\n|$)/;
/** As pandoc has it: `$5 and $10` are prices. */
const INLINE =
  /^\$(?![\s$])((?:\\[^]|[^\\$\n])*?[^\s\\$]|(?:\\[^]|[^\\$\n])*?\\[^\s])\$(?!\d)|^\\\(([^]+?)\\\)/;

/** Reads formulas and leaves a place for each. */
function mathExtensions(formulas: Formula[]): TokenizerAndRendererExtension[] {
  const place = (token: Tokens.Generic): string => {
    formulas.push({ tex: token["tex"] as string, display: token["display"] as boolean });
    return `<span data-formula="${formulas.length - 1}">${escapeHtml(token.raw)}</span>`;
  };
  const extension = (
    level: "block" | "inline",
    begins: RegExp,
    patterns: readonly { pattern: RegExp; display: boolean }[],
  ): TokenizerAndRendererExtension => ({
    name: `${level}-formula`,
    level,
    start: (src: string) => begins.exec(src)?.index,
    tokenizer(src: string) {
      for (const { pattern, display } of patterns) {
        const match = pattern.exec(src);
        if (match === null) continue;
        const tex = (match[1] ?? match[2])!;
        return { type: `${level}-formula`, raw: match[0], tex, display };
      }
      return undefined;
    },
    renderer: place,
  });
  return [
    extension("block", /(?<=\n) {0,3}(\$\$|\\\[)/, [{ pattern: BLOCK, display: true }]),
    extension("inline", /\$|\\[([]/, [
      { pattern: DISPLAY, display: true },
      { pattern: INLINE, display: false },
    ]),
  ];
}

const renderer: RendererObject = {
  // what looks like markup is what somebody wrote
  html: ({ raw }) => escapeHtml(raw),
  image: ({ text, href }) => escapeHtml(strings.text.image(text, href)),
  checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  link({ href, text, tokens }) {
    const inside = this.parser.parseInline(tokens);
    const url = linkTarget(href);
    if (url === undefined) return `${inside} <span>(${escapeHtml(href)})</span>`;
    const where = url.protocol === "mailto:" ? url.pathname : url.host;
    const shown = text.replace(/^(https?:\/\/|mailto:)/, "").split(/[/?#]/)[0] === where;
    return (
      `<a href="${escapeHtml(url.href)}">${inside}</a>` +
      (shown ? "" : ` <span>(${escapeHtml(where)})</span>`)
    );
  },
  code({ text, lang }) {
    const name = /^[\w+#.-]{1,20}/.exec(lang ?? "")?.[0];
    const language = name === undefined ? "" : ` data-language="${escapeHtml(name)}"`;
    return `<pre${language}><code>${escapeHtml(text)}</code></pre>`;
  },
};

/** @returns HTML that is not to be trusted yet, and the formulas that belong in it */
export function markdownToHtml(text: string): { html: string; formulas: Formula[] } {
  const formulas: Formula[] = [];
  if (text.length > LONGEST || DEEPEST.test(text)) return { html: plain(text), formulas };
  const marked = new Marked({ gfm: true, breaks: true, renderer });
  marked.use({ extensions: mathExtensions(formulas) });
  try {
    return { html: marked.parse(text, { async: false }), formulas };
  } catch {
    // a text that the parser breaks on is still to be read
    return { html: plain(text), formulas: [] };
  }
}

const plain = (text: string): string =>
  `<p><em>${escapeHtml(strings.text.asItIs)}</em></p><pre><code>${escapeHtml(text)}</code></pre>`;
