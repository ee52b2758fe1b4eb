/**
 * attune on this machine. The memory of a step is not a formula but comes from the graphs that the
 * run would build: what the plan keeps, and the values within a session by liveness
 * (memory/liveness.ts). Weights are float32 unless they are frozen and kept in float16 or int8;
 * phases of a roll-out method take turns.
 */
import { countOf } from "../core/counts.ts";
import { liveNodes } from "../graph/passes.ts";
import { arenaBytes } from "../memory/arena.ts";
import { workingMemory } from "../memory/working-memory.ts";
import { parameterCount } from "../models/model.ts";
import { WEIGHTS_FIRST_ROWS, buildDecoder } from "../sampling/decoder-graph.ts";
import { worthPacking } from "../sampling/packing.ts";
import { READ_TOKENS } from "../sampling/prompt-reading.ts";
import { WHOLE_PLAN_LIMIT } from "../training/choose-plan.ts";
import type { Machine } from "./calibrate.ts";
import { cachePerToken, forwardOperations, networkParameterCount } from "./counts.ts";
import { emptyModel, networkStep, weightBytes } from "./network-step.ts";
import type { MemoryLine, Network, PlanRequest, TimeLine } from "./work.ts";
import { adapterSize, networksOf, rollsOut, rowSizes, shortNumber } from "./work.ts";

/**
 * Resident memory of a run of a model of next to nothing, measured: Node.js with attune 80 MB, ONNX
 * Runtime's library and threads 25, and JavaScript's heap, whose young part grows with the first
 * steps (125 MB in all after two of them, 149 after a hundred).
 */
const PROCESS = 140e6;
/**
 * Share of the rate of a large product that a training step reaches, and a roll-out's share of its
 * bound (bench/).
 */
const STEP_SHARE = 0.8;

function networkLines(request: PlanRequest, network: Network): MemoryLine[] {
  const { name, trained } = network;
  const adapted = request.adapter === "lora";
  const lines: MemoryLine[] = [];
  const shared = adapted && request.roles === "shared";
  const count = adapted
    ? adapterSize(request, network)
    : networkParameterCount(request, "tokens") +
      (network.reads === "scores" ? request.config.hiddenSize : 0);
  if (name === "reference" && (shared || !rollsOut(request.method)))
    return [
      {
        item: "reference: weights",
        bytes: 0,
        sum: rollsOut(request.method)
          ? "the base with the adapter off"
          : "its log-probabilities are computed once, before training",
      },
    ];
  if (!shared)
    lines.push({
      item: `${name}: weights`,
      bytes: weightBytes(request, network),
      sum: `${shortNumber(networkParameterCount(request, "tokens"))} parameters`,
    });
  if (!trained)
    return shared
      ? [
          {
            item: `${name}: adapter`,
            bytes: 4 * adapterSize(request, network),
            sum: `${shortNumber(adapterSize(request, network))} x 4 bytes`,
          },
        ]
      : lines;
  if (adapted)
    lines.push({
      item: `${name}: adapter`,
      bytes: 4 * count,
      sum: `${shortNumber(count)} x 4 bytes`,
    });
  lines.push({
    item: `${name}: gradients`,
    bytes: 4 * count,
    sum: `${shortNumber(count)} x 4 bytes`,
  });
  lines.push({
    item: `${name}: optimiser state`,
    bytes: 8 * count,
    sum: `${shortNumber(count)} x 8 bytes`,
  });
  return lines;
}

export async function attuneMemory(request: PlanRequest): Promise<MemoryLine[]> {
  const { method, adapter, roles } = request;
  const lines: MemoryLine[] = [
    { item: "Node.js and ONNX Runtime", bytes: PROCESS, sum: "measured" },
  ];
  if (adapter === "lora" && roles === "shared")
    lines.push({
      item: "base: weights",
      bytes: weightBytes(request, { name: "policy", trained: false, reads: "tokens" }),
      sum:
        `${shortNumber(networkParameterCount(request, "tokens"))} parameters in ` +
        `${request.precision}, once for all networks`,
    });
  for (const network of networksOf(method)) lines.push(...networkLines(request, network));
  for (const network of networksOf(method).filter(
    (each) => each.trained || staysOpen(request, each),
  )) {
    const { activations, working, rows } = await networkStep(request, network);
    // A small model's graphs stay between the phases.
    const phase =
      rollsOut(method) && !isWhole(request) ? { phase: `update of the ${network.name}` } : {};
    if (network.trained)
      lines.push({
        item: "activations",
        bytes: activations,
        sum: `${countOf(rows, "row")} of ${countOf(rowSizes(request).length, "token")}`,
        ...phase,
      });
    lines.push({
      item: "within sessions",
      bytes: working,
      sum: `${network.name}: arenas of ONNX Runtime, logits included`,
      ...phase,
    });
  }
  if (rollsOut(method)) lines.push(...rolloutLines(request));
  return lines;
}

/**
 * Whether the sessions that only read a network stay beside those of the others; the block plan's
 * are let go of.
 */
function staysOpen(request: PlanRequest, { name }: Network): boolean {
  return (
    rollsOut(request.method) &&
    isWhole(request) &&
    (name === "reward model" || (name === "reference" && request.roles === "separate"))
  );
}

