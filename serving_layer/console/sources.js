// The catalogue: which source feeds what, how fresh, how much of it is rejected, and how personal it is.
import { catalogue } from "./api.js";
import { data, fill, h, table, time } from "./dom.js";
import { figure, t } from "./say.js";

export function sources(signal) {
  const body = h("div", {}, h("p", {}, t("loading")));
  catalogue().then(
    (told) => signal.aborted || fill(body, drawn(told)),
    (error) => fill(body, data(error.message, "p", { class: "problem", role: "alert" })),
  );
  return h("section", {}, h("h1", {}, t("sources.title")), h("p", {}, t("sources.lead")), body);
}

const drawn = ({ sources: all, unreadable, generation, counted_at: at }) => [
  h("p", { class: "dim" }, t("customer.generation", { n: generation }), at && [", ", t("segments.counted"), " ", time(at)]),
  Object.entries(unreadable).map(([name, n]) => h("p", { class: "notice" }, t("sources.unreadable", { name, n }))),
  all.length ? all.map(card) : h("p", {}, t("sources.none")),
];

function card(source) {
  const fed = [...source.identifiers.map((each) => row("identifier", each)), ...source.attributes.map((each) => row("attribute", each))];
  return h(
    "section",
    { class: "card" },
    h("h2", {}, data(source.name), ": ", t(`sources.way.${source.way}`)),
    h("div", { class: "tiles" }, [
      tile(data(figure(source.accepted), "b"), "accepted"),
      tile(data(figure(source.rejected), "b", { class: source.rejected ? "problem" : null }), "rejected"),
      tile(h("b", {}, time(source.newest)), "newest"),
      tile(h("b", {}, time(source.taken_in)), "taken_in"),
    ]),
    fed.length > 0 && table(t("sources.of", { name: source.name }), ["feeds", "kind", "used", "personal", "accepted", "rejected", "newest", "taken_in"].map((name) => t(`sources.${name}`)), fed),
  );
}

const tile = (value, name) => h("div", {}, value, h("span", { class: "dim" }, t(`sources.${name}`)));

const row = (kind, each) => [
  data(each.name),
  t(`sources.${kind}`),
  uses(each.used),
  [t(`sources.class.${each.personal}`), each.assumed && h("span", { class: "dim" }, " (", t("sources.assumed"), ")")],
  data(figure(each.accepted)),
  data(figure(each.rejected)),
  time(each.newest),
  time(each.taken_in),
];

const uses = (used) => (used.length ? used : ["none"]).map((use, i) => [i > 0 && ", ", t(`sources.use.${use.replace(" ", "_")}`)]);
