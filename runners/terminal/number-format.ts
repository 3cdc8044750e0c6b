const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 });

/** `1,234,567`; at most three decimals. */
export function formatNumber(value: number): string {
  return Number.isFinite(value) ? grouped.format(value) : String(value);
}

/** `950`, `12.3 k`, `1.2 M`, `3 G`: three digits at most. */
export function formatShort(value: number): string {
  return scaled(value, 1000, ['', ' k', ' M', ' G', ' T', ' P']);
}

/** `512 B`, `3.4 MiB`. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB']);
}

function scaled(value: number, base: number, units: readonly string[]): string {
  if (!Number.isFinite(value)) return String(value);
  let size = Math.abs(value);
  let unit = 0;
  // 999.95 would print as 1000.0
  while (unit < units.length - 1 && rounded(size) >= base) {
    size /= base;
    unit++;
  }
  return `${value < 0 ? '-' : ''}${rounded(size)}${units[unit]}`;
}

function rounded(size: number): number {
  return size >= 100 ? Math.round(size) : Math.round(size * 10) / 10;
}

/** A duration in milliseconds: `85ms`, `4.2s`, `1m 05s`, `2h 03m`, `3d 04h`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return String(ms);
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (Math.round(ms) < 1000) return `${Math.round(ms)}ms`;
  if (Math.round(ms / 100) < 600) return `${(Math.round(ms / 100) / 10).toString()}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
