/**
 * Offsets at which a text occurs, without overlaps: from the left in order, or from the right in
 * reverse order.
 */
export function searchText(text: string, sub: string, from: "left" | "right"): number[] {
  const places: number[] = [];
  if (from === "left")
    for (let at = text.indexOf(sub); at >= 0; at = text.indexOf(sub, at + sub.length))
      places.push(at);
  else
    for (
      let at = text.lastIndexOf(sub);
      at >= 0;
      at = at === 0 ? -1 : text.lastIndexOf(sub, at - sub.length)
    ) {
      places.push(at);
      if (at < sub.length) break;
    }
  return places;
}
