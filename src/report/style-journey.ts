/** Style of a way with stops; which of them is shown says journeyStyle (render-journey.ts). */
export const JOURNEY_STYLE = `
.journey { margin: 1.5rem 0; }
.at { display: none; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 0 1.5rem; }
.pair figure { margin: .75rem 0; }
.moment { display: none; }
.moment .facts {
  margin: .25rem 0 .5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr));
}
.moment-title { font-weight: 600; margin: .5rem 0; }
.stops {
  display: flex; flex-wrap: wrap; gap: .35rem; border: 1px solid var(--line); border-radius: 8px;
  padding: .4rem .7rem .7rem; margin: 1rem 0;
}
.stops legend { color: var(--soft); font-size: .88rem; padding: 0 .3rem; }
.stop { position: relative; display: block; }
.stop input {
  position: absolute; inset: 0; opacity: 0; margin: 0; width: 100%; height: 100%; cursor: pointer;
}
.stop span {
  display: block; min-width: 2.2rem; padding: .3rem .4rem; text-align: center; border-radius: 6px;
  border: 1px solid var(--line); font-variant-numeric: tabular-nums; line-height: 1.2;
}
.stop small { display: block; font-size: .68rem; }
.stop.remarked span { border-color: currentColor; }
.stop:hover span { border-color: var(--link); }
.stop input:checked + span {
  background: var(--link); border-color: var(--link); color: var(--paper); font-weight: 600;
}
.stop input:focus-visible + span { outline: 3px solid var(--link); outline-offset: 2px; }
.run-name { font-weight: 600; margin: .5rem 0 .1rem; font-size: .92rem; }
@supports not selector(:has(*)) {
.stops, .moments { display: none; }
.strip::details-content { content-visibility: visible; display: block; block-size: auto; }
}
@media print {
.stops, .moments, .journey .at { display: none !important; }
.strip summary { list-style: none; }
.strip::details-content { content-visibility: visible; display: block; block-size: auto; }
}
`;
