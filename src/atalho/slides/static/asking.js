// Questions by their seed: the same seed gives the same questions, another one others.
import { blocks, convolution, inception, powerAfter } from "./counting.js";

// Numbers from 0 to 1, from a seed (mulberry32).
export const generator = (seed) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const macs = (channels, filters, kernel, side) => convolution(channels, filters, kernel, [side, side]).macs;

const answers = {
  reduce: (n) => macs(n.channels, n.filters, 1, n.side),
  saving: (n) =>
    macs(n.channels, n.filters, 5, n.side) /
    (macs(n.channels, n.between, 1, n.side) + macs(n.between, n.filters, 5, n.side)),
  naive: (n) => inception([n.channels, 14, 14], [n.one, 1, n.three, 1, n.five, 1]).module.naive.channels,
  average: (n) => n.side ** 2,
  power: (n) => 1 / powerAfter(n.layers, 1),
  bottleneck: (n) => blocks(n.width).bottleneck,
  depth: (n) => 3 * (n.a + n.b + n.c + n.d) + 2,
  operations: (n) => n.weights * n.side ** 2,
};

export const answer = (kind, numbers) => answers[kind](numbers);

// A question of each kind: its numbers drawn from their ranges, [least, most, step], and the answer.
export const questions = (seed, kinds) => {
  const random = generator(seed);
  return Object.entries(kinds).map(([kind, { ranges }]) => {
    const numbers = Object.fromEntries(
      Object.entries(ranges).map(([name, [least, most, step]]) => [
        name,
        least + step * Math.floor(random() * (Math.floor((most - least) / step) + 1)),
      ]),
    );
    return { kind, numbers, answer: answer(kind, numbers) };
  });
};

// Whether a reader's number is the answer, within one part in a hundred.
export const right = (given, wanted) => Math.abs(given - wanted) <= 0.01 * Math.abs(wanted);

// A number as a reader types it, 1.234,5 or 1,234.5 or 1234.5, by the page's decimal separator; NaN where it is none.
export const typed = (text, separator) => {
  const other = separator === "," ? "." : ",";
  let plain = text.replace(/[\s\u00a0]/g, "");
  // The other separator groups thousands; one that cannot is a decimal point.
  const groups = new RegExp(`^-?\\d{1,3}(\\${other}\\d{3})+(\\${separator}\\d*)?$`);
  if (groups.test(plain)) plain = plain.split(other).join("");
  return plain === "" ? NaN : Number(plain.replace(separator, ".").replace(other, "."));
};
