/** Everything that can go wrong, by name. A code never changes its meaning between versions. */
export type CoppiceErrorCode =
  | "aborted"
  | "access-denied"
  | "adapter-missing"
  | "buffer-too-large"
  | "chat-template-failed"
  | "chat-template-missing"
  | "config-invalid"
  | "config-missing"
  | "context-overflow"
  | "decoder-unsupported"
  | "device-lost"
  | "device-unsupported"
  | "engine-disposed"
  | "fallback-failed"
  | "file-missing"
  | "hash-mismatch"
  | "internal"
  | "network"
  | "option-invalid"
  | "option-unknown"
  | "out-of-memory"
  | "shader-invalid"
  | "source-invalid"
  | "tensor-invalid"
  | "tensor-missing"
  | "tokenizer-invalid"
  | "tree-invalid"
  | "architecture-unknown"
  | "vocabulary-mismatch"
  | "weights-invalid"
  | "worker-failed";

/** An error as plain data: what crosses the worker boundary. Inverse pair: `toWire`, `fromWire`. */
export interface WireError {
  readonly code: CoppiceErrorCode;
  readonly message: string;
  readonly fix: string;
}

const BRAND = Symbol.for("coppice.error");

/**
 * The one error class of the library. `code` is for programs, `message` says what is wrong, `fix`
 * says what to do about it.
 */
export class CoppiceError extends Error {
  override readonly name = "CoppiceError";
  readonly code: CoppiceErrorCode;
  readonly fix: string;
  /** Survives two copies of the package on one page, where `instanceof` does not. */
  readonly [BRAND] = true;

  constructor(code: CoppiceErrorCode, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.fix = fix;
  }

  /** True for a CoppiceError from any copy of the package. */
  static isInstance(value: unknown): value is CoppiceError {
    return typeof value === "object" && value !== null && BRAND in value;
  }

  /** The error as structured-cloneable data. Inverse of `fromWire`. */
  toWire(): WireError {
    return { code: this.code, message: this.message, fix: this.fix };
  }

  /** Revives an error that crossed a message port. Inverse of `toWire`. */
  static fromWire(wire: WireError): CoppiceError {
    return new CoppiceError(wire.code, wire.message, wire.fix);
  }

  /** Any thrown value as a CoppiceError; unknown ones become `internal` with their own text kept. */
  static from(value: unknown): CoppiceError {
    if (CoppiceError.isInstance(value)) return value;
    if (value instanceof DOMException && value.name === "AbortError") return aborted(value);
    const text = value instanceof Error ? value.message : String(value);
    return new CoppiceError(
      "internal",
      text,
      "This is a bug in coppice: please report it with the steps that led here.",
      {
        cause: value,
      },
    );
  }
}

/** What an AbortSignal, or leaving the stream, turns into. */
export function aborted(cause?: unknown): CoppiceError {
  return new CoppiceError(
    "aborted",
    "The operation was aborted.",
    "Nothing to fix: call again when wanted.",
    { cause },
  );
}

/** Throws `aborted` when the signal has fired; cheap enough for every round. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal.reason);
}
