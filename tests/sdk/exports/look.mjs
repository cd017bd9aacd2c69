// Runs an exported page's parts as a browser would: node look.mjs PAGE JOBS OUT. PAGE holds a package.json that says
// "module"; JOBS is JSON: {"width", "height", "file" of RGBA, "preprocessing"?, "views"?} each. OUT becomes a list of
// {"inputs", "embedding", "answer"}; with preprocessing of their own, of inputs alone.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [page, jobs, out] = process.argv.slice(2);
const part = (name) => import(pathToFileURL(`${page}/${name}`));
const { prepare } = await part("pictures.js");
const { Recogniser } = await part("recogniser.js");
const buffer = (name) => new Uint8Array(readFileSync(name)).buffer;

const recogniser = await Recogniser.open(async (name) => buffer(`${page}/${name}`));
const found = JSON.parse(readFileSync(jobs, "utf8")).map(({ width, height, file, preprocessing, views }) => {
  const pixels = new Uint8ClampedArray(buffer(file));
  const read = (x, y, w, h) => {
    const tile = new Uint8ClampedArray(w * h * 4);
    for (let row = 0; row < h; row++) {
      const start = ((y + row) * width + x) * 4;
      tile.set(pixels.subarray(start, start + w * 4), row * w * 4);
    }
    return tile;
  };
  const { head } = recogniser;
  const inputs = prepare(width, height, read, preprocessing ?? head.extractor.preprocessing, views ?? head.views);
  const numbers = inputs.map((input) => Array.from(input));
  if (preprocessing) return { inputs: numbers };
  const { embedding } = recogniser.embed(width, height, read);
  return { inputs: numbers, embedding: Array.from(embedding), answer: recogniser.recognise(width, height, read) };
});
writeFileSync(out, JSON.stringify(found));
