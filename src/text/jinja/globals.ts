/** Functions that every template can call: Jinja's own, and those that transformers adds. */
import { isText, textOf } from "./data-text.ts";
import { toText } from "./printing.ts";
import type { Runtime } from "./runtime.ts";
import { callable, iterate } from "./runtime.ts";
import { strftime } from "../strftime.ts";
import type { Value } from "./values.ts";
import { Callable, Dict, Namespace, Opaque, Range, TemplateError, toIndex } from "./values.ts";

/** Jinja's sandbox has the same limit. */
const LONGEST_RANGE = 100_000;

/** A template refuses what it was given, by `raise_exception`. */
export class RaisedError extends TemplateError {}

function range({ budget }: Runtime): Callable {
  return new Callable("range", ({ positional }) => {
    const [first = 0, second, step = 1] = positional.map(toIndex);
    if (positional.length === 0 || positional.length > 3)
      throw new TemplateError("range expects 1 to 3 arguments");
    const [start, stop] = second === undefined ? [0, first] : [first, second];
    if (step === 0) throw new TemplateError("range() arg 3 must not be zero");
    const size = Range.size(start, stop, step);
    if (!(size <= LONGEST_RANGE))
      throw new TemplateError(
        `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${LONGEST_RANGE}).`,
      );
    budget.step(size);
    return new Range({ start, stop, step });
  });
}

function mappingOf(
  given: { positional: readonly Value[]; named: ReadonlyMap<string, Value> },
  runtime: Runtime,
): Dict {
  const [source] = given.positional;
  const pairs =
    source === undefined
      ? []
      : source instanceof Dict
        ? [...source.pairs()]
        : iterate(source, runtime).map((pair) => {
            const [key, value] = iterate(pair, runtime);
            if (key === undefined || value === undefined)
              throw new TemplateError("a dictionary needs pairs of key and value");
            return [key, value] as const;
          });
  return new Dict([...pairs, ...given.named]);
}

function namespace(runtime: Runtime): Callable {
  return new Callable("namespace", (given) => {
    const made = new Namespace();
    for (const [key, value] of mappingOf(given, runtime).pairs()) {
      const name = textOf(toText(key, runtime.budget));
      if (name.startsWith("_"))
        throw new TemplateError(`a namespace cannot hold the attribute '${name}'`);
      made.attributes.set(name, value);
    }
    return made;
  });
}

const cycler = new Callable("cycler", ({ positional: items }) => {
  if (items.length === 0) throw new TemplateError("at least one item has to be provided");
  let at = 0;
  const next = new Callable("next", () => items[at++ % items.length]!);
  const reset = new Callable("reset", () => {
    at = 0;
    return null;
  });
  return new Opaque("Cycler", (name) =>
    name === "next"
      ? next
      : name === "reset"
        ? reset
        : name === "current"
          ? items[at % items.length]
          : undefined,
  );
});

const joiner = callable("joiner", ["sep"], (given) => {
  const separator = given.text("sep", ", ");
  let used = false;
  return new Opaque(
    "Joiner",
    () => undefined,
    () => {
      if (used) return separator;
      used = true;
      return "";
    },
  );
});

export function globalsOf(runtime: Runtime): ReadonlyMap<string, Value> {
  return new Map<string, Value>([
    ["range", range(runtime)],
    ["namespace", namespace(runtime)],
    ["dict", new Callable("dict", (given) => mappingOf(given, runtime))],
    ["cycler", cycler],
    ["joiner", joiner],
    [
      "raise_exception",
      callable("raise_exception", ["message"], (given) => {
        throw new RaisedError(textOf(toText(given.required("message"), runtime.budget)));
      }),
    ],
    [
      "strftime_now",
      callable("strftime_now", ["format"], (given) => {
        const pattern = given.required("format");
        if (!isText(pattern)) throw new TemplateError("strftime() argument must be str");
        runtime.budget.make(textOf(pattern).length * 30);
        return strftime(runtime.time(), textOf(pattern));
      }),
    ],
  ]);
}
