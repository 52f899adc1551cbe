"use strict";
/* The graph is a list of vertices, each after its inputs. Any interval of that list may be folded
   into one box: what is drawn then has no cycles. So modules, and groups of operators where there
   are too many, are a tree of intervals. */
const graph = JSON.parse(document.getElementById("graph").textContent);

/* The vertices in the order in which a program would make them: what is used more than once and
   made by no operator comes first. Then, depth first, the input with the longest way behind it goes
   before the others, so that nothing is made long before it is used. */
function inOrder(given) {
  const depth = [], used = given.map(() => 0), order = [], next = given.map(() => -1);
  const known = v => v.inputs.filter(input => input.vertex !== null).map(input => input.vertex);
  given.forEach((v, at) => {
    depth[at] = 0;
    for (const x of known(v)) {
      depth[at] = Math.max(depth[at], depth[x] + 1);
      used[x]++;
    }
  });
  given.forEach((v, at) => { if (!v.inputs.length && used[at] > 1) next[at] = order.push(at); });
  const ways = given.map(v => known(v).sort((a, b) => depth[b] - depth[a]));
  for (let stack = [given.length - 1]; stack.length;) {
    const at = stack[stack.length - 1];
    next[at]++;
    const x = ways[at][next[at]];
    if (x === undefined) order.push(stack.pop());
    else if (next[x] < 0) stack.push(x);
  }
  const number = [];
  order.forEach((at, i) => { number[at] = i; });
  for (const v of given)
    for (const input of v.inputs)
      if (input.vertex !== null) input.vertex = number[input.vertex];
  return order.map(at => given[at]);
}
const vertices = inOrder(graph.vertices), last = vertices.length - 1;
const find = id => document.getElementById(id);

