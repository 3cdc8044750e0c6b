/** Widths of a stretch of time in ms: those up to a day divide a day. */
const widths = [1, 10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000] as const;

/** The narrowest width at which a stretch of time is cut into at most so many blocks. */
export function blockWidth(from: number, to: number, most: number): number {
  const fits = (width: number): boolean => Math.floor(to / width) - Math.floor(from / width) < most;
  const found = widths.find(fits);
  if (found !== undefined) return found;
  let width: number = widths.at(-1)!;
  while (!fits(width)) width *= 10;
  return width;
}
