/** Parameters of models and adapters, and operations of a token, from shapes alone. */
import { parameterCount } from "../models/model.ts";
import type { ModelShape } from "./presets.ts";

/** Parameters of an adapter of this rank on these projections of every block. */
export function adapterParameterCount({
  family,
  config,
  rank,
  targets,
}: ModelShape & { rank: number; targets: readonly string[] }): number {
  const projections = family.projections(config);
  return (
    config.layers *
    targets.reduce(
      (total, target) =>
        total + rank * (projections[target]!.inputs + projections[target]!.outputs),
      0,
    )
  );
}

/**
 * Parameters of a network: one that is read for scores has a head of one row in place of the
 * vocabulary's.
 */
export function networkParameterCount(
  { family, config }: ModelShape,
  reads: "tokens" | "scores",
): number {
  const head = config.tieEmbeddings ? 0 : config.vocabularySize * config.hiddenSize;
  return parameterCount(family, config) - (reads === "scores" ? head - config.hiddenSize : 0);
}

/**
 * Operations of the forward pass of a token: two for every weight that it meets, attention over
 * `context` tokens, and the head where it is read. The backward pass takes twice as many (once as
 * many where weights are frozen).
 */
export function forwardOperations(
  { family, config }: ModelShape,
  { context, read }: { context: number; read: number },
): number {
  const matrices = Object.values(family.projections(config)).reduce(
    (total, { inputs, outputs }) => total + inputs * outputs,
    0,
  );
  const attention = 2 * 2 * config.heads * config.headSize * context;
  return (
    config.layers * (2 * matrices + attention) +
    read * 2 * config.vocabularySize * config.hiddenSize
  );
}

/** Numbers in the key-value cache of one token. */
export function cachePerToken({ config }: ModelShape): number {
  return 2 * config.layers * config.keyValueHeads * config.headSize;
}