/* -- Words and numbers */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children.filter(child => child !== null));
  return element;
}
function draw(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const short = x => typeof x === "string" ? x : x === 0 ? "0" :
  Math.abs(x) >= 1e5 || Math.abs(x) < 1e-3 ? x.toExponential(2) : String(Number(x.toPrecision(4)));
const cut = (text, n) => text.length > n ? text.slice(0, n - 1) + "\u2026" : text;
const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
const ordinal = n => ["first", "second", "third", "fourth", "fifth"][n - 1] || `${n}th`;
const operatorOf = v => v.kind === "operator" ? graph.operators[v.operator] : null;
const title = v => v.kind === "operator" ? operatorOf(v).name :
  v.kind === "output" ? `result ${v.index}` : v.name || v.kind;
/* in a box: "y = mul" */
const heading = v => v.kind !== "operator" || !v.name || v.name.length + title(v).length > 12 ?
  title(v) : `${v.name} = ${title(v)}`;
const label = v => v.kind === "variable" || v.kind === "constant" || !v.name ? title(v) :
  `${v.name} (${title(v)})`;
const shape = v => v.dtype ? `${v.dtype} (${v.shape.join(",")})` : "several results";

/* the largest |x| of what is finite */
function size(s) {
  if (!s || s.cells.length === 0) return 0;
  if (s.min === undefined) return Math.abs(Number(s.cells[0])) || 0;
  return s.min === null ? 0 : Math.max(Math.abs(s.min), Math.abs(s.max));
}
const strange = s => s && (s.nans > 0 || s.infinities > 0 ||
  (s.min === undefined && typeof s.cells[0] === "string"));
/* a number, or the largest of many: in a box as "|x| \u2264 2" */
function brief(s, letter) {
  if (!s) return "";
  if (s.cells.length === 0) return "empty";
  if (s.min === undefined) return (letter === "g" ? "g = " : "") + short(s.cells[0]);
  if (s.nans > 0) return `${s.nans} \u00d7 NaN`;
  if (s.infinities > 0) return `${s.infinities} \u00d7 inf`;
  return letter ? `|${letter}| \u2264 ${Number(size(s).toPrecision(3))}` : `up to ${short(size(s))}`;
}

/* -- Uses, and what stands out */
const uses = vertices.map(() => []);
vertices.forEach((v, at) => v.inputs.forEach((input, i) => {
  if (input.vertex !== null) uses[input.vertex].push({ at, i });
}));
/* what use `use` brought; an output hands on its own cotangent */
const brought = use => vertices[use.at].inputs[use.i].cotangent ||
  (vertices[use.at].kind === "output" ? vertices[use.at].cotangent : null);
const firstSize = size(vertices[last].cotangent) || 1;

function alarmOf(v) {
  if (strange(v.value)) return "its value is not finite";
  if (strange(v.cotangent)) return "its cotangent is not finite";
  if (v.check && v.check.verdict === "FAIL") return "its derivative is wrong: " + v.check.diagnosis;
  if (!v.cotangent || v.cotangent.cells.length === 0) return "";
  const ratio = size(v.cotangent) / firstSize;
  if (ratio > 1e4) return "its cotangent explodes";
  return ratio === 0 ? "" : ratio < 1e-6 ? "its cotangent vanishes" : "";
}
const alarms = vertices.map(alarmOf);

/* the first of each kind, in the order in which it happens */
function firstAlarms() {
  const found = [];
  const add = (text, list) => {
    const at = list.find(i => alarms[i].startsWith(text));
    const all = alarms.filter(alarm => alarm.startsWith(text)).length;
    if (at !== undefined) found.push({ at, all });
  };
  const forward = [...vertices.keys()], backward = [...forward].reverse();
  add("its value", forward);
  add("its cotangent is not", backward);
  add("its derivative", forward);
  add("its cotangent expl", backward);
  add("its cotangent van", backward);
  return found;
}

/* -- The tree of folds: an item is a vertex, or an interval of them with items of its own */
const parts = path => path.split(".").slice(0, -1);
function common(a, b) {
  if (a === null) return b;
  const end = a.findIndex((part, i) => part !== b[i]);
  return end < 0 ? a : a.slice(0, end);
}

/* The module that each vertex belongs to: as its own name says; else as the variable says that it
   uses; else with the next operator that has a name. A leaf goes with what uses it. */
function modules() {
  const path = vertices.map(v => v.kind === "operator" || v.kind === "output" ? parts(v.name) : []);
  const named = path.map(p => p.length > 0);
  vertices.forEach((v, at) => {
    if (named[at] || v.kind !== "operator") return;
    for (const input of v.inputs) {
      const x = input.vertex === null ? null : vertices[input.vertex];
      if (x && x.kind === "variable" && path[at].length === 0) path[at] = parts(x.name);
    }
  });
  for (let at = last, next = []; at >= 0; at--) {
    if (vertices[at].kind !== "operator" && vertices[at].kind !== "output") {
      path[at] = uses[at].map(use => path[use.at]).reduce(common, null) || [];
      continue;
    }
    if (named[at]) next = path[at];
    else if (path[at].length) next = [];
    else path[at] = next;
  }
  return path;
}

const LIMIT = 24;
let folds = 0;
const leaf = at => ({ from: at, to: at, at });
function fold(name, items) {
  const one = { id: folds++, name, items, open: false, from: items[0].from,
                to: items[items.length - 1].to };
  items.forEach(item => { item.parent = one; });
  return one;
}

/* groups of at most LIMIT items, and groups of groups */
function chunk(items) {
  while (items.length > LIMIT) {
    const groups = Math.max(2, Math.ceil(items.length / LIMIT));
    const all = [];
    for (let g = 0; g < groups; g++) {
      const some = items.slice(Math.floor(g * items.length / groups),
                               Math.floor((g + 1) * items.length / groups));
      all.push(some.length > 1 ? fold("", some) : some[0]);
    }
    items = all;
  }
  return items;
}

/* vertices from..to, whose paths are alike in the first `depth` parts */
function group(path, from, to, depth) {
  const items = [];
  for (let at = from; at <= to;) {
    const name = path[at][depth];
    let end = at;
    while (end < to && path[end + 1][depth] === name) end++;
    if (name === undefined)
      for (let i = at; i <= end; i++) items.push(leaf(i));
    else if (end === at)
      items.push(leaf(at));
    else
      items.push(fold(path[at].slice(0, depth + 1).join("."), group(path, at, end, depth + 1)));
    at = end + 1;
  }
  return depth > 0 && items.length <= 2 * LIMIT ? items : chunk(items);
}

const small = vertices.length <= 40;
const paths = modules();
const root = { items: group(paths, 0, last, 0), open: true, from: 0, to: last };
root.items.forEach(item => { item.parent = root; });

function visible(item = root, list = []) {
  if (item.at !== undefined || !item.open) list.push(item);
  else item.items.forEach(child => visible(child, list));
  return list;
}
function eachFold(item, act) {
  if (item.at !== undefined) return;
  if (item !== root) act(item);
  item.items.forEach(child => eachFold(child, act));
}
if (small) eachFold(root, item => { item.open = true; });
/* opens what lies round a vertex */
function reveal(at) {
  let item = root;
  while (item.at === undefined) {
    item.open = true;
    item = item.items.find(child => child.from <= at && at <= child.to);
  }
}
const operators = item => vertices.slice(item.from, item.to + 1).filter(v => v.kind === "operator");
function kinds(item) {
  const number = new Map();
  operators(item).forEach(v => number.set(title(v), (number.get(title(v)) || 0) + 1));
  return [...number].sort((a, b) => b[1] - a[1]).map(([name, n]) => n > 1 ? `${n} ${name}` : name);
}

/* -- Steps: 0 is the overview; then forward, the start of the walk, and backward */
let items = [], itemOf = [], forward = [], backward = [], step = 0, selected = last, scale = 1;
function arrange() {
  items = visible();
  items.forEach((item, i) => { for (let at = item.from; at <= item.to; at++) itemOf[at] = i; });
  const moves = items.filter(item => operators(item).length > 0);
  const has = at => vertices[at].inputs.some((input, i) => brought({ at, i }));
  forward = moves;
  backward = !graph.backward ? [] : [...moves].reverse().filter(item => {
    for (let at = item.from; at <= item.to; at++) if (has(at)) return true;
    return false;
  });
}
const steps = () => forward.length + (graph.backward ? 1 + backward.length : 0);
function phase() {
  if (step === 0) return { name: "overview" };
  if (step <= forward.length) return { name: "forward", item: forward[step - 1], n: step,
                                       of: forward.length };
  const n = step - forward.length - 1;
  return n === 0 ? { name: "start" } :
    { name: "backward", item: backward[n - 1], n, of: backward.length };
}
/* has the value, the cotangent of this vertex come at this step? */
const isLeaf = v => v.kind === "variable" || v.kind === "constant";
function hasValue(at) {
  const p = phase();
  return p.name !== "forward" || isLeaf(vertices[at]) || at <= p.item.to;
}
function usesDone(at) {
  const p = phase();
  if (p.name === "overview") return uses[at].length;
  if (p.name !== "backward") return 0;
  return uses[at].filter(use => use.at >= p.item.from).length;
}
function hasCotangent(at) {
  const p = phase();
  if (!vertices[at].cotangent || p.name === "forward") return false;
  return at === last || usesDone(at) > 0;
}
const isComplete = at => usesDone(at) === uses[at].length;

/* -- Drawing in layers, from the variables down to the result */
const WIDE = 190, HIGH = 66, GAP = 22, LAYER = 118;

function edges() {
  const all = new Map();
  vertices.forEach((v, at) => v.inputs.forEach((input, i) => {
    if (input.vertex === null || itemOf[input.vertex] === itemOf[at]) return;
    const from = itemOf[input.vertex], to = itemOf[at], key = from + " " + to;
    if (!all.has(key)) all.set(key, { from, to, uses: [] });
    all.get(key).uses.push({ at, i, x: input.vertex });
  }));
  return [...all.values()];
}

/* the layer of each item: as far down as what uses it allows */
function layers(all) {
  const layer = items.map(() => 0);
  for (const e of all.sort((a, b) => b.from - a.from || a.to - b.to))
    layer[e.from] = Math.min(layer[e.from], layer[e.to] - 1);
  const top = Math.min(...layer);
  return layer.map(l => l - top);
}

/* places: items, and bends of the edges that cross layers */
/* Edges from one item share their bends, as long as they go the same way. */
function placesOf(all) {
  const layer = layers(all), places = items.map((item, i) => ({ layer: layer[i], wide: WIDE, x: 0,
                                                                up: [], down: [] }));
  const bends = new Map();
  for (const e of all) {
    e.way = [places[e.from]];
    for (let l = layer[e.from] + 1; l < layer[e.to]; l++) {
      const key = e.from + " " + l;
      if (!bends.has(key)) {
        bends.set(key, { layer: l, wide: 14, x: 0, up: [], down: [] });
        places.push(bends.get(key));
      }
      e.way.push(bends.get(key));
    }
    e.way.push(places[e.to]);
    for (let i = 0; i + 1 < e.way.length; i++) {
      e.way[i].down.push(e.way[i + 1]);
      e.way[i + 1].up.push(e.way[i]);
    }
  }
  return places;
}

const middle = (list, or) => list.length ? list.reduce((sum, p) => sum + p.x, 0) / list.length : or;

/* puts the places of a row as near as possible to where they want to be, in order, apart */
function spread(row, wish) {
  const blocks = [];
  row.forEach((p, i) => {
    let block = { sum: wish[i], n: 1, list: [[p, 0]], wide: p.wide };
    block.start = wish[i] - p.wide / 2;
    for (let before; (before = blocks[blocks.length - 1]) &&
                     before.start + before.wide + GAP > block.start;) {
      blocks.pop();
      const shift = before.wide + GAP, n = before.n + block.n;
      const start = (before.start * before.n + (block.start - shift) * block.n) / n;
      before.list.push(...block.list.map(([q, off]) => [q, off + shift]));
      block = { n, list: before.list, wide: shift + block.wide, start };
    }
    blocks.push(block);
  });
  for (const block of blocks)
    for (const [p, off] of block.list) p.x = block.start + off + p.wide / 2;
}

function place(all) {
  const places = placesOf(all), rows = [];
  places.forEach(p => { (rows[p.layer] = rows[p.layer] || []).push(p); });
  for (let l = 0; l < rows.length; l++) rows[l] = rows[l] || [];
  rows.forEach(row => spread(row, row.map((p, i) => i * (WIDE + GAP))));
  for (let turn = 0; turn < 12; turn++) {
    const down = turn % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      row.forEach(p => { p.want = middle(down ? p.up : p.down, middle(down ? p.down : p.up, p.x)); });
      row.sort((a, b) => a.want - b.want);
      spread(row, row.map(p => p.want));
    }
  }
  for (let turn = 0; turn < 8; turn++)
    for (const row of rows)
      spread(row, row.map(p => middle([...p.up, ...p.down], p.x)));
  const left = Math.min(...places.map(p => p.x - p.wide / 2));
  for (const p of places) {
    p.x += 16 - left;
    p.y = 16 + p.layer * LAYER;
  }
  return places;
}

