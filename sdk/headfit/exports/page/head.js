const LIKENESS_OF_BLANK = 0.6;

/** A head that `headfit export-json` wrote, of either kind: what it says of an embedding. */
export class Head {
  constructor(json) {
    const kinds = ["headfit-head-json", "headfit-multi-label-head-json"];
    if (!kinds.includes(json.format) || json.format_version !== 1)
      throw new Error("expected a head as headfit export-json of this version writes it");
    Object.assign(this, json);
    /** Whether a picture may show several classes, or none. */
    this.isMultiLabel = json.format === kinds[1];
    const [n, width] = [json.classes.length, json.embedding_dim];
    const rows = [json.bias, ...json.weights, ...(json.thresholds ? [json.thresholds] : [])];
    const lengths = [n, ...json.weights.map(() => width), ...(json.thresholds ? [width] : [])];
    const isWhole = (row, i) => row.length === lengths[i] && row.every(Number.isFinite);
    if (this.isMultiLabel) {
      rows.push(json.class_thresholds ?? []);
      lengths.push(n);
    }
    if (json.weights.length !== n || !rows.every(isWhole))
      throw new Error(`expected ${n} classes with a bias and ${width} weights each; the head is damaged`);
    if (!json.likeness) return;
    const bytes = Uint8Array.from(atob(json.likeness.background.factor), (c) => c.charCodeAt(0));
    if (bytes.length !== width * (width + 1))
      throw new Error(`expected ${width * (width + 1)} bytes of background, found ${bytes.length}; the head is damaged`);
    this.factor = Float32Array.from(new Uint16Array(bytes.buffer), float16);
  }

  /**
   * Probability of each class, which of them this shows, and whether it looks like any: a picture in which hardly
   * anything varies has to look more like one.
   */
  answer(embedding, isBlank = false) {
    if (embedding.length !== this.embedding_dim)
      throw new Error(`expected ${this.embedding_dim} numbers, found ${embedding.length}`);
    if (!embedding.every(Number.isFinite)) throw new Error("expected finite numbers, found others in the embedding");
    const features = this.thresholds ? this.thresholds.map((t, i) => (embedding[i] >= t ? 1 : -1)) : embedding;
    const logits = this.weights.map((row, c) => dot(row, features) + this.bias[c]);
    if (this.isMultiLabel) {
      const probabilities = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
      const isShown = probabilities.map((probability, c) => probability >= this.class_thresholds[c]);
      return { probabilities, isShown, sureness: Math.max(...probabilities), isKnown: isShown.includes(true) };
    }
    const highest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - highest));
    const total = powers.reduce((a, b) => a + b);
    const probabilities = powers.map((power) => power / total);
    const lead = highest - logits.reduce((a, b) => a + b) / logits.length;
    const sureness = this.sureness(embedding, Math.max(...probabilities), lead);
    const least = isBlank && this.likeness ? LIKENESS_OF_BLANK : -Infinity;
    const isKnown = sureness >= Math.max(this.calibration?.threshold ?? -Infinity, least);
    const best = probabilities.indexOf(Math.max(...probabilities));
    return { probabilities, isShown: probabilities.map((_, c) => isKnown && c === best), sureness, isKnown };
  }

  sureness(embedding, highest, lead) {
    if (this.typicality) {
      const { centre, inverse_spread } = this.typicality;
      return lead - centre.reduce((sum, c, i) => sum + ((embedding[i] - c) * inverse_spread[i]) ** 2, 0);
    }
    if (!this.likeness) return highest;
    const { prototypes, lead_weight, usual_lead, background } = this.likeness;
    const whitened = new Float64Array(embedding.length);
    embedding.forEach((x, i) => {
      const centred = x - background.mean[i];
      for (let j = 0; j <= i; j++) whitened[j] += centred * this.factor[(i * (i + 1)) / 2 + j];
    });
    const length = Math.max(Math.hypot(...whitened), 1e-12);
    const cosines = prototypes.map((p) => dot(p, whitened) / Math.max(Math.hypot(...p), 1e-12) / length);
    return Math.max(...cosines) + lead_weight * Math.min(lead / length - usual_lead, 0);
  }
}

const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

function float16(bits) {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024);
  return bits >> 15 ? -size : size;
}
