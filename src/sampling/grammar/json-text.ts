/** The parts of JSON as grammars: numbers, strings, white space, lists, keys. */
import type { Expression } from "./automaton.ts";
import { bytes, choice, literal, optional, repeat, rule, sequence } from "./automaton.ts";
import { unsupported } from "./json-schema.ts";

const digit = bytes([0x30, 0x39]);
const DIGITS = 15;
export const integer = sequence(
  optional(literal("-")),
  choice(literal("0"), sequence(bytes([0x31, 0x39]), repeat(digit, 0, DIGITS - 1))),
);
export const number = sequence(
  integer,
  optional(sequence(literal("."), repeat(digit, 1, DIGITS))),
  optional(sequence(bytes(0x65, 0x45), optional(bytes(0x2b, 0x2d)), repeat(digit, 1, 2))),
);

const tail = bytes([0x80, 0xbf]);
/** Characters beyond ASCII in UTF-8, none overlong and no surrogates. */
const wide = choice(
  sequence(bytes([0xc2, 0xdf]), tail),
  sequence(bytes(0xe0), bytes([0xa0, 0xbf]), tail),
  sequence(bytes([0xe1, 0xec], [0xee, 0xef]), tail, tail),
  sequence(bytes(0xed), bytes([0x80, 0x9f]), tail),
  sequence(bytes(0xf0), bytes([0x90, 0xbf]), tail, tail),
  sequence(bytes([0xf1, 0xf3]), tail, tail, tail),
  sequence(bytes(0xf4), bytes([0x80, 0x8f]), tail, tail),
);
const hex = bytes([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]);
const PLAIN: readonly (readonly [number, number])[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0x7e],
];
/**
 * One character of a string; a pair of surrogates would be two, so that they are written as they
 * are.
 */
export const oneCharacter = choice(
  bytes(...PLAIN),
  wide,
  sequence(
    literal("\\"),
    choice(
      bytes(...[...'"\\/bfnrt'].map((each) => each.charCodeAt(0))),
      sequence(
        literal("u"),
        choice(
          sequence(
            bytes([0x30, 0x39], [0x41, 0x43], 0x45, 0x46, [0x61, 0x63], 0x65, 0x66),
            hex,
            hex,
            hex,
          ),
          sequence(bytes(0x44, 0x64), bytes([0x30, 0x37]), hex, hex),
        ),
      ),
    ),
  ),
);
/** Rules, so that a thousand of them are not laid a thousand times. */
export const character = rule("character");
export const quoted = (inner: Expression): Expression =>
  sequence(literal('"'), inner, literal('"'));
const LONGEST_INDENT = 40;
export const oneSpace = optional(
  choice(
    literal(" "),
    sequence(literal("\n"), repeat(choice(literal(" "), literal("\t")), 0, LONGEST_INDENT)),
  ),
);
export const space = rule("space");

/** A list of so many values. */
export function listOf(
  of: Expression,
  { least, most }: { least: number; most: number | undefined },
): Expression {
  const more = sequence(space, literal(","), space, of);
  const filled = sequence(
    of,
    repeat(more, Math.max(0, least - 1), most === undefined ? undefined : Math.max(0, most - 1)),
  );
  const items = most === 0 ? sequence() : least === 0 ? optional(filled) : filled;
  return sequence(literal("["), space, items, space, literal("]"));
}

/** A key that is none of the names, written without escapes. */
export function otherKey(names: readonly string[], place: string): Expression {
  if (names.length === 0) return quoted(repeat(character, 0));
  const strange = names.find((name) => !/^[ !#-[\]-~]*$/.test(name));
  if (strange !== undefined)
    throw unsupported(
      place,
      strange,
      "further properties beside names of plain ASCII alone, or additionalProperties: false",
    );
  const plain = (not: ReadonlySet<number>): Expression => ({
    kind: "bytes",
    set: new Set(
      PLAIN.flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, index) => from + index),
      ).filter((byte) => !not.has(byte)),
    ),
  });
  const any = choice(plain(new Set()), wide);
  /** What may follow a beginning of names. */
  const behind = (beginning: string): Expression => {
    const taken = new Map<number, string>();
    for (const each of names)
      if (each.startsWith(beginning) && each.length > beginning.length)
        taken.set(each.charCodeAt(beginning.length), each.slice(0, beginning.length + 1));
    const apart = sequence(choice(plain(new Set(taken.keys())), wide), repeat(any, 0));
    const along = [...taken].map(([byte, longer]) => sequence(bytes(byte), behind(longer)));
    return choice(apart, ...along, ...(names.includes(beginning) ? [] : [sequence()]));
  };
  return quoted(behind(""));
}
