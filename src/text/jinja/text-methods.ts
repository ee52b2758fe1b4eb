/** Methods of str. */
import type { Text } from "./data-text.ts";
import { concat, isText, sliceText, textOf } from "./data-text.ts";
import { pad } from "./format.ts";
import type { Method } from "./method.ts";
import * as python from "./python-text.ts";
import type { Bound, Runtime } from "./runtime.ts";
import { iterate, joinTexts } from "./runtime.ts";
import { searchText } from "./searching.ts";
import type { Value } from "./values.ts";
import { List, TemplateError, toIndex, typeName } from "./values.ts";

const characterSet = (given: Bound): string | undefined =>
  given.value("chars", null) === null ? undefined : textOf(given.text("chars"));

const stripping = (sides: "both" | "left" | "right"): Method<Text> => ({
  parameters: ["chars"],
  call: (self, given) => python.strip(self, sides, characterSet(given)),
});

/** @param change for the whole text at once */
const whole = (change: (self: Text) => Value): Method<Text> => ({
  parameters: [],
  call(self, _given, { budget }) {
    budget.make(textOf(self).length);
    return change(self);
  },
});

const matching = (pattern: RegExp): Method<Text> => whole((self) => pattern.test(textOf(self)));

const affix = (test: (text: string, affix: string) => boolean): Method<Text> => ({
  parameters: ["affix", "start", "end"],
  call(self, given, runtime) {
    const affixes = given.required("affix");
    const text = textOf(part(self, given));
    const all = affixes instanceof List ? affixes.items : [affixes];
    return all.some((each) => {
      if (!isText(each))
        throw new TemplateError(
          `startswith first arg must be str or a tuple of str, not ${typeName(each)}`,
        );
      runtime.budget.step();
      return test(text, textOf(each));
    });
  },
});

/** The part of a text that optional arguments `start` and `end` name. */
function part(self: Text, given: Bound): Text {
  const text = textOf(self);
  const size = python.lengthOf(text);
  const bound = (name: string, fallback: number): number => {
    const value = given.value(name, null);
    if (value === null) return fallback;
    const index = toIndex(value);
    return Math.min(Math.max(index < 0 ? index + size : index, 0), size);
  };
  return sliceText(
    self,
    python.offsetOf(text, bound("start", 0)),
    python.offsetOf(text, bound("end", size)),
  );
}

const finding = (direction: "first" | "last", missing: "error" | "-1"): Method<Text> => ({
  parameters: ["sub", "start", "end"],
  call(self, given, { budget }) {
    const searched = part(self, given);
    const sub = textOf(given.text("sub"));
    const text = textOf(searched);
    budget.make(text.length);
    const found = direction === "first" ? text.indexOf(sub) : text.lastIndexOf(sub);
    if (found < 0 && missing === "error") throw new TemplateError("substring not found");
    const start = given.value("start", null);
    const size = python.lengthOf(textOf(self));
    const offset =
      start === null
        ? 0
        : Math.min(Math.max(toIndex(start) < 0 ? toIndex(start) + size : toIndex(start), 0), size);
    return BigInt(found < 0 ? -1 : offset + python.indexOf(text, found));
  },
});

const splitting = (from: "left" | "right"): Method<Text> => ({
  parameters: ["sep", "maxsplit"],
  call(self, given, { budget }) {
    const separator = given.value("sep", null);
    if (separator !== null && !isText(separator))
      throw new TemplateError(`must be str or None, not ${typeName(separator)}`);
    const limit = given.index("maxsplit", -1);
    const pieces =
      separator === null
        ? splitAtSpace(self, limit, from)
        : splitAt(self, textOf(separator), limit, from);
    budget.make(textOf(self).length);
    budget.step(pieces.length);
    return new List(pieces);
  },
});

function splitAt(self: Text, separator: string, limit: number, from: "left" | "right"): Text[] {
  if (separator === "") throw new TemplateError("empty separator");
  const places = searchText(textOf(self), separator, from);
  const kept = limit < 0 ? places : places.slice(0, limit);
  const used = from === "right" ? kept.toReversed() : kept;
  const pieces: Text[] = [];
  let done = 0;
  for (const place of used) {
    pieces.push(sliceText(self, done, place));
    done = place + separator.length;
  }
  return [...pieces, sliceText(self, done)];
}

function splitAtSpace(self: Text, limit: number, from: "left" | "right"): Text[] {
  const text = textOf(self);
  const pieces: Text[] = [];
  let [start, end] = [0, text.length];
  const skip = (): void => {
    if (from === "left") while (start < end && python.isSpace(text[start])) start++;
    else while (end > start && python.isSpace(text[end - 1])) end--;
  };
  for (skip(); start < end; skip()) {
    if (limit >= 0 && pieces.length === limit) {
      pieces.push(python.strip(sliceText(self, start, end), from === "left" ? "left" : "right"));
      break;
    }
    let [first, last] = [start, end];
    if (from === "left") {
      for (last = start; last < end && !python.isSpace(text[last]);) last++;
      start = last;
    } else {
      for (first = end; first > start && !python.isSpace(text[first - 1]);) first--;
      end = first;
    }
    pieces.push(sliceText(self, first, last));
  }
  return from === "left" ? pieces : pieces.toReversed();
}

