/**
 * Pictures become the extractor's input, as headfit's docs/manifest-format.md defines it: what
 * `headfit.photos.prepare_input` makes of the same pixels, to the bit.
 */

const TILE = 2048; // pixels of a side that are read at once
const BLANK = 6;
const PRECISION_BITS = 22; // of Pillow's filters
const HALF = 1 << (PRECISION_BITS - 1);
const FILTERS = {
  bilinear: { reach: 1, weight: (x) => Math.max(1 - Math.abs(x), 0) },
  bicubic: { reach: 2, weight: cubic },
};

/**
 * Look at a picture in each of several views.
 *
 * @param {number} width
 * @param {number} height
 * @param {(x: number, y: number, width: number, height: number) => Uint8ClampedArray} read
 *   Returns red, green, blue and opacity of each pixel of a part of the picture, which is upright and in sRGB.
 * @param {object} preprocessing of the manifest
 * @param {{zoom: number, x: number, y: number, is_flipped: boolean}[]} views
 * @returns {Float32Array[]} for each view height x width x channels
 */
export function prepare(width, height, read, preprocessing, views) {
  const nearest = Math.max(...views.map((view) => view.zoom));
  const photo = halved(width, height, read, Math.ceil(2 * preprocessing.resize_to * nearest));
  return views.map((view) => look(photo, preprocessing, view));
}

/** Reduce by the largest power of two that leaves the shorter side at least so long, and lay over white. */
function halved(width, height, read, leastSide) {
  let factor = 1;
  while (Math.ceil(Math.min(width, height) / (2 * factor)) >= leastSide) factor *= 2;
  const columns = Math.ceil(width / factor);
  const rows = Math.ceil(height / factor);
  const pixels = new Uint8Array(columns * rows * 3);
  const side = Math.max(TILE, factor);
  const block = new Int32Array(4);
  for (let top = 0; top < height; top += side)
    for (let left = 0; left < width; left += side) {
      const [w, h] = [Math.min(side, width - left), Math.min(side, height - top)];
      const tile = read(left, top, w, h);
      for (let y = 0; y < h; y += factor) {
        let place = (((top + y) / factor) * columns + left / factor) * 3;
        for (let x = 0; x < w; x += factor) {
          mean(tile, w, x, y, Math.min(x + factor, w), Math.min(y + factor, h), block);
          for (let c = 0; c < 3; c++) pixels[place++] = by255(255 * (255 - block[3]) + block[c] * block[3]);
        }
      }
    }
  return { width: columns, height: rows, pixels };
}

/**
 * Fill in the mean of a block, in which colours count by their opacity; Pillow's `Image.reduce` rounds so. A block of
 * one pixel stays what it is.
 */
function mean(tile, width, left, top, right, bottom, block) {
  let [r, g, b, a] = [0, 0, 0, 0];
  const n = (right - left) * (bottom - top);
  for (let y = top; y < bottom; y++)
    for (let at = (y * width + left) * 4, end = at + (right - left) * 4; at < end; at += 4) {
      const opacity = n === 1 ? 255 : tile[at + 3];
      r += by255(tile[at] * opacity);
      g += by255(tile[at + 1] * opacity);
      b += by255(tile[at + 2] * opacity);
      a += tile[at + 3];
    }
  const inverse = Math.floor(2 ** 24 / n);
  const half = n >> 1;
  block[0] = ((r + half) * inverse) / 2 ** 24;
  block[1] = ((g + half) * inverse) / 2 ** 24;
  block[2] = ((b + half) * inverse) / 2 ** 24;
  block[3] = ((a + half) * inverse) / 2 ** 24;
  if (n > 1 && block[3] > 0 && block[3] < 255)
    for (let c = 0; c < 3; c++) block[c] = Math.min((255 * block[c]) / block[3], 255);
}

