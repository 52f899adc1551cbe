/* live.mjs FOLDER NUMBERS [AXE [NAME ...]]: opens the pages in which the library runs,
 * FOLDER/NAME.html, in Chromium, and looks whether they say what C says, and do what they promise. NUMBERS is a program of
 * C, live-numbers, which prints what a function of docs/live/live.h returns. AXE is the file
 * axe.min.js of axe-core. Writes screenshots into FOLDER, and at the end how many checks held. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { openBrowser } from "./browser.mjs";

const [folder, numbers, axe, ...only] = process.argv.slice(2);
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
  const names = JSON.parse(await page.run(`JSON.stringify(
    [...document.querySelectorAll("#examples button")].map(b => b.textContent))`));
  same(names.length, 6, "examples");
  for (const [i, name] of names.entries()) {
    await page.run(`document.querySelectorAll("#examples button")[${i}].click()`);
    const text = await field(page), want = truth("expression", text);
    const got = JSON.parse(await page.run(
      `common.started.then(live => JSON.stringify(live.expression(${JSON.stringify(text)})))`));
    near(got.value, want.value, `${name}: the value`);
    want.names.forEach((x, k) => {
      same(got.names[k].name, x.name, `${name}: a name`);
      nearAll(got.names[k].value, x.value, `${name}: ${x.name}`);
      nearAll(got.names[k].gradient, x.gradient, `${name}: the derivative by ${x.name}`);
    });
    same(got.graph, want.graph, `${name}: the graph as text`);
    const shown = number(await textOf(page, "#result strong"));
    check(Object.is(shown, want.value) || Math.abs(shown - want.value) <= 1e-6 * Math.abs(want.value) ||
          (want.value === "nan" && Number.isNaN(shown)), `${name}: shown: ${shown}`);
  }
  await page.close();
}
const number = text => Number(text.replace("−", "-"));
const field = page => page.run(`document.getElementById("function").value`);

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
  same(await field(again), "x = 3\ny = x^2\ny + x", "the link has the text");
  await again.close();
}

/* -- The graphs of tutorial 1 */
async function graphs() {
  const page = await open("graphs"), column = (rows, k) => page.run(
    `[...document.querySelectorAll("#${rows} tr")].map(row => row.children[${k}].innerText).join("; ")`);
  same(await column("small-rows", 2), await column("small-rows", 3), "by hand and by the library");
  await page.run(`document.getElementById("x").focus()`);
  await page.press("ArrowRight", 5);
  const want = truth("expression", "x = 2.5\ny = 3\np = x * y\ns = sin(x)\nz = p * s");
  const shown = (await column("small-rows", 3)).split("; ").map(number);
  for (const [i, name] of ["z", "p", "s", "x", "y"].entries()) {
    const g = want.names.find(each => each.name === name).gradient[0];
    check(Math.abs(shown[i] - g) <= 1e-6 * Math.abs(g), `x = 2.5: g_${name} is ${shown[i]}, not ${g}`);
  }
  same(await column("small-rows", 2), await column("small-rows", 3), "and again");
  check((await textOf(page, "#small-picture")).includes("sin x"), "the picture is there");
  same(await column("chain-rows", 3), "wrong; right; right", "two doublings");
  await type(page, "input[aria-label='boxes after x₀, as a number']", "20");
  same(await column("chain-rows", 1), "2,097,151; 2,097,151; 21", "visits of twenty doublings");
  await page.run(`document.querySelector("input[value=squares]").click()`);
  same(await page.run(`document.getElementById("n").value`), "8", "squares end at eight");
  await type(page, "input[aria-label='x₀, as a number']", "1.5");
  const walks = truth("walks", "8", "1", "1.5"), chain = (await column("chain-rows", 2)).split("; ");
  check(Math.abs(number(chain[2]) / walks.recorded - 1) < 1e-4, "eight squares of 1.5: " + chain);
  same(page.errors.join(), "", "graphs: no errors");
  await page.close();
}

