// What happened to a customer, latest first.
import { data, h, time } from "./dom.js";
import { has, t } from "./say.js";

const SHOWN = 8;

export function timeline(changes) {
  if (!changes.length) return h("p", { class: "dim" }, t("timeline.none"));
  const latest = [...changes].reverse();
  const rest = latest.slice(SHOWN);
  return [
    h("ol", { class: "timeline" }, latest.slice(0, SHOWN).map(entry)),
    rest.length > 0 &&
      h("details", {}, h("summary", {}, t("timeline.all", { n: rest.length })), h("ol", { class: "timeline" }, rest.map(entry))),
  ];
}

function entry(change) {
  const kind = `timeline.${change.kind}`;
  return h(
    "li",
    { class: change.kind },
    h("strong", {}, has(kind) ? t(kind) : data(change.kind)),
    " ",
    time(change.at),
    change.previous.length > 0 &&
      h("div", {}, t("timeline.from"), " ", change.previous.map((id) => [data(id, "code"), " "])),
    change.identifiers > 0 && h("div", {}, t("timeline.came", { n: change.identifiers })),
    change.cause && source(change.cause),
  );
}

// The message of the log that made a change.
export const source = (cause) =>
  h("div", { class: "dim" }, t("link.message", { ...cause, offset: String(cause.offset) }), ", ", t("link.event"), " ", data(cause.event_id));
