import { $, data, element, number, say, short } from "./dom.js";
import { questions, right, typed } from "./asking.js";

const fill = (message, numbers, answer) =>
  message.replace(/\{(\w+)(?::[^}]*)?\}/g, (_, name) => {
    const value = name === "answer" ? answer : numbers[name];
    return Number.isInteger(value) ? number(value) : short(value);
  });

const separator = (1.5).toLocaleString(document.documentElement.lang)[1];

const score = new Map();
const tell = () => {
  $("#score").textContent = say("score", { right: [...score.values()].filter(Boolean).length, of: score.size });
};

const card = ({ kind, numbers, answer }, index) => {
  const field = element("input", { type: "text", inputmode: "decimal", class: "number-field", id: `answer-${index}`, autocomplete: "off" });
  const said = element("p", { "aria-live": "polite" });
  const form = element(
    "form", {},
    element("p", {}, element("label", { for: field.id }, `${index + 1}. ${fill(data.ask[kind], numbers, answer)}`)),
    element("p", { class: "answering" }, field, element("button", { type: "submit", class: "act" }, say("reveal"))),
    said,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const correct = right(typed(field.value, separator), answer);
    if (!score.has(index)) score.set(index, correct);
    const verdict = field.value.trim() === "" ? "" : say(correct ? "right" : "wrong");
    said.textContent = `${verdict} ${fill(data.why[kind], numbers, answer)} (${data.kinds[kind].claim})`.trim();
    tell();
  });
  return element("li", { class: "claim" }, form);
};

const seed = $("#seed");
const set = () => {
  score.clear();
  $("#exam").replaceChildren(...questions(Number(seed.value) || 0, data.kinds).map(card));
  tell();
};
seed.value = 1 + Math.floor(Math.random() * 9999);
seed.addEventListener("change", set);
$("#another").addEventListener("click", () => {
  seed.value = 1 + Math.floor(Math.random() * 9999);
  set();
});
$("#printed").hidden = true;
set();
