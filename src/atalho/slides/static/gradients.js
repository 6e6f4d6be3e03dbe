import { $, $$, data, number, say } from "./dom.js";

const slider = $("#moment"), block = $("#block");

const show = () => {
  const moment = data.keys[slider.value], when = data.moments[slider.value];
  slider.nextElementSibling.value = when;
  slider.setAttribute("aria-valuetext", when);
  for (const frame of $$("[data-frame]")) frame.hidden = frame.dataset.frame !== slider.value;
  const name = $("[name=network]:checked").value;
  const shares = data.shares[name][moment];
  block.max = shares.length; // the last place stands for all blocks
  const one = shares[block.value];
  const share = one ? one[1] : shares.reduce((sum, [, each]) => sum + each, 0) / shares.length;
  const place = one ? one[0] : say("all");
  block.nextElementSibling.value = place;
  block.setAttribute("aria-valuetext", place);
  $("#shortcut-arrow").setAttribute("stroke-width", data.widest * share);
  $("#weights-arrow").setAttribute("stroke-width", data.widest * (1 - share));
  $("#shortcut-share").textContent = `${number(100 * share)} %`;
  $("#weights-share").textContent = `${number(100 * (1 - share))} %`;
  $("#share-caption").textContent = say("share", { network: name, block: place, moment: when, share: number(100 * share) });
};

block.max = data.shares.resnet56[data.keys[0]].length;
block.value = block.max;
for (const control of [slider, block, ...$$("[name=network]")]) control.addEventListener("input", show);
show();
