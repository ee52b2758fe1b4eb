/**
 * `generate` and `chat` with their default options on a model whose context is no longer than the
 * default answer, as the quickstart's are.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { fakeIo } from "../../src/cli/testing.ts";
import { float32 } from "../../src/core/tensor.ts";
import { openModel } from "../../src/models/open.ts";
import { saveTrained } from "../../src/models/save.ts";
import { ChatSession } from "../../src/sampling/chat-session.ts";
import { byteCharacters } from "../../src/text/byte-level.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { withTemplate } from "../../src/text/templates.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import { loadTokenizer } from "../../src/text/tokenizer.ts";
import { attune, saveTinyModel } from "./support.ts";
import type { Outcome } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-answering-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  const tokenizer = byteTokenizer();
  await saveTinyModel(path("model"), tokenizer.files as never);
  await saveTinyModel(path("base"), withTemplate(tokenizer, "none").files as never);
  const { model } = await openModel(path("model"));
  await saveTrained(
    { ...model, scoreHead: float32([1, 32], new Float32Array(32)) },
    { tokenizer },
    path("reward"),
  );
  // the likeliest token is always the one that ends an answer
  const { model: silent } = await openModel(path("model"));
  const embedding = silent.weights.get("model.embed_tokens.weight")!.data as Float32Array;
  const [width, end] = [32, tokenizer.idOf("<end>")!];
  embedding.fill(0.01);
  embedding.subarray(end * width, (end + 1) * width).fill(1);
  await saveTrained(silent, { tokenizer }, path("silent"));
  writeFileSync(
    path("prompts.jsonl"),
    Array.from({ length: 6 }, (_, i) => `${JSON.stringify({ prompt: `question ${i}` })}\n`).join(
      "",
    ),
  );
});

test("layers that config.json does not count are told of, once", async () => {
  await saveTinyModel(path("deep"), byteTokenizer().files as never);
  const config = JSON.parse(readFileSync(path("deep/config.json"), "utf8")) as object;
  writeFileSync(path("deep/config.json"), JSON.stringify({ ...config, num_hidden_layers: 1 }));
  const { err } = await attune("generate", "--model", path("deep"), "--max-new-tokens", "2", "hi");
  expect(
    err.match(
      new RegExp(
        "warning: .* has 9 tensors that llama models have no place for, such as " +
          String.raw`model\.layers\.1\.input_layernorm\.weight: what they compute is left out ` +
          String.raw`\[unread-tensors\]`,
        "g",
      ),
    ),
  ).toHaveLength(1);
});

test("characters that the vocabulary lacks are told of a prompt and of a message", async () => {
  const tokenizer = byteTokenizer();
  const json = JSON.parse(tokenizer.files["tokenizer.json"]!) as {
    model: { vocab: Record<string, number> };
  };
  for (const letter of Buffer.from("\u00e9")) delete json.model.vocab[byteCharacters()[letter]!];
  await saveTinyModel(path("small"), {
    ...tokenizer.files,
    "tokenizer.json": JSON.stringify(json),
  } as never);
  const { err } = await attune(
    "generate",
    "--model",
    path("small"),
    "--max-new-tokens",
    "2",
    "caf\u00e9",
  );
  expect(err).toContain(
    'the tokenizer has no token for 1 character of the prompt, such as "\u00e9"',
  );
  expect(
    (await attune("generate", "--model", path("model"), "--max-new-tokens", "2", "caf\u00e9")).err,
  ).not.toContain("no token for");
  const notes: string[] = [];
  const { model } = await openModel(path("small"));
  const session = new ChatSession(
    { model, encoder: createEncoder(await loadTokenizer(path("small")), { maxLength: 64 }) },
    {
      maxNewTokens: 2,
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      seed: 1,
      stopTexts: [],
      system: "",
    } as never,
    (note) => notes.push(note),
  );
  await session.say("\u00e9\u00e9");
  await session.close();
  expect(notes).toContain(
    'the tokenizer has no token for 2 characters of this message, such as "\u00e9": the model ' +
      "does not see them",
  );
});

/** A conversation typed line by line. */
async function chat(lines: readonly string[], ...more: string[]): Promise<Outcome> {
  const input = new PassThrough();
  const io = { ...fakeIo(), stdin: input as unknown as NodeJS.ReadStream };
  input.end(lines.map((line) => `${line}\n`).join(""));
  const status = await runProgram(["chat", ...more], io);
  return { status, out: io.stdout.text, err: io.stderr.text };
}

