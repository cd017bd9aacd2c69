/**
 * headfit's native engine without Python: a compiled network in one call, in a web page or in node.
 *
 * The library is `headfit_native.wasm` (`python sdk/native/build.py --platform wasm32`), the network what
 * `export_plan` of `headfit.engines.native.exporting` returns: docs/engines.md, "In a web page".
 */

const MAGIC = "hf-plan\0";
const HEADER_BYTES = 80;
const ALIGNMENT = 64;
const PAGE_BYTES = 65536;

export class NativeEngine {
  #exports;
  #kind;
  #parts; // plan, constants, picture, arena: where each begins in memory, and its bytes
  #output;

  /**
   * Load the library and lay a network out in its memory.
   *
   * @param {BufferSource | WebAssembly.Module} library
   * @param {Uint8Array} network
   * @returns {Promise<NativeEngine>}
   */
  static async open(library, network) {
    const module = library instanceof WebAssembly.Module ? library : await WebAssembly.compile(library);
    return new NativeEngine((await WebAssembly.instantiate(module)).exports, network);
  }

  /** Use `open`. */
  constructor(exports, network) {
    const header = new DataView(network.buffer, network.byteOffset, network.byteLength);
    if (network.length < HEADER_BYTES || text(network.subarray(0, 8)) !== MAGIC)
      throw new Error("this is no network compiled for the native engine; expected what export_plan returns");
    const [version, planBytes, constantBytes, pictureBytes, arenaBytes, output, outputs] = Array.from(
      { length: 7 },
      (_, i) => Number(header.getBigUint64(24 + 8 * i, true)),
    );
    if (version !== exports.headfit_plan_version())
      throw new Error(
        `the network is a plan of version ${version}, and the library reads those of version ` +
          `${exports.headfit_plan_version()}; compile it again by the same headfit`,
      );
    if (network.length !== HEADER_BYTES + planBytes + constantBytes)
      throw new Error(
        `the network has ${network.length} bytes, expected ${HEADER_BYTES + planBytes + constantBytes}; it is damaged`,
      );
    if (output + 4 * outputs > arenaBytes || output % 4)
      throw new Error("the network's output lies outside its memory; it is damaged");
    this.#exports = exports;
    this.#kind = this.#findKernels(text(network.subarray(8, 24)).replaceAll("\0", ""));
    let end = aligned(exports.__heap_base.value);
    this.#parts = [planBytes, constantBytes, pictureBytes, arenaBytes].map((bytes) => {
      const start = end;
      end = aligned(start + bytes);
      return { start, bytes };
    });
    const missing = Math.ceil((end - exports.memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) exports.memory.grow(missing); // a RangeError where there is not as much
    const memory = new Uint8Array(exports.memory.buffer);
    memory.set(network.subarray(HEADER_BYTES, HEADER_BYTES + planBytes), this.#parts[0].start);
    memory.set(network.subarray(HEADER_BYTES + planBytes), this.#parts[1].start);
    this.#output = { start: this.#parts[3].start + output, length: outputs };
    this.#call(false); // checks the whole plan
  }

  /** How many numbers a picture has: height x width x channels, in this order. */
  get inputLength() {
    return this.#parts[2].bytes / 4;
  }

  /** How many numbers an embedding has. */
  get embeddingDim() {
    return this.#output.length;
  }

  /**
   * Embed one prepared picture.
   *
   * @param {Float32Array} image
   * @returns {Float32Array} the embedding, a copy
   */
  run(image) {
    if (!(image instanceof Float32Array) || image.length !== this.inputLength)
      throw new TypeError(`expected a Float32Array of ${this.inputLength} numbers, found ${image?.length}`);
    new Float32Array(this.#exports.memory.buffer, this.#parts[2].start, image.length).set(image);
    this.#call(true);
    return new Float32Array(this.#exports.memory.buffer, this.#output.start, this.#output.length).slice();
  }

  /** Check the plan and, if asked to, run it. */
  #call(run) {
    const flat = this.#parts.flatMap(({ start, bytes }, i) => [i < 2 || run ? start : 0, BigInt(bytes)]);
    const fault = this.#exports.headfit_run(this.#kind, ...flat);
    if (fault) throw new Error(`the native library refuses step ${fault} of this network; it is damaged`);
  }

  /** The number of the kernels that the network was compiled for. */
  #findKernels(wanted) {
    const { memory, headfit_kernels, __heap_base } = this.#exports;
    const place = aligned(__heap_base.value); // where the plan will lie
    if (memory.buffer.byteLength < place + ALIGNMENT) memory.grow(1);
    for (let kind = 0; headfit_kernels(kind, place, place + 16, place + 20) === 1; kind++) {
      const [name] = text(new Uint8Array(memory.buffer, place, 16)).split("\0");
      if (name === wanted) return kind;
    }
    throw new Error(`the network was compiled for kernels "${wanted}", which this library does not have`);
  }
}

function aligned(place) {
  return Math.ceil(place / ALIGNMENT) * ALIGNMENT;
}

function text(bytes) {
  return String.fromCharCode(...bytes);
}
