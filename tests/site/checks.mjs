/* What the tests in a browser have in common: they count, and look at any page in the same way. */
import { readFileSync, writeFileSync } from "node:fs";

let passed = 0, failed = 0, skipped = 0;
export function check(holds, words) {
  if (holds) passed++;
  else {
    failed++;
    console.log(`FAILED: ${words}`);
  }
}
export const same = (got, want, words) =>
  check(Object.is(got, want), `${words}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);

export const textOf = (page, selector) =>
  page.run(`document.querySelector(${JSON.stringify(selector)}).innerText ||
  document.querySelector(${JSON.stringify(selector)}).textContent`);

/* innerWidth would not do: a telephone makes it as large as the page */
export async function fits(page, words) {
  const [wide, window] = await page.run(`(e => [e.scrollWidth, e.clientWidth])(document.documentElement)`);
  check(wide <= window, `${words}: nothing is wider than the window: ${wide}, ${window}`);
}

/* The page as a reader sees it: a screenshot; no errors; nothing from a network, and nothing that is
 * wider than the window; and what axe-core, the text of axe.min.js, says of its accessibility */
export async function look(page, words, screenshot, axe) {
  writeFileSync(screenshot, await page.picture());
  same(page.asked.filter(url => !url.startsWith("file:")).join(), "", `${words}: nothing is fetched`);
  same(page.errors.join(), "", `${words}: no errors`);
  await fits(page, words);
  if (!axe) {
    skipped++;
    return;
  }
  await page.run(axe + ";0");
  const found = await page.run(`axe.run(document, { iframes: false }).then(r => r.violations.map(v =>
    v.id + ": " + v.nodes.map(n => n.target + " " + n.any.map(a => a.message)).slice(0, 3).join("; ")))`);
  same(found.join("\n"), "", `${words}: axe`);
}

export const axeSource = file => file ? readFileSync(file, "utf8") : null;

/* prints how many checks held, and ends */
export function verdict() {
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(failed ? 1 : 0);
}
