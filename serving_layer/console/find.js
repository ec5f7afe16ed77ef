// Find a customer by any identifier, or by an id.
import { customer, lookup } from "./api.js";
import { data, field, fill, h } from "./dom.js";
import { percent, t } from "./say.js";
import { all, chooser } from "./types.js";

const ID = /^c_[a-z2-7]{26}$/;

export function find() {
  const type = chooser(true);
  const value = h("input", { type: "search", required: true, "data-focus": true, autocomplete: "off", spellcheck: "false" });
  const found = h("div", { "aria-live": "polite" });
  const submit = async (event) => {
    event.preventDefault();
    fill(found, h("p", {}, t("loading")));
    try {
      fill(found, await answers(type.value, value.value.trim()));
    } catch (error) {
      fill(found, data(error.message, "p", { class: "problem" }));
    }
  };
  return h(
    "section",
    {},
    h("h1", {}, t("find.title")),
    h("p", {}, t("find.lead")),
    h(
      "form",
      { class: "row card", submit },
      field(t("find.type"), type),
      field(t("find.value"), value),
      h("button", { type: "submit" }, t("find.go")),
    ),
    found,
  );
}

async function answers(type, value) {
  if (ID.test(value)) {
    const { customer_id } = await customer(value);
    location.hash = `#/customer/${customer_id}`;
    return [];
  }
  const asked = (type ? [type] : all()).map((each) => ({ type: each, value }));
  const { results } = await lookup(asked);
  const told = asked.map(({ type }, i) => ({ type, ...results[i] }));
  const customers = told.filter((each) => each.customer_id);
  const ids = new Set(customers.map((each) => each.customer_id));
  if (ids.size === 1) {
    location.hash = `#/customer/${customers[0].customer_id}`;
    return [];
  }
  if (ids.size) return [h("h2", {}, t("find.several", { n: ids.size })), h("ul", { class: "cards" }, customers.map(card))];
  const reasons = type ? told.filter((each) => each.reason) : [];
  if (!reasons.length) return h("p", {}, t("find.nobody"));
  return reasons.map((each) => h("p", {}, t("find.links_nobody", each)));
}

const card = (each) =>
  h(
    "li",
    { class: "card" },
    h("p", {}, t("find.by", each)),
    h("p", {}, h("a", { href: `#/customer/${each.customer_id}` }, data(each.customer_id, "code"))),
    h(
      "p",
      { class: "dim" },
      t("find.identifiers", { n: each.identifiers?.length ?? 0 }),
      " ",
      each.certainty != null && h("span", {}, t("compare.certainty", { percent: percent(each.certainty) })),
    ),
  );
