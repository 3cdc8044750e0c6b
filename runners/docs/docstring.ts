/** A docstring, taken apart. */
export interface Docstring {
  /** What comes before the first tag, paragraph by paragraph. */
  readonly paragraphs: readonly string[];
  readonly examples: readonly string[];
  readonly see: readonly string[];
  /** Parameter name to what is said of it. */
  readonly params: ReadonlyMap<string, string>;
  /** Error codes, or words about them. */
  readonly throws: readonly string[];
  /** The value after `@default`. */
  readonly default: string | undefined;
}

/** A member of an interface, with its docstring. */
export interface Member {
  readonly name: string;
  readonly optional: boolean;
  readonly doc: Docstring;
}

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * The docstring before the first declaration of `name` (a function, constant or interface) that has one.
 *
 * @param source text of a TypeScript file
 */
export function docstringOf(source: string, name: string): Docstring | undefined {
  const found = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\n(?:export )?(?:const|(?:async )?function|interface) ${escape(name)}\\b`).exec(source);
  return found === null ? undefined : parseDocstring(found[1]!);
}

/** The documented members of an interface, in order; empty when there is none of this name. */
export function membersOf(source: string, name: string): readonly Member[] {
  const body = new RegExp(`^export interface ${escape(name)}\\b[^\\n]*\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(source)?.[1] ?? '';
  return Array.from(body.matchAll(/^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}(?:readonly )?(\w+)(\?)?[(:<]/gm), ([, text, member, optional]) => ({
    name: member!,
    optional: optional !== undefined,
    doc: parseDocstring(text!),
  }));
}

function parseDocstring(text: string): Docstring {
  const lines = text.split('\n').map((line) => line.replace(/^ *\*? ?/, '').trimEnd());
  const parts: { tag: string; lines: string[] }[] = [{ tag: '', lines: [] }];
  for (const line of lines) {
    const inline = /^(.*?)\s?@default (.+)$/.exec(line);
    const tag = /^@(\w+) ?(.*)$/.exec(line);
    if (tag !== null) parts.push({ tag: tag[1]!, lines: [tag[2]!] });
    else if (inline !== null) {
      parts.at(-1)!.lines.push(inline[1]!);
      parts.push({ tag: 'default', lines: [inline[2]!.replace(/\)$/, '')] });
    } else parts.at(-1)!.lines.push(line);
  }
  const all = (tag: string) => parts.filter((p) => p.tag === tag);
  const joined = (part: { lines: string[] }) => part.lines.join(' ').replaceAll(/\s+/g, ' ').trim();
  return {
    paragraphs: parts[0]!.lines.join('\n').split(/\n\s*\n/).map((p) => p.replaceAll(/\s+/g, ' ').trim()).filter(Boolean),
    examples: all('example').map((p) => p.lines.join('\n').trim()),
    see: all('see').flatMap((p) => joined(p).split(/, */)),
    params: new Map(all('param').map((p) => /^(\S+) ([\s\S]*)$/.exec(joined(p))).filter((m) => m !== null).map((m) => [m[1]!, m[2]!])),
    throws: all('throws').map(joined),
    default: all('default').map(joined)[0],
  };
}
