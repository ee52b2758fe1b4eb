/**
 * A whole text as rows, each of its tokens read once: of one that is longer than the context the
 * windows follow each other, and the last one looks back as far as the context reaches.
 * Source: `get_rolling_token_windows` in lm_eval/utils.py, with a context of one token; as there,
 * a text that its tokenizer begins with BOS stands behind another one.
 */
import type { Encoder } from "../../text/encoder.ts";
import type { LaidRow } from "../../training/layout.ts";
import { layExample } from "../../training/layout.ts";

/** The token that a text stands behind: BOS, or else the one that ends texts. */
export const beginningOf = ({ tokenizer }: Encoder): number | undefined =>
  tokenizer.bosId ?? tokenizer.eosId;

/** No rows for a text without tokens. @param room tokens that the model reads at once */
export function windowsOf(encoder: Encoder, text: string, room: number): LaidRow[] {
  const first = beginningOf(encoder);
  const ids = encoder.encodePrompt(text, { plain: true });
  if (first === undefined || text === "") return [];
  const all = Int32Array.of(first, ...ids);
  const rows: LaidRow[] = [];
  for (let done = 0; done < ids.length;) {
    const count = Math.min(room, ids.length - done);
    const end = done + count;
    // `all` is one place ahead: what is read before the last token of the window
    const from = Math.max(0, end - room);
    const before = all.subarray(done === 0 ? 0 : from, end);
    const row = layExample({ ids: before, supervised: new Uint8Array(before.length) });
    rows.push({
      ...row,
      reads: Array.from({ length: count }, (_, index) => ({
        row: before.length - count + index,
        target: ids[done + index]!,
        sequence: 0,
      })),
    });
    done = end;
  }
  return rows;
}
