/** Circles in a graph of imports. */

/** What each node imports, by name. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Groups of nodes that import themselves through each other: the strongly connected components of
 * more than one node.
 * @returns names in order, the groups by their first name
 */
export function circlesIn(graph: ImportGraph): string[][] {
  const reachable = new Map([...graph.keys()].map((node) => [node, reachableFrom(node, graph)]));
  const seen = new Set<string>();
  const circles: string[][] = [];
  for (const node of [...graph.keys()].toSorted()) {
    if (seen.has(node)) continue;
    const circle = [...reachable.get(node)!].filter((other) => reachable.get(other)?.has(node));
    for (const other of circle) seen.add(other);
    if (circle.length > 1) circles.push(circle.toSorted());
  }
  return circles;
}

function reachableFrom(start: string, graph: ImportGraph): Set<string> {
  const found = new Set<string>();
  const queue = [start];
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      queue.push(next);
    }
  }
  return found;
}

/**
 * The imports between what lies directly in a folder, which are its files and its subfolders.
 * @param files imports between files, by path
 * @param folder its path; empty for the root
 */
export function importsWithin(files: ImportGraph, folder: string): ImportGraph {
  const prefix = folder === "" ? "" : `${folder}/`;
  const childOf = (file: string): string | undefined =>
    file.startsWith(prefix) ? prefix + file.slice(prefix.length).split("/")[0]! : undefined;
  const graph = new Map<string, Set<string>>();
  for (const [file, imports] of files) {
    const child = childOf(file);
    if (child === undefined) continue;
    const targets = graph.get(child) ?? new Set<string>();
    graph.set(child, targets);
    for (const each of imports) {
      const target = childOf(each);
      if (target !== undefined && target !== child) targets.add(target);
    }
  }
  return graph;
}