/* -- The network */
async function network() {
  const page = await open("network"), state = () => textOf(page, "#state");
  const loss = async () => Number((await state()).match(/loss ([\d.]+)/)[1]);
  const want = truth("network", "0", "2", "8", "2", "0.03", "1", "1");
  check(Math.abs(await loss() - want.loss) < 1e-4, `the first loss: ${await state()}, ${want.loss}`);
  await page.run(`for (let i = 0; i < 20; i++) document.getElementById("one").click()`);
  const after = truth("network", "0", "2", "8", "2", "0.03", "1", "21");
  check(Math.abs(await loss() - after.loss) < 1e-3, `after 20 steps: ${await state()}, ${after.loss}`);
  await page.click("#train");
  await until(page, `Number(document.getElementById("state").textContent.match(/Step (\\d+)/)[1]) > 300`,
              "it trains");
  same(await textOf(page, "#train"), "Pause", "while it trains, the button says Pause");
  await page.run(`document.getElementById("train").focus()`);
  await page.press("Enter");
  const step = await state();
  await sleep(300);
  same(await state(), step, "it is paused by a key");
  check(/(19\d|200) of 200 points right/.test(step), "two moons are learned: " + step);
  check(await page.run(`(() => { const c = document.getElementById("surface"), d = c.getContext("2d");
    const { data } = d.getImageData(256, 0, 1, 512), blue = y => data[4 * y + 2] - data[4 * y];
    return blue(20) > 0 && blue(500) < 0; })()`),
    "blue is above, and orange below");
  await page.run(`{ const rate = document.getElementById("rate"), by = document.getElementById("method");
    by.value = "sgd"; rate.value = "0.1"; rate.dispatchEvent(new Event("change")); }`);
  check((await state()).startsWith("Step 0:"), "a choice begins anew");
  same(page.errors.join(), "", "network: no errors");
  await page.close();
}

/* -- Digits, drawn with the mouse and with keys */
async function digits() {
  const page = await open("your_digits"), guess = () => textOf(page, "#guess");
  same(await textOf(page, "#right"), `${truth("digits").right} %`, "what it begins with");
  same(await guess(), "Draw a digit.", "nothing is drawn");
  await page.drag("#paper", [[0.3, 0.2], [0.7, 0.21], [0.45, 0.8]]);
  check(/is a 7/.test(await guess()), "a seven: " + await guess());
  check(await page.run(`(() => { const digit = document.querySelectorAll("#answers b")[7];
    const box = digit.getBoundingClientRect();
    return document.elementFromPoint(box.x + 2, box.y + 5) === digit; })()`),
    "a bar does not hide its digit");
  check(await page.run(`[...document.getElementById("seen").getContext("2d")
    .getImageData(0, 0, 28, 28).data].some(x => x > 200)`), "what the network sees is shown");
  await page.click("#clear");
  same(await guess(), "Draw a digit.", "cleared");
  await page.run(`document.getElementById("paper").focus()`);
  await page.press(" ");
  await page.press("ArrowDown", 16);
  await page.press(" ");
  check(/is a 1/.test(await guess()), "a one, by keys: " + await guess());
  await page.click("#answers button:nth-child(6)");
  await until(page, `/from 1 digit of yours.*[.]$/.test(document.getElementById("learned").textContent)`,
              "it learns");
  check(/is a 5/.test(await guess()), "taught that this is a 5, it says so: " + await guess());
  await page.run(`document.querySelector("input[value=random]").click()`);
  same(await textOf(page, "#learned"), "It has not learned from you yet.", "begun again");
  same(page.errors.join(), "", "digits: no errors");
  await page.close();
}

/* -- All pages, as a reader sees them */
async function look(name, words, how) {
  const page = await open(name, how);
  if (name === "network") /* something to see */
    await page.run(`for (let i = 0; i < 300; i++) document.getElementById("one").click()`);
  if (name === "your_digits") await page.drag("#paper", [[0.32, 0.2], [0.68, 0.2], [0.45, 0.8]]);
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

const plain = { expression: /0\.2310113 by x/, graphs: /a greedy walk finds 6/,
                your_digits: /turned\s+and moved at random/,
                network: /moves each weight a little against its gradient/ };
try {
  for (const name of Object.keys(plain)) {
    if (only.length && !only.includes(name)) continue;
    if (!existsSync(resolve(folder, name + ".html"))) {
      check(false, `there is no ${name}.html`);
      continue;
    }
    await look(name, "wide", {});
    await look(name, "dark", { dark: true });
    await look(name, "narrow", { width: 420, height: 1400 });
    await withoutScripts(name, plain[name]);
  }
  const uses = [["expression", expressions], ["expression", typing], ["graphs", graphs],
                ["network", network], ["your_digits", digits]];
  for (const [name, use] of uses)
    if (!only.length || only.includes(name)) await use();
} finally {
  await browser.close();
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed ? 1 : 0);
