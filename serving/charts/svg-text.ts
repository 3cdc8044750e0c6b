const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for SVG and HTML, in content and attributes; what XML does not allow becomes U+FFFD. */
export function escapeText(text: string): string {
  return text
    .replace(/(?![\t\n\r])\p{Cc}|[\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replace(/[&<>"']/g, (c) => entities[c]!);
}

/** Roughly how wide a text is at 12 px in a sans-serif font, in px; rather too wide than too narrow. */
export function estimateWidth(text: string): number {
  let width = 0;
  for (const c of text) width += /[\u1100-\uffdc\u{1f000}-\u{3fffd}]/u.test(c) ? 12.5 : /[mwMW@%]/.test(c) ? 12 : /[A-Z]/.test(c) ? 8.8 : /[ijlt.,:;|'!() ]/.test(c) ? 4.8 : 7.7;
  return width;
}

/** Cuts a text to a width in px, with an ellipsis where something was cut off. */
export function cutText(text: string, width: number): string {
  // A width that was added to and taken from again is off by its last bit.
  if (estimateWidth(text) <= width + 1e-6) return text;
  let out = '';
  for (const c of text) {
    if (estimateWidth(`${out}${c}…`) > width) break;
    out += c;
  }
  return `${out.trimEnd()}…`;
}

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 4 });

/** A value as axes and bars show it: `0.024`, `1,250`, `1.2M`. */
export function chartNumber(value: number): string {
  if (!Number.isFinite(value)) return 'n/a';
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e15)) return value.toExponential(2).replace('e+', 'e');
  if (Math.abs(value) >= 10_000) return compact.format(value);
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}

/** A value as tables show it: counts with all their digits, else as charts do. */
export function tableNumber(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e9 ? value.toLocaleString('en-US') : chartNumber(value);
}
