// What networks cost, as the program's Python counts it; the tests compare the two on random inputs.

export const convolution = (channels, filters, kernel, [height, width]) => {
  const weights = channels * filters * kernel ** 2;
  return { weights, params: weights + filters, macs: weights * height * width };
};

const added = (...costs) => ({
  weights: costs.reduce((sum, cost) => sum + cost.weights, 0),
  params: costs.reduce((sum, cost) => sum + cost.params, 0),
  macs: costs.reduce((sum, cost) => sum + cost.macs, 0),
});

const NOTHING = { weights: 0, params: 0, macs: 0 };

// An Inception module for an input of [C, H, W]; filters as Table 1's columns: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool.
export const inception = ([channels, ...map], [one, reduce3, three, reduce5, five, pool]) => {
  const from = (depth, filters, kernel) => convolution(depth, filters, kernel, map);
  const through = (narrow, filters, kernel) =>
    added(from(channels, narrow, 1), from(narrow, filters, kernel));
  const branches = [
    { reduced: { channels: one, ...from(channels, one, 1) }, naive: { channels: one, ...from(channels, one, 1) } },
    { reduced: { channels: three, ...through(reduce3, three, 3) }, naive: { channels: three, ...from(channels, three, 3) } },
    { reduced: { channels: five, ...through(reduce5, five, 5) }, naive: { channels: five, ...from(channels, five, 5) } },
    { reduced: { channels: pool, ...from(channels, pool, 1) }, naive: { channels, ...NOTHING } },
  ];
  const whole = (kind) => ({
    channels: branches.reduce((sum, branch) => sum + branch[kind].channels, 0),
    ...added(...branches.map((branch) => branch[kind])),
  });
  return { branches, module: { reduced: whole("reduced"), naive: whole("naive") } };
};

// A row's weights as terms: which convolution, its factors, and the biases that it would have.
export const terms = (row, channels, separable) => {
  const term = (part, factors, biases) => ({ part, factors, biases, weights: factors.reduce((a, b) => a * b) });
  const f = row.filters;
  switch (row.kind) {
    case "conv1":
      return separable
        ? [term("depthwise", [7, 7, 3, 8], 0), term("pointwise", [3 * 8, f[0]], f[0])]
        : [term("7×7", [7, 7, 3, f[0]], f[0])];
    case "conv2":
      return [term("1×1", [channels, f[0]], f[0]), term("3×3", [3, 3, f[0], f[1]], f[1])];
    case "linear":
      return [term("linear", [channels, f[0]], f[0])];
    default:
      return [
        term("#1×1", [channels, f[0]], f[0]),
        term("#3×3 reduce", [channels, f[1]], f[1]),
        term("#3×3", [3, 3, f[1], f[2]], f[2]),
        term("#5×5 reduce", [channels, f[3]], f[3]),
        term("#5×5", [5, 5, f[3], f[4]], f[4]),
        term("pool proj", [channels, f[5]], f[5]),
      ];
  }
};

export const leaving = (row) => {
  const f = row.filters;
  return row.kind === "inception" ? f[0] + f[2] + f[4] + f[5] : f[f.length - 1];
};

// Table 1 from its filters: each row with the channels that enter it, its terms, weights, biases and multiply-accumulates.
export const sheet = (rows, separable) => {
  let channels = 3;
  return rows.map((row) => {
    const parts = terms(row, channels, separable);
    const weights = parts.reduce((sum, part) => sum + part.weights, 0);
    const line = {
      channels,
      terms: parts,
      weights,
      params: weights + parts.reduce((sum, part) => sum + part.biases, 0),
      macs: weights * row.side ** 2,
    };
    channels = leaving(row);
    return line;
  });
};

// Whether a number, rounded or cut off at the printed precision, is the printed one.
export const agrees = (printed, value, truncation = true) => {
  const digits = (text, places) => {
    const [whole, part = ""] = text.split(".");
    return [BigInt(whole + part.slice(0, places).padEnd(places, "0")), part.slice(places)];
  };
  const places = (String(printed).split(".")[1] ?? "").length;
  const [wanted] = digits(String(printed), places);
  const [kept, rest] = digits(String(value), places);
  if (truncation && kept === wanted) return true;
  const half = rest.padEnd(1, "0");
  const tie = /^50*$/.test(half);
  const up = half[0] >= "5";
  if (tie) return kept === wanted ? kept % 2n === 0n : kept + 1n === wanted;
  return (up ? kept + 1n : kept) === wanted;
};

// Blocks at the width of their 3×3 convolutions; weights of convolutions alone.
export const blocks = (width) => ({
  basic: 2 * 9 * width ** 2,
  bottleneck: 4 * width ** 2 + 9 * width ** 2 + 4 * width ** 2,
  wide: 2 * 9 * (4 * width) ** 2,
  projected: 17 * width ** 2 + (4 * width) ** 2,
});

// E[x²] after so many layers with ReLU, for weights of variance gain / fan_in.
export const powerAfter = (layers, gain) => (gain / 2) ** layers;

// The rate after a step: multiplied by the factor at each milestone.
export const rate = (step, { lr, factor, milestones }) =>
  lr * factor ** milestones.filter((milestone) => step >= milestone).length;
