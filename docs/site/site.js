/* The search box. All else on the pages works without this. */
"use strict";
const root = document.currentScript.dataset.root;
const form = document.getElementById("site-search"), query = document.getElementById("site-query"),
  list = document.getElementById("site-found");
let chosen = -1, loading = null;
form.hidden = false;

/* The index is a script, so that it can be read from file:// too; it is read at the first use */
function index() {
  loading ??= new Promise(resolve => {
    const script = document.createElement("script");
    script.src = root + "search-index.js";
    script.onload = () => resolve(searchIndex);
    document.head.append(script);
  });
  return loading;
}

/* How well an entry answers: those with all words come first; names count most, then titles, then
 * text */
function score([title, page, , text], words) {
  const name = title.toLowerCase(), on = page.toLowerCase(), ends = " " + text + " ";
  let sum = 0, missing = 0;
  for (const word of words) {
    if (name === word || name === "ct_" + word) sum += 100;
    else if (name.startsWith(word) || name.startsWith("ct_" + word)) sum += 30;
    else if (name.includes(word)) sum += 20;
    else if (word.includes(".")) {                 // a name of another library: torch.nn.Linear
      if (ends.includes(" " + word + " ") || ends.includes("." + word + " ")) sum += 60;
      else if (ends.includes(" " + word) || ends.includes("." + word)) sum += 10;
      else missing++;
    } else if (on.includes(word)) sum += 8;
    else if ((" " + text).includes(" " + word)) sum += 4;
    else if (word.length > 3 && text.includes(word)) sum += 1;
    else missing++;
  }
  return missing === words.length ? 0 : (sum - name.length / 100) / 1000 ** missing;
}

function show(entries, words) {
  list.replaceChildren();
  chosen = -1;
  const best = entries.map(entry => [score(entry, words), entry]).filter(([points]) => points > 0)
    .sort((a, b) => b[0] - a[0]).slice(0, 12);
  for (const [, [title, page, address]] of best) {
    const item = document.createElement("li"), small = document.createElement("small");
    item.id = "site-found-" + list.children.length;
    item.setAttribute("role", "option");
    item.dataset.address = root + address;
    item.append(title);
    small.textContent = page;
    if (page) item.append(small);
    item.addEventListener("click", () => location.assign(item.dataset.address));
    list.append(item);
  }
  if (!best.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.setAttribute("role", "option");
    none.setAttribute("aria-disabled", "true");
    none.textContent = "Nothing has these words.";
    list.append(none);
  }
  open(true);
  if (best.length) choose(0);
}

function open(yes) {
  list.hidden = !yes;
  query.setAttribute("aria-expanded", String(yes));
  if (!yes) query.removeAttribute("aria-activedescendant");
}

function choose(number) {
  const items = list.querySelectorAll("[data-address]");
  if (!items.length) return;
  chosen = (number + items.length) % items.length;
  items.forEach((item, i) => item.setAttribute("aria-selected", String(i === chosen)));
  items[chosen].scrollIntoView({ block: "nearest" });
  query.setAttribute("aria-activedescendant", items[chosen].id);
}

async function search() {
  const words = query.value.toLowerCase().split(/[\s,()]+/).filter(Boolean);
  if (!words.length) return open(false);
  show(await index(), words);
}

query.addEventListener("focus", index);
query.addEventListener("input", search);
query.addEventListener("keydown", event => {
  if (event.key === "ArrowDown") choose(chosen + 1);
  else if (event.key === "ArrowUp") choose(chosen - 1);
  else if (event.key === "Escape") { open(false); query.value = ""; }
  else return;
  event.preventDefault();
});
form.addEventListener("submit", event => {
  event.preventDefault();
  const item = list.querySelector("[aria-selected=true]");
  if (item && !list.hidden) location.assign(item.dataset.address);
});
document.addEventListener("click", event => {
  if (!form.contains(event.target)) open(false);
});
document.addEventListener("keydown", event => {
  const writing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    query.focus();
  }
  if (event.key === "Escape" && location.hash === "#site-pages") location.hash = "#site-top";
});