const partition = (from: "left" | "right"): Method<Text> => ({
  parameters: ["sep"],
  call(self, given) {
    const separator = textOf(given.text("sep"));
    if (separator === "") throw new TemplateError("empty separator");
    const at =
      from === "left" ? textOf(self).indexOf(separator) : textOf(self).lastIndexOf(separator);
    if (at < 0) return new List(from === "left" ? [self, "", ""] : ["", "", self], "tuple");
    return new List(
      [
        sliceText(self, 0, at),
        sliceText(self, at, at + separator.length),
        sliceText(self, at + separator.length),
      ],
      "tuple",
    );
  },
});

const padding = (align: "<" | ">" | "^"): Method<Text> => ({
  parameters: ["width", "fillchar"],
  call: (self, given, runtime) =>
    pad(
      self,
      { fill: textOf(given.text("fillchar", " ")), align, width: given.index("width") },
      runtime,
    ),
});

/** Offsets before, between and behind all characters. */
function boundaries(self: Text): number[] {
  const places = [0];
  for (const character of python.characters(self))
    places.push(places.at(-1)! + textOf(character).length);
  return places;
}

export function replaceText(
  self: Text,
  [old, fresh]: readonly [Text, Text],
  count: number,
  { budget }: Runtime,
): Text {
  const text = textOf(self);
  const searched = textOf(old);
  budget.make(text.length);
  const all = searched === "" ? boundaries(self) : searchText(text, searched, "left");
  const places = count < 0 ? all : all.slice(0, count);
  budget.make(places.length * (textOf(fresh).length + 1));
  const pieces: Text[] = [];
  let done = 0;
  for (const place of places) {
    pieces.push(sliceText(self, done, place), fresh);
    done = place + searched.length;
  }
  return concat(...pieces, sliceText(self, done));
}

export const TEXT_METHODS: Readonly<Record<string, Method<Text>>> = {
  strip: stripping("both"),
  lstrip: stripping("left"),
  rstrip: stripping("right"),
  upper: whole(python.upper),
  lower: whole(python.lower),
  casefold: whole(python.lower),
  title: whole(python.title),
  capitalize: whole(python.capitalize),
  startswith: affix((text, start) => text.startsWith(start)),
  endswith: affix((text, end) => text.endsWith(end)),
  split: splitting("left"),
  rsplit: splitting("right"),
  partition: partition("left"),
  rpartition: partition("right"),
  find: finding("first", "-1"),
  rfind: finding("last", "-1"),
  index: finding("first", "error"),
  rindex: finding("last", "error"),
  ljust: padding("<"),
  rjust: padding(">"),
  center: padding("^"),
  zfill: {
    parameters: ["width"],
    call: (self, given, runtime) =>
      pad(self, { fill: "0", align: "=", width: given.index("width") }, runtime),
  },
  isdigit: matching(/^\p{Nd}+$/u),
  isdecimal: matching(/^\p{Nd}+$/u),
  isnumeric: matching(/^\p{N}+$/u),
  isalpha: matching(/^\p{L}+$/u),
  isalnum: matching(/^[\p{L}\p{N}]+$/u),
  isspace: whole((self) => textOf(self) !== "" && textOf(python.strip(self, "both")) === ""),
  isupper: whole(
    (self) =>
      textOf(self) === textOf(self).toUpperCase() && textOf(self) !== textOf(self).toLowerCase(),
  ),
  islower: whole(
    (self) =>
      textOf(self) === textOf(self).toLowerCase() && textOf(self) !== textOf(self).toUpperCase(),
  ),
  splitlines: {
    parameters: ["keepends"],
    call: (self, given) => new List(python.splitLines(self, given.flag("keepends", false))),
  },
  removeprefix: {
    parameters: ["prefix"],
    call: (self, given) =>
      textOf(self).startsWith(textOf(given.text("prefix")))
        ? sliceText(self, textOf(given.text("prefix")).length)
        : self,
  },
  removesuffix: {
    parameters: ["suffix"],
    call: (self, given) =>
      textOf(self).endsWith(textOf(given.text("suffix")))
        ? sliceText(self, 0, textOf(self).length - textOf(given.text("suffix")).length)
        : self,
  },
  count: {
    parameters: ["sub", "start", "end"],
    call: (self, given, { budget }) => {
      const searched = textOf(part(self, given));
      const sub = textOf(given.text("sub"));
      budget.make(searched.length);
      return BigInt(
        sub === "" ? python.lengthOf(searched) + 1 : searchText(searched, sub, "left").length,
      );
    },
  },
  replace: {
    parameters: ["old", "new", "count"],
    call: (self, given, runtime) =>
      replaceText(self, [given.text("old"), given.text("new")], given.index("count", -1), runtime),
  },
  join: {
    parameters: ["iterable"],
    call: (self, given, runtime) => {
      const pieces = iterate(given.required("iterable"), runtime).map((piece, index) => {
        if (!isText(piece))
          throw new TemplateError(
            `sequence item ${index}: expected str instance, ${typeName(piece)} found`,
          );
        runtime.budget.make(textOf(piece).length + textOf(self).length);
        return piece;
      });
      return joinTexts(pieces, self);
    },
  },
};
