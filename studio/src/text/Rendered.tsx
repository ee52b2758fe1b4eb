/** Text of strangers, safely: Markdown, formulas and code, or as it was written. */
import { memo, useLayoutEffect, useRef } from "react";
import "./text.css";
import { markRanges } from "./mark.ts";
import type { Range } from "./range.ts";
import { drawFormulas, renderText } from "./render.ts";

export interface RenderedProps {
  text: string;
  /** As it was written, without Markdown. */
  plain?: boolean;
  /** What is marked: places in the text content of what is shown. */
  marks?: readonly Range[] | undefined;
}

export const Rendered = memo(function Rendered({ text, plain = false, marks }: RenderedProps) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = ref.current!;
    if (plain) {
      element.textContent = text;
      if (marks !== undefined) markRanges(element, marks);
      return;
    }
    const { nodes, formulas } = renderText(text);
    if (marks !== undefined) markRanges(nodes, marks);
    element.replaceChildren(nodes);
    void drawFormulas(element, formulas);
  }, [text, plain, marks]);
  return <div ref={ref} className={plain ? "rendered rendered-plain" : "rendered"} dir="auto" />;
});
