// The segments of the rules, and how many customers the last batch found in each.
import { segments as counted } from "./api.js";
import { data, fill, h, time } from "./dom.js";
import { lines } from "./plot.js";
import { figure, t } from "./say.js";

export function segments(signal) {
  const body = h("div", {}, h("p", {}, t("loading")));
  counted().then(
    (told) => signal.aborted || fill(body, drawn(told)),
    (error) => fill(body, data(error.message, "p", { class: "problem", role: "alert" })),
  );
  return h("section", {}, h("h1", {}, t("segments.title")), h("p", {}, t("segments.lead")), body);
}

const drawn = ({ segments: all, generation, counted_at: at }) => [
  h("p", { class: "dim" }, t("customer.generation", { n: generation }), ", ", ...(at ? [t("segments.counted"), " ", time(at)] : [t("segments.never")])),
  all.length ? h("ul", { class: "cards" }, all.map((each) => card(each, generation))) : h("p", {}, t("segments.none")),
];

function card({ name, key, customers, when, unless, past }, generation) {
  const runs = [...past, { generation, customers }];
  return h(
    "li",
    { class: "card" },
    data(name, "h2"),
    customers != null && h("p", {}, data(figure(customers), "b", { class: "large" }), " ", t("segments.customers", { n: customers })),
    key && h("p", { class: "dim" }, t("segments.key")),
    when.length > 0 && conditions("when", when),
    unless.length > 0 && conditions("unless", unless),
    customers != null && past.length > 0 && trend(runs),
  );
}

const conditions = (name, all) => h("section", {}, h("h3", {}, t(`segments.${name}`)), h("ul", {}, all.map((each) => h("li", {}, data(each)))));

const trend = (runs) =>
  lines(
    t("segments.past"),
    [{ name: t("segments.customers", { n: runs.at(-1).customers }), values: runs.map((run) => run.customers) }],
    t("segments.runs", { from: runs[0].generation, to: runs.at(-1).generation }),
    "",
  );
