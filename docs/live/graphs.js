/* The graphs of tutorial 1, which a reader changes. */
"use strict";
{
const { started, byId, element, short, sayError } = common;

/* -- Numbers to change: a slider and a field that show the same. Calls `changed` */
function slider({ id, label, min, max, step, value }, changed) {
  const range = element("input", { type: "range", id }), field = element("input", { type: "number" });
  Object.assign(range, { min, max, step, value });
  Object.assign(field, { min, max, step: "any", value });
  field.setAttribute("aria-label", label + ", as a number");
  const set = (x, from) => {
    if (x === "" || !Number.isFinite(Number(x))) return;
    if (from !== field) field.value = x;
    if (from !== range) range.value = x;
    changed();
  };
  range.addEventListener("input", () => set(range.value, range));
  field.addEventListener("input", () => set(field.value, field));
  return { range, field, get: () => Number(field.value),
           parts: [element("label", { htmlFor: id }, label), range, field] };
}

/* -- Pictures */
const svgName = "http://www.w3.org/2000/svg";
function draw(name, attributes, ...content) {
  const e = document.createElementNS(svgName, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...content);
  return e;
}

const WIDE = 150, HIGH = 62;

/* a box at (x, y), its middle: its name and formula, its value, its cotangent */
function box({ x, y, name, formula, value, cotangent, leaf }) {
  const left = x - WIDE / 2, top = y - HIGH / 2;
  return draw("g", { class: leaf ? "box leaf" : "box" },
    draw("rect", { x: left, y: top, width: WIDE, height: HIGH, rx: leaf ? 22 : 8 }),
    draw("text", { x: left + 14, y: top + 24, class: "name" }, formula ? `${name} = ${formula}` : name),
    draw("text", { x: left + 14, y: top + 48, class: "value" }, value),
    draw("text", { x: left + WIDE - 14, y: top + 48, class: "cotangent", "text-anchor": "end" },
         cotangent));
}

function arrow(from, to, bend = 0) {
  const [x0, y0] = [from.x + bend, from.y + HIGH / 2], [x1, y1] = [to.x + bend, to.y - HIGH / 2 - 4];
  const middle = (y0 + y1) / 2;
  return draw("path", { class: "arrow", "marker-end": "url(#tip)",
                        d: `M${x0} ${y0} C${x0} ${middle} ${x1} ${middle} ${x1} ${y1}` });
}

function picture(place, words, width, height, ...content) {
  const tip = draw("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8,
                               markerHeight: 8, orient: "auto" },
                   draw("path", { d: "M0 0 L8 4 L0 8 Z", class: "tip" }));
  place.replaceChildren(draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
                                      "aria-label": words, style: `max-width: ${width}px` },
                             draw("defs", {}, tip), ...content));
}

const brief = x => typeof x === "number" ? String(Number(x.toPrecision(4))).replace("-", "−")
  : short(x);
const cells = (head, ...texts) =>
  element("tr", {}, element("th", { scope: "row" }, head),
          ...texts.map(text => text instanceof Node ? text : element("td", {}, text)));

/* -- z = (x y) sin x */
function showSmall(live, x, y) {
  const text = `x = ${x}\ny = ${y}\np = x * y\ns = sin(x)\nz = p * s`;
  const answer = live.expression(text), at = {};
  for (const name of answer.names)
    at[name.name] = { value: name.value[0], g: name.gradient[0], difference: name.difference?.[0] };
  const node = (name, x, y, formula) => ({ x, y, name, formula, leaf: !formula,
    value: brief(at[name].value), cotangent: "g " + brief(at[name].g) });
  const nodes = { y: node("y", 85, 35), x: node("x", 275, 35), p: node("p", 85, 150, "x y"),
                  s: node("s", 275, 150, "sin x"), z: node("z", 180, 265, "p s") };
  picture(byId("small-picture"),
          `The graph of z: ${Object.entries(at).map(([name, v]) =>
            `${name} is ${brief(v.value)}, its cotangent ${brief(v.g)}`).join("; ")}`, 360, 300,
          ...[["y", "p"], ["x", "p"], ["x", "s"], ["p", "z"], ["s", "z"]].map(([a, b]) =>
            arrow(nodes[a], nodes[b])), ...Object.values(nodes).map(box));
  const { p, s } = at, gz = 1, gp = gz * s.value, gs = gz * p.value;
  const rules = [["z", "g_z = 1", gz], ["p", "g_p = g_z s", gp], ["s", "g_s = g_z p", gs],
                 ["x", "g_x = g_p y + g_s cos x", gp * y + gs * Math.cos(x)],
                 ["y", "g_y = g_p x", gp * x]];
  byId("small-rows").replaceChildren(...rules.map(([name, rule, hand]) =>
    cells(name, element("td", { className: "by-rule" }, rule), short(hand),
          element("td", { className: "cotangent" }, short(at[name].g)),
          at[name].difference === undefined ? "" : short(at[name].difference))));
  byId("small-link").href = "expression.html#f=" + encodeURIComponent(text);
}

