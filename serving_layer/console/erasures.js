// Erasures by four eyes: one asks, another approves.
import { approve, askErasure, reject, waiting } from "./api.js";
import { data, facts, field, fill, h, identifier, time } from "./dom.js";
import { progress } from "./progress.js";
import { t } from "./say.js";
import { chooser } from "./types.js";

export function erasures(signal) {
  const type = chooser(false);
  const value = h("input", { type: "text", required: true, "data-focus": true, autocomplete: "off", spellcheck: "false" });
  const why = h("textarea", { required: true, rows: 2, maxlength: 1000 });
  const only = h("input", { type: "checkbox", id: "only" });
  const state = h("div", { role: "status" });
  const far = progress(signal);
  const list = h("div", {}, h("p", {}, t("loading")));
  const failed = (error) => fill(state, data(error.message, "p", { class: "problem" }));
  const load = async () => {
    try {
      const { requests } = await waiting();
      if (!signal.aborted) fill(list, requests.length ? h("ul", { class: "bare" }, requests.map(one)) : h("p", {}, t("none")));
    } catch (error) {
      fill(list, data(error.message, "p", { class: "problem", role: "alert" }));
    }
  };
  // What is done, what it says of it, and then the list as it is.
  const act = (does, says) => async (event) => {
    event.preventDefault();
    const button = event.submitter ?? event.currentTarget;
    button.disabled = true;
    try {
      fill(state, says(await does()));
      await load();
      if (!signal.aborted) state.scrollIntoView({ block: "nearest" });
    } catch (error) {
      failed(error);
    } finally {
      button.disabled = false;
    }
  };
  const one = ({ request, at, by, own, identifier: whom, only: alone, why: reason }) =>
    h(
      "li",
      { class: "card" },
      h("h3", {}, identifier(whom)),
      facts([
        [t("erasures.what"), t(alone ? "erasures.alone" : "erasures.customer")],
        [t("erasures.by"), data(by), ", ", time(at)],
        [t("erasures.why"), data(reason)],
      ]),
      own && h("p", { class: "dim" }, t("erasures.own")),
      h("div", { class: "buttons" }, [
        own ? null : h("button", { type: "button", click: act(() => approve(request), sent(far)) }, t("erasures.approve")),
        h("button", { type: "button", class: "plain", click: act(() => reject(request), dropped) }, t(own ? "erasures.back" : "erasures.reject")),
      ]),
    );
  const submit = act(
    () => askErasure(type.value, value.value.trim(), why.value.trim(), only.checked),
    () => {
      value.value = why.value = "";
      only.checked = false;
      return h("p", {}, t("erasures.asked"));
    },
  );
  load();
  return h(
    "section",
    {},
    h("h1", {}, t("erasures.title")),
    h("p", {}, t("erasures.lead")),
    h(
      "form",
      { class: "card", submit },
      h("h2", {}, t("erasures.ask")),
      field(t("find.type"), type),
      field(t("compare.value"), value),
      h("p", {}, only, " ", h("label", { for: "only" }, t("erasures.only"))),
      field(t("erasures.why"), why),
      h("button", { type: "submit" }, t("erasures.go")),
    ),
    state,
    h("section", { class: "card" }, h("h2", {}, t("erasures.waiting")), list),
    far.section,
  );
}

const sent = (far) => ({ receipt }) => {
  far.show(receipt);
  return h("p", {}, t("erasures.sent"), " ", data(receipt, "code"));
};
const dropped = () => h("p", {}, t("erasures.dropped"));