/* -- Colors of elements */
function paint(s, canvas) {
  canvas.width = s.columns;
  canvas.height = s.rows;
  const pen = canvas.getContext("2d"), image = pen.createImageData(s.columns, s.rows);
  const most = size(s) || 1, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const zero = dark ? [38, 40, 46] : [250, 248, 244];
  s.cells.forEach((x, i) => {
    const part = typeof x === "string" ? 1 : Math.min(1, Math.abs(x) / most);
    const to = typeof x === "string" ? [236, 0, 140] : x < 0 ? [224, 96, 32] : [46, 116, 204];
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = zero[c] + (to[c] - zero[c]) * part;
    image.data[4 * i + 3] = 255;
  });
  pen.putImageData(image, 0, 0);
  return canvas;
}
const pictures = new Map();
function picture(s) {
  if (!pictures.has(s)) pictures.set(s, paint(s, document.createElement("canvas")).toDataURL());
  return pictures.get(s);
}
function thumb(s, x, y) {
  const most = Math.max(s.rows, s.columns), w = Math.max(3, 26 * s.columns / most);
  const h = Math.max(3, 26 * s.rows / most);
  return draw("image", { href: picture(s), x: x + (26 - w) / 2, y: y + (26 - h) / 2, width: w,
                         height: h, preserveAspectRatio: "none" });
}

