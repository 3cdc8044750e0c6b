const fallbacks = ['#2563eb', '#d9480f', '#0f8a5f', '#9333ea', '#b8860b', '#0891b2', '#db2777', '#64748b'];

/** Colour of series `n`: a CSS variable `--chart-1` … `--chart-8` with a fallback that is readable on light and dark. */
export function seriesColour(n: number): string {
  const i = n % fallbacks.length;
  return `var(--chart-${i + 1}, ${fallbacks[i]})`;
}

/** Dash pattern that tells the ninth series from the first. */
export function seriesDash(n: number): string {
  return ['', '6 4', '2 3'][Math.floor(n / fallbacks.length) % 3]!;
}

export const textColour = 'var(--chart-text, currentColor)';
export const gridColour = 'var(--chart-grid, rgba(128, 128, 128, 0.3))';
export const font = 'font-family="system-ui, sans-serif" font-size="12"';
