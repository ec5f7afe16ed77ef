// The server, asked as any program asks it. The key stays in this tab, and is in no URL.
import { t } from "./say.js";

const PLACE = "ucid-key";

export const key = {
  get: () => sessionStorage.getItem(PLACE),
  set: (secret) => sessionStorage.setItem(PLACE, secret),
  forget: () => sessionStorage.removeItem(PLACE),
};

// An answer that is none: its status, 0 where nobody answered, and what to tell.
export class Failure extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(`../${path}`, {
      method,
      headers: { authorization: `Bearer ${key.get()}` },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
    });
  } catch {
    throw new Failure(0, t("fail.away"));
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  if (answer.status === 401) {
    key.forget();
    dispatchEvent(new Event("signed-out"));
    throw new Failure(401, t("key.wrong"));
  }
  if (answer.status === 403) throw new Failure(403, t("fail.scope", told));
  throw new Failure(answer.status, told.error ?? t("fail.away"));
}

const of = (id) => `v1/customers/${encodeURIComponent(id)}`;

export const lookup = (identifiers) => ask("POST", "v1/lookup", { identifiers });
export const customer = (id) => ask("GET", of(id));
export const graph = (id) => ask("GET", `${of(id)}/graph`);
export const history = (id) => ask("GET", `${of(id)}/history`);
export const statements = (id) => ask("POST", "v1/permissions/history", { customer: id });
export const explain = (a, b) => ask("POST", "v1/explain", { a, b });
export const source = (a, b, at) => ask("POST", "v1/source", { a, b, at });
export const decide = (verdict, a, b, why) => ask("POST", "v1/decisions", { verdict, a, b, why });
export const health = () => ask("GET", "v1/health");
export const simulate = (rules, events) => ask("POST", "v1/simulate", { rules, events });
export const permitted = (about, who) => ask("POST", "v1/permissions/check", { ...about, identifiers: [who] });
export const catalogue = () => ask("GET", "v1/catalogue");
export const segments = () => ask("GET", "v1/segments");
export const campaigns = () => ask("GET", "v1/campaigns");
export const waiting = () => ask("GET", "v1/erasures/waiting");
export const askErasure = (type, value, why, only) => ask("POST", "v1/erasures/requests", { type, value, why, only });
export const approve = (request) => ask("POST", "v1/erasures/requests/approve", { request });
export const reject = (request) => ask("POST", "v1/erasures/requests/reject", { request });
export const receipt = (receipt) => ask("POST", "v1/erasures/requests/receipt", { receipt });
export const rules = () => ask("GET", "v1/rules");
