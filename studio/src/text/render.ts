/** A stranger's text as nodes that may stand in the page. */
import { strings } from "../strings.ts";
import { markdownToHtml } from "./markdown.ts";
import type { Formula } from "./markdown.ts";
import { cleanText } from "./purify.ts";

export interface RenderedText {
  /** To be put into the page once. */
  nodes: DocumentFragment;
  /** What is still to be drawn in it. */
  formulas: readonly Formula[];
}

export function renderText(text: string): RenderedText {
  const { html, formulas } = markdownToHtml(text);
  const nodes = cleanText(html);
  for (const pre of nodes.querySelectorAll("pre")) dressCode(pre);
  for (const table of nodes.querySelectorAll("table")) {
    const box = document.createElement("div");
    box.className = "table-box";
    box.tabIndex = 0;
    table.replaceWith(box);
    box.append(table);
  }
  return { nodes, formulas };
}

/** A block of code has its language's name and a button that copies it. */
function dressCode(pre: HTMLPreElement): void {
  const code = pre.textContent;
  const box = document.createElement("div");
  box.className = "code-box";
  const bar = document.createElement("div");
  bar.className = "code-bar";
  const name = document.createElement("span");
  name.textContent = pre.dataset["language"] ?? "";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-quiet copy";
  button.textContent = strings.copy.copy;
  button.addEventListener("click", () => {
    const says = (text: string): void => {
      button.textContent = text;
      setTimeout(() => (button.textContent = strings.copy.copy), 2500);
    };
    navigator.clipboard.writeText(code).then(
      () => says(strings.copy.copied),
      () => says(strings.copy.failed),
    );
  });
  bar.append(name, button);
  pre.tabIndex = 0;
  pre.replaceWith(box);
  box.append(bar, pre);
}

/** Draws the formulas of a text that stands in the page. */
export async function drawFormulas(
  element: HTMLElement,
  formulas: readonly Formula[],
): Promise<void> {
  if (formulas.length === 0) return;
  const { drawFormula } = await import("./maths.ts");
  for (const place of element.querySelectorAll<HTMLElement>("span[data-formula]")) {
    const formula = formulas[Number(place.dataset["formula"])];
    const drawn = formula === undefined ? undefined : drawFormula(formula);
    // what is no formula stays as it is written
    if (drawn !== undefined && drawn.childNodes.length > 0) place.replaceChildren(drawn);
    delete place.dataset["formula"];
  }
}
