/* site.mjs FOLDER [AXE]: opens the pages that `pages` wrote into FOLDER, in Chromium, and looks
 * whether they say what C says, and do what they promise. AXE is the file axe.min.js of axe-core.
 * Writes screenshots into FOLDER, and at the end how many checks held. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { openBrowser } from "./browser.mjs";
import { axeSource, check, look, same, textOf, verdict } from "./checks.mjs";

const [folder, axe] = process.argv.slice(2);
const browser = await openBrowser();
const url = name => pathToFileURL(resolve(folder, name + ".html")).href;
const open = (name, how) => browser.open(url(name), how);

/* -- The numbers of C: every one that the page has, and those that it shows */
async function numbers(name) {
  const page = await open(name), truth = JSON.parse(readFileSync(resolve(folder, name + ".json")));
  const vertices = JSON.parse(await page.run("JSON.stringify(vertices)"));
  let compared = 0;
  for (const want of Object.values(truth)) {
    const at = vertices.findIndex(v => v.name === want.name), v = vertices[at];
    check(v !== undefined, `${name}: ${want.name} is there`);
    const round = x => want.f32 && typeof x === "number" ? Math.fround(x) : x;
    for (const kind of ["value", "cotangent"]) {
      if (!want[kind]) {
        same(v[kind], null, `${name}: ${want.name} has no ${kind}`);
        continue;
      }
      if (v[kind].histogram) continue; /* blocks */
      want[kind].forEach((x, i) => same(round(v[kind].cells[i]), x, `${name}: ${want.name} ${i}`));
      compared += want[kind].length;
    }
    if (want.value.length !== 1) continue;
    await page.run(`reveal(${at}); show(true)`);
    await page.click(`[data-vertex="${at}"]`);
    same(round(Number(await textOf(page, "[data-number=value]"))), Number(want.value[0]),
         `${name}: the value of ${want.name} on the page`);
    if (want.cotangent)
      same(Number(await textOf(page, "[data-number=cotangent]")), want.cotangent[0],
           `${name}: the cotangent of ${want.name} on the page`);
  }
  check(compared > 3, `${name}: numbers were compared`);
  await page.close();
}

/* -- Steps: forward each operator comes after its inputs, and backward after all its uses */
async function steps(name) {
  const page = await open(name), seen = { forward: new Set(), backward: new Set() };
  const vertices = JSON.parse(await page.run("JSON.stringify(vertices)"));
  await page.run("eachFold(root, item => { item.open = true; }); show(true)");
  const total = await page.run("steps()");
  let right = true;
  for (let step = 1; step <= total; step++) {
    await page.press("ArrowRight");
    const { name: way, at } = await page.run("({ name: phase().name, at: phase().item?.at })");
    if (at === undefined) continue;
    const inputs = v => v.inputs.map(input => input.vertex);
    if (way === "forward")
      right &&= inputs(vertices[at]).every(x => !vertices[x].inputs.length || seen.forward.has(x));
    else
      right &&= vertices.every((v, use) => !inputs(v).includes(at) || seen.backward.has(use) ||
                                           !v.inputs.some(input => input.cotangent));
    seen[way].add(at);
  }
  const operators = vertices.filter(v => v.kind === "operator").length;
  check(right, `${name}: every step comes after what it needs`);
  same(seen.forward.size, operators, `${name}: operators in steps forward`);
  check(seen.backward.size > 0, `${name}: there are steps backward`);
  same(await textOf(page, "#where"), `step ${total} of ${total}, backward`, name);
  await page.press("ArrowRight");
  same(await page.run("step"), total, `${name}: the last step is the last`);
  await page.press("Home");
  same(await page.run("step"), 0, `${name}: Home is the overview`);
  await page.press("ArrowLeft");
  same(await page.run("step"), 0, `${name}: there is nothing before the overview`);
  await page.close();
}

async function theDiamond() {
  const page = await open("diamond");
  await page.press("ArrowRight");
  check((await textOf(page, "#step")).includes("y = x^2"), "the formula is shown");
  await page.click("#next");
  await page.click("#next");
  check(/y = a b[^]*4[^]*6[^]*24/.test(await textOf(page, "#step")), "4 times 6 is 24");
  await page.press("ArrowRight", 2);
  check((await textOf(page, "#step")).includes("ga = g b, gb = g a"), "the rule is shown");
  same(await page.run("[...document.querySelectorAll('.carried')].map(e => +e.textContent).sort().join()"),
       "4,6", "what the edges of mul carry backward");
  await page.press("ArrowRight");
  check((await textOf(page, "#step")).includes("x waits for the others"), "the first use waits");
  check((await textOf(page, "svg")).includes("1 of 2 uses"), "the box says so");
  await page.press("End");
  check((await textOf(page, "#step")).includes("12 + 24 = 36"), "the sum of two uses");
  check((await textOf(page, "#tensor")).includes("Gradient check: PASS"), "the verdict is shown");
  await page.press("ArrowLeft");
  check(!(await textOf(page, "#step")).includes("36"), "back again");
  await page.click("#first");
  same(await page.run("step"), 0, "the button Overview");
  await page.run("document.querySelector('[data-vertex]').focus()");
  await page.press("Enter");
  check((await textOf(page, "#tensor")).startsWith("Tensor\n\nx\n"), "Enter shows the box in focus");
  await page.press("+");
  check(await page.run("document.querySelector('svg').clientWidth > 300"), "larger");
  await page.close();
}

