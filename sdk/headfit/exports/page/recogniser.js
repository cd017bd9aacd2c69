/** Network and head together: a picture goes in, what it shows comes out. */

import { Head } from "./head.js";
import { NativeEngine } from "./native.js";
import { prepare } from "./pictures.js";

export class Recogniser {
  /**
   * Read what lies beside this file.
   *
   * @param {(name: string) => Promise<ArrayBuffer>} read
   * @returns {Promise<Recogniser>}
   */
  static async open(read) {
    const [library, network, json] = await Promise.all(
      ["headfit_native.wasm", "network.plan", "head.json"].map(read),
    );
    const head = new Head(JSON.parse(new TextDecoder().decode(json)));
    return new Recogniser(await NativeEngine.open(library, new Uint8Array(network)), head);
  }

  constructor(engine, head) {
    const { height, width } = head.extractor.preprocessing;
    if (engine.embeddingDim !== head.embedding_dim || engine.inputLength !== height * width * 3)
      throw new Error("network and head are not of one export; export the page again");
    this.engine = engine;
    this.head = head;
  }

  /** The classes, in the order of probabilities. */
  get classes() {
    return this.head.classes;
  }

  /** Embed a picture; see `prepare` for what to give. */
  embed(width, height, read) {
    const { extractor, views, embedding_dim } = this.head;
    const mean = new Float32Array(embedding_dim);
    for (const input of prepare(width, height, read, extractor.preprocessing, views))
      this.engine.run(input).forEach((x, i) => (mean[i] += x));
    return mean.map((x) => x / views.length);
  }

  /** Say what a picture shows: `probabilities`, `sureness`, `isKnown`. */
  recognise(width, height, read) {
    return this.head.answer(this.embed(width, height, read));
  }
}
