// What is known of one identifier or one link of the graph: when, and from where.
import * as api from "./api.js";
import { begin } from "./compare.js";
import { data, facts, fill, h, identifier, time } from "./dom.js";
import { t } from "./say.js";
import { source } from "./timeline.js";

export function details(drawn, item, close) {
  const isLink = "a" in item;
  const title = h("h3", { tabindex: "-1" }, t(isLink ? "graph.link" : "graph.identifier"));
  const shut = h("button", { type: "button", class: "plain", click: close }, t("graph.close"));
  const body = isLink ? ofLink(item, drawn.nodes[item.a], drawn.nodes[item.b]) : ofNode(drawn, item);
  return h("section", { keydown: (event) => event.key === "Escape" && close() }, h("div", { class: "title" }, title, shut), body);
}

const bare = ({ type, value }) => ({ type, value });

function ofNode(drawn, node) {
  const place = drawn.nodes.indexOf(node);
  const links = drawn.links.filter((link) => link.a === place || link.b === place);
  const other = drawn.nodes.find((each) => each.inside && each !== node);
  return [
    h("p", {}, identifier(node)),
    h("p", { class: "dim" }, t("graph.links", { n: links.length }), node.inside ? null : [", ", t("graph.outside")]),
    h("button", { type: "button", click: () => begin(bare(node), other && bare(other)) }, t("graph.compare")),
  ];
}

function ofLink(link, a, b) {
  const from = h("div", {}, t("loading"));
  // A link that only a decision made was never seen: its source is the steward's word.
  const sought = link.first_ingested ? api.source(bare(a), bare(b), link.first_ingested) : Promise.resolve({});
  Promise.all([sought, link.verdict ? api.explain(bare(a), bare(b)) : { decisions: [] }]).then(
    ([{ message }, { decisions }]) =>
      fill(from, message ? source(message) : link.first_ingested && h("span", { class: "dim" }, t("link.source_none")), decisions.map(word)),
    (error) => fill(from, data(error.message)),
  );
  return [
    h("p", {}, identifier(a)),
    h("p", {}, identifier(b)),
    facts([
      link.refused && [t("link.refused"), data(link.refused)],
      [t("link.first_seen"), time(link.first_seen)],
      [t("link.last_seen"), time(link.last_seen)],
      [t("link.first_ingested"), time(link.first_ingested)],
      link.verdict && [t("link.decided"), t(`verdicts.${link.verdict}`), " ", time(link.decided_at)],
      [t("link.source"), from],
    ]),
    h("button", { type: "button", click: () => begin(bare(a), bare(b)) }, t("graph.why")),
  ];
}

const word = ({ verdict, who, why, at }) =>
  h("p", {}, t(`verdicts.${verdict}`), ": ", data(why), " (", data(who), ", ", time(at), ")");
