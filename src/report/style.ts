/**
 * The report's style sheet: light and dark by the reader's preference, always light in print, one column on a narrow
 * screen. Arm colours are Okabe and Ito's, darkened or lightened until they reach a contrast of 4.5 on their
 * background.
 */

const LIGHT = `--page: #ffffff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --panel: #f6f8fa; --plot-background: #ffffff;
  --arm-1: #0065a3; --arm-2: #b34700; --arm-3: #00724f; --arm-4: #8e3a78; --arm-5: #6b5a00; --arm-6: #444c56;`;
const DARK = `--page: #14171a; --text: #e6e9ec; --soft: #a3adb8; --line: #3b434b; --panel: #1d2125; --plot-background: #14171a;
  --arm-1: #63b8ef; --arm-2: #f0945a; --arm-3: #3fc79a; --arm-4: #dfa0c8; --arm-5: #d9c94a; --arm-6: #b4bcc6;`;

/** CSS for the whole page. */
export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 72rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.75rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 0.95rem; margin: 0 0 0.25rem; }
p { max-width: 46rem; }
.headline { font-size: 1.1rem; padding: 0.75rem 1rem; border-left: 4px solid var(--arm-1); background: var(--panel); }
.note { border: 1px solid var(--arm-2); border-left-width: 4px; padding: 0.5rem 0.75rem; margin: 0.5rem 0; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0; margin: 1rem 0; list-style: none; font-size: 0.9rem; }
a { color: var(--arm-1); }
.explain, figcaption { color: var(--soft); font-size: 0.875rem; }
.scroll { overflow-x: auto; margin: 0 0 1.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; overflow-wrap: normal;
  min-width: min(100%, 30rem); }
caption { text-align: left; color: var(--soft); font-size: 0.875rem; padding-bottom: 0.5rem; }
th, td { padding: 0.35rem 1.25rem 0.35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td small { display: block; color: var(--soft); font-size: 0.75rem; }
figure { margin: 0; min-width: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 1.75rem 1.25rem; }
.chart svg { font-size: 12px; overflow: visible; }
.chart figcaption ul, .chart figcaption ol { margin: 0.25rem 0 0; padding-left: 1.1rem; }
.pictures { display: grid; grid-template-columns: repeat(var(--pictures, 5), minmax(0, 1fr)); gap: 0.75rem; margin: 0.5rem 0 0.75rem; }
.pictures figure:first-child { grid-column-start: calc(var(--empty, 0) + 1); }
.picture { position: relative; }
.picture span { position: absolute; padding: 0 0.25em; font-size: 0.75rem; line-height: 1.35; font-weight: 600; color: #ffffff;
  background: #000000; }
.picture .left { left: 0; top: 50%; transform: translateY(-50%); }
.picture .right { right: 0; top: 50%; transform: translateY(-50%); }
.picture .top { top: 0; left: 50%; transform: translateX(-50%); }
.picture .bottom { bottom: 0; left: 50%; transform: translateX(-50%); }
.pictures img { display: block; width: 100%; height: auto; image-rendering: pixelated; background: #000000; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding: 0; margin: 0.25rem 0 1rem; font-size: 0.875rem; }
.legend span { display: inline-block; width: 1.4em; height: 0.9em; margin-right: 0.4em; vertical-align: -0.05em; border: 3px solid; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; font-size: 0.9rem; }
dt { color: var(--soft); }
dd { margin: 0; min-width: 0; }
pre { background: var(--panel); border: 1px solid var(--line); padding: 0.75rem 1rem; overflow-x: auto; font-size: 0.8rem;
  line-height: 1.45; }
.tall { max-height: 32rem; overflow: auto; }
summary { cursor: pointer; margin: 0.5rem 0; }
fieldset { border: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; font-size: 0.9rem; margin: 0 0 0.75rem; }
#cases table { display: grid; min-width: max-content; }
#cases thead, #cases tbody { display: grid; }
#cases tr { display: grid; grid-template-columns: 12rem; grid-auto-flow: column; grid-auto-columns: 8.5rem; }
#cases thead { position: sticky; top: 0; background: var(--page); }
.swatch { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.35em; }
@media (max-width: 640px) {
  .pictures { grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); }
  .pictures figure:first-child { grid-column-start: auto; }
}
@media (max-width: 480px) {
  #cases tr { grid-template-columns: 7rem; grid-auto-columns: 6rem; }
  table { font-size: 0.8rem; }
  th, td { padding-right: 0.6rem; }
  td small { font-size: 0.7rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 0.5rem; }
}
@media print {
  :root { color-scheme: light; ${LIGHT} }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  pre { white-space: pre-wrap; }
  .scroll { overflow: visible; }
}
`;
