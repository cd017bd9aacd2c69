// Runs networks in WebAssembly: node run_networks.mjs native.js LIBRARY, then a line "NETWORK PICTURE OUT" each.
// Answers "done" or the error's message.
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [loader, library] = process.argv.slice(2);
const source = readFileSync(loader).toString("base64"); // as a page takes it: a module, whatever lies around it
const { NativeEngine } = await import(`data:text/javascript;base64,${source}`);
const compiled = await WebAssembly.compile(readFileSync(library));

for await (const line of createInterface({ input: process.stdin })) {
  const [network, picture, out] = line.split(" ");
  try {
    const engine = await NativeEngine.open(compiled, readFileSync(network));
    const bytes = new Uint8Array(readFileSync(picture));
    const image = new Float32Array(bytes.buffer, 0, bytes.length >> 2);
    const first = engine.run(image);
    engine.run(image.map((x) => -x)); // memory is used again
    const second = engine.run(image);
    if (!Buffer.from(first.buffer).equals(Buffer.from(second.buffer))) throw new Error("another time, another result");
    if (first.length !== engine.embeddingDim) throw new Error(`${first.length} numbers`);
    writeFileSync(out, first);
    console.log("done");
  } catch (error) {
    console.log(`${error.name}: ${error.message}`);
  }
}
