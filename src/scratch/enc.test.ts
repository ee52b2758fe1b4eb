import { readdirSync, readFileSync } from "node:fs";
import { test } from "vitest";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import { openTokenizer } from "./gg.ts";
const gg = openTokenizer;
const dir = "src/text/golden";
test("m", async () => {
  const list: [string, any][] = [["smollm2", await gg()]];
  for (const f of readdirSync(dir).filter(f=>f.endsWith(".json"))) {
    const g = JSON.parse(readFileSync(`${dir}/${f}`,"utf8"));
    if (list.length===1) console.log(Object.keys(g), Object.keys(g.tokenizer ?? {}).slice(0,5));
    try { list.push([f, tokenizerFromFiles({ "tokenizer.json": JSON.stringify(g.tokenizer), "tokenizer_config.json": JSON.stringify(g.config ?? {}) })]); } catch (e) { console.log(f, String(e).slice(0,100)); }
  }
  const kinds: Record<string,(n:number)=>string> = { spaces: n=>" ".repeat(n), a: n=>"a".repeat(n), words: n=>"hello world ".repeat(n/12), excl: n=>"!".repeat(n), nl: n=>"\n".repeat(n), sx: n=>" x".repeat(n/2), apos: n=>"'".repeat(n), spx: n=>" ".repeat(n-1)+"x", emoji: n=>"🙂".repeat(n/2), digits: n=>"1".repeat(n) };
  for (const [name,t] of list) { const out: string[]=[];
    for (const [k,f] of Object.entries(kinds)) { const ts:number[]=[]; for (const n of [65000,130000,260000]) { const s=f(n); const a=performance.now(); t.encodePlain(s); ts.push(Math.round(performance.now()-a)); } out.push(`${k} ${ts.join("/")}`); }
    console.log(name, out.join("  ")); }
});
