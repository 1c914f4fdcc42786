/**
 * SHA-256 of bytes that come in pieces (FIPS 180-4): Web Crypto hashes only what is in memory whole, and
 * a model's weights never are.
 */
const BLOCK = 64;

/** The first 32 bits of the fractional parts of f(p) over the first primes p. */
function constants(count: number, f: (prime: number) => number): Int32Array {
  const out = new Int32Array(count);
  for (let n = 2, found = 0; found < count; n++) {
    if (isPrime(n)) out[found++] = (f(n) % 1) * 2 ** 32;
  }
  return out;
}

function isPrime(n: number): boolean {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

const ROUNDS = constants(64, Math.cbrt);
const START = constants(8, Math.sqrt);

export class Sha256 {
  readonly #state = START.slice();
  readonly #words = new Int32Array(64);
  /** The beginning of a block that is not full yet. */
  readonly #rest = new Uint8Array(BLOCK);
  #restLength = 0;
  #length = 0;

  update(bytes: Uint8Array): this {
    this.#length += bytes.length;
    let at = 0;
    if (this.#restLength > 0) {
      at = Math.min(bytes.length, BLOCK - this.#restLength);
      this.#rest.set(bytes.subarray(0, at), this.#restLength);
      this.#restLength += at;
      if (this.#restLength < BLOCK) return this;
      this.#blocks(this.#rest);
    }
    const whole = bytes.length - ((bytes.length - at) % BLOCK);
    this.#blocks(bytes.subarray(at, whole));
    this.#rest.set(bytes.subarray(whole));
    this.#restLength = bytes.length - whole;
    return this;
  }

  /** The hash in lower-case hexadecimal. Nothing may be added after that. */
  hex(): string {
    const bits = this.#length * 8;
    const padding = new Uint8Array(
      (this.#restLength < BLOCK - 8 ? 1 : 2) * BLOCK - this.#restLength,
    );
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padding.length - 4, bits % 2 ** 32);
    this.update(padding);
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  /** Takes whole blocks. */
  #blocks(bytes: Uint8Array): void {
    const w = this.#words; // plain locals throughout: this is where a download's processor time goes
    const state = this.#state;
    const k = ROUNDS;
    for (let at = 0; at < bytes.length; at += BLOCK) {
      for (let i = 0; i < 16; i++) {
        const j = at + i * 4;
        w[i] = (bytes[j]! << 24) | (bytes[j + 1]! << 16) | (bytes[j + 2]! << 8) | bytes[j + 3]!;
      }
      for (let i = 16; i < 64; i++) {
        const x = w[i - 15]!;
        const y = w[i - 2]!;
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
      }
      let a = state[0]!;
      let b = state[1]!;
      let c = state[2]!;
      let d = state[3]!;
      let e = state[4]!;
      let f = state[5]!;
      let g = state[6]!;
      let h = state[7]!;
      for (let i = 0; i < 64; i++) {
        const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i]! + w[i]!) | 0;
        const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g;
        g = f;
        f = e;
        e = (d + t1) | 0;
        d = c;
        c = b;
        b = a;
        a = (t1 + t2) | 0;
      }
      state[0]! += a;
      state[1]! += b;
      state[2]! += c;
      state[3]! += d;
      state[4]! += e;
      state[5]! += f;
      state[6]! += g;
      state[7]! += h;
    }
  }
}
