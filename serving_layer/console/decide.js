// A steward's decision, and waiting until answers obey it.
import { decide, lookup } from "./api.js";
import { data, field, fill, h } from "./dom.js";
import { t } from "./say.js";

const PATIENCE_MS = 30_000;
const EVERY_MS = 300;

export function decision(a, b, signal, done) {
  const why = h("textarea", { required: true, rows: 2, maxlength: 1000 });
  const state = h("p", { role: "status" });
  const buttons = [["must_link", "link"], ["cannot_link", "unlink"], ["undo", "undo"]].map(([verdict, name]) =>
    h("button", { type: "submit", value: verdict, class: verdict === "undo" ? "plain" : null }, t(`decide.${name}`)),
  );
  const submit = async (event) => {
    event.preventDefault();
    if (!why.value.trim()) {
      fill(state, t("decide.missing"));
      return why.focus();
    }
    buttons.forEach((button) => (button.disabled = true));
    try {
      const { offset } = await decide(event.submitter.value, a, b, why.value.trim());
      fill(state, t("decide.sent"));
      const obeyed = await inForce(a, offset, signal);
      if (obeyed) await done();
      if (!signal.aborted) tell(t(obeyed ? "decide.done" : "decide.late"));
    } catch (error) {
      fill(state, data(error.message, "span", { class: "problem" }));
    } finally {
      buttons.forEach((button) => (button.disabled = false));
    }
  };
  // The form is made anew with the new answer; what became of the old one is said in the new.
  const tell = (text) => fill(document.querySelector("form.decide [role=status]") ?? state, text);
  return h(
    "form",
    { class: "card decide", submit, novalidate: true },
    h("h2", {}, t("decide.title")),
    h("p", { class: "dim" }, t("decide.lead")),
    field(t("decide.reason"), why),
    h("div", { class: "buttons" }, buttons),
    state,
  );
}

// Whether answers rest on what lies behind the decision in the log, within some patience.
async function inForce(about, offset, signal) {
  const end = Date.now() + PATIENCE_MS;
  const [[partition, place]] = Object.entries(offset);
  while (Date.now() < end && !signal.aborted) {
    const { offsets } = await lookup([about]);
    if ((offsets[partition] ?? 0) > place) return true;
    await new Promise((wake) => setTimeout(wake, EVERY_MS));
  }
  return false;
}
