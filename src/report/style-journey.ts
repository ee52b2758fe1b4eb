/** Style of a way with stops; which of them is shown says journeyStyle (render-journey.ts). */
export const JOURNEY_STYLE = `
.journey { margin: 1.5rem 0; }
.at { display: none; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 0 1.5rem; }
.pair figure { margin: .75rem 0; }
.moment, .strip { display: none; }
.moment .facts {
  margin: .25rem 0 .5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr));
}
.moment-title { font-weight: 600; margin: .5rem 0; }
.stops {
  position: sticky; top: 0; z-index: 1; background: var(--paper); margin: 1rem 0; min-width: 0;
  border: 1px solid var(--line); border-radius: 8px; padding: .2rem .6rem .4rem;
  container-type: inline-size;
}
.stops legend { color: var(--soft); font-size: .88rem; padding: 0 .3rem; }
.track {
  display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr);
  background: linear-gradient(var(--line), var(--line)) 0 1.95rem / 100% 2px no-repeat;
}
.stop { position: relative; display: block; text-align: center; }
.stop input {
  position: absolute; inset: 0; opacity: 0; margin: 0; width: 100%; height: 100%; cursor: pointer;
}
.signs { display: flex; justify-content: center; height: 1.4rem; align-items: center; }
.stop .badge + .badge { margin-left: -.35rem; }
.knob {
  display: block; width: .7rem; height: .7rem; margin: .2rem auto; border-radius: 50%;
  background: var(--paper); border: 2px solid var(--soft);
}
.step { font-size: .75rem; font-variant-numeric: tabular-nums; line-height: 1.2; }
.stop:hover .knob { border-color: var(--link); }
.stop input:checked ~ .knob { background: var(--link); border-color: var(--link); transform: scale(1.5); }
.stop input:checked ~ .step { color: var(--link); font-weight: 700; }
.stop input:focus-visible ~ .knob { outline: 3px solid var(--link); outline-offset: 3px; }
@container (max-width: 34rem) {
.stop:not(.told, :has(:checked)) .step { visibility: hidden; }
.stop:has(:checked) + .told .step, .told:has(+ .stop:not(.told) :checked) .step {
  visibility: hidden;
}
}
.whole { display: block; width: fit-content; cursor: pointer; color: var(--link); padding: .25rem 0; }
.journey:has(.whole :checked) .strip { display: block; }
.run-name { font-weight: 600; margin: .5rem 0 .1rem; font-size: .92rem; }
.badge {
  display: inline-grid; place-items: center; width: 1.15rem; height: 1.15rem; font-size: .7rem;
  line-height: 1; border: 2px solid currentColor; vertical-align: middle;
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.badge-peak { border-radius: 50%; background: var(--paper); color: var(--ink); }
.badge-guard {
  background: var(--hacked); border-color: var(--hacked); color: var(--paper);
  transform: rotate(45deg) scale(.85);
}
.badge-guard span { transform: rotate(-45deg); }
.badge-end { background: var(--ink); border-color: var(--ink); color: var(--paper); }
@supports not selector(:has(*)) {
.stops, .moments, .whole { display: none; }
.strip { display: block; }
}
@media print {
.stops, .moments, .whole, .journey .at { display: none !important; }
.strip { display: block; }
}
`;
