/**
 * Conversations as they are written in data: TRL's standard (text) and conversational (messages)
 * forms.
 */

/** Who says a turn. */
export type Role = "system" | "developer" | "user" | "assistant" | "tool";

/** One turn of a conversation, with OpenAI's names. */
export interface Message {
  /** Who says it. */
  role: Role;
  /** Its text, which may be empty beside calls. */
  content: string;
  /** Who it is among several of one role; handed to the chat template. */
  name?: string;
  /** Calls that an assistant's turn makes, as OpenAI writes them; arguments as an object. */
  tool_calls?: readonly ToolCall[];
  /** The call that a tool's turn answers. */
  tool_call_id?: string;
  /** The thought before an assistant's answer. */
  reasoning_content?: string;
  /**
   * 0 for a turn that is read and not learned (OpenAI's `weight`, ShareGPT's `train: false`);
   * another's than the assistant's only where all turns are learned.
   */
  weight?: 0 | 1;
}

/** A call of a tool by the assistant, as OpenAI writes it. */
export interface ToolCall {
  /** By which the answer names it. */
  id?: string;
  type: "function";
  /** What is called, and the arguments as an object rather than a text. */
  function: {
    /** Name of the tool. */
    name: string;
    /** By name, as the tool's schema has them. */
    arguments: Readonly<Record<string, unknown>>;
  };
}

/** What a row gives the chat template besides its messages. A data record is one. */
export interface TemplateInputs {
  /** Definitions of tools as JSON schemas, handed to the template as they are. */
  tools?: readonly Readonly<Record<string, unknown>>[];
  /**
   * Further variables of the template, such as `enable_thinking` (TRL's column
   * chat_template_kwargs).
   */
  templateArguments?: Readonly<Record<string, unknown>>;
}

/** A plain text, or the turns before the answer. */
export type Prompt = string | readonly Message[];
/** A plain text, or the assistant's turn or turns alone. */
export type Completion = string | readonly Message[];

export const ROLES: readonly Role[] = ["system", "developer", "user", "assistant", "tool"];

/** The text of a completion, turns joined by blank lines: for statistics and for people. */
export function completionText(completion: Completion): string {
  return typeof completion === "string"
    ? completion
    : completion.map(({ content }) => content).join("\n\n");
}

/** An answer in the form of its prompt: a text, or the assistant's turn. */
export function answerTo(prompt: Prompt, text: string): Completion {
  return typeof prompt === "string" ? text : [{ role: "assistant", content: text }];
}

/** The text of a prompt with its roles, for people. */
export function promptText(prompt: Prompt): string {
  return typeof prompt === "string"
    ? prompt
    : prompt.map(({ role, content }) => `${role}: ${content}`).join("\n\n");
}
