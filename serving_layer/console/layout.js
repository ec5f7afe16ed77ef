// Where to draw the identifiers of a graph: forces, after Fruchterman and Reingold (1991). The same graph is
// always drawn the same: it begins on a spiral, and nothing is left to chance.

const STEPS = 160;
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

// Places [x, y] of `count` nodes within width and height, `links` being pairs of their numbers.
export function layout(count, links, width, height, margin) {
  const at = Array.from({ length: count }, (_, i) => {
    const radius = Math.sqrt((i + 0.5) / count) / 2;
    return [radius * Math.cos(i * GOLDEN), radius * Math.sin(i * GOLDEN)];
  });
  const ideal = 0.9 / Math.sqrt(count);
  for (let step = 0; step < STEPS; step++) {
    const moves = at.map(([x, y]) => [-x * 0.06, -y * 0.06]);
    const push = (i, j, strength) => {
      const dx = at[i][0] - at[j][0] || 1e-6 * (i - j);
      const dy = at[i][1] - at[j][1] || 1e-6;
      const distance = Math.hypot(dx, dy);
      const force = strength(distance) / distance;
      moves[i][0] += dx * force;
      moves[i][1] += dy * force;
      moves[j][0] -= dx * force;
      moves[j][1] -= dy * force;
    };
    for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) push(i, j, (d) => (ideal * ideal) / Math.max(d, 1e-3));
    for (const [i, j] of links) if (i !== j) push(i, j, (d) => -(d * d) / ideal);
    const most = 0.12 * (1 - step / STEPS) + 0.002;
    moves.forEach(([dx, dy], i) => {
      const length = Math.hypot(dx, dy);
      const scale = length > most ? most / length : 1;
      at[i][0] += dx * scale;
      at[i][1] += dy * scale;
    });
  }
  return fitted(at, width, height, margin);
}

function fitted(at, width, height, margin) {
  const span = (axis, size) => {
    const values = at.map((each) => each[axis]);
    const least = Math.min(...values);
    const extent = Math.max(...values) - least;
    return (value) => (extent < 1e-6 ? size / 2 : margin + ((value - least) / extent) * (size - 2 * margin));
  };
  const x = span(0, width);
  const y = span(1, height);
  return at.map((each) => [x(each[0]), y(each[1])]);
}
