/** Network and head together: a picture goes in, what it shows comes out. */

import { Head } from "./head.js";
import { NativeEngine } from "./native.js";
import { isBlank, prepare } from "./pictures.js";

export class Recogniser {
  /**
   * Read what lies beside this file.
   *
   * @param {(name: string) => Promise<ArrayBuffer>} read
   * @returns {Promise<Recogniser>}
   */
  static async open(read) {
    const [library, plan, ...texts] = await Promise.all(
      ["headfit_native.wasm", "network.plan", "network.json", "head.json"].map(read),
    );
    const [told, json] = texts.map((text) => JSON.parse(new TextDecoder().decode(text)));
    const head = new Head(json);
    const network = new Uint8Array(plan);
    if (crc32(network) !== told.crc32) throw new Error("network.plan is damaged; copy the folder again");
    if (head.extractor?.fingerprint !== told.fingerprint)
      throw new Error("head.json was taught on another extractor than this page has; export the page of that head");
    const recogniser = new Recogniser(await NativeEngine.open(library, network), head);
    if (told.golden) recogniser.#check(new Uint8Array(await read("golden.rgb")), told.golden);
    return recogniser;
  }

  constructor(engine, head) {
    const { height, width } = head.extractor.preprocessing;
    if (engine.embeddingDim !== head.embedding_dim || engine.inputLength !== height * width * 3)
      throw new Error("network and head are not of one export; export the page again");
    this.engine = engine;
    this.head = head;
  }

  /** Refuse to go on if the network makes something else of the golden picture than headfit: it runs wrongly here. */
  #check(pixels, { embedding, cosine_at_least, difference_at_most }) {
    const { preprocessing } = this.head.extractor;
    const { width, height } = preprocessing;
    const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
    for (let i = 0; i < width * height; i++) rgba.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
    // It has the input's size already, and is neither resized nor cropped.
    const asItIs = { ...preprocessing, resize_to: Math.min(width, height) };
    const [input] = prepare(width, height, () => rgba, asItIs, [{ zoom: 1, x: 0.5, y: 0.5, is_flipped: false }]);
    const found = this.engine.run(input);
    const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
    const cosine = dot(embedding, found) / Math.sqrt(dot(embedding, embedding) * dot(found, found));
    const range = Math.max(...embedding) - Math.min(...embedding) || 1;
    const difference = Math.max(...embedding.map((x, i) => Math.abs(x - found[i]))) / range;
    if (!(cosine >= cosine_at_least && difference <= difference_at_most))
      throw new Error("the network gives a wrong embedding for the golden picture; export the page again");
  }

  /** The classes, in the order of probabilities. */
  get classes() {
    return this.head.classes;
  }

  /** Embed a picture, and say whether hardly anything varies in it; see `prepare` for what to give. */
  embed(width, height, read) {
    const { extractor, views, embedding_dim } = this.head;
    const mean = new Float32Array(embedding_dim);
    const inputs = prepare(width, height, read, extractor.preprocessing, views);
    for (const input of inputs) this.engine.run(input).forEach((x, i) => (mean[i] += x));
    return { embedding: mean.map((x) => x / views.length), isBlank: isBlank(inputs[0], extractor.preprocessing) };
  }

  /** Say what a picture shows: `probabilities`, `sureness`, `isKnown`. */
  recognise(width, height, read) {
    const { embedding, isBlank } = this.embed(width, height, read);
    return this.head.answer(embedding, isBlank);
  }
}

/** ISO 3309's check of bytes, as zlib has it. */
function crc32(bytes) {
  const table = Uint32Array.from({ length: 256 }, (_, i) => {
    for (let k = 0; k < 8; k++) i = i & 1 ? (i >>> 1) ^ 0xedb88320 : i >>> 1;
    return i;
  });
  let sum = ~0;
  for (const byte of bytes) sum = (sum >>> 8) ^ table[(sum ^ byte) & 255];
  return ~sum >>> 0;
}
