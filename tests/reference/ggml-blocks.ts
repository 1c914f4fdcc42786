// What ggml's blocks mean, in f64, element by element as its documentation has it. Shares no code with src/.

/** f16 in f64. */
function f16(bytes: Uint8Array, at: number): number {
  const bits = bytes[at]! + 256 * bytes[at + 1]!;
  const sign = bits >= 32768 ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = (bits % 1024) / 1024;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

const int8 = (byte: number): number => (byte > 127 ? byte - 256 : byte);
const low = (byte: number): number => byte % 16;
const high = (byte: number): number => Math.floor(byte / 16);
const bit = (byte: number, n: number): number => Math.floor(byte / 2 ** n) % 2;

/** Scale and minimum `j` of 8, 6 bits each, in 12 bytes. */
function packedScales(q: Uint8Array): { scale: number[]; minimum: number[] } {
  const scale: number[] = [];
  const minimum: number[] = [];
  for (let j = 0; j < 4; j++) {
    scale[j] = q[j]! % 64;
    minimum[j] = q[j + 4]! % 64;
    scale[j + 4] = low(q[j + 8]!) + 16 * Math.floor(q[j]! / 64);
    minimum[j + 4] = high(q[j + 8]!) + 16 * Math.floor(q[j + 4]! / 64);
  }
  return { scale, minimum };
}

type Block = (b: Uint8Array) => number[];

/** 32 nibbles: the low halves of 16 bytes, then their high halves. */
const nibbles = (b: Uint8Array): number[] => [...[...b].map(low), ...[...b].map(high)];
/** Bits 0 to 31 of four bytes. */
const bits32 = (b: Uint8Array): number[] =>
  Array.from({ length: 32 }, (_, i) => bit(b[i >> 3]!, i % 8));

const q40: Block = (b) => nibbles(b.subarray(2)).map((q) => f16(b, 0) * (q - 8));
const q41: Block = (b) => nibbles(b.subarray(4)).map((q) => f16(b, 0) * q + f16(b, 2));
const q50: Block = (b) => {
  const fifth = bits32(b.subarray(2, 6));
  return nibbles(b.subarray(6)).map((q, i) => f16(b, 0) * (q + 16 * fifth[i]! - 16));
};
const q51: Block = (b) => {
  const fifth = bits32(b.subarray(4, 8));
  return nibbles(b.subarray(8)).map((q, i) => f16(b, 0) * (q + 16 * fifth[i]!) + f16(b, 2));
};
const q80: Block = (b) => [...b.subarray(2)].map((q) => f16(b, 0) * int8(q));

function k(b: Uint8Array, five: boolean): number[] {
  const { scale, minimum } = packedScales(b.subarray(4, 16));
  const qs = b.subarray(five ? 48 : 16);
  const out: number[] = [];
  for (let chunk = 0; chunk < 4; chunk++) {
    for (const part of [0, 1]) {
      const group = 2 * chunk + part;
      for (let l = 0; l < 32; l++) {
        const byte = qs[32 * chunk + l]!;
        let q = part === 0 ? low(byte) : high(byte);
        if (five) q += 16 * bit(b[16 + l]!, group);
        out.push(f16(b, 0) * scale[group]! * q - f16(b, 2) * minimum[group]!);
      }
    }
  }
  return out;
}

const q6k: Block = (b) => {
  const out: number[] = new Array<number>(256);
  for (const n of [0, 1]) {
    const [ql, qh, sc] = [b.subarray(64 * n), b.subarray(128 + 32 * n), b.subarray(192 + 8 * n)];
    for (let l = 0; l < 32; l++) {
      const top = [0, 1, 2, 3].map((i) => Math.floor(qh[l]! / 4 ** i) % 4);
      const bottom = [low(ql[l]!), low(ql[l + 32]!), high(ql[l]!), high(ql[l + 32]!)];
      for (let i = 0; i < 4; i++) {
        const scale = int8(sc[Math.floor(l / 16) + 2 * i]!);
        out[128 * n + 32 * i + l] = f16(b, 208) * scale * (bottom[i]! + 16 * top[i]! - 32);
      }
    }
  }
  return out;
};

/** Bytes per block, and a block's numbers, by the type's name. */
export const GGML_BLOCKS: Readonly<
  Record<string, { readonly type: number; readonly bytes: number; readonly numbers: Block }>
> = {
  Q4_0: { type: 2, bytes: 18, numbers: q40 },
  Q4_1: { type: 3, bytes: 20, numbers: q41 },
  Q5_0: { type: 6, bytes: 22, numbers: q50 },
  Q5_1: { type: 7, bytes: 24, numbers: q51 },
  Q8_0: { type: 8, bytes: 34, numbers: q80 },
  Q4_K: { type: 12, bytes: 144, numbers: (b) => k(b, false) },
  Q5_K: { type: 13, bytes: 176, numbers: (b) => k(b, true) },
  Q6_K: { type: 14, bytes: 210, numbers: q6k },
};
