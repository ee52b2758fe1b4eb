/**
 * Rows of a data set in batches: with the inputs of an objective for training, or read as the model
 * is. Rows of similar length are computed together.
 */
import type { InputsOf, Objective, Readings, TokenBatch } from "../../models/plans/plan.ts";
import type { BatchOptions, LaidBatch, LaidRow } from "../layout.ts";
import { groupByLength, joinRows } from "../layout.ts";
import type { MicroBatch } from "../trainee.ts";

/** How items become rows. */
export interface RowBatchesOptions<Item> extends BatchOptions {
  /** Tokens of one batch at most, padding included; a longer row is a batch alone. */
  microBatchTokens: number;
  /** Tokens of an item's row. */
  lengthOf(item: Item): number;
  rowOf(item: Item): LaidRow;
  /** What must be known of the items before they are trained on or read. */
  before?(items: readonly Item[], laid: LaidBatch): Promise<void>;
}

export class RowBatches<Item> {
  private readonly options: RowBatchesOptions<Item>;

  constructor(options: RowBatchesOptions<Item>) {
    this.options = options;
  }

  /**
   * Micro-batches of one optimiser step.
   * @param inputsOf inputs of the objective for the items of one batch, in their order
   */
  async forTraining<O extends Objective>(
    items: readonly Item[],
    inputsOf: (members: readonly Item[], laid: LaidBatch) => InputsOf<O>,
  ): Promise<MicroBatch<O>[]> {
    const batches: MicroBatch<O>[] = [];
    for (const members of this.groups(items)) {
      const laid = await this.layOut(members);
      const { batch, tokens } = laid;
      batches.push({ batch, tokens, inputs: inputsOf(members, laid) });
    }
    return batches;
  }

  /**
   * Reads items without training.
   * @param take is called with the items of each batch, and what was read of them
   */
  async read(
    items: readonly Item[],
    plan: { score(batch: TokenBatch): Promise<Readings> },
    take: (members: readonly Item[], read: Readings, laid: LaidBatch) => void,
  ): Promise<void> {
    for (const members of this.groups(items)) {
      const laid = await this.layOut(members);
      take(members, await plan.score(laid.batch), laid);
    }
  }

  private groups(items: readonly Item[]): Item[][] {
    const { lengthOf, microBatchTokens } = this.options;
    return groupByLength(items, lengthOf, microBatchTokens);
  }

  private async layOut(members: readonly Item[]): Promise<LaidBatch> {
    const { rowOf, before } = this.options;
    const laid = joinRows(members.map(rowOf), this.options);
    await before?.(members, laid);
    return laid;
  }
}
