/** A name in ClickHouse SQL: in backticks unless it is a plain word, so that any name can stand there. */
export function sqlName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) && !reserved.has(name.toLowerCase()) ? name : `\`${escaped(name, '`')}\``;
}

/** A text in ClickHouse SQL. */
export function sqlString(text: string): string {
  return `'${escaped(text, "'")}'`;
}

/** Words that mean something in the places where names stand. */
const reserved = new Set('all and any array as asc between by case cast desc distinct div else end except false final format from full global group having if in inner interval into is join left like limit mod not null offset on or order outer prewhere right sample select settings then top true union using values view when where window with'.split(' '));

function escaped(text: string, quote: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`).replaceAll('\n', '\\n').replaceAll('\0', '\\0');
}
