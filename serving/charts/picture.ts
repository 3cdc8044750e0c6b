import { font, textColour } from './palette.js';
import { cutText, escapeText } from './svg-text.js';

/** An SVG element to stand in a page, with its title above: for people, and for screen readers. */
export function picture(title: string, width: number, height: number, parts: readonly string[]): string {
  const heading = escapeText(title);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${heading}" ` +
    `style="max-width:100%;height:auto" ${font} fill="${textColour}"><title>${heading}</title><text x="0" y="16" font-size="14" font-weight="600">${escapeText(cutText(title, width / 1.4))}</text>${parts.join('')}</svg>`
  );
}

/** A length in px with one decimal. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
