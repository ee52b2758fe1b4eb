/** Formulas as MathML; loaded where a text has some. */
import "temml/dist/Temml-Local.css";
import temml from "temml";
import type { Formula } from "./markdown.ts";
import { cleanMaths } from "./purify.ts";

/** Longer ones are shown as they are written. */
const LONGEST = 4_000;

/** @returns nothing where it is no formula that can be drawn */
export function drawFormula({ tex, display }: Formula): DocumentFragment | undefined {
  if (tex.length > LONGEST) return undefined;
  try {
    const html = temml.renderToString(tex, {
      displayMode: display,
      throwOnError: true,
      trust: false,
      maxSize: [20, 50],
      maxExpand: 200,
    });
    return cleanMaths(html);
  } catch {
    return undefined;
  }
}
