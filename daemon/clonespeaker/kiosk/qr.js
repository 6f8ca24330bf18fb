// QR codes (ISO/IEC 18004), as far as links need them: bytes, error correction M, versions 1 to 20.

const MOST_VERSION = 20;  // 97 modules: a denser one is hard to scan from a screen
const CHECK_BYTES = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];  // of a block
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];
const MASKS = [
  (x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2, (x, y) => ((x * y) % 2) + ((x * y) % 3),
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];  // 0: the module is turned

/** Rows of modules, true for dark, without the quiet zone; null where the text is too long. */
export function qr(text) {
  const data = new TextEncoder().encode(text);
  let version = 1;
  while (version <= MOST_VERSION && data.length > roomOf(version)) version++;
  if (version > MOST_VERSION) return null;
  const plain = layOut(version, interleave(version, packed(version, data)));
  let best = null, least = Infinity;
  for (let mask = 0; mask < MASKS.length; mask++) {
    const masked = withMask(plain, mask), cost = penalty(masked);
    if (cost < least) [best, least] = [masked, cost];
  }
  return best;
}

// How much fits

function allBytes(version) {
  const align = version > 1 ? Math.floor(version / 7) + 2 : 0;
  let modules = (16 * version + 128) * version + 64;
  if (align) modules -= (25 * align - 10) * align - 55;
  if (version > 6) modules -= 36;
  return modules >> 3;
}

const dataBytes = (version) => allBytes(version) - CHECK_BYTES[version - 1] * BLOCKS[version - 1];
const countBits = (version) => (version < 10 ? 8 : 16);
const roomOf = (version) => Math.floor((dataBytes(version) * 8 - 4 - countBits(version)) / 8);

// Bytes

function packed(version, data) {
  const bits = [];
  const put = (value, length) => { for (let at = length - 1; at >= 0; at--) bits.push((value >> at) & 1); };
  put(0b0100, 4);  // what follows is bytes
  put(data.length, countBits(version));
  for (const byte of data) put(byte, 8);
  put(0, Math.min(4, dataBytes(version) * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const bytes = [];
  for (let at = 0; at < bits.length; at += 8) bytes.push(parseInt(bits.slice(at, at + 8).join(""), 2));
  for (let pad = 0xec; bytes.length < dataBytes(version); pad ^= 0xec ^ 0x11) bytes.push(pad);
  return bytes;
}

function times(x, y) {  // in the field of 256 elements
  let product = 0;
  for (let at = 7; at >= 0; at--) product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((y >> at) & 1) * x);
  return product;
}

function checks(data, count) {  // Reed–Solomon
  let divisor = [...Array(count - 1).fill(0), 1], root = 1;
  for (let i = 0; i < count; i++, root = times(root, 2))
    divisor = divisor.map((each, at) => times(each, root) ^ (divisor[at + 1] ?? 0));
  let rest = Array(count).fill(0);
  for (const byte of data) {
    const factor = byte ^ rest[0];
    rest = [...rest.slice(1), 0].map((each, at) => each ^ times(divisor[at], factor));
  }
  return rest;
}

function interleave(version, bytes) {
  const count = BLOCKS[version - 1], longer = bytes.length % count, length = Math.floor(bytes.length / count);
  const blocks = [];
  for (let at = 0, i = 0; i < count; i++) {
    const end = at + length + (i >= count - longer ? 1 : 0);
    blocks.push(bytes.slice(at, end));
    at = end;
  }
  const woven = (blocks) => blocks.at(-1).flatMap((_, at) => blocks.map((each) => each[at]));  // the last is the longest
  const all = [...woven(blocks), ...woven(blocks.map((each) => checks(each, CHECK_BYTES[version - 1])))];
  return all.filter((byte) => byte !== undefined);
}

// Modules

function layOut(version, bytes) {
  const size = version * 4 + 17;
  const dark = Array.from({ length: size }, () => Array(size).fill(false));
  const fixed = Array.from({ length: size }, () => Array(size).fill(false));
  const set = (x, y, value) => { dark[y][x] = value; fixed[y][x] = true; };
  for (let i = 0; i < size; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  for (const [left, top] of [[3, 3], [size - 4, 3], [3, size - 4]])
    for (let dy = -4; dy <= 4; dy++)
      for (let dx = -4; dx <= 4; dx++) {
        const x = left + dx, y = top + dy, ring = Math.max(Math.abs(dx), Math.abs(dy));
        if (x >= 0 && y >= 0 && x < size && y < size) set(x, y, ring !== 2 && ring !== 4);
      }
  const places = alignments(version), last = places.length - 1;
  places.forEach((x, i) => places.forEach((y, j) => {
    if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) return;
    for (let dy = -2; dy <= 2; dy++)
      for (let dx = -2; dx <= 2; dx++) set(x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
  }));
  formatPlaces(size).flat().forEach(([x, y]) => set(x, y, false));
  set(8, size - 8, true);
  if (version > 6) {
    let rest = version;
    for (let i = 0; i < 12; i++) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
    const bits = (version << 12) | rest;
    for (let i = 0; i < 18; i++) {
      const far = size - 11 + (i % 3), near = Math.floor(i / 3);
      set(far, near, Boolean((bits >> i) & 1));
      set(near, far, Boolean((bits >> i) & 1));
    }
  }
  let at = 0;  // in bits: two columns at a time from the right, up and down in turn
  for (let right = size - 1, up = true; right >= 1; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i++)
      for (const x of [right, right - 1]) {
        const y = up ? size - 1 - i : i;
        if (!fixed[y][x]) {
          dark[y][x] = Boolean((bytes[at >> 3] >> (7 - (at & 7))) & 1);
          at++;
        }
      }
  }
  return { dark, fixed };
}

function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2, size = version * 4 + 17;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => size - 7 - step * (count - 2 - i))];
}

function formatPlaces(size) {  // both copies, the lowest bit first
  const range = (length, of) => Array.from({ length }, (_, i) => of(i));
  return [
    [...range(6, (i) => [8, i]), [8, 7], [8, 8], [7, 8], ...range(6, (i) => [5 - i, 8])],
    [...range(8, (i) => [size - 1 - i, 8]), ...range(7, (i) => [8, size - 7 + i])],
  ];
}

function withMask({ dark, fixed }, mask) {
  const size = dark.length, turns = MASKS[mask];
  const masked = dark.map((row, y) => row.map((each, x) => (fixed[y][x] ? each : each !== (turns(x, y) === 0))));
  let rest = mask;  // error correction M is 00
  for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const bits = ((mask << 10) | rest) ^ 0x5412;
  for (const places of formatPlaces(size)) places.forEach(([x, y], i) => { masked[y][x] = Boolean((bits >> i) & 1); });
  return masked;
}

/** How hard it is to scan: what the standard counts against a mask. */
function penalty(dark) {
  const size = dark.length;
  let cost = 0, count = 0;
  const lines = [...dark, ...dark.map((_, x) => dark.map((row) => row[x]))].map((line) => line.map(Number).join(""));
  for (const line of lines) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) cost += run.length - 2;
    for (const pattern of [/(?=10111010000)/g, /(?=00001011101)/g]) cost += 40 * [...line.matchAll(pattern)].length;
  }
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      count += dark[y][x];
      const same = (dx, dy) => dark[y][x] === dark[y - dy][x - dx];
      if (x && y && same(1, 0) && same(0, 1) && same(1, 1)) cost += 3;
    }
  return cost + 10 * Math.floor(Math.abs((count * 20) / (size * size) - 10));
}
