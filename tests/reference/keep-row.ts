/** The row of a table with rows of `width`. */
export function keepRow<T>(table: ArrayLike<T>, row: number, width: number): T[] {
  return Array.from({ length: width }, (_, c) => table[row * width + c]!);
}
