// Elements. Whatever comes from outside becomes text, never markup: there is no other way in here.
import { moment, t } from "./say.js";

const SVG = "http://www.w3.org/2000/svg";

// An element; functions among the attributes listen, children are nodes, texts, lists of them, or nothing.
export const h = (tag, attributes, ...children) => made(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => made(document.createElementNS(SVG, tag), attributes, children);

function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

// What is not ours to say: values, ids, figures, and what the server says.
export const data = (text, tag = "span", attributes = {}) => h(tag, { translate: "no", ...attributes }, String(text));

export const time = (text) =>
  text == null ? h("span", {}, t("never")) : data(moment(text), "time", { datetime: text });

export const identifier = ({ type, value }) =>
  h("span", { class: "identifier", translate: "no" }, h("span", { class: "type" }, type), " ", h("b", {}, value));

// A list of what, and what of it.
export const facts = (pairs) =>
  h("dl", {}, pairs.filter(Boolean).map(([what, ...of]) => h("div", {}, h("dt", {}, what), h("dd", {}, ...of))));

// A table that scrolls by itself where it is too wide; `label` names it for who does not see it.
export const table = (label, heads, rows) =>
  h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell))))),
    ),
  );

// A field with its label.
export function field(label, input) {
  input.id ||= `f${document.querySelectorAll("[id]").length}-${Math.random().toString(36).slice(2)}`;
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input);
}

export const fill = (element, ...children) => element.replaceChildren(...children.flat(Infinity).filter(Boolean));
