/**
 * The whole-model plan: embedding, every block, readout, loss and all gradients in one graph.
 * Fewest calls and no recomputation, hence fastest for small models; memory grows with depth, as
 * every activation stays until its gradient.
 */
import { invariant } from "../../core/errors.ts";
import { gatherRows, reshape } from "../../graph/build.ts";
import { gradients } from "../../graph/autodiff.ts";
import type { Graph, Value } from "../../graph/ir.ts";
import { createGraph } from "../../graph/op-table.ts";
import type { Tensors } from "../../runtime/session.ts";
import { Session } from "../../runtime/session.ts";
import type { ModelParts } from "../builders.ts";
import { Parameters, blockBuilder, outerLayersBuilder, trainingAttention } from "../builders.ts";
import { kindsOf } from "../decoder-config.ts";
import { weightOf } from "../model.ts";
import type { PlanOptions } from "./common.ts";
import {
  METRIC,
  accumulate,
  accumulatorFeeds,
  batchFeeds,
  floats,
  metricsOf,
  namedWeights,
  prefixed,
  readings,
  threadOptions,
} from "./common.ts";
import {
  allRotaryFeeds,
  biasCount,
  checkTexts,
  kindBias,
  kindSuffix,
  rotaryInputs,
} from "./layer-inputs.ts";
import type {
  ExecutionPlan,
  InputsOf,
  Objective,
  Readings,
  ScoreOptions,
  StepMemory,
  StepResult,
  TokenBatch,
} from "./plan.ts";
import { buildLoss } from "./plan.ts";
import type { BuiltReadout } from "./readout.ts";
import { buildReadout } from "./readout.ts";
import { Scratch } from "./scratch.ts";

interface BuiltModel extends BuiltReadout {
  graph: Graph;
  parameters: Parameters;
}

/** Tokens to readout, as one graph. */
function buildForward(options: PlanOptions, parts: ModelParts): BuiltModel {
  const { model } = options;
  const { family, config } = parts;
  const graph = createGraph();
  const parameters = new Parameters(graph, (name) => weightOf(model, name).dtype);
  const tokens = graph.input("tokens", "int64", ["batch", "time"]);
  const positions = graph.input("positions", "int64", ["batch", "time"]);
  const kinds = kindsOf(config).map((kind) => {
    const suffix = kindSuffix(config, kind);
    const bias = graph.input(`bias${suffix}`, "float32", ["batch", 1, "time", "time"]);
    return { kind, suffix, bias };
  });
  const selected = graph.input("selected", "int64", ["selected"]);
  const targets = graph.input("targets", "int64", ["selected"]);
  const attentions = new Map(
    kinds.map(({ kind, suffix, bias }) => {
      const rotary = rotaryInputs(graph, config, kind, { positions, suffix });
      const inputs = { batch: "batch", time: "time", bias, rotary };
      return [kind.name, trainingAttention(config, inputs)];
    }),
  );
  const flat = (x: Value): Value => reshape(x, ["batch*time"]);
  let x = graph.scope("embedding", () =>
    family.embed(outerLayersBuilder(parts, parameters), flat(tokens), flat(positions)),
  );
  for (const [layer, kind] of config.layerKinds.entries()) {
    const prefix = family.blockPrefix(layer);
    const attention = attentions.get(kind.name)!;
    x = graph.scope(prefix.slice(0, -1), () =>
      family.block(blockBuilder(parts, parameters, prefix, attention), x, kind),
    );
  }
  const readout = buildReadout(parts, parameters, gatherRows(x, selected), targets, {
    reads: options.reads,
    temperature: options.temperature ?? 1,
    statistics: options.statistics ?? false,
  });
  return { graph, parameters, ...readout };
}

function partsOf(options: PlanOptions, withAdapter: boolean): ModelParts {
  const { family, config, adapter, int8 } = options.model;
  return {
    family,
    config,
    adapter: withAdapter ? adapter?.config : undefined,
    int8: int8 && "train",
  };
}

export class WholePlan<O extends Objective> implements ExecutionPlan<O> {
  private readonly options: PlanOptions<O>;
  private readonly rotary: Tensors;
  private readonly scratch = new Scratch();
  private training: { session: Session; names: string[] } | undefined;
  private readonly scoring = new Map<boolean, { session: Session; names: string[] }>();

