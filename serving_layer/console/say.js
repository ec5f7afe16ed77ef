// Texts by their names, numbers and times as people read them.
import { texts } from "./texts.js";

const LANGUAGE = document.documentElement.lang;
const plural = new Intl.PluralRules(LANGUAGE);
const figures = new Intl.NumberFormat(LANGUAGE);
const percents = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 1 });
const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

// The text of that name, with what stands in braces filled in. An unknown name is a fault of ours.
export function t(name, values = {}) {
  let text = name.split(".").reduce((part, step) => part?.[step], texts);
  if (typeof text === "object") text = text[plural.select(values.n)] ?? text.other;
  if (typeof text !== "string") throw new Error(name);
  const filled = text.replace(/\{(\w+)\}/g, (_, key) => (typeof values[key] === "number" ? figure(values[key]) : values[key]));
  return filled;
}

// Whether there is a text of that name.
export const has = (name) => name.split(".").reduce((part, step) => part?.[step], texts) !== undefined;

export const figure = (number) => figures.format(number);
export const percent = (share) => percents.format(share);
export const moment = (text) => moments.format(new Date(text));