const isWhole = ({ family, config }: PlanRequest): boolean =>
  parameterCount(family, config) < WHOLE_PLAN_LIMIT;

function rolloutLines(request: PlanRequest): MemoryLine[] {
  const rows = Math.min(request.rolloutBatch, request.batchSize);
  const room = request.promptTokens + request.answerTokens;
  const policy = networksOf(request.method)[0]!;
  const model = emptyModel(request, policy);
  const count = networkParameterCount(request, "tokens");
  const packs = worthPacking({
    weights: count,
    rows,
    steps: request.answerTokens * Math.ceil(request.batchSize / rows),
    besideTraining: true,
  });
  const { graph, outputs } = buildDecoder(model, {
    weightsFirst: !packs && rows >= WEIGHTS_FIRST_ROWS,
  });
  const results = Object.values(outputs);
  const { steps } = workingMemory(liveNodes(graph, results), results);
  const prompts = Math.max(
    1,
    Math.min(Math.ceil(rows / request.samples), Math.floor(READ_TOKENS / request.promptTokens)),
  );
  const working = arenaBytes(
    steps,
    {
      batch: prompts,
      step: request.promptTokens,
      cache: request.promptTokens,
      table: room,
      read: prompts,
    },
    { batch: rows, step: 1, cache: room, table: room, read: rows },
  );
  const perToken = 4 * cachePerToken(request);
  const phase = "roll-out";
  const packing = "packing of the roll-out's weights";
  const cached = rows * room + prompts * request.promptTokens;
  const lines: MemoryLine[] = [
    {
      item: "key-value cache",
      bytes: cached * perToken,
      sum:
        `(${rows} x ${room} + ${prompts} x ${request.promptTokens}) tokens x ` +
        `${shortNumber(perToken)} bytes`,
      phase,
    },
    {
      item: "logits",
      bytes: 4 * (rows + prompts) * request.config.vocabularySize,
      sum: `${rows + prompts} x ${shortNumber(request.config.vocabularySize)} x 4 bytes`,
      phase,
    },
    { item: "within the session", bytes: working, sum: "arena of ONNX Runtime", phase },
  ];
  if (packs) {
    lines.push({
      item: "packed weights",
      bytes: 4 * count,
      sum: `${shortNumber(count)} x 4 bytes`,
      phase,
    });
    lines.push({
      item: "packed weights, and their bytes in the model",
      bytes: 2 * 4 * count,
      sum: `2 x ${shortNumber(count)} x 4 bytes`,
      phase: packing,
    });
  }
  return lines;
}

export async function attuneTime(
  request: PlanRequest,
  { rate, bandwidth }: Pick<Machine, "rate" | "bandwidth">,
): Promise<TimeLine[]> {
  const { method, steps, batchSize, answerTokens, promptTokens } = request;
  const { length, tokens: read } = rowSizes(request);
  const reached = STEP_SHARE * rate;
  const lines: TimeLine[] = [];
  // How much faster depends on the processor's products of bytes, which are not measured.
  const upper = request.precision === "int8" ? ", which is float32's rate: int8 takes less" : "";
  const per = `operations at ${STEP_SHARE} x ${shortNumber(rate)} a second${upper}`;
  for (const network of networksOf(method)) {
    const forward =
      steps *
      batchSize *
      length *
      forwardOperations(request, {
        context: length / 2,
        read: network.reads === "tokens" ? read / length : 0,
      });
    if (!network.trained || rollsOut(method))
      lines.push({
        item: `${network.name}: reading`,
        seconds: forward / reached,
        sum: `${shortNumber(forward)} ${per}`,
      });
    if (!network.trained) continue;
    const step = await networkStep(request, network);
    const passes = rollsOut(method) ? request.ppoEpochs : 1;
    const operations = (steps * passes * batchSize * step.operations) / step.rows;
    lines.push({
      item: `${network.name}: training`,
      seconds: operations / reached,
      sum: `${shortNumber(operations)} ${per}`,
    });
    const moved =
      7 *
      4 *
      (request.adapter === "lora"
        ? adapterSize(request, network)
        : networkParameterCount(request, "tokens"));
    lines.push({
      item: `${network.name}: optimiser`,
      seconds: (steps * passes * moved) / bandwidth,
      sum: `${steps * passes} x ${shortNumber(moved)} bytes at ${shortNumber(bandwidth)} a second`,
    });
  }
  if (rollsOut(method)) {
    const decoding = Math.ceil(batchSize / request.rolloutBatch) * answerTokens * steps;
    const weights = 4 * networkParameterCount(request, "tokens");
    const operations =
      steps *
      batchSize *
      ((promptTokens / request.samples) *
        forwardOperations(request, { context: promptTokens / 2, read: 0 }) +
        answerTokens * forwardOperations(request, { context: length / 2, read: 1 }));
    lines.unshift({
      item: "policy: roll-outs",
      seconds: operations / reached + (decoding * weights) / bandwidth,
      sum:
        `${shortNumber(operations)} ${per}, and ${shortNumber(decoding)} times ` +
        `${shortNumber(weights)} bytes at ${shortNumber(bandwidth)} a second`,
    });
  }
  return lines;
}
