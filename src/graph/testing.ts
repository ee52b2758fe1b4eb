/** Records that break their contract, for tests of what is made of them. */
import { onTestFinished } from "vitest";
import type { OpDefinition } from "./op-definition.ts";
import { OP_TABLE, definitionOf } from "./op-table.ts";
import type { OpName } from "./op-types.ts";

/** Changes the record of an operation until the running test ends. */
export function changeRecord<N extends OpName>(op: N, change: Partial<OpDefinition<N>>): void {
  const record = definitionOf(op);
  Object.assign(OP_TABLE, { [op]: { ...record, ...change } });
  onTestFinished(() => void Object.assign(OP_TABLE, { [op]: record }));
}
