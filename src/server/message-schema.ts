/** Turns and tools as OpenAI's clients write them, and as templates are given them. */
import { z } from "zod";
import type { Message, ToolCall } from "../text/messages.ts";

/** Other parts by their type, in OpenAI's names. */
const MEDIA: Readonly<Record<string, string>> = {
  image_url: "an image",
  input_image: "an image",
  image: "an image",
  input_audio: "sound",
  audio: "sound",
  video_url: "a film",
  video: "a film",
  file: "a file",
  input_file: "a file",
};
const ofText = ({ input }: { input?: unknown }): string | undefined =>
  typeof input === "string" && Object.hasOwn(MEDIA, input)
    ? `${MEDIA[input]!} cannot be read: attune's models read text alone`
    : undefined;

const textPart = z.strictObject({ type: z.literal("text", { error: ofText }), text: z.string() });
const refusalPart = z
  .strictObject({ type: z.literal("refusal"), refusal: z.string() })
  .transform(({ refusal }) => ({ type: "text" as const, text: refusal }));
/** A text, or parts that are all texts. */
const content = z.union([z.string(), z.array(textPart).min(1).transform(joined)]);
const spoken = z.union([z.string(), z.array(z.union([textPart, refusalPart])).transform(joined)]);

function joined(parts: readonly { text: string }[]): string {
  return parts.map(({ text }) => text).join("");
}

/** Arguments come as the text of an object; some clients send the object. */
const callArguments = z
  .union([z.string(), z.record(z.string(), z.unknown())])
  .transform((given, context) => {
    if (typeof given !== "string") return given;
    try {
      const parsed: unknown = given.trim() === "" ? {} : JSON.parse(given);
      if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
        return parsed as Record<string, unknown>;
    } catch {
      // said below
    }
    context.addIssue({ code: "custom", message: "the text is no JSON object" });
    return z.NEVER;
  });

const toolCall = z
  .strictObject({
    id: z.string().optional(),
    type: z.literal("function").default("function"),
    // as pieces of a stream have it
    index: z.int().optional(),
    function: z.strictObject({ name: z.string().min(1), arguments: callArguments }),
  })
  .transform(({ id, type, function: called }): ToolCall => ({
    ...(id === undefined ? {} : { id }),
    type,
    function: called,
  }));

const name = z.string().optional();
export const message = z.discriminatedUnion("role", [
  z.strictObject({ role: z.enum(["system", "developer", "user"]), content, name }),
  z.strictObject({
    role: z.literal("assistant"),
    content: spoken.optional(),
    refusal: z.string().optional(),
    reasoning_content: z.string().optional(),
    tool_calls: z.array(toolCall).optional(),
    annotations: z.array(z.never()).max(0).optional(),
    name,
  }),
  z.strictObject({ role: z.literal("tool"), content, tool_call_id: z.string(), name }),
]);

/**
 * A turn for the template: what an assistant refused with is what it said, and one that only called
 * has said nothing.
 */
export function toMessage(given: z.output<typeof message>): Message {
  const { role, name } = given;
  const named = name === undefined ? {} : { name };
  if (role === "tool")
    return { role, content: given.content, tool_call_id: given.tool_call_id, ...named };
  if (role !== "assistant") return { role, content: given.content, ...named };
  const { reasoning_content: thought, tool_calls: calls } = given;
  return {
    role,
    content: given.content ?? given.refusal ?? "",
    ...(thought === undefined ? {} : { reasoning_content: thought }),
    ...(calls === undefined || calls.length === 0 ? {} : { tool_calls: calls }),
    ...named,
  };
}

export const tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,64}$/, "a name is 1 to 64 letters, digits, underscores, points and dashes"),
    description: z.string().optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
    strict: z.boolean().optional(),
  }),
});
