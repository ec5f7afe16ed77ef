// The console: signs in, and shows the part that the address names after its #.
import { health, key } from "./api.js";
import { compare } from "./compare.js";
import { consents } from "./consents.js";
import { customer } from "./customer.js";
import { data, field, fill, h } from "./dom.js";
import { erasures } from "./erasures.js";
import { find } from "./find.js";
import { healthy } from "./health.js";
import { outcomes } from "./outcomes.js";
import { t } from "./say.js";
import { segments } from "./segments.js";
import { sources } from "./sources.js";
import { trial } from "./trial.js";
import { learn } from "./types.js";

const PARTS = { find, compare, consents, segments, outcomes, erasures, sources, health: healthy, trial };

const main = h("main", { id: "main", tabindex: "-1" });
const nav = h("nav", { "aria-label": t("nav.label") });
const leave = h("button", { type: "button", class: "plain", click: () => signOut() }, t("leave"));
let over = new AbortController();

function show(build, name) {
  // What the part before began, it ends.
  over.abort();
  over = new AbortController();
  const page = build(over.signal);
  fill(main, page);
  const title = page.querySelector("h1");
  document.title = `${title.textContent} · ${t("brand")}`;
  fill(
    nav,
    key.get() &&
      Object.keys(PARTS).map((part) =>
        h("a", { href: `#/${part}`, "aria-current": part === name ? "page" : null, click: again }, t(`nav.${part}`)),
      ),
  );
  leave.hidden = !key.get();
  title.tabIndex = -1;
  (page.querySelector("[data-focus]") ?? title).focus({ preventScroll: true });
  scrollTo(0, 0);
}

function route() {
  if (!key.get()) return show(() => signIn());
  const [, part, id] = location.hash.split("/");
  if (part === "customer" && id) return show((signal) => customer(decodeURIComponent(id), signal), "find");
  show(PARTS[part] ?? find, PARTS[part] ? part : "find");
}

// Who chooses the part where he is begins it anew.
const again = (event) => event.currentTarget.hash === location.hash && route();

function signIn(told) {
  const secret = h("input", {
    type: "password",
    autocomplete: "off",
    required: true,
    "data-focus": true,
    spellcheck: "false",
    "aria-describedby": "kept",
  });
  const problem = h("p", { role: "alert", class: "problem" }, told ?? "");
  const submit = async (event) => {
    event.preventDefault();
    key.set(secret.value.trim());
    try {
      learn(await health());
      route();
    } catch (error) {
      key.forget();
      fill(problem, error.status === 403 ? t("key.scope") : error.message);
      secret.select();
    }
  };
  return h(
    "form",
    { class: "narrow card", submit },
    h("h1", {}, t("key.title")),
    h("p", {}, t("key.lead")),
    field(t("key.label"), secret),
    h("p", { class: "dim", id: "kept" }, t("key.kept")),
    problem,
    h("button", { type: "submit" }, t("key.go")),
  );
}

function signOut(told) {
  key.forget();
  show(() => signIn(told));
}

document.body.append(
  h("a", { class: "skip", href: "#main", click: (event) => (event.preventDefault(), main.focus()) }, t("skip")),
  h("header", {}, data(t("brand"), "a", { href: "#/find", class: "brand" }), nav, leave),
  main,
);
addEventListener("hashchange", route);
addEventListener("signed-out", () => main.querySelector("input[type=password]") ?? signOut(t("key.wrong")));
if (key.get()) {
  // A tab that was loaded again knows its key, and not the types yet.
  health().then(learn, () => {}).then(route);
} else route();
