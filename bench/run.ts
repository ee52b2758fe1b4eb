/**
 * `npm run bench`: every figure as a ratio against the machine's own limit or against a peer, in
 * one table, as JSON and as a self-contained page. Each measurement runs in a process of its own.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import type { Table } from "../src/evaluation/table.ts";
import { formatTable } from "../src/evaluation/table.ts";
import { madeFacts } from "../src/report/made.ts";
import { writeReport } from "../src/report/report.ts";
import type { Figure, Target } from "./measure.ts";
import { meets } from "./measure.ts";
import { runPart } from "./parts.ts";

/** Turns of each measurement, and whether it needs the peers. */
const MEASUREMENTS: Readonly<Record<string, { rounds: number; peers?: true }>> = {
  "full-step": { rounds: 5 },
  "lora-step": { rounds: 5 },
  "lora-over-full": { rounds: 5 },
  "shared-prefix": { rounds: 5 },
  "dpo-memory": { rounds: 1 },
  "decode-1": { rounds: 15 },
  "decode-32": { rounds: 9 },
  serve: { rounds: 3 },
  judgements: { rounds: 5 },
  "ppo-memory": { rounds: 1 },
  rollouts: { rounds: 5 },
  "plan-memory": { rounds: 1 },
  bootstrap: { rounds: 5 },
  "trl-dpo": { rounds: 3, peers: true },
  "trl-ppo": { rounds: 1, peers: true },
  "transformers-generate": { rounds: 3, peers: true },
  scoring: { rounds: 3, peers: true },
};

interface Options {
  only?: string[];
  peers: boolean;
  rounds?: number;
  out: string;
}

const program = new Command("bench")
  .description("Measures speed and memory as ratios and prints one table.")
  .option("--only <names...>", `measure only these: ${Object.keys(MEASUREMENTS).join(", ")}`)
  .option(
    "--no-peers",
    "leave out what is measured against TRL and transformers, which need Python",
  )
  .option("--rounds <count>", "turns of every measurement", Number)
  .option("--out <folder>", "where bench.json and bench.html go", "runs/bench");

function describeTarget({ atLeast, atMost }: Target): string {
  return [
    ...(atLeast === undefined ? [] : [`≥ ${atLeast}`]),
    ...(atMost === undefined ? [] : [`≤ ${atMost}`]),
  ].join(", ");
}

function tableOf(figures: readonly Figure[], caption: string): Table {
  const number = (value: number): string => value.toFixed(value >= 10 ? 1 : 3);
  const rows = figures.map((figure) => {
    const { ratio, target, details } = figure;
    const verdict = meets(ratio, target) ? "met" : "not met";
    const range = ratio.count > 1 ? `${number(ratio.low)} to ${number(ratio.high)}` : "";
    const rest = Object.entries(details)
      .map(([name, value]) => `${name} ${value}`)
      .join("; ");
    return [
      figure.title,
      number(ratio.median),
      range,
      String(ratio.count),
      describeTarget(target),
      { text: verdict, verdict: verdict === "met" ? "better" : "worse" } as const,
      rest,
    ];
  });
  const right = "right" as const;
  return {
    caption,
    columns: [
      { name: "figure" },
      { name: "median", align: right },
      { name: "quartiles", align: right },
      { name: "turns", align: right },
      { name: "target" },
      { name: "verdict" },
      { name: "made of" },
    ],
    rows,
    note:
      "Every ratio is from one run: what is compared was measured in turns, in one process or, " +
      "against a peer, process by process.",
  };
}

function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}

async function main(): Promise<void> {
  const options = program.parse().opts<Options>();
  const unknown = options.only?.filter((name) => !(name in MEASUREMENTS)) ?? [];
  if (unknown.length > 0)
    program.error(
      `unknown measurement ${unknown.join(", ")}; there are ` +
        `${Object.keys(MEASUREMENTS).join(", ")}`,
      { exitCode: 2 },
    );
  const asked = process.argv.slice(2);
  const facts = {
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
    processor: `${cpus()[0]?.model.trim() ?? "unknown"}, ${cpus().length} cores`,
    memory: `${Math.round(totalmem() / 1e9)} GB`,
    node: process.versions.node,
    commit: commit(),
    model: process.env["ATTUNE_SMOLLM2_GGUF"]
      ? "SmolLM2-135M-Instruct"
      : "random weights of SmolLM2-135M's shape",
    command: ["npm run bench", ...(asked.length > 0 ? ["--", ...asked] : [])].join(" "),
  };
  const figures: Figure[] = [];
  const failed: string[] = [];
  for (const [name, { rounds, peers }] of Object.entries(MEASUREMENTS)) {
    if (options.only ? !options.only.includes(name) : peers && !options.peers) continue;
    console.error(`measuring ${name} ...`);
    try {
      figures.push(...((await runPart(name, options.rounds ?? rounds)) as Figure[]));
    } catch (error) {
      failed.push(name);
      console.error(error instanceof Error ? error.message : error);
    }
  }
  const caption = Object.values(facts).join(" · ");
  const table = tableOf(figures, caption);
  console.log(formatTable(table));
  mkdirSync(resolve(options.out), { recursive: true });
  writeFileSync(
    join(options.out, "bench.json"),
    `${JSON.stringify({ ...facts, figures }, null, 2)}\n`,
  );
  await writeReport(join(options.out, "bench.html"), {
    title: "attune bench",
    summary: "Speed and memory as ratios against the machine's own limits and against peers.",
    sections: [{ title: "Figures", parts: [{ kind: "table", table }] }],
    made: madeFacts({
      command: facts.command,
      more: Object.entries(facts).filter(([name]) => name !== "command"),
    }),
  });
  if (failed.length > 0) {
    console.error(`failed: ${failed.join(", ")}`);
    process.exitCode = 1;
  }
}

await main();
