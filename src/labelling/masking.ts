/**
 * Hides who wrote an answer: names of the models in a project, and what models call themselves and
 * their makers, until the judgement.
 * Source: FastChat, `clean_battle_data.py`, which drops votes whose text has one of its identity words.
 * Differences: words are hidden and the vote is kept; makers with an everyday name (Meta, Gemini,
 * Mistral ...) are hidden only where the text speaks of a model.
 */

/** What is shown in the place of a name. */
export const MASK = "[hidden]";

/** Names that mean nothing else. */
const NAMES: readonly string[] = [
  "openai|open ai|chatgpt|gpt-?[345](?:\\.\\d)?(?:-?(?:turbo|mini|nano))?o?|gpt-oss|anthropic",
  "deepmind|google ai|google bard|hugging ?face|nous ?research|cohere|lmsys|xai|zhipu(?: ?ai)?",
  "claude(?:[ -](?:\\d[\\w.]*|instant|opus|sonnet|haiku))*|gemini[ -](?:pro|ultra|flash|nano)",
  "palm[ -]?2|llama[ -]?\\d(?:\\.\\d)?|meta ai|meta llama|vicuna|wizardlm|mi[sx]tral ?ai",
  "mi[sx]tral[ -](?:\\d+x)?\\d+b|qwen\\d?(?:\\.\\d)?|tongyi|qianwen|deepseek(?:[ -][rv]\\d)?",
  "chatglm\\d?|baichuan|internlm|minimax|moonshot ai|kimi k\\d|grok[ -]?\\d|command[ -]r\\+?",
  "smollm\\d?|olmo[ -]?\\d?|tulu[ -]?\\d|dolly[ -]v?\\d|stablelm|oasst|open ?assistant",
  "koala-?13b|alpaca-?\\d+b|gemma[ -]?\\d|phi-\\d|falcon-\\d+b|mpt-\\d+b",
];
/** Names that mean other things too: only after words by which a model speaks of itself. */
const AFTER_SELF =
  "(?:i am|i'm|i\u2019m|my name is|call(?:ed)? me|known as|i was (?:made|created|built|developed|" +
  "trained)(?: and trained)? by|(?:made|created|built|developed|trained) by|as an? (?:ai )?" +
  "(?:language )?model (?:made |created |developed |trained )?by|an? (?:ai(?: assistant| chatbot|" +
  " (?:language )?model)?|assistant|(?:large )?" +
  "language model|chatbot) (?:made |created |built |developed |trained )?(?:by|from|called|named))";
const EVERYDAY =
  "google|meta|microsoft|amazon|apple|alibaba(?: cloud)?|baidu|tencent|bytedance|nvidia|ibm|" +
  "mistral|mixtral|gemini|bard|palm|llama|grok|phi|falcon|gemma|alpaca|koala|bing|copilot|" +
  "command|titan|nova|kimi|ernie|pi|bloom|yi|dolly|solar|zephyr|orca|hermes|granite|nemotron";

const literal = (name: string): string =>
  name
    .trim()
    .replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)
    .replace(/[\s_-]+/g, String.raw`[\s_-]*`);

/** No letter or digit of the same word before or behind. */
const whole = (pattern: string): string => `(?<![\\p{L}\\p{N}])(?:${pattern})(?![\\p{L}\\p{N}])`;

/** A name that is a word of every day, or a number, is not looked for: `a`, `b`, `model`, `1`. */
const tellsNothing = (name: string): boolean =>
  name.length < 3 || /^(?:model|base|policy|chosen|rejected|reference|human|\d+)$/i.test(name);

/** A model's name, and its parts: `org/Llama-3-8B` is also `Llama-3-8B`. */
const partsOf = (model: string): string[] =>
  [model, ...model.split(/[/\\:]/)].filter((part) => !tellsNothing(part.trim()));

export interface Masked {
  text: string;
  /** Names that were hidden. */
  count: number;
}

/**
 * @param models names of the project's own models
 * @returns hides them in a text
 */
export function masker(models: readonly string[]): (text: string) => Masked {
  const own = [...new Set(models.flatMap(partsOf))]
    .toSorted((a, b) => b.length - a.length)
    .map(literal);
  const names = new RegExp(whole([...own, ...NAMES].join("|")), "giu");
  const self = new RegExp(
    `(?<![\\p{L}\\p{N}])(${AFTER_SELF}\\s+(?:the )?)${whole(EVERYDAY)}`,
    "giu",
  );
  return (text) => {
    let count = 0;
    const masked = text
      .replace(names, () => (count++, MASK))
      .replace(self, (_, before: string) => (count++, before + MASK));
    return { text: masked, count };
  };
}
