import { $, data, element, number, say } from "./dom.js";

const network = $("#network"), row = $("#row"), bet = $("#bet");

const rows = () => {
  row.replaceChildren(...Object.keys(data.networks[network.value]).map((name) => element("option", {}, name)));
  $("#whole").textContent = say("whole", { network: network.value, whole: number(data.whole[network.value], 1) });
  $("#revealed").textContent = say("waiting");
};
network.addEventListener("change", rows);
row.addEventListener("change", () => { $("#revealed").textContent = say("waiting"); });
bet.addEventListener("input", () => { bet.nextElementSibling.value = `${bet.value} %`; });
$("#game").addEventListener("submit", (event) => {
  event.preventDefault();
  const left = data.networks[network.value][row.value];
  $("#revealed").textContent = say("revealed", {
    network: network.value, row: row.value, left: number(left, 1), bet: bet.value,
    apart: number(Math.abs(left - bet.value), 1),
  });
});
rows();
