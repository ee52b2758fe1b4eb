/** Messages of trainings say flags; a program has no flags, but the options that they stand for. */
import type { ConfigDefinition } from "../config/config.ts";
import { AttuneError } from "../core/errors.ts";
import type { TrainingEvent } from "../runs/events.ts";

/** `a smaller --held-out` is `a smaller heldOut`, and `--no-margin` is `margin: false`. */
export function inOptionNames(text: string, { options }: ConfigDefinition): string {
  const paths = new Map(options.map(({ flag, path }) => [flag, path]));
  return text.replaceAll(
    /(?<![\w/.-])--(no-)?([a-z][a-z-]*)/g,
    (flag, no: string | undefined, name: string) => {
      const path = paths.get(flag);
      if (path !== undefined) return path;
      const turned = no === undefined ? undefined : paths.get(`--${name}`);
      return turned === undefined ? flag : `${turned}: false`;
    },
  );
}

/** The events of a training whose warnings and errors name options. */
export async function* namingOptions<Result>(
  { config }: { config(): Promise<ConfigDefinition> },
  events: AsyncGenerator<TrainingEvent, Result>,
): AsyncGenerator<TrainingEvent, Result> {
  try {
    for (;;) {
      const { value, done } = await events.next();
      if (done) return value;
      yield value.type === "warning"
        ? { ...value, message: inOptionNames(value.message, await config()) }
        : value;
    }
  } catch (error) {
    if (!(error instanceof AttuneError)) throw error;
    const { code, what, details } = error;
    const renamed = { ...details, cause: error };
    for (const part of ["expected", "hint"] as const) {
      const text = details[part];
      if (text !== undefined) renamed[part] = inOptionNames(text, await config());
    }
    if (renamed.expected === details.expected && renamed.hint === details.hint) throw error;
    throw new AttuneError(code, what, renamed);
  } finally {
    await events.return(undefined as never);
  }
}
