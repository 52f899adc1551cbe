/* What the pages have in common: the library, numbers, and pictures of the graph. live.js, which
 * build.sh makes, is there before. */
"use strict";

/* All in one name, since the site has scripts too. */
const common = (() => {

/* The library once it has started: an object with a function for each one of live.h. Those that
 * return JSON return what it says, or throw an error that has its members. */
const started = createLive().then(module => {
  const call = (name, ...kinds) => {
    const inner = module.cwrap("live_" + name, "string", kinds);
    return (...values) => {
      const answer = JSON.parse(inner(...values));
      if (answer.error) throw Object.assign(new Error(answer.error), answer);
      return answer;
    };
  };
  const page = call("page", "string", "string");
  return {
    module, call,
    version: module.cwrap("live_version", "string", []),
    expression: call("expression", "string"),
    functionNames: call("function_names"),
    walks: call("walks", "number", "boolean", "number"),
    page(text) {
      page(text, "/graph.html");
      return module.FS.readFile("/graph.html", { encoding: "utf8" });
    }
  };
});

const byId = id => document.getElementById(id);

/* element("td", { className: "number" }, "text", another) */
function element(name, properties = {}, ...content) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...content);
  return e;
}

/* six digits, and no more than that */
function short(x) {
  if (typeof x !== "number") return x === "inf" ? "∞" : x === "-inf" ? "−∞" : "NaN";
  const size = Math.abs(x);
  const text = size !== 0 && (size < 1e-4 || size >= 1e7) ? x.toExponential(4).replace(/\.?0+e/, "e")
    : String(Number(x.toPrecision(7)));
  return text.replace("-", "−").replace("e−", "e−");
}

/* A tensor as short text: a number, or rows in brackets. */
function tensorText(values, shape) {
  if (!values) return "";
  const sizes = shape.match(/\d+/g)?.map(Number) ?? [];
  if (values.length > 36) return `${sizes.join(" by ")} numbers`;
  if (sizes.length === 0) return short(values[0]);
  const row = part => "[" + part.map(short).join(", ") + "]";
  if (sizes.length === 1) return row(values);
  const rows = Array.from({ length: sizes[0] }, (_, i) =>
    row(values.slice(i * sizes[1], (i + 1) * sizes[1])));
  return rows.join("\n");
}

/* calls f when nothing has happened for so long */
function later(milliseconds, f) {
  let waiting;
  return (...values) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => f(...values), milliseconds);
  };
}

/* says what went wrong in the place that a page has for that; nothing: all is well */
function sayError(error) {
  const place = byId("live-error");
  place.textContent = error ? error.message : "";
  place.hidden = !error;
}

started.catch(error => sayError(new Error("This browser could not start the library: " +
                                          error.message)));

return { started, byId, element, short, tensorText, later, sayError };
})();
