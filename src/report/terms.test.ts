import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../tests/support/shared.ts";
import { renderReport } from "./report.ts";
import { TERMS, patternOf } from "./terms.ts";
import { Wording } from "./wording.ts";

test("every term stands in the glossary in the same words", () => {
  const rows = new Map(
    [
      ...readFileSync(join(repositoryRoot, "docs/glossary.md"), "utf8").matchAll(
        /^\| (.+?) +\| (.+?) +\|$/gm,
      ),
    ].map(([, term, meaning]) => [term!, meaning!]),
  );
  expect(TERMS.map(({ term }) => [term, rows.get(term)])).toEqual(
    TERMS.map(({ term, meaning }) => [term, meaning]),
  );
});

test("every term is found where it stands by itself", () => {
  for (const entry of TERMS)
    if (!["n", "interval", "points"].includes(entry.term))
      expect(entry.term.match(patternOf(entry))?.[0], entry.term).toBe(entry.term);
});

test("a term is explained behind the paragraph of its first mention, and once", async () => {
  const { document } = parseHTML(
    await renderReport({
      title: "t",
      made: [],
      summary: "The held-out reward fell at a KL of 2.",
      sections: [
        {
          title: "s",
          parts: [
            { kind: "text", text: "KL again, and gold." },
            { kind: "folded", title: "f", parts: [{ kind: "text", text: "Holm's p, gold." }] },
            { kind: "text", text: "Holm once more." },
          ],
        },
      ],
    }),
  );
  const defined = [...document.querySelectorAll("dfn")].map((each) => each.textContent);
  // what is folded away is explained there, and again outside
  expect(defined).toEqual(["held-out reward", "KL", "gold", "Holm", "Holm"]);
  const link = document.querySelector("header a.term")!;
  expect(link.textContent).toBe("held-out reward");
  const target = document.querySelector(link.getAttribute("href")!)!;
  expect(target.closest("p")!.previousElementSibling).toBe(link.closest("p"));
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("nothing is marked inside a name", () => {
  for (const name of [
    "helpful-only",
    "un-helpful",
    "runs/gold",
    "gold.jsonl",
    "gold_2",
    "my-KL-run",
  ])
    expect(new Wording().mark(`see ${name} there`), name).toBe(`see ${name} there`);
  for (const text of ["helpful.", "helpful, and", "(gold)", "gold", "helpful - or"])
    expect(new Wording().mark(text), text).toContain('<a class="term"');
});

test("what a term means holds on every page", () => {
  const meaning = (name: string): string => TERMS.find(({ term }) => term === name)!.meaning;
  expect(meaning("gold")).toContain("labels that you give");
  expect(meaning("kappa")).toMatch(/Cohen's of two, Fleiss' of several/);
  expect(meaning("interval")).not.toMatch(/Wilson|sandwich/);
});

test("the longer term wins, and text around it is escaped", () => {
  const wording = new Wording();
  expect(wording.mark("a <b> reward model & more")).toBe(
    'a &lt;b&gt; <a class="term" href="#term-reward-model">reward model</a> &amp; more',
  );
  expect(wording.definitions()).toContain('<dfn id="term-reward-model">reward model</dfn>');
  expect(wording.definitions()).toBe("");
});
