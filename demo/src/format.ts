/** Numbers as a reader wants them. */

const UNITS = ["bytes", "kB", "MB", "GB"] as const;

/** Bytes in decimal units: "13.4 MB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : formatNumber(value)} ${UNITS[unit]}`;
}

/** Three significant digits at most, thousands grouped: 1,240 · 86.3 · 2.41. */
export function formatNumber(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en", {
    maximumFractionDigits: digits,
    minimumFractionDigits: value >= 100 ? 0 : 1,
  });
}

/** A probability as a reader wants it: "62 %", "4.2 %", "under 0.1 %". */
export function formatShare(probability: number): string {
  const percent = probability * 100;
  if (percent < 0.1) return "under 0.1 %";
  return `${percent < 9.95 ? percent.toFixed(1) : Math.round(percent)} %`;
}

export function formatCount(value: number): string {
  return value.toLocaleString("en");
}

/** A duration: "340 ms" or "2.1 s". */
export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${formatNumber(milliseconds / 1000)} s`;
}

/** 5,301,000 -> "5.3 M"; 260,000 -> "260 k". */
export function formatParameters(count: number): string {
  const [value, unit] =
    count >= 1e9 ? [count / 1e9, "G"] : count >= 1e6 ? [count / 1e6, "M"] : [count / 1e3, "k"];
  return `${value >= 10 ? Math.round(value) : Math.round(value * 10) / 10}\u00a0${unit}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
