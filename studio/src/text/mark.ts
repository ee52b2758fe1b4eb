/** Marks places of a text that is already nodes. */

import type { Range } from "./range.ts";

/** @param ranges in order, none within another */
export function markRanges(root: ParentNode & Node, ranges: readonly Range[]): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes: Text[] = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode())
    if (node.parentElement?.closest(".code-bar") === null || node.parentElement === null)
      nodes.push(node as Text);
  let at = 0;
  let next = 0;
  for (const node of nodes) {
    const end = at + node.data.length;
    // from behind, so that what is before keeps its place
    const here: Range[] = [];
    while (next < ranges.length && ranges[next]!.start < end) {
      here.push(ranges[next]!);
      if (ranges[next]!.end > end) break;
      next++;
    }
    for (const { start, end: stop } of here.toReversed())
      wrap(node, Math.max(0, start - at), Math.min(node.data.length, stop - at));
    at = end;
  }
}

function wrap(node: Text, start: number, end: number): void {
  if (start >= end || node.data.slice(start, end).trim() === "") return;
  const rest = node.splitText(start);
  rest.splitText(end - start);
  const mark = document.createElement("mark");
  mark.className = "differs";
  rest.replaceWith(mark);
  mark.append(rest);
}

/** The text that {@link markRanges} counts in. */
export function markedText(root: ParentNode & Node): string {
  const copy = root.cloneNode(true) as ParentNode & Node;
  for (const bar of copy.querySelectorAll(".code-bar")) bar.remove();
  return copy.textContent ?? "";
}
