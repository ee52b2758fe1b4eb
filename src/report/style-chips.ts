/** Style of conclusions: each has a form of its own besides its colour. */
export const CHIP_STYLE = `
.chip {
  display: inline-flex; align-items: center; gap: .35em; padding: .1em .6em; margin-right: .35em;
  border: 2px solid currentColor; border-radius: 999px; font-size: .92em; line-height: 1.5;
  white-space: nowrap; vertical-align: baseline; print-color-adjust: exact;
  -webkit-print-color-adjust: exact;
}
.chip svg { flex: none; width: .95em; height: .95em; }
nav .chip { font-size: .8rem; padding: 0 .5em; }
.chip-better { background: var(--better); border-color: var(--better); color: var(--paper); }
.chip-better-at-a-cost {
  color: var(--ink); background: linear-gradient(100deg, var(--better-pale) 0 70%, var(--worse-pale) 70%);
  border-color: var(--better); border-right: 6px solid var(--worse); border-radius: 999px 4px 4px 999px;
}
.chip-worse { background: var(--worse); border-color: var(--worse); color: var(--paper); border-radius: 4px; }
.chip-equal { color: var(--ink); border-style: double; border-width: 4px; border-radius: 4px; }
.chip-not-distinguishable { color: var(--soft); border-style: dashed; }
.chip-fault-shown {
  color: var(--ink); background: var(--worse-pale); border-color: var(--worse); border-radius: 4px;
  border-left-width: 7px;
}
.chip-not-shown { color: var(--soft); border-style: dashed; border-radius: 4px; border-width: 1px; }
.chip-hacked { background: var(--hacked); border-color: var(--hacked); color: var(--paper); border-radius: 0 .9em; }
.chip-not-hacked { color: var(--better); border-radius: .9em .9em 4px 4px; }
.chip-fooled { background: var(--fooled); border-color: var(--fooled); color: var(--paper); border-radius: 0; }
.chip-sound { color: var(--better); border-radius: 4px; }
.chip-measured { color: var(--link); border-radius: 0; border-width: 1px; }
.chip-no-conclusion { color: var(--soft); border-style: dotted; border-radius: 4px; }
:is(td, th) svg { width: .75em; height: .75em; margin-right: .3em; vertical-align: baseline; }
.better { color: var(--better); font-weight: 600; }
.better-at-a-cost { color: var(--better); font-weight: 600; }
:is(.worse, .fault-shown) { color: var(--worse); font-weight: 600; }
.hacked { color: var(--hacked); font-weight: 600; }
.fooled { color: var(--fooled); font-weight: 600; }
.not-distinguishable, .not-shown, .no-conclusion { color: var(--soft); }
`;
