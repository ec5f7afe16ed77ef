// One customer: identifiers, graph, timeline, and whatever else the server tells of it.
import * as api from "./api.js";
import { data, facts, fill, h, identifier, table, time } from "./dom.js";
import { graph } from "./graph.js";
import { t } from "./say.js";
import { timeline } from "./timeline.js";
import { place } from "./types.js";

// Identifiers of a type that are listed at once; and what else a customer may have.
const SHOWN = 12;
const MORE = ["profile", "segments", "consents", "outcomes"];

export function customer(id, signal) {
  const body = h("div", {}, h("p", {}, t("loading")));
  const refresh = h("button", { type: "button", class: "plain", click: () => load() }, t("customer.refresh"));
  async function load() {
    try {
      const asked = [api.customer(id), api.graph(id), api.history(id), api.statements(id)];
      const [whole, drawn, past, { statements }] = await Promise.all(asked);
      if (!signal.aborted) fill(body, told({ consents: statements, ...whole }, drawn, past));
    } catch (error) {
      fill(body, data(error.message, "p", { class: "problem", role: "alert" }));
    }
  }
  load();
  return h("section", {}, h("div", { class: "title" }, h("h1", {}, t("customer.title")), refresh), body);
}

function told(whole, drawn, past) {
  const notice = (when, text) => when && h("p", { class: "notice", role: "status" }, t(text));
  return [
    data(whole.customer_id, "code", { class: "id" }),
    notice(whole.moved, "customer.moved"),
    notice(whole.pending, "customer.pending"),
    notice(whole.stale, "customer.stale"),
    h("p", { class: "dim" }, t("customer.generation", { n: whole.generation }), ", ", t("customer.through"), " ",
      whole.through ? time(whole.through) : t("unknown")),
    h("div", { class: "pair" }, [
      section("customer.identifiers", byType(whole.identifiers), whole.aliases.length > 0 && [
        h("h3", {}, t("customer.aliases")),
        h("ul", { class: "bare" }, whole.aliases.map((alias) => h("li", {}, data(alias, "code")))),
      ]),
      section("timeline.title", timeline(past.changes)),
    ]),
    section("graph.title", graph(drawn)),
    MORE.filter((name) => filled(whole[name])).map((name) => section(`customer.${name}`, anything(t(`customer.${name}`), whole[name]))),
  ];
}

const section = (title, ...of) => h("section", { class: "card" }, h("h2", {}, t(title)), ...of);

function byType(identifiers) {
  const groups = new Map();
  for (const each of identifiers) groups.set(each.type, [...(groups.get(each.type) ?? []), each]);
  const sorted = [...groups].sort(([a], [b]) => place(a) - place(b));
  return facts(
    sorted.map(([type, some]) => {
      const rest = some.slice(SHOWN).map((each) => value(each));
      return [data(type), h("ul", { class: "bare" }, some.slice(0, SHOWN).map(value)), rest.length > 0 &&
        h("details", {}, h("summary", {}, t("customer.more", { n: rest.length })), h("ul", { class: "bare" }, rest))];
    }),
  );
}

const value = (each) => h("li", {}, data(each.value));

const filled = (value) => value != null && (typeof value !== "object" || Object.keys(value).length > 0);

// What other parts of the server add, as they tell it: alike objects as a table, an object as facts, else a list.
function anything(label, value) {
  if (Array.isArray(value) && value.every((each) => each && typeof each === "object")) {
    const heads = [...new Set(value.flatMap(Object.keys))];
    return table(label, heads.map((head) => data(head)), value.map((each) => heads.map((head) => plain(each[head]))));
  }
  if (Array.isArray(value)) return h("ul", { class: "bare" }, value.map((each) => h("li", {}, plain(each))));
  if (value && typeof value === "object") {
    const rows = Object.entries(value).map(([name, of]) => ({ name, ...of }));
    if (Object.values(value).every((of) => of && typeof of === "object" && !Array.isArray(of))) return anything(label, rows);
    return facts(Object.entries(value).map(([name, of]) => [data(name), plain(of)]));
  }
  return plain(value);
}

function plain(value) {
  if (value == null) return data("");
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return time(value);
  if (value?.type && value?.value) return identifier(value);
  return data(typeof value === "object" ? JSON.stringify(value) : value);
}