describe("generate", () => {
  test("answers with default options where the context is shorter than they ask for, and says so once", async () => {
    const { status, err } = await attune("generate", "--model", path("model"), "hello");
    expect([status, err]).toEqual([
      0,
      expect.stringMatching(
        /^the answer has room for \d+ tokens instead of 256 \(a context of 256\)$/m,
      ),
    ]);
    const many = await attune(
      "generate",
      "--model",
      path("model"),
      "--data",
      path("prompts.jsonl"),
      "--json",
    );
    expect(many.status).toBe(0);
    expect(many.out.match(/answers to 6 of 6 prompts have room for/g)).toHaveLength(1);
  });

  test("a text is the user's turn where the model has a template, and plain text where it has none", async () => {
    const same = async (model: string, ...ways: string[][]): Promise<boolean> => {
      const answers = await Promise.all(
        ways.map((way) =>
          attune(
            "generate",
            "--model",
            path(model),
            "--temperature",
            "0",
            "--max-new-tokens",
            "6",
            ...way,
          ),
        ),
      );
      return new Set(answers.map(({ out }) => out)).size === 1;
    };
    expect(await same("model", ["hello"], ["--template", "model", "hello"])).toBe(true);
    expect(await same("model", ["--raw", "hello"], ["--template", "none", "hello"])).toBe(true);
    expect(await same("base", ["hello"], ["--raw", "hello"], ["--template", "none", "hello"])).toBe(
      true,
    );
    expect(
      (await attune("generate", "--model", path("base"), "--system", "be kind", "hello")).err,
    ).toMatch(/^chat template: plain .* since the model has none of its own/m);
    expect((await attune("generate", "--model", path("base"), "hello")).err).toMatch(
      /^chat template: none, so texts are plain texts/m,
    );
  });

  test("an answer that was cut is told, also a single one", async () => {
    const cut = await attune(
      "generate",
      "--model",
      path("model"),
      "--temperature",
      "0",
      "--max-new-tokens",
      "2",
      "hello",
    );
    expect(cut.err).toMatch(/^the answer was cut before the end \(--max-new-tokens/m);
    const { err } = await chat(
      ["hello"],
      "--model",
      path("model"),
      "--temperature",
      "0",
      "--max-new-tokens",
      "2",
    );
    expect(err).toMatch(/^the answer was cut before the end \(--max-new-tokens/m);
  });

  test("empty answers are told: of one prompt, and of a file", async () => {
    const one = await attune("generate", "--model", path("silent"), "--temperature", "0", "hello");
    expect([one.status, one.out, one.err]).toEqual([
      0,
      "\n",
      expect.stringMatching(
        /^warning: the answer is empty; another --template or another model may answer \[empty-answers\]$/m,
      ),
    ]);
    const all = await attune(
      "generate",
      "--model",
      path("silent"),
      "--temperature",
      "0",
      "--data",
      path("prompts.jsonl"),
    );
    expect(all.err).toMatch(/^warning: 6 of 6 answers are empty;/m);
  });

  test.each([
    ["generate", ["hello"]],
    ["chat", []],
    ["serve", []],
  ] as const)("%s refuses a reward model", async (command, more) => {
    const { status, err } = await attune(command, "--model", path("reward"), ...more);
    expect([status, err]).toEqual([
      2,
      expect.stringMatching(/reward: this is a reward model: it scores answers and writes none/),
    ]);
  });
});

describe("chat", () => {
  test("answers with default options, keeps the conversation and saves it", async () => {
    const { status, err } = await chat(
      [
        "/system be kind",
        "hello",
        "",
        "again",
        `/save ${path("chat.jsonl")}`,
        "/quit",
        "never read",
      ],
      "--model",
      path("model"),
    );
    expect([status, err]).toEqual([0, expect.stringContaining("5 turns -> ")]);
    const { messages } = JSON.parse(readFileSync(path("chat.jsonl"), "utf8")) as {
      messages: { role: string; content: string }[];
    };
    expect(messages.map(({ role, content }) => (role === "assistant" ? role : content))).toEqual([
      "be kind",
      "hello",
      "assistant",
      "again",
      "assistant",
    ]);
  });

  test("says what goes wrong, and goes on until the input ends", async () => {
    const folders = await chat(
      ["hello", `/save ${path("")}`, `/save ${path("nowhere/chat.jsonl")}`],
      "--model",
      path("model"),
      "--max-new-tokens",
      "4",
    );
    expect(folders.err).toMatch(
      /this is a folder, and \/save writes a file\n[^]*try: \/save .*conversation\.jsonl/,
    );
    expect(folders.err).toMatch(
      /chat\.jsonl cannot be written: [^\n]*no such file[^\n]*\n[^]*check that the folder exists/,
    );
    expect(folders.err).not.toContain(".tmp-");
    const { status, err } = await chat(
      [
        "x".repeat(300),
        "/foo",
        "/save",
        `/save ${path("none.jsonl")}`,
        "hello",
        `/save ${path("prompts.jsonl")}`,
        "/reset",
        "//slash",
      ],
      "--model",
      path("model"),
      "--max-new-tokens",
      "4",
    );
    expect(status).toBe(0);
    const told = [
      /this message leaves no room for an answer/,
      /there is no command \/foo; \/help/,
      /\/save needs the name of a file/,
      /there is no answer to save yet/,
      /there is a file of this name/,
      /the conversation begins anew/,
    ];
    let from = 0;
    for (const says of told) {
      const at = err.slice(from).search(says);
      expect(at, `${String(says)} after what came before`).toBeGreaterThanOrEqual(0);
      from += at;
    }
    expect(existsSync(path("none.jsonl"))).toBe(false);
  });

  test("tells its commands, and one line an answer as JSON", async () => {
    expect((await chat(["/help"], "--model", path("model"))).err).toMatch(
      /\/help +this list\n +\/system TEXT[^]*\/reset[^]*\/save FILE[^]*\/quit/,
    );
    const { out } = await chat(
      ["hello"],
      "--model",
      path("model"),
      "--json",
      "--max-new-tokens",
      "4",
    );
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).toContainEqual({
      type: "result",
      role: "assistant",
      content: expect.any(String) as string,
      finish: expect.any(String) as string,
      tokens: expect.any(Number) as number,
    });
  });
});
