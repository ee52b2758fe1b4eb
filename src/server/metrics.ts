/**
 * What the server counts, in the text form that Prometheus reads (exposition format 0.0.4).
 * Names of models are the server's own; nothing that a client sent becomes a label.
 */
import type { EngineLoad } from "./engines.ts";

type Labels = Readonly<Record<string, string>>;

/** Upper bounds of the histograms' buckets, seconds. */
const GAPS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const WAITS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

const labelText = (labels: Labels): string => {
  const given = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${value.replaceAll(/["\\\n]/g, (each) => (each === "\n" ? "\\n" : `\\${each}`))}"`,
  );
  return given.length === 0 ? "" : `{${given.join(",")}}`;
};

/** A metric's head and samples. */
const family = (name: string, type: string, help: string, samples: readonly string[]): string =>
  `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.map((each) => `${each}\n`).join("")}`;

class Counter {
  private readonly values = new Map<string, number>();
  private readonly name: string;
  private readonly help: string;

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  add(amount: number, labels: Labels = {}): void {
    const key = labelText(labels);
    this.values.set(key, (this.values.get(key) ?? 0) + amount);
  }

  get text(): string {
    return family(
      this.name,
      "counter",
      this.help,
      [...this.values].map(([labels, value]) => `${this.name}${labels} ${value}`),
    );
  }
}

class Histogram {
  private readonly counts: number[];
  private sum = 0;
  private total = 0;
  private readonly name: string;
  private readonly help: string;
  private readonly bounds: readonly number[];

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  /** @param milliseconds told as seconds */
  observe(milliseconds: number): void {
    const seconds = milliseconds / 1000;
    this.sum += seconds;
    this.total++;
    this.bounds.forEach((bound, index) => {
      if (seconds <= bound) this.counts[index]!++;
    });
  }

  get text(): string {
    const buckets = this.bounds.map(
      (bound, index) => `${this.name}_bucket{le="${bound}"} ${this.counts[index]}`,
    );
    return family(this.name, "histogram", this.help, [
      ...buckets,
      `${this.name}_bucket{le="+Inf"} ${this.total}`,
      `${this.name}_sum ${this.sum}`,
      `${this.name}_count ${this.total}`,
    ]);
  }
}

export class ServerMetrics {
  private readonly requests = new Counter(
    "attune_requests_total",
    "Requests for completions that were answered, by endpoint and status.",
  );
  private readonly promptTokens = new Counter(
    "attune_prompt_tokens_total",
    "Tokens of prompts of answered requests.",
  );
  private readonly answerTokens = new Counter(
    "attune_generation_tokens_total",
    "Tokens that were generated.",
  );
  private readonly firstToken = new Histogram(
    "attune_time_to_first_token_seconds",
    "From a request's body to the first token of its first answer.",
    WAITS,
  );
  private readonly gap = new Histogram(
    "attune_time_between_tokens_seconds",
    "Between two tokens of an answer.",
    GAPS,
  );
  private readonly whole = new Histogram(
    "attune_request_seconds",
    "From a request's body to the end of its answers.",
    WAITS,
  );

  answered(endpoint: string, status: number): void {
    this.requests.add(1, { endpoint, status: String(status) });
  }

  used(
    model: string,
    {
      prompt_tokens: prompt,
      completion_tokens: answers,
    }: { prompt_tokens: number; completion_tokens: number },
  ): void {
    this.promptTokens.add(prompt, { model });
    this.answerTokens.add(answers, { model });
  }

  /** Watches a request from now on. */
  watch(now: () => number = () => performance.now()): RequestWatch {
    const began = now();
    let first = true;
    const last = new Map<number, number>();
    return {
      token: (choice) => {
        const at = now();
        if (first) this.firstToken.observe(at - began);
        first = false;
        const before = last.get(choice);
        if (before !== undefined) this.gap.observe(at - before);
        last.set(choice, at);
      },
      end: () => this.whole.observe(now() - began),
    };
  }

  text(load: readonly EngineLoad[]): string {
    const gauge = (name: string, help: string, value: (each: EngineLoad) => number): string =>
      family(
        name,
        "gauge",
        help,
        load.map((each) => `${name}${labelText({ model: each.name })} ${value(each)}`),
      );
    return [
      this.requests.text,
      this.promptTokens.text,
      this.answerTokens.text,
      gauge("attune_answers_running", "Answers that are decoded.", ({ running }) => running),
      gauge("attune_answers_waiting", "Answers that wait for a slot.", ({ waiting }) => waiting),
      gauge(
        "attune_answers_admitted",
        "Answers that were let in and not finished, those of requests that are encoded among them.",
        ({ admitted }) => admitted,
      ),
      this.firstToken.text,
      this.gap.text,
      this.whole.text,
    ].join("");
  }
}

export interface RequestWatch {
  /** A token of an answer, by the answer's number among the request's. */
  token(choice: number): void;
  end(): void;
}
