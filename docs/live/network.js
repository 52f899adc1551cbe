/* A small network that a reader builds and trains. */
"use strict";
{
const { started, byId, element, short, sayError } = common;

const GRID = 64, STEPS = 4; /* points of the surface each way; steps for each picture */
const KINDS = [[0x24, 0x64, 0xb8], [0xd9, 0x6a, 0x1e]];

let points = [], kinds = [], losses = [], running = false;

/* -- Pictures */
function drawSurface(live) {
  const canvas = byId("surface"), paper = canvas.getContext("2d"), grid = live.surface(GRID);
  const image = new ImageData(GRID, GRID);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches, ground = dark ? 27 : 255;
  grid.forEach((p, i) => {
    const sure = Math.min(1, Math.abs(p - 0.5) * 2) * 0.55, color = KINDS[p > 0.5 ? 1 : 0];
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = color[c] * sure + ground * (1 - sure);
    image.data[4 * i + 3] = 255;
  });
  const small = Object.assign(document.createElement("canvas"), { width: GRID, height: GRID });
  small.getContext("2d").putImageData(image, 0, 0);
  paper.imageSmoothingEnabled = true;
  paper.drawImage(small, 0, 0, canvas.width, canvas.height);
  kinds.forEach((kind, i) => {
    const [x, y] = [points[2 * i], points[2 * i + 1]];
    paper.beginPath();
    paper.arc((x + 1.5) / 3 * canvas.width, (1.5 - y) / 3 * canvas.height, 5.5, 0, 7);
    paper.fillStyle = `rgb(${KINDS[kind].join()})`;
    paper.strokeStyle = dark ? "#131417" : "#ffffff";
    paper.lineWidth = 1.5;
    paper.fill();
    paper.stroke();
  });
}

function drawLoss() {
  const canvas = byId("loss"), paper = canvas.getContext("2d");
  const style = getComputedStyle(canvas), ink = style.getPropertyValue("--soft");
  const [left, right, top, bottom] = [44, canvas.width - 12, 14, canvas.height - 30];
  const finite = losses.filter(Number.isFinite), most = Math.max(0.8, ...finite.slice(0, 4000));
  const x = i => left + (right - left) * i / Math.max(50, losses.length - 1);
  const y = loss => bottom - (bottom - top) * Math.min(loss, most) / most;
  paper.clearRect(0, 0, canvas.width, canvas.height);
  paper.font = "14px system-ui, sans-serif";
  paper.fillStyle = ink;
  paper.strokeStyle = style.getPropertyValue("--line");
  paper.lineWidth = 1;
  for (const loss of [0, 0.2, 0.4, 0.6, 0.8].filter(value => value <= most)) {
    paper.beginPath();
    paper.moveTo(left, y(loss));
    paper.lineTo(right, y(loss));
    paper.stroke();
    paper.fillText(loss.toFixed(1), 10, y(loss) + 5);
  }
  paper.textAlign = "right";
  paper.fillText(`step ${Math.max(50, losses.length - 1)}`, right, canvas.height - 8);
  paper.textAlign = "left";
  paper.fillText("0", left, canvas.height - 8);
  paper.beginPath();
  losses.forEach((loss, i) => Number.isFinite(loss) && paper.lineTo(x(i), y(loss)));
  paper.strokeStyle = style.getPropertyValue("--value");
  paper.lineWidth = 2.5;
  paper.stroke();
}

/* a matrix as colored cells; rows are the units of the layer */
function drawMatrix(canvas, values, rows, columns) {
  const numbers = values.map(v => typeof v === "number" ? v : 0);
  const most = Math.max(...numbers.map(Math.abs)) || 1, cell = 14;
  Object.assign(canvas, { width: columns * cell, height: rows * cell });
  const paper = canvas.getContext("2d"), style = getComputedStyle(byId("parameters"));
  paper.fillStyle = style.getPropertyValue("--card");
  paper.fillRect(0, 0, canvas.width, canvas.height);
  numbers.forEach((v, i) => {
    paper.globalAlpha = Math.abs(v) / most;
    paper.fillStyle = style.getPropertyValue(v > 0 ? "--value" : "--cotangent");
    paper.fillRect(i % columns * cell, Math.floor(i / columns) * cell, cell - 1, cell - 1);
  });
}

function describe(name) {
  const [layer, what] = name.split("."), number = Number(layer) / 2 + 1;
  return `layer ${number}, ${what === "weight" ? "weights" : "biases"}`;
}

/* The elements are made once, and then only painted: made anew, they would take the time. */
function showParameters(parameters) {
  const place = byId("parameters");
  if (place.children.length !== parameters.length)
    place.replaceChildren(...parameters.map(p => element("section", {},
      element("h3", {}, describe(p.name)),
      ...["value", "gradient"].map(kind => element("figure", {}, element("canvas"),
        element("figcaption", { className: kind === "value" ? "" : "note" }))))));
  parameters.forEach((p, k) => {
    const sizes = p.shape.match(/\d+/g).map(Number);
    const [rows, columns] = sizes.length > 1 ? sizes : [sizes[0], 1];
    place.children[k].querySelectorAll("figure").forEach((figure, i) => {
      const values = i ? p.gradient : p.value, kind = i ? "gradient" : "value";
      if (!values) return;
      const most = values.reduce((m, v) => typeof v === "number" ? Math.max(m, Math.abs(v)) : m, 0);
      const words = `${kind}, to ${short(Number(most.toPrecision(2)))}`;
      drawMatrix(figure.querySelector("canvas"), values, rows, columns);
      figure.querySelector("figcaption").textContent = words;
      figure.querySelector("canvas").setAttribute("role", "img");
      figure.querySelector("canvas").setAttribute("aria-label",
        `${describe(p.name)}: ${rows} by ${columns} numbers, ${words}`);
    });
  });
}

/* -- Training */
function show(live, answer) {
  drawSurface(live);
  drawLoss();
  showParameters(answer.parameters);
  byId("state").textContent = `Step ${answer.step}: loss ${typeof answer.loss === "number"
    ? answer.loss.toFixed(4) : short(answer.loss)}, ${answer.right} of ${kinds.length} points right`;
  byId("surface").setAttribute("aria-label", `The points, and what the network takes each part of the ` +
    `plane for: ${answer.right} of ${kinds.length} points are right`);
  byId("loss").setAttribute("aria-label",
    `The loss over ${losses.length} steps, now ${losses[losses.length - 1]}`);
}

function train(live, steps) {
  let answer;
  for (let i = 0; i < steps; i++) {
    answer = live.train(1);
    losses.push(answer.loss);
  }
  show(live, answer);
  if (typeof answer.loss !== "number") throw new Error("The loss is no number any more: the steps " +
    "were too long. Choose a smaller rate.");
}

function run(live, yes) {
  running = yes;
  byId("train").textContent = running ? "Pause" : "Train";
  const frame = () => {
    if (!running) return;
    try {
      train(live, STEPS);
      requestAnimationFrame(frame);
    } catch (error) {
      run(live, false);
      sayError(error);
    }
  };
  if (running) requestAnimationFrame(frame);
}

function begin(live) {
  run(live, false);
  sayError(null);
  try {
    const number = id => Number(byId(id).value);
    const answer = live.network(number("points"), number("layers"), number("width"),
                                number("activation"), number("rate"), byId("method").value === "adam");
    ({ points, kinds } = answer);
    losses = [];
    train(live, 1);
    byId("state").textContent += `; it has ${answer.elements} numbers to learn`;
  } catch (error) {
    sayError(error);
  }
}

started.then(live => {
  const surface = live.module.cwrap("live_network_surface", "number", ["number"]);
  live.network = live.call("network", "number", "number", "number", "number", "number", "boolean");
  live.train = live.call("network_train", "number");
  live.surface = n => {
    const at = surface(n) / 4;
    return live.module.HEAPF32.slice(at, at + n * n);
  };
  byId("live-app").hidden = false;
  byId("train").addEventListener("click", () => run(live, !running));
  byId("one").addEventListener("click", () => {
    run(live, false);
    train(live, 1);
  });
  byId("again").addEventListener("click", () => begin(live));
  document.querySelectorAll(".choices select").forEach(e =>
    e.addEventListener("change", () => begin(live)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawSurface(live);
    drawLoss();
  });
  begin(live);
});
}