/* -- The drawing */
let drawing = null, boxes = [], wires = [];
function text(x, y, words, kind, anchor) {
  return draw("text", { x, y, class: kind || "", "text-anchor": anchor || "start" },
              words + " "); /* apart from the next one, where it is read aloud */
}

function box(item, i, p) {
  const at = item.at, v = vertices[at];
  const g = draw("g", { transform: `translate(${p.x - WIDE / 2} ${p.y})`, tabindex: 0, role: "button",
                        "data-item": i });
  if (at === undefined) {
    g.append(draw("rect", { x: 5, y: 5, width: WIDE, height: HIGH, rx: 10 }),
             draw("rect", { class: "box", width: WIDE, height: HIGH, rx: 10 }),
             text(12, 24, cut(item.name || `${item.from} to ${item.to}`, 22), "name"),
             text(12, 41, count(operators(item).length, "operator")),
             text(12, 57, cut(kinds(item).join(", "), 27)));
    g.setAttribute("aria-expanded", "false");
  } else {
    g.setAttribute("data-vertex", at);
    g.append(draw("rect", { class: "box", width: WIDE, height: HIGH, rx: isLeaf(v) ? 22 : 10 }),
             text(isLeaf(v) ? 16 : 12, 22, cut(heading(v),
               v.value && v.value.cells.length > 1 ? 12 : 19), "name"),
             text(isLeaf(v) ? 16 : 12, 38, cut((heading(v) === title(v) && !isLeaf(v) && v.name ?
               v.name + " " : "") + shape(v),
               v.value && v.value.cells.length > 1 ? 18 : 26)),
             draw("g", { class: "numbers" }));
    if (alarms[at]) g.append(draw("title", {}, alarms[at]));
  }
  return g;
}

