// How the stream and the batch do.
import { health } from "./api.js";
import { data, fill, h, time } from "./dom.js";
import { bars, lines } from "./plot.js";
import { figure, percent, t } from "./say.js";

const EVERY_MS = 2_000;
const KEPT = 300;

export function healthy(signal) {
  const stream = h("div", {}, h("p", {}, t("loading")));
  const batch = h("div", {});
  const behind = [];
  let shown = null;
  const look = async () => {
    try {
      const told = await health();
      behind.push(told.stream.behind ?? 0);
      if (behind.length > KEPT) behind.shift();
      fill(stream, ofStream(told, behind));
      // A report stays as it is until the next run: what somebody reads does not move.
      if (shown !== told.batch.generation) fill(batch, ofBatch(told.batch));
      shown = told.batch.generation;
    } catch (error) {
      fill(stream, data(error.message, "p", { class: "problem", role: "alert" }));
    }
    if (!signal.aborted) setTimeout(() => signal.aborted || look(), EVERY_MS);
  };
  look();
  return h(
    "section",
    {},
    h("h1", {}, t("health.title")),
    h("section", { class: "card" }, h("h2", {}, t("health.stream")), stream),
    h("section", { class: "card" }, h("h2", {}, t("health.batch")), batch),
  );
}

const tile = (value, name) => h("div", {}, value, h("span", { class: "dim" }, name));
const number = (value) => (value == null ? h("b", {}, t("unknown")) : data(figure(value), "b"));

const ofStream = ({ stream }, behind) => [
  h(
    "div",
    { class: "tiles" },
    tile(number(stream.behind), t("health.behind")),
    tile(h("b", {}, stream.through ? time(stream.through) : t("unknown")), t("health.through")),
    tile(h("b", { class: stream.stale ? "problem" : null }, t(stream.stale ? "yes" : "no")), t("health.stale")),
    tile(number(stream.generation), t("health.generation")),
  ),
  lines(t("health.behind_now"), [{ name: t("health.behind_now"), values: behind }], t("health.most", { n: Math.max(...behind) }), ""),
];

function ofBatch({ report }) {
  if (!report) return h("p", {}, t("health.none"));
  const { generation, movement, parity } = report;
  const identifiers = report.customers.reduce((sum, size) => sum + size.identifiers, 0);
  const runs = [...report.past, { generation, customers: movement.after, identifiers }];
  const counted = (rows) => bars(rows.map((row) => ({ label: `${row.type}: ${row.reason}`, value: row.count })));
  return [
    h("p", { class: "dim" }, t("health.at", { n: generation }), " ", time(report.at)),
    h("div", { class: "tiles" }, [
      [movement.after, "customers"], [identifiers, "identifiers"], [movement.made, "made"], [movement.merged, "merged"],
      [movement.split, "split"], [movement.lost, "lost"], [report.messages, "messages"], [report.rejects, "rejects"],
    ].map(([value, name]) => tile(number(value), t(`health.${name}`)))),
    h("h3", {}, t("health.parity")),
    verdict(parity),
    h("div", { class: "pair" }, [
      plot("sizes", report.customers, (rows) => bars(rows.map((row) => ({ label: row.least === row.most ? row.least : `${row.least}–${row.most}`, value: row.count })))),
      runs.length > 1 && plot("runs", runs, (rows) => lines(t("health.runs"), [
        { name: t("health.customers"), values: rows.map((run) => run.customers) },
        { name: t("health.identifiers"), values: rows.map((run) => run.identifiers) },
      ], t("health.from", { from: rows[0].generation }), t("health.to", { to: generation }))),
      plot("certainty", report.certainty, (rows) => bars(rows.map((row) => ({ label: `${row.type} (${percent(row.certainty)})`, value: row.identifiers })))),
      plot("refused", report.refused, counted),
      plot("quarantined", report.quarantined, counted),
      plot("phases", report.phases, (rows) => bars(rows.map((row) => ({ label: row.name, value: row.seconds, text: row.seconds.toFixed(1) })))),
    ]),
  ];
}

const plot = (name, rows, draw) => h("section", {}, h("h3", {}, t(`health.${name}`)), rows.length ? draw(rows) : h("p", { class: "dim" }, t("none")));

function verdict(parity) {
  if (parity.why) return h("p", {}, t("health.parity_none"), ": ", data(parity.why));
  const { compared: n, differing, causes } = parity;
  const unexplained = causes.unexplained ?? 0;
  const said = parity.said_causes?.unexplained ?? 0;
  if (said) return h("p", { class: "problem" }, t("health.parity_said", { n: said }));
  const name = unexplained ? "wrong" : differing ? "known" : "right";
  return h("p", { class: unexplained ? "problem" : null }, t(`health.parity_${name}`, { n, differing, unexplained }));
}
