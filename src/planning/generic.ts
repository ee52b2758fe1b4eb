/**
 * A generic engine of the PyTorch kind: mixed precision with Adam, activation checkpointing,
 * attention that does not keep its scores, and all state spread evenly over the devices.
 *
 * Sources: 16 bytes for a trained parameter (2 weights, 2 gradients, 12 of master weights and
 * moments): ZeRO (Rajbhandari et al. 2020), section 3.1. Checkpoints of s b h 16-bit numbers a
 * layer, and 34 s b h bytes within a layer: Korthikanti et al. 2022, sections 4.1 and 5. What
 * fragmentation and communication buffers take comes on top.
 */
import { cachePerToken, forwardOperations, networkParameterCount } from "./counts.ts";
import type { MemoryLine, Network, PlanRequest, TimeLine } from "./work.ts";
import { TRAINERS } from "../training/trainers.ts";
import { adapterSize, networksOf, rollsOut, rowSizes, shortNumber } from "./work.ts";

export interface GenericMachine {
  devices: number;
  /** Operations a second of one device in training, as reached and not as advertised. */
  rate: number;
  /** Bytes a second at which one device reads its memory. */
  bandwidth: number;
}

const HALF = 2;
/** float32 master weights, first and second moments. */
const ADAM = 12;
/** Logits in 16 bits, their float32 copy, and its gradient. */
const LOGIT = HALF + 4 + 4;
/** Bytes of one block's activations for every token and hidden number. */
const BLOCK = 34;

function networkLines(request: PlanRequest, network: Network): MemoryLine[] {
  const { name, trained, reads } = network;
  const whole = networkParameterCount(request, reads);
  const lines: MemoryLine[] = [];
  const add = (item: string, count: number, bytes: number): void =>
    void lines.push({
      item: `${name}: ${item}`,
      bytes: count * bytes,
      sum: `${shortNumber(count)} x ${bytes} bytes`,
    });
  const adapted = request.adapter === "lora";
  const shared = adapted && request.roles === "shared";
  if (!shared) add("weights", whole, HALF);
  if (trained) {
    const count = adapted ? adapterSize(request, network) : whole;
    if (adapted) add("adapter", count, HALF);
    add("gradients", count, HALF);
    add("optimiser state", count, ADAM);
  } else if (shared) {
    if (name === "reward model") add("adapter", adapterSize(request, network), HALF);
    else lines.push({ item: `${name}: weights`, bytes: 0, sum: "the base with the adapter off" });
  }
  return lines;
}

export function genericMemory(request: PlanRequest): MemoryLine[] {
  const { config, method, microBatchTokens: tokens, adapter, roles } = request;
  const lines = networksOf(method).flatMap((network) => networkLines(request, network));
  if (adapter === "lora" && roles === "shared") {
    const count = networkParameterCount(request, "tokens");
    lines.unshift({
      item: "base: weights",
      bytes: count * HALF,
      sum: `${shortNumber(count)} x ${HALF} bytes, once for all networks`,
    });
  }
  const phase = rollsOut(method) ? { phase: "update" } : {};
  const { length, tokens: read } = rowSizes(request);
  const logits = TRAINERS[method].makes === "reward" ? 0 : Math.round((tokens * read) / length);
  const hidden = tokens * config.hiddenSize;
  if (request.recompute !== "none")
    lines.push({
      item: "activations: checkpoints",
      bytes: config.layers * hidden * HALF,
      sum: `${config.layers} layers x ${shortNumber(hidden)} x ${HALF} bytes`,
      ...phase,
    });
  const blocks = request.recompute !== "none" ? 1 : config.layers;
  lines.push({
    item: "activations: within layers",
    bytes: blocks * BLOCK * hidden,
    sum: `${blocks} x ${shortNumber(hidden)} x ${BLOCK} bytes`,
    ...phase,
  });
  if (logits > 0)
    lines.push({
      item: "logits",
      bytes: logits * config.vocabularySize * LOGIT,
      sum: `${shortNumber(logits)} tokens x ${shortNumber(config.vocabularySize)} x ${LOGIT} bytes`,
      ...phase,
    });
  if (rollsOut(method)) {
    const rows = Math.min(request.rolloutBatch, request.batchSize);
    const room = request.promptTokens + request.answerTokens;
    lines.push({
      item: "key-value cache",
      bytes: rows * room * cachePerToken(request) * HALF,
      sum: `${rows} x ${room} tokens x ${shortNumber(cachePerToken(request))} x ${HALF} bytes`,
      phase: "roll-out",
    });
  }
  return lines;
}

export function genericTime(
  request: PlanRequest,
  { devices, rate, bandwidth }: GenericMachine,
): TimeLine[] {
  const { method, steps, batchSize, answerTokens, promptTokens, adapter } = request;
  const { length, tokens: read } = rowSizes(request);
  const tokens = steps * batchSize * length;
  const line = (item: string, operations: number): TimeLine => ({
    item,
    seconds: operations / (devices * rate),
    sum: `${shortNumber(operations)} operations at ${devices} x ${shortNumber(rate)} a second`,
  });
  const lines: TimeLine[] = [];
  for (const { name, trained, reads } of networksOf(method)) {
    const forward = forwardOperations(request, {
      context: length / 2,
      read: reads === "tokens" ? read / length : 0,
    });
    const backward = (adapter === "lora" ? 1 : 2) + (request.recompute !== "none" ? 1 : 0);
    const passes = trained ? (rollsOut(method) ? request.ppoEpochs : 1) : 0;
    if (passes > 0)
      lines.push(line(`${name}: training`, passes * tokens * forward * (1 + backward)));
    if (!trained || rollsOut(method)) lines.push(line(`${name}: reading`, tokens * forward));
  }
  if (rollsOut(method)) {
    const decoding = Math.ceil(batchSize / request.rolloutBatch) * answerTokens * steps;
    const weights = HALF * networkParameterCount(request, "tokens");
    const operations =
      steps *
      batchSize *
      (promptTokens / request.samples + answerTokens) *
      forwardOperations(request, { context: length / 2, read: 1 });
    const seconds = operations / (devices * rate) + (decoding * weights) / (devices * bandwidth);
    lines.unshift({
      item: "policy: roll-outs",
      seconds,
      sum:
        `${shortNumber(operations)} operations, and ${shortNumber(decoding)} times ` +
        `${shortNumber(weights)} bytes at ${devices} x ${shortNumber(bandwidth)} a second`,
    });
  }
  return lines;
}
