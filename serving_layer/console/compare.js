// Why are these two the same, or why not? And a steward's word on it.
import { explain } from "./api.js";
import { decision } from "./decide.js";
import { data, field, fill, h, identifier, table, time } from "./dom.js";
import { percent, t } from "./say.js";
import { chooser } from "./types.js";

// The two that somebody chose elsewhere. Not in the address: they are personal data.
let chosen = [];

export function begin(a, b) {
  chosen = [a, b];
  location.hash = "#/compare";
}

export function compare(signal) {
  const given = chosen;
  const found = h("div", { "aria-live": "polite" });
  const ends = ["a", "b"].map((which, i) => {
    const type = chooser(false, given[i]?.type);
    const value = h("input", { required: true, autocomplete: "off", spellcheck: "false", "data-focus": i === 0 });
    value.value = given[i]?.value ?? "";
    const part = h("fieldset", { class: "row" }, h("legend", {}, t(`compare.${which}`)), field(t("compare.type"), type), field(t("compare.value"), value));
    return { part, get: () => ({ type: type.value, value: value.value.trim() }) };
  });
  async function look() {
    const [a, b] = ends.map((end) => end.get());
    fill(found, h("p", {}, t("loading")));
    try {
      const told = await explain(a, b);
      if (!signal.aborted) fill(found, answer(told), decision(a, b, signal, look));
    } catch (error) {
      fill(found, data(error.message, "p", { class: "problem" }));
    }
  }
  const submit = (event) => {
    event.preventDefault();
    chosen = ends.map((end) => end.get());
    look();
  };
  if (given.length === 2 && given.every(Boolean)) look();
  return h(
    "section",
    {},
    h("h1", {}, t("compare.title")),
    h("p", {}, t("compare.lead")),
    h("form", { class: "card", submit }, ends.map((end) => end.part), h("button", { type: "submit" }, t("compare.go"))),
    found,
  );
}

function answer(told) {
  const unknown = ["a", "b"].filter((which) => !told[which]?.customer_id);
  return h(
    "section",
    { class: "card answer" },
    h("h2", {}, t(told.same ? "compare.same" : "compare.different")),
    told.same && told.certainty != null && h("p", {}, t("compare.certainty", { percent: percent(told.certainty) })),
    unknown.map((which) => h("p", {}, t("compare.unknown", { which: t(`compare.${which}`) }))),
    !told.same && ["a", "b"].filter((which) => told[which]?.customer_id).map((which) =>
      h("p", {}, t(`compare.${which}`), ": ", h("a", { href: `#/customer/${told[which].customer_id}` }, data(told[which].customer_id, "code")))),
    told.same && h("p", {}, h("a", { href: `#/customer/${told.a.customer_id}` }, data(told.a.customer_id, "code"))),
    told.path.length > 0 && [h("h3", {}, t("compare.path")), h("ol", { class: "path" }, told.path.map(step))],
    told.refused.length > 0 && [
      h("h3", {}, t("compare.refused")),
      h("ul", { class: "path" }, told.refused.map((link) => h("li", {}, both(link), h("div", { class: "dim" }, data(link.reason))))),
      told.refused_left_out > 0 && h("p", {}, t("compare.refused_more", { n: told.refused_left_out })),
    ],
    told.decisions.length > 0 && [h("h3", {}, t("compare.decisions")), decisions(told.decisions)],
  );
}

const both = (link) => [identifier(link.a), " – ", identifier(link.b)];

const step = (link) =>
  h(
    "li",
    {},
    both(link),
    h("div", { class: "dim" }, link.first_seen && [t("link.first_seen"), " ", time(link.first_seen), ", ", t("link.last_seen"), " ", time(link.last_seen)],
      link.verdict && [" ", t(`verdicts.${link.verdict}`), " ", time(link.decided_at)]),
  );

const decisions = (words) =>
  table(
    t("compare.decisions"),
    [t("compare.what"), t("compare.who"), t("compare.why"), t("compare.when")],
    words.map((word) => [t(`verdicts.${word.verdict}`), data(word.who), data(word.why), time(word.at)]),
  );
