// What every station's script needs of the page: its data, its language, and elements.
export const data = JSON.parse(document.querySelector("#data").textContent);
const language = document.documentElement.lang;

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

export const number = (value, digits = 0) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

// As many digits as say something: 112.9, 5.27, 0.031, 3.4 · 10⁻¹¹.
export const short = (value) => {
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e15)) {
    const [mantissa, exponent] = value.toExponential(1).split("e");
    const raised = String(Number(exponent)).replace(/./g, (digit) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)]);
    return `${number(Number(mantissa), 1)} · 10${raised}`;
  }
  return value.toLocaleString(language, { maximumSignificantDigits: 4 });
};

// A message of the page with its placeholders filled; always shown as text.
export const say = (key, values = {}) =>
  data.words[key].replace(/\{(\w+)(?::[^}]*)?\}/g, (_, name) => values[name]);

export const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

export const shape = (name, attributes = {}, text = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
};

// A slider and a number that show one value; `changed` is called with it.
export const paired = (slider, field, changed) => {
  const follow = (from, to) => () => {
    const low = Number(from.min), high = Number(from.max);
    const value = Math.min(high, Math.max(low, Math.round(Number(from.value)) || low));
    to.value = value;
    if (from === slider) from.value = value;
    changed(value);
  };
  slider.addEventListener("input", follow(slider, field));
  field.addEventListener("input", follow(field, slider));
  field.addEventListener("change", () => { field.value = slider.value; });
};

for (const live of $$(".live")) live.hidden = false;
