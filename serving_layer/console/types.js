// The types of identifiers that the rules know, strongest first.
import { h } from "./dom.js";
import { t } from "./say.js";

let known = [];

export const learn = (health) => (known = health.types.map((each) => each.type));
export const all = () => known;
export const place = (type) => known.indexOf(type);

// A choice among them; with `any`, of none in particular as well.
export function chooser(any, chosen) {
  const options = known.map((type) => h("option", { value: type, translate: "no", selected: type === chosen }, type));
  return h("select", {}, any && h("option", { value: "" }, t("any")), options);
}
