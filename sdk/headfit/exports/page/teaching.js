/**
 * Heads taught in the page. A class's weights are the direction of its mean embedding (imprinting): the very sums that
 * `headfit.learning.imprint` has, at the sharpness that it takes where there are few pictures.
 */
import { Head } from "./head.js";

const SHARPNESS = 4;
const ROUNDING = 16 * 2 ** -23; // a feature that varies less, beside its mean, is constant
const LEAST_SPREAD = 0.3; // of the median spread: by less no feature is divided
const LONGEST_NAME = 255;

export class Teacher {
  /** @param {Head} head whose extractor and views are used; its classes are not. */
  constructor(head) {
    this.base = head;
    this.examples = new Map(); // by class name, a list of embeddings
  }

  /** The form in which a name is kept: composed, without space around it; "" if there is nothing left. */
  static nameOf(text) {
    return text.normalize("NFC").replace(/[\p{Cc}\p{Z}]+/gu, " ").trim().slice(0, LONGEST_NAME);
  }

  get classes() {
    return [...this.examples.keys()].sort(byCodePoint);
  }

  /** Whether there are two classes to tell apart. */
  get canTell() {
    return [...this.examples.values()].filter((rows) => rows.length).length >= 2;
  }

  /** Whether no class gives single pictures away: see headfit's docs/privacy.md. */
  get mayLeave() {
    return this.canTell && [...this.examples.values()].every((rows) => rows.length >= 3);
  }

  count(name) {
    return this.examples.get(name)?.length ?? 0;
  }

  open(name) {
    if (!this.examples.has(name)) this.examples.set(name, []);
  }

  add(name, embedding) {
    this.open(name);
    this.examples.get(name).push(Float64Array.from(embedding));
  }

  forget(name) {
    this.examples.delete(name);
  }

  /** Return what was taught so far, as `headfit export-json` writes heads. */
  json() {
    const classes = this.classes.filter((name) => this.count(name));
    const groups = classes.map((name) => this.examples.get(name));
    const { weights, bias } = imprint(groups, this.base.embedding_dim);
    return {
      format: "headfit-head-json",
      format_version: 1,
      classes,
      class_counts: groups.map((rows) => rows.length),
      embedding_dim: this.base.embedding_dim,
      weights,
      bias,
      thresholds: null,
      calibration: null,
      typicality: null,
      likeness: null,
      views: this.base.views,
      extractor: this.base.extractor,
      training: { method: "imprint", sharpness: SHARPNESS },
      privacy: null,
    };
  }

  head() {
    return new Head(this.json());
  }
}

/** Return weights, a list for each class, and biases of classes of at least one embedding each. */
export function imprint(groups, width) {
  const all = groups.flat();
  const mean = average(all, width);
  const spread = mean.map((m, j) => Math.sqrt(Math.max(all.reduce((sum, row) => sum + (row[j] - m) ** 2, 0) / all.length, 0)));
  const isConstant = Array.from(spread, (s, j) => s <= ROUNDING * Math.abs(mean[j]));
  const least = LEAST_SPREAD * median(spread.filter((_, j) => !isConstant[j]));
  const scale = spread.map((s) => Math.max(s, least));
  const inverse = scale.map((s, j) => (isConstant[j] ? 0 : 1 / s));
  const varies = scale.filter((_, j) => inverse[j]);
  const usual = varies.length ? Math.sqrt(varies.reduce((a, b) => a + b)) : 1;
  const rows = groups.map((group) => {
    const own = average(group, width).map((m, j) => (m - mean[j]) * Math.sqrt(inverse[j]));
    const length = Math.hypot(...own) || 1;
    return own.map((x, j) => (SHARPNESS * Math.sqrt(inverse[j]) * x) / length / usual);
  });
  const middle = average(rows, width); // what all have in common changes no probability
  const weights = rows.map((row) => Array.from(row, (x, j) => x - middle[j]));
  return { weights, bias: weights.map((row) => -row.reduce((sum, w, j) => sum + w * mean[j], 0)) };
}

/** Return the middle of typed numbers; 0 of none. */
function median(numbers) {
  const sorted = numbers.sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : sorted.length ? (sorted[half - 1] + sorted[half]) / 2 : 0;
}

function average(rows, width) {
  const sum = new Float64Array(width);
  for (const row of rows) row.forEach((x, j) => (sum[j] += x));
  return sum.map((x) => x / rows.length);
}

function byCodePoint(a, b) {
  const [left, right] = [[...a], [...b]].map((characters) => characters.map((c) => c.codePointAt(0)));
  const i = left.findIndex((point, at) => point !== right[at]);
  return i < 0 ? left.length - right.length : left[i] - (right[i] ?? -1);
}
