// How far an erasure has come: which stores have forgotten, and what the others wait for.
import { receipt as progressOf } from "./api.js";
import { data, field, fill, h, table, time } from "./dom.js";
import { t } from "./say.js";

// The section, and what shows a receipt in it.
export function progress(signal) {
  const id = h("input", { type: "text", required: true, autocomplete: "off", spellcheck: "false" });
  const found = h("div", { "aria-live": "polite" });
  const show = async (receipt) => {
    id.value = receipt;
    fill(found, h("p", {}, t("loading")));
    try {
      const { stores } = await progressOf(receipt);
      if (!signal.aborted) fill(found, drawn(stores));
    } catch (error) {
      fill(found, data(error.message, "p", { class: "problem" }));
    }
  };
  const submit = (event) => (event.preventDefault(), show(id.value.trim()));
  const section = h(
    "section",
    { class: "card" },
    h("h2", {}, t("progress.title")),
    h("form", { submit }, field(t("progress.receipt"), id), h("button", { type: "submit" }, t("progress.go"))),
    found,
  );
  return { section, show };
}

const drawn = (stores) => [
  h("p", {}, t("progress.so_far", { n: stores.filter((store) => store.done).length, all: stores.length })),
  table(t("progress.title"), ["store", "state", "waits", "until"].map((name) => t(`progress.${name}`)), stores.map(row)),
];

const row = ({ store, done, at, until, waits_for: waits }) => [
  data(store),
  [t(done ? "progress.done" : "progress.open"), at && [" ", time(at)]],
  waits ? data(waits) : "",
  until && !done ? time(until) : "",
];
