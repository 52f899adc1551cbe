/* The page of expressions: a text becomes numbers and a picture. */
"use strict";
{
const { started, byId, element, short, tensorText, later, sayError } = common;

const examples = [
  ["Chain rule", "x = 2\ny = 3\np = x * y\ns = sin(x)\nz = p * s"],
  ["Diamond", "x = 2\na = x^2      # x is used twice,\nb = 3 * x    # so two cotangents add up\na * b"],
  ["Sigmoid", "w = 0.5\nx = 2\nb = -0.3\ny = sigmoid(w * x + b)\n(y - 1)^2"],
  ["Layer", "W = [[0.5, -1], [1, 0.2]]\nb = [0.1, 0]\nx = [1, 2]\n" +
            "h = tanh(W @ x + b)\nloss = sum((h - [0, 1])^2)"],
  ["Softmax", "z = [1, 2, 0.5]\np = softmax(z)\nloss = -sum([0, 1, 0] * log(p))"],
  ["Not a number", "x = 1\ny = x - 2\nsqrt(y) * x"]
];

/* The text is in the address after "#f=", so that a link leads to it. */
function fromAddress() {
  if (!location.hash.startsWith("#f=")) return null;
  try {
    return decodeURIComponent(location.hash.slice(3));
  } catch {
    return null;
  }
}

function row(name) {
  const cell = (text, className = "") => element("td", { className }, text);
  const head = element("th", { scope: "row" }, name.name);
  return element("tr", {}, head, cell(tensorText(name.value, name.shape), "value"),
                 cell(tensorText(name.gradient, name.shape), "cotangent"),
                 cell(tensorText(name.difference, name.shape)));
}

function showNumbers(live, text) {
  try {
    const answer = live.expression(text);
    byId("result").replaceChildren("value ", element("strong", { className: "value" },
                                                     short(answer.value)));
    byId("names").replaceChildren(...answer.names.map(row));
    sayError(null);
    return true;
  } catch (error) {
    sayError(error.line ? new Error(`Line ${error.line}, column ${error.column}: ${error.message}`)
                        : error);
    return false;
  } finally {
    const wrong = !byId("live-error").hidden;
    byId("function").setAttribute("aria-invalid", wrong);
    byId("answer").hidden = wrong;
  }
}

/* Its own height, so that there are not two bars to scroll. */
function fit() {
  const frame = byId("graph"), inside = frame.contentDocument?.body.offsetHeight;
  if (inside) frame.style.height = Math.min(1400, Math.max(640, inside + 30)) + "px";
}

let saved = null;
function showPage(live, text) {
  const page = live.page(text);
  byId("graph").srcdoc = page;
  URL.revokeObjectURL(saved);
  saved = byId("save").href = URL.createObjectURL(new Blob([page], { type: "text/html" }));
}

started.then(live => {
  const field = byId("function");
  const draw = later(500, text => showPage(live, text));
  const show = () => {
    byId("copied").textContent = "";
    history.replaceState(null, "", "#f=" + encodeURIComponent(field.value));
    if (showNumbers(live, field.value)) draw(field.value);
  };
  const set = text => {
    field.value = text;
    field.rows = Math.max(4, text.split("\n").length + 1);
    show();
  };
  byId("live-app").hidden = false;
  byId("functions").textContent = live.functionNames().join(", ") + "; and the number pi.";
  byId("examples").replaceChildren(...examples.map(([name, text]) =>
    element("button", { onclick: () => set(text) }, name)));
  field.addEventListener("input", show);
  byId("graph").addEventListener("load", fit);
  byId("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      byId("copied").textContent = "The link is in your clipboard.";
    } catch {
      byId("copied").textContent = "The address of this page is the link.";
    }
  });
  addEventListener("hashchange", () => {
    if (fromAddress() !== null) set(fromAddress());
  });
  set(fromAddress() ?? examples[0][1]);
});
}
