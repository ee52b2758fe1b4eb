/** What must hold of every family's record. */
import { describe, expect, test } from "vitest";
import type { ModelFamily } from "./family.ts";
import { llamaLike } from "./families/llama.ts";
import { weightShapes } from "./model.ts";
import { FAMILIES, readModelConfig } from "./registry.ts";
import { ggufName } from "./weights/gguf-names.ts";

describe.each(FAMILIES.map((family) => [family.modelType, family] as const))(
  "%s",
  (type, family) => {
    const { family: found, config } = readModelConfig(family.tiny);
    const block = family.blockShapes(config);

    test("is found by its name, and its numbers bear it", () => {
      expect(found).toBe(family);
      expect(config.modelType).toBe(type);
      expect(config.layerKinds).toHaveLength(config.layers);
      for (const other of family.otherTypes ?? []) expect(other).not.toBe(type);
    });

    test("its projections are weights of a block, as they are kept", () => {
      const projections = Object.entries(family.projections(config));
      expect(projections.length).toBeGreaterThan(0);
      for (const [name, { inputs, outputs, transposed }] of projections)
        expect(block[`${name}.weight`]).toEqual(transposed ? [inputs, outputs] : [outputs, inputs]);
      const names = projections.map(([name]) => name);
      for (const group of family.joined ?? [])
        expect(names).toEqual(expect.arrayContaining([...group]));
      for (const target of family.peftTargets ?? [])
        expect(names.some((name) => name.endsWith(`.${target}`))).toBe(true);
    });

    test("its weights have the prefix that checkpoints may leave out, or are a head", () => {
      const names = Object.keys(weightShapes(family, config));
      expect(names).toContain(family.headWeight(config));
      const others = names.filter((name) => !name.startsWith(family.prefix.name));
      expect(others).toEqual(others.filter((name) => name === family.headWeight(config)));
    });

    test("every weight has a GGUF name of its own", () => {
      const { gguf } = family;
      if (!gguf) return;
      const names = Object.keys(weightShapes(family, config));
      expect(new Set(names.map((name) => ggufName(family, gguf, name).name)).size).toBe(
        names.length,
      );
      const parts = new Set([...gguf.block.keys(), ...gguf.top.keys()]);
      for (const part of gguf.changes.keys()) expect(parts).toContain(part);
    });
  },
);

test("model types and names of published models mean one family each", () => {
  const types = FAMILIES.flatMap(({ modelType, otherTypes = [] }) => [modelType, ...otherTypes]);
  expect(new Set(types).size).toBe(types.length);
  const published = FAMILIES.flatMap((family) => Object.keys(family.published));
  expect(new Set(published).size).toBe(published.length);
});

/** Whether a record without a fact is refused where types are checked (`npm run types`). */
type Needs<Fact extends keyof ModelFamily> =
  Omit<ModelFamily, Fact> extends ModelFamily ? false : true;
/** Whether a family that reuses Llama's parts must still say a fact for itself. */
type SaysItself<Fact extends keyof ModelFamily> = Fact extends keyof typeof llamaLike
  ? false
  : true;

test("a family with a fact missing does not compile", () => {
  const needed: {
    [
      Fact in
        | "modelType"
        | "architectures"
        | "readConfig"
        | "peftTargets"
        | "gguf"
        | "tiny"
        | "published"
    ]: Needs<Fact> & SaysItself<Fact>;
  } = {
    modelType: true,
    architectures: true,
    readConfig: true,
    peftTargets: true,
    gguf: true,
    tiny: true,
    published: true,
  };
  for (const fact of Object.keys(needed)) expect(llamaLike).not.toHaveProperty(fact);
});
