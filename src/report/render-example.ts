/** A prompt with answers to it, which are untrusted: escaped, and apart in their direction. */
import type { Example } from "../evaluation/page.ts";
import { escapeHtml } from "./escape.ts";

export function renderExample({ prompt, note, answers }: Example): string {
  return [
    '<article class="example">',
    `<blockquote><bdi>${escapeHtml(prompt)}</bdi></blockquote>`,
    ...(note ? [`<p class="note">${escapeHtml(note)}</p>`] : []),
    renderAnswers(answers),
    "</article>",
  ].join("\n");
}

/** Name, what was said, and remarks on it. */
export function renderAnswers(answers: Example["answers"]): string {
  const items = answers.map(({ name, text, remarks = [] }) => {
    const badges = remarks
      .map((remark) => ` <span class="remark">${escapeHtml(remark)}</span>`)
      .join("");
    const shown = escapeHtml(text) || '<span class="nothing">(nothing)</span>';
    return `<div><dt>${escapeHtml(name)}</dt><dd><bdi>${shown}</bdi>${badges}</dd></div>`;
  });
  return `<dl>${items.join("")}</dl>`;
}
