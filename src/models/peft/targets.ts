/**
 * Which modules an adapter lies on, by peft's own rules, which are not always those one expects: a
 * list matches whole names and what stands after a dot, a text is a regular expression over the
 * whole name, `layers_to_transform` counts for suffixes alone, and a pattern of ranks must end
 * where the name ends.
 * Source: peft's tuners/tuners_utils.py (check_target_module_exists,
 * _maybe_include_all_linear_layers), utils/other.py (get_pattern_key).
 */
import type { PeftConfig } from "./config.ts";
import type { PatternQuestion } from "./python-pattern.ts";
import { firstMatches } from "./python-pattern.ts";

/** A module that an adapter may lie on. */
export interface Candidate {
  /** As torch calls it: `model.layers.0.self_attn.q_proj`. */
  readonly name: string;
  /** What `all-linear` means: a projection of a block. */
  readonly linear: boolean;
}

export interface Matched {
  readonly name: string;
  readonly rank: number;
  readonly alpha: number;
}

export interface MatchOptions {
  readonly file: string;
  /** Targets where the configuration names none. */
  readonly defaults: readonly string[];
  /** Modules of one tensor, of which the second follows the first. */
  readonly tied?: readonly [string, string] | undefined;
}

/** @throws AttuneError `model` for a pattern that cannot be read */
export function matchModules(
  config: PeftConfig,
  candidates: readonly Candidate[],
  { file, defaults, tied }: MatchOptions,
): Matched[] {
  const names = candidates.map(({ name }) => name);
  const { targets = defaults, excluded } = config;
  const everyLinear = typeof targets === "string" && targets.toLowerCase() === "all-linear";
  const expression = typeof targets === "string" && !everyLinear ? [targets] : [];
  const ask = (kind: PatternQuestion["kind"], patterns: readonly string[]): PatternQuestion => ({
    kind,
    patterns,
  });
  const [target, out, saved, ranks, alphas] = firstMatches(
    [
      ask("full", expression),
      ask("full", typeof excluded === "string" && excluded !== "" ? [excluded] : []),
      ask("part", config.modulesToSave),
      ask("last", [...config.rankPattern.keys()]),
      ask("last", [...config.alphaPattern.keys()]),
    ],
    names,
    file,
  ) as [number[], number[], number[], number[], number[]];
  const isExcluded = typeof excluded === "string" ? () => false : ends(excluded);
  const inList = typeof targets === "string" ? () => false : ends(targets);
  const inLayer = layerFilter(config, names, file);
  const whole = new Set(typeof targets === "string" ? [] : targets);
  const chosen = ({ name, linear }: Candidate, index: number): boolean => {
    if (out[index] !== -1 || saved[index] !== -1 || isExcluded(name)) return false;
    if (everyLinear) return linear;
    if (expression.length > 0) return target[index] !== -1;
    return whole.has(name) || (inList(name) && inLayer(index));
  };
  const valueOf = (
    pattern: ReadonlyMap<string, number>,
    place: number,
    otherwise: number,
  ): number => (place === -1 ? otherwise : [...pattern.values()][place]!);
  const leads =
    tied &&
    candidates.some((candidate, index) => candidate.name === tied[0] && chosen(candidate, index));
  return candidates.flatMap((candidate, index) =>
    chosen(candidate, index) || (leads && candidate.name === tied[1])
      ? [
          {
            name: candidate.name,
            rank: valueOf(config.rankPattern, ranks[index]!, config.rank),
            alpha: valueOf(config.alphaPattern, alphas[index]!, config.alpha),
          },
        ]
      : [],
  );
}

/** Whether a name is in a list, as a whole or from one of its dots on. */
function ends(list: readonly string[]): (name: string) => boolean {
  const known = new Set(list);
  return (name) => {
    if (known.has(name)) return true;
    for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1))
      if (known.has(name.slice(dot + 1))) return true;
    return false;
  };
}

/** Whether the module at a place is in one of the layers that the configuration wants. */
function layerFilter(
  { layers, layersPattern }: PeftConfig,
  names: readonly string[],
  file: string,
): (index: number) => boolean {
  if (!layers) return () => true;
  const wanted = new Set(layers);
  // The first number that follows a part of the name, `layers.3.` of any list, or of those that are
  // named.
  if (layersPattern.length === 0)
    return (index) => wanted.has(Number(/^.*?\.[^.]*\.(\d+)\./.exec(names[index]!)?.[1] ?? NaN));
  const listed = names.map((name) => /^(.*?)\.(\d+)\./.exec(name));
  const [matched] = firstMatches(
    [{ kind: "full", patterns: layersPattern.map((pattern) => `(?:.*\\.)?${pattern}`) }],
    listed.map((found) => found?.[1] ?? ""),
    file,
  ) as [number[]];
  return (index) => matched[index] !== -1 && wanted.has(Number(listed[index]?.[2] ?? NaN));
}