/* what changes with the step */
function refresh(item, g) {
  const at = item.at, now = phase().item === item;
  const some = vertices.slice(item.from, item.to + 1).some((v, k) => alarms[item.from + k]);
  const later = at === undefined ? phase().name === "forward" && item.from > phase().item.to :
    !hasValue(at);
  const kind = at === undefined ? "fold" : vertices[at].kind;
  g.setAttribute("class", ["node", kind, some ? "alarm" : "", later ? "later" : "", now ? "now" : "",
                           at === selected ? "selected" : ""].filter(Boolean).join(" "));
  if (at === undefined) return;
  const v = vertices[at], numbers = g.querySelector(".numbers"), value = hasValue(at) && v.value;
  const cotangent = hasCotangent(at) && v.cotangent;
  numbers.replaceChildren();
  const part = cotangent && !isComplete(at);
  if (value) numbers.append(text(isLeaf(v) ? 16 : 12, 56, cut(brief(value, "x"), 14), strange(value) ? "bad" : "value"));
  if (cotangent)
    numbers.append(text(WIDE - (isLeaf(v) ? 16 : 10), 56, part ?
      `${usesDone(at)} of ${uses[at].length} uses` : cut(brief(cotangent, "g"), 14), strange(cotangent) ? "bad" : "cotangent", "end"));
  if (value && v.value.cells.length > 1) numbers.append(thumb(v.value, WIDE - 64, 8));
  if (cotangent && !part && v.cotangent.cells.length > 1)
    numbers.append(thumb(v.cotangent, WIDE - 34, 8));
}

function curve(way) {
  let path = `M${way[0].x} ${way[0].y + HIGH}`;
  for (let i = 1; i < way.length; i++) {
    const a = way[i - 1], b = way[i], y = a.y + HIGH, end = b.y;
    const bend = Math.max(20, (end - y) / 2);
    path += ` C${a.x} ${y + bend} ${b.x} ${end - bend} ${b.x} ${end}`;
    if (i + 1 < way.length) path += ` V${end + HIGH}`;
  }
  return path;
}

function redraw() {
  arrange();
  const all = edges(), places = place(all);
  const width = Math.max(...places.map(p => p.x + p.wide / 2)) + 24;
  const height = Math.max(...places.map(p => p.y)) + HIGH + 24;
  drawing = draw("svg", { viewBox: `0 0 ${width} ${height}`, "data-width": width,
                          "data-height": height });
  wires = all.map(e => ({ ...e, line: draw("path", { class: "edge", d: curve(e.way) }) }));
  boxes = items.map((item, i) => box(item, i, places[i]));
  places.slice(0, items.length).forEach((p, i) => { items[i].place = p; });
  drawing.append(...wires.map(w => w.line), ...boxes, draw("g", { class: "carries" }));
  find("canvas").replaceChildren(drawing);
  zoom(1);
}
function zoom(by) {
  const width = Number(drawing.getAttribute("data-width"));
  const height = Number(drawing.getAttribute("data-height"));
  scale = Math.min(3, Math.max(0.15, scale * by));
  drawing.setAttribute("width", width * scale);
  drawing.setAttribute("height", height * scale);
}

/* -- A step: the edges in use, and what they carry */
function showEdges() {
  const p = phase(), carries = drawing.querySelector(".carries");
  drawing.setAttribute("class", p.name === "backward" || p.name === "start" ? "backward" : "");
  carries.replaceChildren();
  const taken = []; /* a number that would lie over another one is in the panel only */
  for (const w of wires) {
    const mine = p.item && items[w.to] === p.item && (p.name === "forward" ||
      w.uses.some(use => brought(use)));
    w.line.setAttribute("class", mine ? "edge now" : "edge");
    if (mine) drawing.insertBefore(w.line, boxes[0]); /* above the others */
    if (!mine || w.uses.length > 3) continue;
    const words = w.uses.map(use => p.name === "forward" ? brief(vertices[use.x].value) :
      brief(brought(use))).join(" and ");
    const a = w.way[w.way.length - 2], b = w.way[w.way.length - 1];
    const x = 0.75 * a.x + 0.25 * b.x, half = 4 * words.length;
    if (taken.some(([left, right]) => x - half < right && left < x + half)) continue;
    taken.push([x - half, x + half]);
    carries.append(text(x, b.y - 0.62 * (LAYER - HIGH), words,
      "carried " + (p.name === "forward" ? "value" : "cotangent")));
  }
}

function scrollTo(item) {
  const canvas = find("canvas"), p = item.place;
  canvas.scrollTo({ left: p.x * scale - canvas.clientWidth / 2,
                    top: (p.y + HIGH / 2) * scale - canvas.clientHeight / 2 });
}

const link = at => {
  const button = make("button", { class: "link" }, label(vertices[at]));
  button.addEventListener("click", () => select(at, true));
  return button;
};
const numbers = (s, kind) => make("span", { class: strange(s) ? "bad" : kind },
  s && s.min === undefined && s.cells.length ? String(s.cells[0]) : brief(s) || "gone");