/* -- Chains, and three walks over them */
function chainPicture(answer, n, squares) {
  const shown = Math.min(n, 3), wanted = [...Array(shown + 1).keys()];
  const nodes = wanted.map(k => ({ x: 110, y: 35 + 110 * k, name: `x${"₀₁₂₃"[k]}`, leaf: k === 0,
    formula: k && (squares ? `x${"₀₁₂"[k - 1]} · x${"₀₁₂"[k - 1]}` : `x${"₀₁₂"[k - 1]} + x${"₀₁₂"[k - 1]}`),
    value: brief(answer.values[k]), cotangent: "g " + brief(answer.order.g[k]) }));
  const arrows = nodes.slice(1).flatMap((to, k) => [arrow(nodes[k], to, -24), arrow(nodes[k], to, 24)]);
  const more = n > shown ? [draw("text", { x: 110, y: 110 * shown + 95, class: "more",
                                           "text-anchor": "middle" }, `and ${n - shown} more`)] : [];
  picture(byId("chain-picture"), `A chain of ${n + 1} boxes, with two arrows from each to the next`,
          220, 110 * shown + (n > shown ? 105 : 72), ...arrows, ...nodes.map(box), ...more);
}

function showChain(live, n, squares, x) {
  const answer = live.walks(n, squares, x), right = answer.recorded;
  chainPicture(answer, n, squares);
  const close = g => g === right || Math.abs(g - right) <= 1e-12 * Math.abs(right);
  byId("chain-answer").replaceChildren("The library says ",
    element("strong", { className: "cotangent" }, short(right)), `, and differences say ` +
    `${short(answer.difference)}.`);
  const mark = g => element("td", { className: close(g) ? "good" : "bad" },
                            close(g) ? "right" : "wrong");
  const walks = [["greedy", answer.greedy], ["every path", answer.paths], ["in order", answer.order]];
  byId("chain-rows").replaceChildren(...walks.map(([name, walk]) =>
    cells(name, walk.visits.toLocaleString("en"), short(walk.g[0]), mark(walk.g[0]))));
  const boxes = [...Array(n + 1).keys()].reverse();
  byId("box-rows").replaceChildren(...boxes.map(k => cells(`x${subscript(k)}`,
    element("td", { className: "value" }, short(answer.values[k])),
    ...walks.map(([, walk]) => element("td", {
      className: walk.g[k] === answer.order.g[k] ? "cotangent" : "bad" }, short(walk.g[k]))))));
}
const subscript = k => [...String(k)].map(digit => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");

started.then(live => {
  const guarded = f => {
    try {
      f();
      sayError(null);
    } catch (error) {
      sayError(error);
    }
  };
  const small = () => guarded(() => showSmall(live, x.get(), y.get()));
  const x = slider({ id: "x", label: "x", min: -4, max: 4, step: 0.1, value: 2 }, small);
  const y = slider({ id: "y", label: "y", min: -4, max: 4, step: 0.1, value: 3 }, small);
  byId("small-sliders").append(...x.parts, ...y.parts);

  const isSquares = () => document.querySelector("input[name=kind]:checked").value === "squares";
  const chain = () => guarded(() => {
    n.range.max = n.field.max = isSquares() ? 8 : 20;
    if (n.get() > n.range.max) n.field.value = n.range.value = n.range.max;
    showChain(live, n.get(), isSquares(), x0.get());
  });
  const n = slider({ id: "n", label: "boxes after x₀", min: 1, max: 20, step: 1, value: 2 }, chain);
  const x0 = slider({ id: "x0", label: "x₀", min: -2, max: 2, step: 0.1, value: 1 }, chain);
  byId("chain-sliders").append(...n.parts, ...x0.parts);
  document.querySelectorAll("input[name=kind]").forEach(e => e.addEventListener("change", chain));
  byId("live-app").hidden = false;
  small();
  chain();
});
}
