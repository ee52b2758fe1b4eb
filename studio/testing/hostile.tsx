/** A page for tests alone: shows a text in every way in which the studio shows texts of strangers. */
import "../src/ui/style.css";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { beginTheme } from "../src/theme.ts";
import { cleanMaths, cleanText } from "../src/text/purify.ts";
import { Rendered } from "../src/text/Rendered.tsx";
import { Turns } from "../src/text/Turns.tsx";
import { Chip, CopyButton, ErrorBox } from "../src/ui/basics.tsx";
import { IntervalBar } from "../src/ui/interval.tsx";
import { say, Toasts } from "../src/ui/toast.tsx";

beginTheme();
const root = createRoot(document.querySelector("#root")!);

const error = (text: string): unknown => ({
  what: text,
  details: { got: text, expected: text, hint: text },
});
const none = (text: string) => ({ estimate: null, low: null, high: null, n: 0, noClaim: text });

const tools = {
  /** As answers, prompts, comments, names and errors are shown. */
  show(text: string): void {
    flushSync(() =>
      root.render(
        <div id="shown" key={text}>
          <Rendered text={text} />
          <Rendered text={text} marks={[{ start: 1, end: 6 }]} />
          <Rendered text={text} plain />
          <Turns value={[{ role: "user", content: text, [text]: text }]} />
          <Rendered text={`$${text}$ $$${text}$$ \\(${text}\\)`} />
          <Rendered text={`[${text}](${text}) ![${text}](${text}) \`${text}\``} />
          <ErrorBox error={error(text)} />
          <Chip>{text}</Chip>
          <CopyButton text={text} label={text} />
          <IntervalBar value={none(text)} />
          <p title={text}>{text}</p>
          <Toasts />
        </div>,
      ),
    );
    say(text);
  },
  /** As if the layer before had let it through: the last one has to hold by itself. */
  cleaned(html: string): void {
    const place = document.createElement("div");
    place.id = "shown";
    place.append(cleanText(html), cleanMaths(html));
    root.render(null);
    document.querySelector("#direct")?.replaceChildren(place);
  },
  undefended(html: string): void {
    document.querySelector("#direct")!.innerHTML = html;
  },
  async findings(how: "show" | "cleaned", text: string): Promise<string[]> {
    const before = location.href;
    globalThis.hits = 0;
    tools[how](text);
    await pause(0);
    const bad = [...document.querySelector("#shown")!.querySelectorAll("*")].flatMap(findingsOf);
    await pause(20);
    if (globalThis.hits !== 0) bad.push("a script ran");
    if (location.href !== before) bad.push(`went to ${location.href}`);
    if (globalThis.attuneTesting !== tools) bad.push("a name was taken");
    return how === "cleaned" ? bad : [...bad, ...outside()];
  },
};

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const ELEMENTS = new Set(
  (
    "script style link meta base iframe frame object embed form input textarea select img image " +
    "picture video audio source template svg foreignobject annotation-xml maction dialog marquee " +
    "portal"
  ).split(" "),
);
const ATTRIBUTES = /^on|^(srcdoc|src|srcset|action|formaction|ping|poster|background)$|:href$/i;

/** What is wrong with an element that a text may have made, once everything happened to it. */
function findingsOf(element: Element): string[] {
  const bad: string[] = [];
  if (ELEMENTS.has(element.tagName.toLowerCase())) bad.push(`element ${element.tagName}`);
  for (const { name, value } of element.attributes) {
    if (ATTRIBUTES.test(name)) bad.push(`attribute ${name}=${value}`);
    if (name === "id") bad.push(`id ${value}`);
    if (name === "style" && /url|expression|position|[()]/i.test(value)) bad.push(`style ${value}`);
  }
  if (element instanceof HTMLAnchorElement && element.hasAttribute("href")) {
    if (!["http:", "https:", "mailto:"].includes(element.protocol)) bad.push(`to ${element.href}`);
    if (element.target !== "_blank" || element.rel !== "noopener noreferrer")
      bad.push(`link without its marks ${element.outerHTML}`);
  }
  for (const type of ["mouseover", "pointerenter", "focus", "load", "error", "toggle"])
    element.dispatchEvent(new Event(type));
  return bad;
}

/** Whether something of a text is drawn outside its box. */
const outside = (): string[] =>
  [...document.querySelectorAll<HTMLElement>("#shown > .rendered")].flatMap((box) =>
    getComputedStyle(box).contain.includes("content") ? [] : ["a box that holds nothing in"],
  );

declare global {
  /* oxlint-disable no-var */
  var attuneTesting: typeof tools;
  var hits: number;
}
globalThis.attuneTesting = tools;
