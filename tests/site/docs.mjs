/* docs.mjs SITE FOLDER [AXE]: opens the main pages of the site that ./run docs made, in Chromium, and
 * looks whether a reader can use them. Writes screenshots into FOLDER. AXE is axe.min.js. */
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { openBrowser } from "./browser.mjs";
import { axeSource, check, fits, look, same, textOf, verdict } from "./checks.mjs";

const [site, folder, axeFile] = process.argv.slice(2);
const axe = axeSource(axeFile), browser = await openBrowser();
const url = address => pathToFileURL(resolve(site, address)).href;
const open = (address, how) => browser.open(url(address), how);
const has = address => existsSync(resolve(site, address));
const all = part => has(part) ? readdirSync(resolve(site, part)).filter(n => n.endsWith(".html"))
  .map(n => `${part}/${n}`) : [];
const folders = part => readdirSync(resolve(site, part), { withFileTypes: true })
  .filter(entry => entry.isDirectory()).map(entry => `${part}/${entry.name}`);

async function see(address) {
  const name = address.replace(".html", "").replaceAll("/", "-");
  for (const [words, how] of Object.entries({ wide: {}, dark: { dark: true },
                                              narrow: { width: 390, height: 1400 } })) {
    const page = await open(address, how);
    await look(page, `${address}, ${words}`, resolve(folder, `site-${name}-${words}.png`), axe);
    await page.close();
  }
}

/* every text and every page of the manual, on a telephone */
async function theWidths() {
  for (const address of ["tutorial", "examples", "manual", ".", ...folders("programs")].flatMap(all)) {
    const page = await open(address, { width: 390, height: 800 });
    await fits(page, address);
    same(page.errors.join(), "", `${address}: no errors`);
    await page.close();
  }
}

async function type(page, text) {
  for (const key of text) await page.press(key);
}

/* waits until this holds in the page, for ten seconds at most */
async function until(page, expression) {
  for (let i = 0; i < 100 && !await page.run(expression).catch(() => false); i++)
    await new Promise(done => setTimeout(done, 100));
}

/* From the key / to the page of what was found */
async function searching(words, title, address) {
  const page = await open("index.html");
  await page.press("/");
  same(await page.run("document.activeElement.id"), "site-query", "the key / leads to the search");
  await type(page, words);
  const first = "document.querySelector('#site-found li')?.firstChild.textContent";
  await until(page, `${first} === ${JSON.stringify(title)}`);
  same(await page.run(first), title,
       `the first that is found for ${words}`);
  await page.press("Enter");
  await until(page, `location.href.endsWith(${JSON.stringify(address)})`);
  check((await page.run("location.href")).endsWith(address), `Enter opens ${address}: ` +
        await page.run("location.href"));
  same(page.errors.join(), "", "no errors in the search");
  await page.close();
}

async function keysOfTheSearch() {
  const page = await open("tutorial/01_chain_rule.html"), items = "document.querySelectorAll('#site-found li')";
  await page.press("/");
  await type(page, "softmax");
  await until(page, `${items}.length > 3`);
  check(await page.run(`${items}.length > 3`), "softmax is in several places");
  await page.press("ArrowDown", 2);
  same(await page.run(`[...${items}].findIndex(i => i.getAttribute("aria-selected") === "true")`), 2,
       "arrow keys choose");
  same(await page.run("document.getElementById(query.getAttribute('aria-activedescendant')) === " +
                      `${items}[2]`), true, "and a screen reader is told");
  await page.press("Escape");
  same(await page.run("list.hidden"), true, "Escape closes");
  await type(page, "qqqqq");
  await until(page, "document.querySelector('#site-found .none')");
  same(await textOf(page, "#site-found"), "Nothing has these words.", "nothing is found");
  await page.close();
}

async function theKeyboard() {
  const page = await open("tutorial/02_mlp_by_hand.html");
  await page.press("Tab");
  same(await page.run("document.activeElement.className"), "skip", "the first Tab is the skip link");
  await page.press("Enter");
  same(await page.run("location.hash"), "#site-text", "which leads to the text");
  check(await page.run("[...document.querySelectorAll('pre, .formula, .table')].every(e => e.tabIndex === 0)"),
        "all that scrolls can be scrolled by keys");
  await page.close();
}

async function theMenuOfATelephone() {
  const page = await open("tutorial/02_mlp_by_hand.html", { width: 390, height: 800 });
  const visible = "getComputedStyle(document.getElementById('site-pages')).visibility";
  same(await page.run(visible), "hidden", "the menu is closed");
  await page.click(".menu");
  same(await page.run(visible), "visible", "the menu opens");
  await page.press("Escape");
  same(await page.run(visible), "hidden", "Escape closes it");
  await page.close();
}

async function theFormulas() {
  const page = await open("tutorial/02_mlp_by_hand.html");
  check(await page.run("document.querySelectorAll('math').length > 50"), "formulas are MathML");
  check(await page.run(`[...document.querySelectorAll("mfrac")].every(e =>
    e.getBoundingClientRect().height > 10)`), "and fractions are as high as they should be");
  await page.close();
}

async function withoutScripts() {
  for (const address of ["index.html", "tutorial/01_chain_rule.html", ...all("live").slice(0, 1)]) {
    const page = await open(address, { script: false });
    check((await textOf(page, "main")).length > 400, `${address} is there without JavaScript`);
    same(await page.run("document.getElementById('site-search').hidden"), true,
         `${address}: and no search that would not work`);
    await page.close();
  }
}

const pages = ["index.html", "tutorial/02_mlp_by_hand.html", "examples/newton.html",
               "programs/index.html", "programs/vae/vae.html", "manual/ops_elementwise.html",
               "manual/autograd.html", "architecture.html", "gradcheck.html", ...all("live")];
try {
  for (const address of pages.filter(has)) await see(address);
  await theWidths();
  await searching("chain rule", "1. The chain rule on a graph", "tutorial/01_chain_rule.html");
  if (has("manual/autograd.html")) await searching("ct_grad", "ct_grad", "manual/autograd.html#ct_grad");
  await keysOfTheSearch();
  await theKeyboard();
  await theMenuOfATelephone();
  await theFormulas();
  await withoutScripts();
} finally {
  await browser.close();
}
verdict();
