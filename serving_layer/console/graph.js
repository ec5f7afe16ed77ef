// The identity graph: a shape for each identifier by its type, a line for each link, dashed if it was refused.
import { details } from "./details.js";
import { data, fill, h, identifier, s, table, time } from "./dom.js";
import { layout } from "./layout.js";
import { t } from "./say.js";
import { all, place } from "./types.js";

// With more identifiers than that, only those that are pointed at have their value beside them.
const LABELLED = 24;
const LONGEST = 18;
const SIZE = { few: 9, many: 5 };

export function graph(drawn) {
  const { nodes, links } = drawn;
  const aside = h("div", { class: "details", "aria-live": "polite" });
  const box = h("div", { class: "graph" });
  const items = [...nodes, ...links];
  let chosen = null;

  const choose = (element, item) => {
    chosen?.classList.remove("chosen");
    chosen = element;
    chosen.classList.add("chosen");
    const close = () => {
      fill(aside);
      chosen.classList.remove("chosen");
      chosen.focus();
    };
    fill(aside, details(drawn, item, close));
  };
  const picture = () => fill(box, svg(nodes, links, items, choose, box.clientWidth || 700));
  // The width is known once it stands in the page, and changes when a phone is turned.
  let width = 0;
  new ResizeObserver(() => {
    if (Math.abs(box.clientWidth - width) > 20) {
      width = box.clientWidth;
      picture();
    }
  }).observe(box);

  return [
    h("p", { class: "dim" }, t("graph.help")),
    legend(nodes, links),
    h("div", { class: "graph-and-details" }, box, aside),
    drawn.nodes_left_out > 0 && h("p", { class: "more" }, t("graph.more_nodes", { n: drawn.nodes_left_out })),
    drawn.links_left_out > 0 && h("p", { class: "more" }, t("graph.more_links", { n: drawn.links_left_out })),
    links.length > 0 && h("details", {}, h("summary", {}, t("graph.table")), rows(nodes, links)),
  ];
}

const kind = (type) => Math.max(0, place(type)) % 8;

function legend(nodes, links) {
  const types = all().filter((type) => nodes.some((node) => node.type === type));
  const sample = (shape) => s("svg", { viewBox: "-10 -10 20 20", width: 18, height: 18, "aria-hidden": "true" }, shape);
  const line = (refused) => sample(s("line", { class: refused ? "link refused" : "link", x1: -10, x2: 10, y1: 0, y2: 0 }));
  return h(
    "ul",
    { class: "legend" },
    types.map((type) => h("li", {}, sample(shape(kind(type), 7, `k${kind(type)}`)), data(type))),
    h("li", {}, line(false), t("graph.holds")),
    links.some((link) => link.refused) && h("li", {}, line(true), t("graph.refused")),
    nodes.some((node) => !node.inside) && h("li", {}, sample(shape(0, 7, "k0 outside")), t("graph.outside")),
  );
}

function svg(nodes, links, items, choose, width) {
  const height = Math.round(Math.min(520, Math.max(300, width * 0.62)));
  const size = nodes.length > LABELLED * 2 ? SIZE.many : SIZE.few;
  const at = layout(nodes.length, links.map(({ a, b }) => [a, b]), width, height, size + 32);
  const name = ({ type, value }) => t("graph.node", { type, value });
  const elements = items.map((item, i) => {
    const isLink = i >= nodes.length;
    const [label, body] = isLink ? line(item, nodes, at, name) : node(item, at[i], size, nodes.length > LABELLED, name);
    const element = s("g", { role: "button", "aria-label": label, translate: "no", tabindex: i ? -1 : 0, class: isLink ? "line" : "node" }, body);
    element.addEventListener("click", () => choose(element, item));
    return element;
  });
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  const keys = (event) => {
    const i = elements.indexOf(document.activeElement);
    if (i < 0) return;
    if (event.key === "Enter" || event.key === " ") choose(elements[i], items[i]);
    else if (!(event.key in step)) return;
    else {
      const next = Math.max(0, Math.min(elements.length - 1, i + step[event.key]));
      elements[i].setAttribute("tabindex", -1);
      elements[next].setAttribute("tabindex", 0);
      elements[next].focus();
    }
    event.preventDefault();
  };
  return s(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": t("graph.label"), keydown: keys },
    elements.slice(nodes.length),
    elements.slice(0, nodes.length),
  );
}

function line({ a, b, refused }, nodes, at, name) {
  const ends = { x1: at[a][0], y1: at[a][1], x2: at[b][0], y2: at[b][1] };
  const label = t(refused ? "graph.line_refused" : "graph.line", { a: name(nodes[a]), b: name(nodes[b]) });
  // A line of a pixel and a half is hard to hit: a wide one that nobody sees takes the click.
  return [label, [s("title", {}, label), s("line", { class: refused ? "link refused" : "link", ...ends }), s("line", { class: "reach", ...ends })]];
}

function node(each, [x, y], size, crowded, name) {
  const short = each.value.length > LONGEST ? `${each.value.slice(0, LONGEST - 1)}…` : each.value;
  const look = `k${kind(each.type)}${each.inside ? "" : " outside"}`;
  const body = s("g", { transform: `translate(${x} ${y})` }, s("title", {}, name(each)), shape(kind(each.type), size, look),
    s("text", { y: size + 14, class: crowded ? "label crowded" : "label", translate: "no" }, short));
  return [name(each), body];
}

// Eight shapes, so that types differ for those, too, who see no colours.
function shape(kind, r, look) {
  if (kind === 0) return s("circle", { r, class: look });
  if (kind === 1) return s("rect", { x: -r * 0.9, y: -r * 0.9, width: r * 1.8, height: r * 1.8, class: look });
  const corners = [0, 0, 4, 3, 6, 5, 3, 8][kind];
  const turn = kind === 6 ? Math.PI : 0;
  const point = (i) => {
    const angle = turn - Math.PI / 2 + (i * 2 * Math.PI) / corners;
    return `${(r * 1.2 * Math.cos(angle)).toFixed(2)},${(r * 1.2 * Math.sin(angle)).toFixed(2)}`;
  };
  return s("polygon", { points: Array.from({ length: corners }, (_, i) => point(i)).join(" "), class: look });
}

const rows = (nodes, links) =>
  table(
    t("graph.table"),
    [t("graph.first"), t("graph.second"), t("graph.state"), t("link.first_seen"), t("link.last_seen")],
    links.map((link) => [
      identifier(nodes[link.a]),
      identifier(nodes[link.b]),
      link.refused ? [t("link.refused"), " ", data(link.refused)] : t("link.holds"),
      time(link.first_seen),
      time(link.last_seen),
    ]),
  );
