// Networks within a budget, and records that may be ranked together. Rows: { network, top1, latency, peak_memory, params }.

const HIGHER = new Set(["top1"]);
const known = (value) => typeof value === "number" && Number.isFinite(value);

// The limits that a row does not meet: what was not measured meets none.
export const misses = (row, limits) =>
  Object.keys(limits).filter((quantity) => {
    const value = row[quantity];
    return !known(value) || (HIGHER.has(quantity) ? value < limits[quantity] : value > limits[quantity]);
  });

const loss = (row, quantity) => (known(row[quantity]) ? (HIGHER.has(quantity) ? -row[quantity] : row[quantity]) : Infinity);

const ordered = (one, other) =>
  loss(one, "top1") - loss(other, "top1") ||
  (loss(one, "latency") === loss(other, "latency") ? 0 : loss(one, "latency") - loss(other, "latency")) ||
  (one.network < other.network ? -1 : 1);

// The rows with an accuracy that meet the limits, the most accurate first.
export const within = (rows, limits) =>
  rows.filter((row) => known(row.top1) && misses(row, limits).length === 0).sort(ordered);

// The rows that no other is at least as good as in every quantity and better than in one.
export const front = (rows, quantities) => {
  const points = rows
    .filter((row) => quantities.every((quantity) => known(row[quantity])))
    .map((row) => [row, quantities.map((quantity) => loss(row, quantity))]);
  const beaten = (point) =>
    points.some(([, other]) => other.some((o, at) => o !== point[at]) && other.every((o, at) => o <= point[at]));
  return points.filter(([, point]) => !beaten(point)).map(([row]) => row);
};

const QUANTITIES = ["top1", "latency", "peak_memory", "params"];
const FOR_ONE_IMAGE = new Set(["latency", "peak_memory"]);

// The conditions that another record must share to be ranked with this one, as text; the rules are the program's own.
export const mustAgree = (conditions, { ignored, own, content, packages }) => {
  const flat = new Map();
  for (const [name, value] of Object.entries(conditions)) {
    const nested = value !== null && typeof value === "object" && !Array.isArray(value);
    for (const [key, each] of nested ? Object.entries(value) : [["", value]]) flat.set(nested ? `${name}.${key}` : name, each);
  }
  const kept = [...flat].filter(([name]) => {
    const [whole, part] = name.split(".");
    if (ignored.includes(whole)) return false;
    if (part !== undefined) return !(whole === "versions" && !packages.includes(part) && "chosen_from" in conditions);
    return !(whole in own && own[whole] in conditions);
  });
  const names = new Set(kept.map(([name]) => name));
  const named = kept.filter(([name]) => !names.has(content[name.split(".")[0]]));
  return JSON.stringify(named.sort(([one], [other]) => (one < other ? -1 : 1)));
};

// One line of records.jsonl, or null where it is none.
export const parsed = (line) => {
  let record;
  try {
    record = JSON.parse(line);
  } catch {
    return null;
  }
  const right =
    record !== null &&
    typeof record === "object" &&
    typeof record.subject === "string" &&
    typeof record.quantity === "string" &&
    known(record.value) &&
    record.conditions !== null &&
    typeof record.conditions === "object";
  return right ? record : null;
};

// Of several groups the one that is shown: as the program's ranking chooses it.
const largest = (groups, quantity) => {
  const size = (group) => new Set(group.map((record) => record.subject)).size;
  const most = Math.max(...groups.map(size));
  const rank = (group) => {
    const { conditions } = group[group.length - 1];
    const batch = Number.isInteger(conditions.batch) ? -conditions.batch : 0;
    const quiet = conditions.noisy ? 0 : 1;
    return FOR_ONE_IMAGE.has(quantity) ? [Number(2 * size(group) > most), quiet, batch, size(group)] : [size(group), quiet, batch];
  };
  const above = (one, other) => {
    const at = one.findIndex((value, index) => value !== other[index]);
    return at < 0 || one[at] > other[at]; // of equals the later
  };
  return groups.reduce((best, group) => (above(rank(group), rank(best)) ? group : best));
};

// Rows of what may stand side by side, and how many records are set apart; cited accuracies where none was measured.
export const ranked = (records, rules) => {
  const rows = new Map();
  const into = (record) => {
    const row = rows.get(record.subject) ?? { network: record.subject };
    rows.set(record.subject, row);
    return row;
  };
  let apart = 0;
  for (const quantity of QUANTITIES) {
    const groups = new Map();
    for (const record of records) {
      if (record.quantity !== quantity || record.provenance === "cited") continue;
      const key = mustAgree(record.conditions, rules);
      groups.set(key, [...(groups.get(key) ?? []), record]);
    }
    if (!groups.size) continue;
    const shown = largest([...groups.values()], quantity);
    for (const group of groups.values()) if (group !== shown) apart += group.length;
    for (const record of shown) into(record)[quantity] = record.value;
  }
  for (const record of records) {
    const row = rows.get(record.subject);
    if (record.provenance === "cited" && record.quantity === "top1" && row && !known(row.top1)) row.top1 = record.value;
  }
  return { rows: [...rows.values()], apart };
};
