/** Markdown, formulas, links and differences, as far as they need no browser. */
import { expect, test } from "vitest";
import { differencesOf } from "../../studio/src/text/differences.ts";
import { linkTarget, markdownToHtml } from "../../studio/src/text/markdown.ts";

const formulasOf = (text: string): string[] =>
  markdownToHtml(text).formulas.map(({ tex, display }) => (display ? `[${tex}]` : `(${tex})`));

test.each([
  ["$x^2$ and \\(y\\)", ["(x^2)", "(y)"]],
  ["$$a$$ and \\[b\\]", ["[a]", "[b]"]],
  ["before\n$$\na\n+ b\n- c\n$$\nafter", ["[\na\n+ b\n- c\n]"]],
  ["costs $5 and $10, or $ 3 $", []],
  ["\\$5 and a $x$", ["(x)"]],
  ["`$x$` and\n```\n$y$\n```", []],
  ["$a_1 + b_2$ and *$c$*", ["(a_1 + b_2)", "(c)"]],
  ["- $a$\n- \\(b\\)", ["(a)", "(b)"]],
])("formulas of %j", (text, formulas) => {
  expect(formulasOf(text)).toEqual(formulas);
});

test("underscores of a formula are no emphasis", () => {
  expect(markdownToHtml("$a_1$ and $b_1$").html).not.toContain("<em>");
});

test("markup is what somebody wrote, images are their addresses", () => {
  const { html } = markdownToHtml("<b>x</b> ![a cat](https://away.example/cat.png)");
  expect(html).toContain("&lt;b&gt;x&lt;/b&gt;");
  expect(html).toContain("[image &quot;a cat&quot;: https://away.example/cat.png]");
  expect(html).not.toMatch(/<(b|img)\b/);
});

test("links say where they lead, unless their text does", () => {
  const { html } = markdownToHtml(
    "[here](https://a.example/x) https://b.example/y [https://bank.example](https://c.example)",
  );
  expect(html).toContain(">here</a> <span>(a.example)</span>");
  expect(html).toContain(">https://b.example/y</a>");
  expect(html).not.toContain("(b.example)");
  expect(html).toContain(">https://bank.example</a> <span>(c.example)</span>");
});

test.each(["javascript:x", "data:text/html,x", "https://bank.example@evil.example/", "/api", "x"])(
  "%s is no link",
  (address) => {
    expect(linkTarget(address)).toBeUndefined();
    const { html } = markdownToHtml(`[x](${address})`);
    expect(html).not.toContain("<a ");
    expect(html).toContain("(");
  },
);

test("texts that are too long or too deep to be laid out are shown as they are, and it is said", () => {
  for (const text of ["x".repeat(200_001), ">".repeat(5000), "- ".repeat(3000)])
    expect(markdownToHtml(text).html).toContain("Shown as it is");
});

test("differences of words are where they are, on both sides", () => {
  const [left, right] = ["The cat sat on the mat.", "The dog sat on the mat."];
  const found = differencesOf(left, right);
  expect(found.left.map(({ start, end }) => left.slice(start, end))).toEqual(["cat"]);
  expect(found.right.map(({ start, end }) => right.slice(start, end))).toEqual(["dog"]);
  expect(found.same).toBeGreaterThan(0.8);
});

test("what one side alone says is marked on its side", () => {
  const found = differencesOf("yes", "yes, of course");
  expect(found.left).toEqual([]);
  expect(found.right).toEqual([{ start: 3, end: 14 }]);
  expect(differencesOf("", "").same).toBe(1);
});