function forwardStep(v) {
  const rows = v.inputs.map(input => make("tr", {},
    make("td", {}, input.vertex === null ? "left out" : link(input.vertex)),
    make("td", { class: "number" }, input.vertex === null ? "" :
      numbers(vertices[input.vertex].value, "value"))));
  const result = v.dtype ? make("tr", {}, make("th", {}, "result"),
    make("td", { class: "number" }, numbers(v.value, "value"))) : null;
  return [make("p", { class: "rule" }, operatorOf(v).formula || operatorOf(v).name),
          make("table", {}, ...rows, result)];
}

/* which of x's uses this is, and whether the sum is complete: uses come in the order of the walk */
function sumOf(x, use) {
  const order = [...uses[x]].sort((a, b) => b.at - a.at || a.i - b.i);
  const n = order.findIndex(one => one.at === use.at && one.i === use.i) + 1;
  if (order.length === 1) return null;
  const so = order.slice(0, n).map(brought).filter(Boolean), total = vertices[x].cotangent;
  if (n < order.length)
    return `The ${ordinal(n)} of ${order.length} uses: ${title(vertices[x])} waits for the others.`;
  const scalar = total && total.min === undefined && total.cells.length && order.length <= 6;
  const sum = scalar ? `: ${so.map(s => String(s.cells[0])).join(" + ")} = ${total.cells[0]}` : "";
  return `The last of ${order.length} uses. The cotangent is the sum of what all of them ` +
    `brought${sum}. Only now may ${title(vertices[x])} pass it on.`;
}

function backwardStep(at) {
  const v = vertices[at], op = operatorOf(v);
  const own = v.dtype ? v.cotangent : null, rows = [];
  v.inputs.forEach((input, i) => {
    const g = brought({ at, i });
    if (!g || input.vertex === null) return;
    const note = sumOf(input.vertex, { at, i });
    rows.push(make("tr", {}, make("td", {}, "to ", link(input.vertex),
      note ? make("div", { class: "note" }, note) : null),
      make("td", { class: "number" }, numbers(g, "cotangent"))));
  });
  return [make("p", { class: "rule" }, op.derivative || "its own rule"),
          op.formula ? make("p", { class: "note" }, "of ", op.formula, own ? ", with " : "",
                            own ? make("span", { class: "cotangent" }, brief(own, "g")) : "") : null,
          make("table", {}, ...rows)].filter(Boolean);
}

function foldStep(item) {
  const open = make("button", {}, "Unfold (Enter)");
  open.addEventListener("click", () => unfold(item));
  return [make("p", {}, `${count(operators(item).length, "operator")}: ${kinds(item).join(", ")}.`),
          open];
}

function overview() {
  const first = make("p", {}, "Press ", make("kbd", {}, "\u2192"), " and go the way of the computer: ",
    make("b", { class: "value" }, "forward"), " from the variables to the result",
    graph.backward ? ", operator by operator, then " : ".",
    graph.backward ? make("b", { class: "cotangent" }, "backward") : null,
    graph.backward ? " from the result to the variables, where each operator multiplies what comes " +
      "to it by its own derivative: the chain rule." : null);
  return [make("p", { class: "kicker" }, "Overview"), make("h2", {}, "All values" +
    (graph.backward ? " and cotangents" : "")), first];
}

function start() {
  const v = vertices[last];
  return [make("p", { class: "kicker backward" }, "Backward \u00b7 start"),
          make("h2", {}, label(v)),
          make("p", { class: "rule" }, "dy/dy = 1"),
          make("p", {}, "The walk backward begins at the result, with the cotangent ",
               numbers(v.cotangent, "cotangent"), ".")];
}

function showStep() {
  const p = phase(), panel = find("step");
  find("where").textContent = step === 0 ? `${steps()} steps` : `step ${step} of ${steps()}, ` +
    (p.name === "forward" ? "forward" : "backward");
  find("first").disabled = find("previous").disabled = step === 0;
  find("next").disabled = step === steps();
  if (!p.item) {
    panel.replaceChildren(...(p.name === "start" ? start() : overview()));
    return;
  }
  const folded = p.item.at === undefined, word = p.name === "forward" ? "Forward" : "Backward";
  panel.replaceChildren(
    make("p", { class: `kicker ${p.name}` }, `${word} \u00b7 ${p.n} of ${p.of}`),
    make("h2", {}, folded ? p.item.name || "folded operators" : label(vertices[p.item.at])),
    ...(folded ? foldStep(p.item) : p.name === "forward" ? forwardStep(vertices[p.item.at]) :
      backwardStep(p.item.at)));
}

