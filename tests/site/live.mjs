/* live.mjs FOLDER NUMBERS [AXE]: opens the pages in which the library runs, FOLDER/NAME.html, in
 * Chromium, and looks whether they say what C says, and do what they promise. NUMBERS is a program of
 * C, live-numbers, which prints what a function of docs/live/live.h returns. AXE is the file
 * axe.min.js of axe-core. Writes screenshots into FOLDER, and at the end how many checks held. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { openBrowser } from "./browser.mjs";

const [folder, numbers, axe] = process.argv.slice(2);
const axeSource = axe ? readFileSync(axe, "utf8") : null;
let passed = 0, failed = 0, skipped = 0;
function check(holds, words) {
  if (holds) passed++;
  else {
    failed++;
    console.log(`FAILED: ${words}`);
  }
}
const same = (got, want, words) =>
  check(Object.is(got, want), `${words}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);

const browser = await openBrowser();
const url = name => pathToFileURL(resolve(folder, name + ".html")).href;
const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));

/* waits until the page says so, for ten seconds at most */
async function until(page, condition, words) {
  for (let i = 0; i < 200; i++) {
    if (await page.run(condition)) return true;
    await sleep(50);
  }
  check(false, words);
  return false;
}
async function open(name, how, address = "") {
  const page = await browser.open(url(name) + address, how);
  await until(page, `!document.getElementById("live-app").hidden`, `${name}: the library starts`);
  return page;
}
const textOf = (page, selector) =>
  page.run(`document.querySelector(${JSON.stringify(selector)}).innerText`);
/* what C says */
const truth = (...words) => JSON.parse(execFileSync(numbers, words, { encoding: "utf8" }));

/* Two compilers may round the last digit of sin and exp differently. */
function near(got, want, words) {
  const close = got === want || Math.abs(got - want) <= 4e-15 * Math.abs(want);
  check(close, `${words}: ${got}, not ${want}`);
}
function nearAll(got, want, words) {
  same(got?.length, want?.length, words + ", how many");
  want?.forEach((x, i) => near(got[i], x, `${words} ${i}`));
}

/* types it, key by key, in place of what is there */
async function type(page, selector, text) {
  await page.run(`document.querySelector("${selector}").focus();
                  document.querySelector("${selector}").select()`);
  for (const key of text) await page.press(key === "\n" ? "Enter" : key);
}

/* -- A function */
async function expressions() {
  const page = await open("expression");
  const all = JSON.parse(await page.run("JSON.stringify(examples)"));
  for (const [name, text] of all) {
    const want = truth("expression", text);
    const got = JSON.parse(await page.run(
      `started.then(live => JSON.stringify(live.expression(${JSON.stringify(text)})))`));
    near(got.value, want.value, `${name}: the value`);
    want.names.forEach((x, i) => {
      same(got.names[i].name, x.name, `${name}: a name`);
      nearAll(got.names[i].value, x.value, `${name}: ${x.name}`);
      nearAll(got.names[i].gradient, x.gradient, `${name}: the derivative by ${x.name}`);
    });
    same(got.graph, want.graph, `${name}: the graph as text`);
    await page.run(`[...document.querySelectorAll("#examples button")]
      .find(b => b.textContent === ${JSON.stringify(name)}).click()`);
    same(await page.run(`document.getElementById("function").value`), text, `the button ${name}`);
    const shown = (await textOf(page, "#result strong")).replace("−", "-");
    if (typeof want.value === "number")
      check(Math.abs(shown - want.value) <= 1e-6 * Math.abs(want.value), `${name}: shown: ${shown}`);
    else same(shown, "NaN", `${name}: shown`);
  }
  await page.close();
}

async function typing() {
  const page = await open("expression");
  await type(page, "#function", "x = 3\ny = x^2\ny + x");
  same(await textOf(page, "#result strong"), "12", "what was typed is computed");
  same(await textOf(page, "#names tr:first-child td:nth-child(3)"), "7", "and its derivative");
  const inside = `document.getElementById("graph").contentDocument`;
  await until(page, `${inside}.querySelectorAll(".node").length === 3 &&
                     ${inside}.body.innerText.includes("How the result was computed")`,
              "the graph of what was typed");
  await page.run(`document.getElementById("graph").contentWindow.focus();
                  ${inside}.getElementById("canvas").focus()`);
  await page.press("ArrowRight");
  check((await page.run(`${inside}.getElementById("where").innerText`)).startsWith("step 1 of"),
        "an arrow key steps through the graph");
  const link = await page.run("location.href");
  await type(page, "#function", "x = 3\nx ** 2");
  check((await textOf(page, "#live-error")).startsWith("Line 2, column 4: expected a number"),
        "an error is shown, and where it is: " + await textOf(page, "#live-error"));
  check(await page.run(`document.getElementById("answer").hidden`), "and no numbers");
  same(await page.run(`document.getElementById("function").getAttribute("aria-invalid")`), "true",
       "and the field says so");
  same(page.errors.join(), "", "typing makes no errors");
  await page.close();
  const again = await open("expression", {}, link.slice(link.indexOf("#")));
  same(await page_text(again), "x = 3\ny = x^2\ny + x", "the link has the text");
  await again.close();
}
const page_text = page => page.run(`document.getElementById("function").value`);

/* -- All pages, as a reader sees them */
async function look(name, words, how) {
  const page = await open(name, how);
  await sleep(1500);
  writeFileSync(resolve(folder, `${name}-${words}.png`), await page.picture(true));
  const elsewhere = page.asked.filter(address => !/^(file|blob|about):/.test(address));
  same(elsewhere.join(), "", `${name}, ${words}: nothing is asked from a network`);
  same(page.errors.join(), "", `${name}, ${words}: no errors`);
  check(await page.run("document.documentElement.scrollWidth <= innerWidth"),
        `${name}, ${words}: nothing is wider than the window`);
  if (!axeSource) {
    skipped++;
  } else {
    await page.run(axeSource + ";0");
    const found = await page.run(`axe.run({ iframes: false }).then(r => r.violations.map(v =>
      v.id + ": " + v.nodes.map(n => n.target + " " + n.any.map(a => a.message)).slice(0, 3).join("; ")))`);
    same(found.join("\n"), "", `${name}, ${words}: axe`);
  }
  await page.close();
}

async function withoutScripts(name, words) {
  const page = await browser.open(url(name), { script: false });
  const text = await textOf(page, "body");
  check(words.test(text), `${name} explains itself without JavaScript`);
  check(await page.run(`document.getElementById("live-app").hidden`),
        `${name}: nothing that does not work`);
  writeFileSync(resolve(folder, `${name}-without.png`), await page.picture(true));
  await page.close();
}

const plain = { expression: /0\.2310113 by x/ };
try {
  for (const name of Object.keys(plain)) {
    if (!existsSync(resolve(folder, name + ".html"))) {
      check(false, `there is no ${name}.html`);
      continue;
    }
    await look(name, "wide", {});
    await look(name, "dark", { dark: true });
    await look(name, "narrow", { width: 420, height: 1400 });
    await withoutScripts(name, plain[name]);
  }
  await expressions();
  await typing();
} finally {
  await browser.close();
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed ? 1 : 0);