function look(photo, preprocessing, view) {
  const { width, height, interpolation, resize_to, mean, std } = preprocessing;
  const scale = Math.min(photo.width, photo.height) / resize_to / view.zoom;
  const left = Math.max(0, (photo.width - width * scale) * view.x);
  const top = Math.max(0, (photo.height - height * scale) * view.y);
  const right = Math.min(photo.width, left + width * scale);
  const bottom = Math.min(photo.height, top + height * scale);
  const filter = FILTERS[interpolation];
  const narrow = resampled(photo, width, left, right, filter, true);
  const { pixels } = resampled(narrow, height, top, bottom, filter, false);
  const input = new Float32Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        const pixel = pixels[(y * width + (view.is_flipped ? width - 1 - x : x)) * 3 + c];
        input[(y * width + x) * 3 + c] = Math.fround(pixel - Math.fround(mean[c])) / Math.fround(std[c]);
      }
  return input;
}

/** Whether the standard deviation of each channel is below some shades of 255: a covered lens, a white wall. */
export function isBlank(input, { std }) {
  const n = input.length / 3;
  return std.every((scale, c) => {
    let [sum, squares] = [0, 0];
    for (let i = c; i < input.length; i += 3) {
      sum += input[i];
      squares += input[i] * input[i];
    }
    return Math.max(squares / n - (sum / n) ** 2, 0) * scale ** 2 < BLANK ** 2;
  });
}

/** Resample one way, first across, then down, with the numbers of Pillow's `Image.resize` for pixels of 8 bits. */
function resampled(picture, size, from, to, filter, across) {
  const before = across ? picture.width : picture.height;
  if (size === before && from === 0 && to === before) return picture;
  const lines = across ? picture.height : picture.width;
  const [width, height] = across ? [size, lines] : [lines, size];
  const pixels = new Uint8ClampedArray(width * height * 3);
  // From a pixel to the next one, and from a line to the next: in the old picture and in the new.
  const [step, line] = across ? [3, picture.width * 3] : [picture.width * 3, 3];
  const [newStep, newLine] = across ? [3, width * 3] : [width * 3, 3];
  coefficients(before, Math.fround(from), Math.fround(to), size, filter).forEach(([first, weights], place) => {
    for (let i = 0; i < lines; i++) {
      let [r, g, b] = [HALF, HALF, HALF];
      let at = first * step + i * line;
      for (let k = 0; k < weights.length; k++, at += step) {
        r += picture.pixels[at] * weights[k];
        g += picture.pixels[at + 1] * weights[k];
        b += picture.pixels[at + 2] * weights[k];
      }
      const to = place * newStep + i * newLine;
      pixels[to] = r >> PRECISION_BITS; // and clamped
      pixels[to + 1] = g >> PRECISION_BITS;
      pixels[to + 2] = b >> PRECISION_BITS;
    }
  });
  return { width, height, pixels };
}

/** Where the pixels begin that make up each new one, and their weights in whole numbers. */
function coefficients(before, from, to, size, { reach, weight }) {
  const scale = Math.fround(to - from) / size;
  const wide = Math.max(scale, 1); // so that a smaller picture does not alias
  return Array.from({ length: size }, (_, i) => {
    const centre = from + (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach * wide + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach * wide + 0.5), before);
    const weights = Array.from({ length: end - first }, (_, k) => weight((k + first - centre + 0.5) * (1 / wide)));
    const sum = weights.reduce((a, b) => a + b, 0);
    return [first, Int32Array.from(weights, (w) => awayFromZero((sum === 0 ? w : w / sum) * 2 ** PRECISION_BITS))];
  });
}

/** Keys' filter with a = -0.5. */
function cubic(signed) {
  const x = Math.abs(signed);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

function awayFromZero(x) {
  return Math.trunc(x < 0 ? x - 0.5 : x + 0.5);
}

/** Divide by 255 and round, in whole numbers. */
function by255(x) {
  return (((x + 128) >> 8) + x + 128) >> 8;
}