async function theFolds() {
  const page = await open("lstm"), boxes = "document.querySelectorAll('.node').length";
  const before = await page.run(boxes), folded = await page.run(
    "document.querySelectorAll('.node.fold').length");
  same(folded, 12, "one box for each step in time");
  await page.press("ArrowRight", 2);
  check((await textOf(page, "#step h2")) === "time 2", "the second step of the LSTM");
  await page.press("Enter");
  check(await page.run(boxes) > before + 10, "Enter unfolds it");
  check((await textOf(page, "#step h2")) !== "time 2", "and the step goes on inside");
  await page.press("f");
  same(await page.run(boxes), before, "f folds it again");
  same(await textOf(page, "#step h2"), "time 2", "and the step is the same");
  await page.click(".node.fold");
  check(await page.run(boxes) > before + 10, "a click unfolds the first");
  await page.run(`select(vertices.findIndex(v => v.name === "W"), true)`);
  check(/12 uses, whose cotangents add up/.test(await textOf(page, "#tensor")), "W has 12 uses");
  same(await page.run("document.querySelectorAll('#tensor canvas').length"), 2, "two heat maps");
  same(await page.run("document.querySelectorAll('#tensor .bars').length"), 2, "two histograms");
  await page.close();
}

async function theLargeOne() {
  const page = await open("large");
  console.log(`-- 5,000 operators: open after ${page.milliseconds} ms`);
  check(page.milliseconds < 4000, `5,000 operators open in ${page.milliseconds} ms`);
  check(await page.run("document.querySelectorAll('.node').length <= 24"), "few boxes");
  const time = await page.run(`(() => { const start = performance.now();
    for (let i = 1; i <= 10; i++) go(i);
    return (performance.now() - start) / 10; })()`);
  console.log(`-- 5,000 operators: a step takes ${time.toFixed(1)} ms`);
  check(time < 150, `a step takes ${time} ms`);
  await page.press("Home");
  await page.press("ArrowRight");
  await page.press("Enter", 2);
  check(await page.run("phase().item.at !== undefined"), "two folds further it is an operator");
  check(await page.run("document.querySelectorAll('.node').length <= 80"), "still few boxes");
  await page.close();
}

async function theBrokenOne() {
  const page = await open("broken"), alarms = await textOf(page, "#alarms");
  check(/logs \(log\) . its value is not finite, the first of 3/.test(alarms), "NaN: " + alarms);
  check(/large . its cotangent explodes/.test(alarms), "exploding: " + alarms);
  check(/its cotangent vanishes/.test(alarms), "vanishing: " + alarms);
  await page.click("#alarms button");
  check((await textOf(page, "#tensor")).includes("1"), "the alarm leads to the tensor");
  same(await textOf(page, "#tensor h2"), "logs (log)", "the alarm leads to the tensor");
  const at = await page.run(`vertices.findIndex(v => v.name.startsWith("<b>"))`);
  await page.click(`[data-vertex="${at}"]`);
  same(await textOf(page, "#tensor h2"), '<b>x</b> & "y"', "a name is text");
  same(await page.run("document.querySelectorAll('main b:not(#legend b):not(#step b)').length"), 0,
       "and no element");
  await page.close();
}

/* -- All pages, as a reader sees them */
async function see(name, words, how, keys) {
  const page = await open(name, how);
  await page.press("ArrowRight", keys);
  same(page.asked.join(), url(name), `${name}, ${words}: nothing else is asked for`);
  await look(page, `${name}, ${words}`, resolve(folder, `${name}-${words}.png`), axeSource(axe));
  await page.close();
}

async function withoutScripts() {
  const page = await open("diamond", { script: false });
  const text = await textOf(page, "body");
  check(text.includes("#0 mul -> y f64 (): #1 #2"), "the graph is there as text without JavaScript");
  check(!text.includes("Overview"), "and nothing that does not work");
  await page.close();
}

const keys = { diamond: 6, mlp: 5, lstm: 20, large: 3, broken: 0 };
try {
  for (const name of Object.keys(keys)) {
    await numbers(name);
    if (name !== "large") await steps(name);
    await see(name, "wide", {}, keys[name]);
    await see(name, "overview", {}, 0);
    await see(name, "dark", { dark: true }, keys[name]);
    await see(name, "narrow", { width: 420, height: 1400 }, keys[name]);
  }
  await theDiamond();
  await theFolds();
  await theLargeOne();
  await theBrokenOne();
  await withoutScripts();
} finally {
  await browser.close();
}
verdict();
