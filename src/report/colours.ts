/**
 * Colours of reports and of the studio's page, as CSS variables. Series colours are Okabe and Ito's
 * set for colour-blind readers, darkened for white paper and lightened for dark screens until each
 * has a contrast of at least 3 to 1 with its background.
 */
export const LIGHT = `
  --paper: #ffffff; --ink: #1c2024; --soft: #5a636c; --line: #d5dade; --panel: #f5f7f8;
  --link: #0059a8; --better: #00644a; --worse: #a33000; --hacked: #9b1c31; --fooled: #6b3fa0;
  --better-pale: #d9efe7; --worse-pale: #f7ddd0;
  --series-1: #0072b2; --series-2: #c44e00; --series-3: #00805c; --series-4: #a84a85;
  --series-5: #8a6d00; --series-6: #2b7fb8; --series-7: #555c63; --series-8: #7a4fbf;`;

export const DARK = `
  --paper: #14181b; --ink: #e4e8eb; --soft: #a3adb5; --line: #353c42; --panel: #1d2327;
  --link: #7cbcf0; --better: #4fd0a5; --worse: #ff9466; --hacked: #ff8597; --fooled: #c9a7f5;
  --better-pale: #1d3f34; --worse-pale: #4a2a1c;
  --series-1: #56b4e9; --series-2: #f08a4b; --series-3: #35c49a; --series-4: #dd8fbf;
  --series-5: #e0c040; --series-6: #8fc9f0; --series-7: #b0b8bf; --series-8: #b79af0;`;
