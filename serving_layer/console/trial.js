// What would these rules make of these events?
import { rules, simulate } from "./api.js";
import { data, field, fill, h, identifier, table } from "./dom.js";
import { t } from "./say.js";

const SHOWN = 100;

export function trial(signal) {
  const text = (value, rows) => {
    const area = h("textarea", { rows, spellcheck: "false", autocomplete: "off", class: "code", required: true });
    area.value = value;
    return area;
  };
  const ruleText = text(t("trial.example_rules"), 8);
  const eventText = text(t("trial.example_events"), 8);
  const found = h("div", { "aria-live": "polite" });
  const failed = (error) => fill(found, data(error.message, "pre", { class: "problem" }));
  const file = h("input", { type: "file", change: async () => (eventText.value = await file.files[0].text()) });
  const current = async () => rules().then((told) => (ruleText.value = told.rules), failed);
  const submit = async (event) => {
    event.preventDefault();
    fill(found, h("p", {}, t("trial.running")));
    try {
      const told = await simulate(ruleText.value, eventText.value);
      if (!signal.aborted) fill(found, outcome(told));
    } catch (error) {
      failed(error);
    }
  };
  return h(
    "section",
    {},
    h("h1", {}, t("trial.title")),
    h("p", {}, t("trial.lead")),
    h(
      "form",
      { class: "card", submit },
      h("div", { class: "pair" }, h("div", {}, field(t("trial.rules"), ruleText), h("button", { type: "button", class: "plain", click: current }, t("trial.current"))),
        h("div", {}, field(t("trial.events"), eventText), field(t("trial.file"), file))),
      h("button", { type: "submit" }, t("trial.go")),
    ),
    found,
  );
}

function outcome({ customers, rejected_links: refused, quarantined }) {
  const part = (name, all, draw) =>
    h("section", { class: "card" }, h("h2", {}, t(`trial.${name}`, { n: all.length })), all.length > 0 && draw(all.slice(0, SHOWN)),
      all.length > SHOWN && h("p", {}, t("trial.more", { n: all.length - SHOWN })));
  const reasons = (name) => (rows) =>
    table(t(`trial.${name}`, { n: rows.length }), [t("graph.identifier"), t("trial.reason")],
      rows.map((row) => [row.a ? [identifier(row.a), " – ", identifier(row.b)] : identifier(row), data(row.reason)]));
  return [
    part("customers", customers, (some) => h("ul", { class: "cards" }, some.map((each) =>
      h("li", { class: "card" }, data(each.customer_id, "code"), h("ul", { class: "bare" }, each.identifiers.map((one) => h("li", {}, identifier(one)))))))),
    refused.length > 0 && part("refused", refused, reasons("refused")),
    quarantined.length > 0 && part("quarantined", quarantined, reasons("quarantined")),
  ];
}