/* -- The tensor that is selected */
function heat(s, kind, words) {
  const canvas = paint(s, make("canvas", { class: "heat", role: "img",
    "aria-label": `heat map of the ${words}, ${s.rows} by ${s.columns}` }));
  const caption = make("figcaption", {}, "blue: positive, orange: negative; the strongest: " +
    short(size(s)) + (strange(s) ? "; magenta: not finite" : ""));
  canvas.style.height = `${Math.min(300, Math.max(18, 380 * s.rows / s.columns))}px`;
  canvas.addEventListener("mousemove", event => {
    const room = canvas.getBoundingClientRect();
    const j = Math.min(s.columns - 1, Math.floor((event.clientX - room.left) / room.width * s.columns));
    const i = Math.min(s.rows - 1, Math.floor((event.clientY - room.top) / room.height * s.rows));
    caption.textContent = `row ${i}, column ${j}: ${s.cells[Math.max(0, i * s.columns + j)]}`;
  });
  return make("figure", {}, canvas, caption);
}

function bins(s) {
  if (s.histogram) return s.histogram;
  const all = new Array(16).fill(0), range = s.max - s.min;
  for (const x of s.cells)
    if (typeof x === "number") all[range > 0 ? Math.min(15, Math.floor((x - s.min) / range * 16)) : 0]++;
  return all;
}
function histogram(s, kind) {
  const all = bins(s), most = Math.max(...all, 1);
  const bars = make("div", { class: "bars " + kind, role: "img", "aria-label":
    `histogram of the elements from ${s.min} to ${s.max}: ${all.join(", ")}` });
  for (const n of all) {
    const bar = make("i", { title: count(n, "element") });
    bar.style.height = `${100 * n / most}%`;
    bars.append(bar);
  }
  return [bars, make("div", { class: "ends" }, make("span", {}, short(s.min)),
                     make("span", {}, short(s.max)))];
}

function statistics(s) {
  const row = (name, value, kind) => make("tr", {}, make("th", {}, name),
    make("td", { class: "number " + (kind || ""), "data-statistic": name }, String(value)));
  const rows = ["min", "max", "mean", "deviation"].map(name => row(name, s[name] === null ? "none" :
    s[name]));
  if (s.zeros) rows.push(row("zeros", s.zeros));
  if (s.nans) rows.push(row("NaN", s.nans, "bad"));
  if (s.infinities) rows.push(row("infinities", s.infinities, "bad"));
  return make("table", {}, ...rows);
}

function about(s, kind, words) {
  const head = make("h3", { class: kind }, words[0].toUpperCase() + words.slice(1));
  if (!s) return [head, make("p", { class: "note" }, kind === "value" ?
    "Its data are gone: keep the scope open in which it was made." : "Nothing comes back to it.")];
  if (s.cells.length === 0) return [head, make("p", { class: "note" }, "It has no elements.")];
  if (s.min === undefined) return [head, make("div", { class: "one " + (strange(s) ? "bad" : kind),
    "data-number": kind }, String(s.cells[0]))];
  return [head, heat(s, kind, words), ...(s.min === null ? [] : histogram(s, kind)), statistics(s)];
}

function showTensor() {
  const v = vertices[selected], parts = [make("p", { class: "kicker" }, "Tensor"),
    make("h2", {}, label(v)), make("p", { class: "note" }, shape(v) +
      (v.hooks ? "; it has a hook, which was not called for this page" : ""))];
  if (alarms[selected]) parts.push(make("p", { class: "bad" }, alarms[selected]));
  if (v.check) parts.push(make("p", { class: v.check.verdict === "PASS" ? "good" : "bad" },
    `Gradient check: ${v.check.verdict}${v.check.diagnosis ? ", " + v.check.diagnosis : ""}`));
  if (v.dtype) parts.push(...about(v.value, "value", "value"));
  if (v.dtype && graph.backward && v.kind !== "constant")
    parts.push(...about(v.cotangent, "cotangent", "cotangent"));
  if (uses[selected].length > 1) {
    const some = uses[selected].slice(0, 30);
    parts.push(make("h3", {}, `${uses[selected].length} uses, whose cotangents add up`),
      make("table", {}, ...some.map(use => make("tr", {}, make("td", {}, link(use.at)),
        make("td", { class: "number" }, brought(use) ? numbers(brought(use), "cotangent") : "")))));
  }
  find("tensor").replaceChildren(...parts);
}

