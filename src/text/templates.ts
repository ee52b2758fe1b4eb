/**
 * Which chat template texts and conversations meet: the model's own, none, one of a few that attune
 * knows by name, or Jinja of one's own. A choice is applied to the tokenizer, whose files then
 * carry it, so that a trained model is used as it was trained.
 */
import { AttuneError, nearest } from "../core/errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

interface NamedTemplate {
  /**
   * Without the BOS token, which is written in front where the tokenizer is meant to begin texts
   * with it.
   */
  readonly source: string;
  /**
   * Control tokens that it writes, the one that ends a turn last; none of its own where turns end
   * in the model's EOS.
   */
  readonly tokens: readonly string[];
  readonly summary: string;
}

/** Chat templates that attune knows by name, in Jinja, with the tokens that they write. */
export const NAMED_TEMPLATES = {
  plain: {
    source: [
      "{%- for message in messages -%}",
      "{{- (message.role | capitalize) + ': ' + message.content + " +
        "(eos_token if message.role == 'assistant' else '') + '\\n\\n' -}}",
      "{%- endfor -%}",
      "{%- if add_generation_prompt %}{{ 'Assistant:' }}{% endif -%}",
    ].join("\n"),
    tokens: [],
    summary:
      "turns that begin with `User:` and `Assistant:`, for any base model; ends in the model's EOS",
  },
  chatml: {
    source: `{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif -%}`,
    tokens: ["<|im_start|>", "<|im_end|>"],
    summary: "ChatML, as Qwen and SmolLM use it; ends in <|im_end|>",
  },
  llama3: {
    source: [
      "{%- for message in messages -%}",
      "{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + " +
        "(message.content | trim) + '<|eot_id|>' -}}",
      "{%- endfor -%}",
      "{%- if add_generation_prompt %}" +
        "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif -%}",
    ].join("\n"),
    tokens: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    summary: "Llama 3's headers; ends in <|eot_id|>",
  },
} as const satisfies Readonly<Record<string, NamedTemplate>>;

/** Names of {@link NAMED_TEMPLATES}. */
export type TemplateName = keyof typeof NAMED_TEMPLATES;

/**
 * `auto`: the model's own where it has one, else none. `model`: its own, which it must have.
 * `none`: texts are plain texts. A name; or Jinja of one's own.
 */
export type TemplateChoice =
  | "auto"
  | "model"
  | "none"
  | TemplateName
  | {
      /** Source of the template. */
      readonly jinja: string;
    };

/** Words of `--template` that are no file. */
export const TEMPLATE_WORDS = [
  "auto",
  "model",
  "none",
  ...Object.keys(NAMED_TEMPLATES),
] as readonly string[];

export const isTemplateName = (name: string): name is TemplateName =>
  Object.hasOwn(NAMED_TEMPLATES, name);

/**
 * Jinja of a template of attune's own for this tokenizer.
 * @throws AttuneError `model` where the tokenizer lacks its tokens
 */
export function namedTemplate(
  name: TemplateName,
  tokenizer: Pick<Tokenizer, "addsBos" | "idOf" | "controlTokens">,
): string {
  const { source, tokens }: NamedTemplate = NAMED_TEMPLATES[name];
  const missing = tokens.filter((token) => !tokenizer.controlTokens.includes(token));
  if (missing.length > 0) {
    throw new AttuneError(
      "model",
      `the template ${name} needs control tokens that the model's tokenizer does not have`,
      { got: `no ${missing.join(", ")}`, hint: "the template plain works with every model" },
    );
  }
  return tokenizer.addsBos ? `{{- bos_token -}}\n${source}` : source;
}

/**
 * The tokenizer with the template that was chosen, also in its files.
 * @throws AttuneError `model`, `config`
 */
export function withTemplate(tokenizer: Tokenizer, choice: TemplateChoice): Tokenizer {
  if (choice === "auto") return tokenizer;
  if (choice === "model") {
    if (tokenizer.chatTemplate !== undefined) return tokenizer;
    throw new AttuneError("config", "the model has no chat template of its own", {
      hint: `--template none for plain texts, or one of ${Object.keys(NAMED_TEMPLATES).join(", ")}`,
    });
  }
  const source =
    choice === "none"
      ? undefined
      : typeof choice === "string"
        ? namedTemplate(choice, tokenizer)
        : choice.jinja;
  return {
    ...tokenizer,
    chatTemplate: source,
    toolTemplate: undefined,
    files: filesWith(tokenizer.files, source),
  };
}

const JINJA_FILE = "chat_template.jinja";
const CONFIG_FILE = "tokenizer_config.json";

/** Both places are written, since older readers know the second one alone. */
function filesWith(files: Tokenizer["files"], source: string | undefined): Tokenizer["files"] {
  const { [JINJA_FILE]: _jinja, ...others } = files;
  const { chat_template: _template, ...config } = JSON.parse(files[CONFIG_FILE] ?? "{}") as Record<
    string,
    unknown
  >;
  if (source === undefined)
    return files[CONFIG_FILE] === undefined
      ? others
      : { ...others, [CONFIG_FILE]: `${JSON.stringify(config, null, 2)}\n` };
  return {
    ...others,
    [CONFIG_FILE]: `${JSON.stringify({ ...config, chat_template: source }, null, 2)}\n`,
    [JINJA_FILE]: source,
  };
}

/** What a path may have meant to be. */
export const nearTemplate = (word: string): string | undefined => nearest(word, TEMPLATE_WORDS);
