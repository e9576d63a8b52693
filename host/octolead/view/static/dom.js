// SPDX-License-Identifier: Apache-2.0
// Elements without markup: text from a recording is only ever text.

export const $ = (id) => document.getElementById(id);

/** An element: `el("td", { class: "dim", onclick }, "words", child)`. */
export function el(name, props = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : String(child ?? ""))));
  return made;
}

/** A table whose rows may be gone to: by click or Enter. */
export function table(head, rows, go) {
  const body = rows.map((row) => {
    const tr = el("tr", go ? { class: "go", tabindex: 0, onclick: () => go(row.at), onkeydown: (e) => e.key === "Enter" && e.target === e.currentTarget && go(row.at) } : {});
    tr.append(...row.cells.map((cell) => el("td", {}, cell)));
    return tr;
  });
  return el("div", { class: "wide" }, el("table", {}, el("thead", {}, el("tr", {}, ...head.map((h) => el("th", {}, h)))), el("tbody", {}, ...body)));
}

export const button = (words, onclick, props = {}) => el("button", { ...props, onclick }, words);

export function select(id, values, words, chosen, onchange) {
  const made = $(id);
  made.replaceChildren(...values.map((v) => el("option", { value: v }, words(v))));
  made.value = String(chosen);
  made.onchange = () => (onchange(made.value), made.blur());
}

export function say(words) {
  $("says").textContent = words;
}
