/**
 * The last word on what a stranger's text may become: a few elements and attributes, by name. What
 * is made is moved into the page as nodes: written out and read again it could turn into something
 * else.
 */
import DOMPurify from "dompurify";
import type { Config } from "dompurify";
import { linkTarget } from "./markdown.ts";

const TEXT: Config = {
  ALLOWED_TAGS: [
    ..."p br hr h1 h2 h3 h4 h5 h6 strong em del code pre blockquote ul ol li a span".split(" "),
    ..."table thead tbody tr th td #text".split(" "),
  ],
  ALLOWED_ATTR: ["href", "rel", "target", "start", "align", "data-language", "data-formula"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const MATHS: Config = {
  ALLOWED_TAGS: [
    ..."math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle merror mpadded mphantom".split(
      " ",
    ),
    ..."msub msup msubsup munder mover munderover mmultiscripts mprescripts mtable mtr mtd".split(
      " ",
    ),
    ..."menclose #text".split(" "),
  ],
  ALLOWED_ATTR: [
    ..."display mathvariant stretchy fence separator form lspace rspace largeop".split(" "),
    ..."movablelimits accent accentunder linethickness minsize maxsize width height depth".split(
      " ",
    ),
    ..."voffset columnalign rowspacing columnspacing scriptlevel displaystyle notation".split(" "),
    ..."symmetric class style".split(" "),
  ],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

/** Classes of the formula's own style sheet. */
const MATH_CLASS = /^(tml-[a-z-]+|mathcal|mathscr|textit|mathit|textbf|special-fraction)$/;
/** Declarations with no way to name an address. */
const PROPERTY =
  /^(color|(padding|margin|border|width|height|min-width|math|text-align|vertical-align|font)[a-z-]*)$/;
const VALUE = /^[ #%\w.,-]{1,60}$/;
const isHarmless = (declaration: string): boolean => {
  const [property = "", value = "", ...more] = declaration.split(":");
  return more.length === 0 && PROPERTY.test(property) && VALUE.test(value);
};

const texts = DOMPurify(window);
texts.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  const url = linkTarget(node.getAttribute("href") ?? "");
  if (url === undefined) return void node.removeAttribute("href");
  node.setAttribute("rel", "noopener noreferrer");
  node.setAttribute("target", "_blank");
  node.setAttribute("title", url.href);
});

const maths = DOMPurify(window);
maths.addHook("uponSanitizeAttribute", (_, data) => {
  if (data.attrName === "class")
    data.attrValue = data.attrValue
      .split(/\s+/)
      .filter((name) => MATH_CLASS.test(name))
      .join(" ");
  if (data.attrName === "style")
    data.attrValue = data.attrValue
      .split(";")
      .map((each) => each.trim())
      .filter(isHarmless)
      .join(";");
});

export const cleanText = (html: string): DocumentFragment =>
  texts.sanitize(html, TEXT) as unknown as DocumentFragment;
export const cleanMaths = (html: string): DocumentFragment =>
  maths.sanitize(html, MATHS) as unknown as DocumentFragment;
