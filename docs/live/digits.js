/* The page on which a network learns the reader's digits. */
"use strict";
{
const { started, byId, element, sayError } = common;

const ROUNDS = 15, STEPS = 4; /* a digit is learned in so many pictures of so many steps */
let strokes = [], pen = { x: 280, y: 120 }, down = false, keys = false, learning = 0, taught = 0;

/* -- The paper */
function paint() {
  const paper = byId("paper"), on = paper.getContext("2d"), style = getComputedStyle(paper);
  on.clearRect(0, 0, paper.width, paper.height);
  on.lineCap = on.lineJoin = "round";
  on.lineWidth = 34;
  on.strokeStyle = style.getPropertyValue("--ink");
  for (const stroke of strokes) {
    on.beginPath();
    stroke.forEach(([x, y]) => on.lineTo(x, y));
    on.lineTo(...stroke[0].map((v, i) => stroke.length === 1 ? v + 0.1 : stroke.at(-1)[i]));
    on.stroke();
  }
  if (!keys) return;
  on.lineWidth = 3;
  on.strokeStyle = style.getPropertyValue(down ? "--cotangent" : "--value");
  on.beginPath();
  on.arc(pen.x, pen.y, 14, 0, 7);
  on.moveTo(pen.x - 24, pen.y);
  on.lineTo(pen.x + 24, pen.y);
  on.moveTo(pen.x, pen.y - 24);
  on.lineTo(pen.x, pen.y + 24);
  on.stroke();
}

function paintSeen(live) {
  const on = byId("seen").getContext("2d"), image = new ImageData(28, 28);
  live.image().forEach((ink, i) => image.data.set([20, 20, 24, 255 * ink], 4 * i));
  on.clearRect(0, 0, 28, 28);
  on.putImageData(image, 0, 0);
}

/* -- What it says */
function showAnswers(shares) {
  [...byId("answers").children].forEach((button, digit) => {
    const percent = Math.round(100 * (shares?.[digit] ?? 0));
    button.querySelector("i").style.width = `${percent}%`;
    button.querySelector("span").textContent = shares ? `${percent} %` : "";
  });
}

function guess(live) {
  if (!strokes.length) {
    byId("guess").textContent = "Draw a digit.";
    showAnswers(null);
    return;
  }
  const { shares } = live.guess(), best = shares.indexOf(Math.max(...shares));
  byId("guess").replaceChildren(shares[best] > 0.6 ? "This is a " : "This may be a ",
                                element("strong", { className: "value" }, String(best)));
  showAnswers(shares);
  paintSeen(live);
}

function add(live, x, y, begins) {
  try {
    live.point(x, y, begins);
    if (begins || !strokes.length) strokes.push([]);
    strokes.at(-1).push([x, y]);
    sayError(null);
  } catch (error) {
    sayError(error);
  }
  paint();
}

function clear(live) {
  live.clear();
  strokes = [];
  down = false;
  byId("seen").getContext("2d").clearRect(0, 0, 28, 28);
  paint();
  guess(live);
}

/* -- Hands: a mouse, a finger, a pen, or keys */
function listen(live) {
  const paper = byId("paper");
  const place = event => {
    const box = paper.getBoundingClientRect(), scale = paper.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };
  let drawing = false, fresh = false; /* fresh: what is there was taught, and the next stroke is new */
  paper.addEventListener("pointerdown", event => {
    if (event.button) return;
    paper.setPointerCapture(event.pointerId);
    drawing = true;
    keys = false;
    if (fresh) clear(live);
    fresh = false;
    add(live, ...place(event), true);
    guess(live);
  });
  paper.addEventListener("pointermove", event => {
    if (!drawing) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const [x, y] = place(each), [lastX, lastY] = strokes.at(-1).at(-1);
      if (Math.hypot(x - lastX, y - lastY) > 6) add(live, x, y, false);
    }
    guess(live);
  });
  for (const end of ["pointerup", "pointercancel"])
    paper.addEventListener(end, () => { drawing = false; });
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  paper.addEventListener("keydown", event => {
    const move = moves[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    keys = true;
    if (fresh) clear(live);
    fresh = false;
    if (move) {
      pen = { x: Math.min(540, Math.max(20, pen.x + 20 * move[0])),
              y: Math.min(540, Math.max(20, pen.y + 20 * move[1])) };
    } else {
      down = !down;
    }
    if (down) {
      add(live, pen.x, pen.y, !move);
      guess(live);
    }
    paint();
  });
  paper.addEventListener("blur", () => { down = keys = false; paint(); });
  return { teach(digit) { fresh = true; down = false; teach(live, digit); } };
}

/* -- Learning */
function teach(live, digit) {
  try {
    taught = live.keep(digit).examples;
    learning = ROUNDS;
    sayError(null);
  } catch (error) {
    sayError(error);
    return;
  }
  const round = () => {
    if (!learning) return;
    const { loss } = live.train(STEPS);
    byId("learned").textContent = `It has learned from ${taught} digit${taught === 1 ? "" : "s"} of ` +
      `yours. Its loss on them is ${loss.toFixed(3)}${--learning ? " …" : "."}`;
    guess(live);
    if (learning) requestAnimationFrame(round);
  };
  requestAnimationFrame(round);
}

function begin(live) {
  learning = taught = 0;
  const trained = document.querySelector("input[name=begin]:checked").value === "trained";
  const { right } = live.digits(trained);
  if (trained) byId("right").textContent = `${right} %`;
  byId("learned").textContent = "It has not learned from you yet.";
  clear(live);
}

started.then(live => {
  const image = live.module.cwrap("live_digits_image", "number", []);
  Object.assign(live, {
    digits: live.call("digits", "boolean"), clear: live.call("digits_clear"),
    point: live.call("digits_point", "number", "number", "boolean"),
    guess: live.call("digits_guess"), keep: live.call("digits_keep", "number"),
    train: live.call("digits_train", "number"),
    image: () => live.module.HEAPF32.slice(image() / 4, image() / 4 + 784)
  });
  const hands = listen(live);
  byId("answers").replaceChildren(...[...Array(10).keys()].map(digit =>
    element("button", { onclick: () => hands.teach(digit) }, element("b", {}, String(digit)),
            element("i"), element("span"))));
  byId("clear").addEventListener("click", () => clear(live));
  document.querySelectorAll("input[name=begin]").forEach(e =>
    e.addEventListener("change", () => begin(live)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  byId("live-app").hidden = false;
  begin(live);
}).catch(sayError);
}
