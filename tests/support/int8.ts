/** Tests of weights in 8 bits, for processors that multiply bytes exactly. */
import { test } from "vitest";
import { hasExactBytes } from "../../src/runtime/bytes.ts";

const exact = await hasExactBytes();
if (!exact) console.log("skipped: int8, since this processor's products of bytes are not exact");

export const onExact = test.skipIf(!exact);
