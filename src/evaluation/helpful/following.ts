/**
 * Whether an answer follows the instructions of its prompt: as it stands (strict), and in any of
 * eight versions without first line, last line or asterisks (loose).
 *
 * Source: IFEval's evaluation_lib.py (Zhou et al., arXiv 2311.07911, section 2.2).
 */
import type { InstructionArguments } from "./instructions.ts";
import { INSTRUCTIONS } from "./instructions.ts";

/** A prompt with what its answer must follow. */
export interface InstructedPrompt {
  readonly key: string;
  /** The file that it stands in, without folders. */
  readonly file?: string;
  readonly prompt: string;
  readonly instructions: readonly { readonly id: string; readonly given: InstructionArguments }[];
}

/** For each instruction of a prompt. */
export interface Followed {
  readonly strict: readonly boolean[];
  readonly loose: readonly boolean[];
}

/** The answer, and what remains of it without first line, last line, both, and asterisks. */
export function versionsOf(answer: string): string[] {
  const lines = answer.split("\n");
  const cut = [lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((each) =>
    each.join("\n").trim(),
  );
  const all = [answer, ...cut];
  return [...all, ...all.map((each) => each.replaceAll("*", ""))];
}

export function followedBy(
  answer: string,
  instructions: InstructedPrompt["instructions"],
): Followed {
  const follows = (id: string, given: InstructionArguments, version: string): boolean =>
    version.trim() !== "" && INSTRUCTIONS[id]!.follows(version, given);
  const versions = versionsOf(answer);
  return {
    strict: instructions.map(({ id, given }) => follows(id, given, answer)),
    loose: instructions.map(({ id, given }) =>
      versions.some((version) => follows(id, given, version)),
    ),
  };
}