  constructor(options: PlanOptions<O>) {
    this.options = options;
    this.rotary = allRotaryFeeds(options.model.config, options.maxLength);
  }

  async score(batch: TokenBatch, { adapter = true }: ScoreOptions = {}): Promise<Readings> {
    const { session, names } = await this.scorer(adapter);
    return readings(
      await session.run({ ...this.batchFeeds(batch), ...namedWeights(this.options.model, names) }),
    );
  }

  async step(batch: TokenBatch, inputs: InputsOf<O>): Promise<StepResult<O>> {
    const { trainable } = this.options;
    invariant(trainable, "this plan was made without trainable parameters");
    this.training ??= await this.buildTraining();
    const { session, names } = this.training;
    const accumulators = accumulatorFeeds(
      trainable,
      [...trainable.byName.keys()].map((name) => [name, name] as const),
    );
    const feeds = {
      ...this.batchFeeds(batch),
      ...namedWeights(this.options.model, names),
      ...accumulators.feeds,
      ...inputs,
    };
    const results = await session.run(feeds, accumulators.into);
    return {
      ...readings(results),
      loss: floats(results, "loss")[0]!,
      metrics: metricsOf<O>(results),
    };
  }

  async operations(batch: TokenBatch): Promise<number> {
    this.training ??= await this.buildTraining();
    const [rows, time] = batch.tokens.shape as readonly [number, number];
    return this.training.session.operations({
      batch: rows,
      time,
      selected: batch.selected.data.length,
    });
  }

  async memory(batch: TokenBatch, scored: readonly ScoreOptions[] = []): Promise<StepMemory> {
    const { trainable } = this.options;
    if (trainable) this.training ??= await this.buildTraining();
    const scorers = await Promise.all(scored.map(({ adapter = true }) => this.scorer(adapter)));
    const sessions = new Set(
      [...scorers, ...(this.training ? [this.training] : [])].map(({ session }) => session),
    );
    const [rows, time] = batch.tokens.shape as readonly [number, number];
    const working = [...sessions].reduce(
      (total, session) =>
        total + session.workingBytes({ batch: rows, time, selected: batch.selected.data.length }),
      0,
    );
    const { config } = this.options.model;
    return { activations: biasCount(config) * batch.bias.data.byteLength, working };
  }

  async close(): Promise<void> {
    for (const { session } of this.scoring.values()) await session.close();
    await this.training?.session.close();
  }

  private batchFeeds(batch: TokenBatch): Tensors {
    const { config } = this.options.model;
    checkTexts(config, batch);
    const biases = kindsOf(config).map((kind) => [
      `bias${kindSuffix(config, kind)}`,
      kindBias(batch, kind, this.scratch),
    ]);
    return { ...batchFeeds(batch), ...Object.fromEntries(biases), ...this.rotary };
  }

  private async scorer(adapter: boolean): Promise<{ session: Session; names: string[] }> {
    const key = adapter && this.options.model.adapter !== undefined;
    const known = this.scoring.get(key);
    if (known) return known;
    const built = buildForward(this.options, partsOf(this.options, key));
    const session = await Session.create(
      built.graph,
      { readout: built.readout, ...built.statistics },
      { label: "scoring the model", ...threadOptions(this.options) },
    );
    const made = { session, names: [...built.parameters.used.keys()] };
    this.scoring.set(key, made);
    return made;
  }

  private async buildTraining(): Promise<{ session: Session; names: string[] }> {
    const { objective, trainable } = this.options;
    invariant(objective && trainable, "training needs an objective and trainable parameters");
    const built = buildForward(this.options, partsOf(this.options, true));
    const { graph } = built;
    const { loss, metrics } = buildLoss(objective, built.readout);
    const names = [...trainable.byName.keys()];
    const wanted = names.map((name) => built.parameters.get(name, trainable.get(name).value.shape));
    const slopes = gradients(graph, [{ output: loss }], wanted);
    const outputs = accumulate(graph, new Map(names.map((name, index) => [name, slopes[index]!])));
    const results = {
      loss,
      readout: built.readout,
      ...built.statistics,
      ...prefixed(METRIC, metrics),
      ...outputs,
    };
    const session = await Session.create(graph, results, {
      label: `training by ${objective.name}`,
      ...threadOptions(this.options),
    });
    return { session, names: [...built.parameters.used.keys()] };
  }
}
