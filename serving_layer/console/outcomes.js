// What became of e-mails, campaign by campaign, by the last batch.
import { campaigns } from "./api.js";
import { data, fill, h, table } from "./dom.js";
import { figure, t } from "./say.js";

export function outcomes(signal) {
  const body = h("div", {}, h("p", {}, t("loading")));
  campaigns().then(
    (told) => signal.aborted || fill(body, drawn(told)),
    (error) => fill(body, data(error.message, "p", { class: "problem", role: "alert" })),
  );
  return h("section", {}, h("h1", {}, t("outcomes.title")), h("p", {}, t("outcomes.lead")), body);
}

function drawn({ campaigns: all, generation }) {
  // What is counted of none of them has no column; of one alone it is 0.
  const names = [...new Set(all.flatMap(Object.keys))].filter((name) => name !== "campaign_id");
  const cells = (each) => names.map((name) => data(figure(each[name] ?? 0)));
  return [
    h("p", { class: "dim" }, t("customer.generation", { n: generation })),
    all.length
      ? table(
          t("outcomes.title"),
          [t("outcomes.campaign"), ...names.map((name) => data(name))],
          all.map((each) => [each.campaign_id ? data(each.campaign_id) : t("outcomes.unnamed"), ...cells(each)]),
        )
      : h("p", {}, t("none")),
  ];
}
