// Plots: bars that lie, and lines. Figures stand beside them, for whoever reads rather than looks.
import { data, h, s } from "./dom.js";
import { figure } from "./say.js";

const WIDTH = 600;
const HEIGHT = 160;

// Rows of {label, value, note}: a bar each, as long as its value is of the largest.
export function bars(rows) {
  const most = Math.max(...rows.map((row) => row.value), 1e-9);
  return h(
    "ul",
    { class: "bars", translate: "no" },
    rows.map((row) =>
      h(
        "li",
        {},
        h("span", { class: "name" }, row.label),
        h("span", { class: "figure" }, row.text ?? figure(row.value)),
        s("svg", { width: "100%", height: 8, "aria-hidden": "true" }, s("rect", { class: "bar", width: `${(100 * row.value) / most}%`, height: 8, rx: 2 })),
      ),
    ),
  );
}

// Series of {name, values}, each drawn from 0 to its own most; `label` says what is drawn.
export function lines(label, series, from, to) {
  const x = (i, n) => (n > 1 ? (i / (n - 1)) * WIDTH : WIDTH);
  const drawn = series.map(({ values }, k) => {
    const most = Math.max(...values, 1);
    const points = values.map((value, i) => `${x(i, values.length).toFixed(1)},${(HEIGHT - 4 - (value / most) * (HEIGHT - 12)).toFixed(1)}`);
    return s("polyline", { class: `series s${k}`, points: points.join(" ") });
  });
  const axis = s("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT - 2, y2: HEIGHT - 2 });
  return h(
    "figure",
    {},
    s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, preserveAspectRatio: "none" }, axis, drawn),
    h("figcaption", {}, h("span", {}, from), h("span", { class: "names" }, series.map(({ name, values }, k) =>
      h("span", { class: `name s${k}` }, data(figure(values.at(-1) ?? 0), "b"), " ", name))), h("span", {}, to)),
  );
}
