/**
 * Texts of a page, with every term explained where it first stands: the mention is a link to its
 * explanation, which follows right behind the paragraph, table or figure, and is printed too.
 */
import { escapeHtml } from "./escape.ts";
import { TERMS, patternOf } from "./terms.ts";
import type { Term } from "./terms.ts";

const PATTERNS = TERMS.map((term) => ({ term, pattern: patternOf(term) }));

interface Mention {
  term: Term;
  from: number;
  to: number;
}

/** Part of a longer word, such as a model's name: "helpful-only", "runs/gold", "gold.jsonl". */
const isWithinWord = (text: string, { from, to }: Mention): boolean =>
  /[\w/_]-?$|[/_.]$/.test(text.slice(0, from)) || /^(?:-\w|[/_]|\.\w)/.test(text.slice(to));

/** First mentions of terms, the longer one where two overlap. */
function mentionsIn(text: string): Mention[] {
  const found = PATTERNS.flatMap(({ term, pattern }): Mention[] =>
    [...text.matchAll(new RegExp(pattern, "gu"))].map((match) => ({
      term,
      from: match.index,
      to: match.index + match[0].length,
    })),
  ).filter((mention) => !isWithinWord(text, mention));
  const taken: Mention[] = [];
  for (const mention of found.toSorted((a, b) => b.to - b.from - (a.to - a.from)))
    if (taken.every(({ from, to }) => mention.to <= from || to <= mention.from))
      taken.push(mention);
  const seen = new Set<Term>();
  return taken
    .toSorted((a, b) => a.from - b.from)
    .filter(({ term }) => !seen.has(term) && seen.add(term));
}

export class Wording {
  readonly #explained: Set<Term>;
  /** Identifiers that the page has, in all its folds. */
  readonly #identifiers: Map<string, number>;
  #waiting: { term: Term; id: string }[] = [];

  constructor(explained = new Set<Term>(), identifiers = new Map<string, number>()) {
    this.#explained = explained;
    this.#identifiers = identifiers;
  }

  /** For what is folded away: what is explained there is not seen outside. */
  fold(): Wording {
    return new Wording(new Set(this.#explained), this.#identifiers);
  }

  /** Escaped, with links at first mentions. */
  mark(text: string): string {
    let at = 0;
    let html = "";
    for (const { term, from, to } of mentionsIn(text)) {
      const id = this.#explain(term);
      if (id === undefined) continue;
      html +=
        escapeHtml(text.slice(at, from)) +
        `<a class="term" href="#${id}">${escapeHtml(text.slice(from, to))}</a>`;
      at = to;
    }
    return html + escapeHtml(text.slice(at));
  }

  /** A text that can hold no links, such as the labels of a chart. */
  note(...texts: readonly string[]): void {
    for (const text of texts) for (const { term } of mentionsIn(text)) this.#explain(term);
  }

  /** Explanations of what was first mentioned since the last call. */
  definitions(): string {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return "";
    const items = waiting.map(
      ({ term: { term, meaning }, id }) =>
        `<span><dfn id="${id}">${escapeHtml(term)}</dfn>: ${escapeHtml(meaning)}.</span>`,
    );
    return `<p class="terms">${items.join(" ")}</p>`;
  }

  /** An identifier that no other element of the page has. */
  identifier(name: string): string {
    const count = this.#identifiers.get(name) ?? 0;
    this.#identifiers.set(name, count + 1);
    return count === 0 ? name : `${name}-${count + 1}`;
  }

  #explain(term: Term): string | undefined {
    if (this.#explained.has(term)) return undefined;
    this.#explained.add(term);
    const id = this.identifier(`term-${term.term.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`);
    this.#waiting.push({ term, id });
    return id;
  }
}
