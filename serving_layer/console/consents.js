// May this be done with a customer? Asked as programs ask, at this moment.
import { permitted } from "./api.js";
import { data, facts, field, fill, h, time } from "./dom.js";
import { t } from "./say.js";
import { chooser } from "./types.js";

export function consents(signal) {
  const type = chooser(false);
  const text = (required) => h("input", { type: "text", required, autocomplete: "off", spellcheck: "false" });
  const value = text(true);
  value.setAttribute("data-focus", "");
  const [purpose, channel, brand, locale] = [text(true), text(false), text(false), text(false)];
  const found = h("div", { "aria-live": "polite" });
  const submit = async (event) => {
    event.preventDefault();
    fill(found, h("p", {}, t("loading")));
    try {
      const about = { purpose: purpose.value, channel: channel.value, brand: brand.value, locale: locale.value };
      const told = await permitted(about, { type: type.value, value: value.value.trim() });
      if (!signal.aborted) fill(found, answer(told.results[0]));
    } catch (error) {
      fill(found, data(error.message, "p", { class: "problem" }));
    }
  };
  return h(
    "section",
    {},
    h("h1", {}, t("consents.title")),
    h("p", {}, t("consents.lead")),
    h(
      "form",
      { class: "card", submit },
      h("div", { class: "pair" }, [
        h("div", {}, field(t("find.type"), type), field(t("compare.value"), value), field(t("consents.purpose"), purpose)),
        h("div", {}, field(t("consents.channel"), channel), field(t("consents.brand"), brand), field(t("consents.locale"), locale)),
      ]),
      h("button", { type: "submit" }, t("consents.go")),
    ),
    found,
  );
}

const answer = ({ customer_id: id, status, reason, until }) =>
  h(
    "section",
    { class: "card" },
    h("h2", { class: status === "allowed" ? null : "problem" }, t(`consents.${status}`)),
    facts([
      [t("consents.reason"), data(reason)],
      until && [t(reason === "not_yet" ? "consents.from" : "consents.until"), time(until)],
      id && [t("customer.title"), h("a", { href: `#/customer/${encodeURIComponent(id)}` }, data(id, "code"))],
    ]),
  );