/* -- What the reader does */
function show(redrawn) {
  if (redrawn) redraw();
  items.forEach((item, i) => refresh(item, boxes[i]));
  showEdges();
  showStep();
  showTensor();
  const p = phase();
  const at = p.item || (p.name === "start" || redrawn ? items[itemOf[selected]] : null);
  if (at) scrollTo(at);
  else if (step === 0) find("canvas").scrollTo({ left: (find("canvas").scrollWidth -
    find("canvas").clientWidth) / 2, top: 0 });
}
function go(to) {
  step = Math.max(0, Math.min(steps(), to));
  const p = phase();
  if (p.item && p.item.at !== undefined) selected = p.item.at;
  if (p.name === "start") selected = last;
  show(false);
}
function select(at, move) {
  const hidden = visible()[itemOf[at]].at === undefined;
  selected = at;
  if (hidden) {
    keepStep(() => reveal(at));
    show(true);
  } else {
    items.forEach((item, i) => refresh(item, boxes[i]));
    showTensor();
  }
  if (move) scrollTo(items[itemOf[at]]);
}
/* the step stays where it is in the graph, however many there are */
function keepStep(change) {
  const p = phase(), edge = p.item ? (p.name === "forward" ? p.item.from : p.item.to) : 0;
  change();
  arrange();
  if (p.name === "overview") return;
  const find = list => list.findIndex(item => item.from <= edge && edge <= item.to) + 1;
  const near = (list, found) => found || Math.max(1, p.name === "forward" ?
    list.findIndex(item => item.to >= edge) + 1 : list.findIndex(item => item.from <= edge) + 1);
  if (p.name === "forward") step = near(forward, find(forward));
  else step = forward.length + 1 + (p.name === "start" ? 0 : near(backward, find(backward)));
}
function unfold(item) {
  keepStep(() => { item.open = true; });
  const p = phase();
  selected = p.item && p.item.at !== undefined ? p.item.at : item.to;
  if (visible()[itemOf[selected]].at === undefined) selected = last;
  show(true);
  focusOn(item.from);
}
function refold() {
  const item = items[itemOf[selected]];
  if (!item.parent || item.parent === root) return;
  const parent = item.parent;
  keepStep(() => { parent.open = false; eachFold(parent, inner => { inner.open = false; }); });
  show(true);
  focusOn(parent.from);
}
function focusOn(at) {
  const item = items[itemOf[at]];
  scrollTo(phase().item || item);
}
function press(target) {
  const i = target.closest && target.closest("[data-item]");
  if (!i) return false;
  const item = items[Number(i.getAttribute("data-item"))];
  if (item.at === undefined) unfold(item);
  else select(item.at, false);
  return true;
}

const keys = {
  ArrowRight: () => go(step + 1), ArrowLeft: () => go(step - 1), Home: () => go(0),
  End: () => go(steps()), f: refold, "+": () => zoom(1.25), "=": () => zoom(1.25),
  "-": () => zoom(0.8)
};
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const inPage = event.target.closest && event.target.closest("#listing");
  if ((event.key === "Enter" || event.key === " ") && event.target.tagName !== "BUTTON") {
    const folded = phase().item && phase().item.at === undefined;
    if (press(event.target)) event.preventDefault();
    else if (event.key === "Enter" && folded) unfold(phase().item);
  } else if (keys[event.key] && !inPage) {
    keys[event.key]();
    event.preventDefault();
  }
});
find("canvas").addEventListener("click", event => press(event.target));
find("first").addEventListener("click", () => go(0));
find("previous").addEventListener("click", () => go(step - 1));
find("next").addEventListener("click", () => go(step + 1));
find("smaller").addEventListener("click", () => zoom(0.8));
find("larger").addEventListener("click", () => zoom(1.25));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  pictures.clear();
  show(false);
});

function introduce() {
  const n = kind => vertices.filter(v => v.kind === kind).length;
  const name = vertices[last].name;
  find("title").textContent = name ? `How ${name} was computed` : "How the result was computed";
  document.title = find("title").textContent;
  find("summary").textContent = `${count(n("operator"), "operator")}, ` +
    `${count(n("variable"), "variable")}` +
    (n("constant") ? `, ${count(n("constant"), "constant")}` : "") + ": the graph that the " +
    "program recorded, with its own numbers" + (graph.backward ?
      ". Forward: from the variables down to the result. Backward: how much the result changes " +
      "with each of them." : ".") + (graph.left_out ?
      ` ${count(graph.left_out, "input")} of these operators are not shown.` : "");
  for (const { at, all } of firstAlarms())
    find("alarms").append(make("li", {}, make("span", { class: "bad" }, "Look here: "), link(at),
      ` \u2013 ${alarms[at]}${all > 1 ? `, the first of ${all}` : ""}`));
  find("alarms").hidden = !find("alarms").childElementCount;
  find("app").hidden = false;
  find("listing").open = false;
}
introduce();
redraw();
zoom(Math.min(1.4, Math.max(0.75, (find("canvas").clientWidth - 40) / drawing.clientWidth)));
go(0);
