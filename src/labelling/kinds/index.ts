/** Every kind of task, in the order in which they are offered. A new one: a file, and a line here. */
import { accept } from "./accept.ts";
import { compare } from "./compare.ts";
import { critique } from "./critique.ts";
import type { TaskKind } from "./kind.ts";
import { rank } from "./rank.ts";
import { rewrite } from "./rewrite.ts";

export const KINDS = { compare, rank, accept, rewrite, critique } as const;
export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as [KindName, ...KindName[]];

/** A kind by a name that the store or a request gives. */
export const kindNamed = (name: KindName): TaskKind => KINDS[name] as TaskKind;
