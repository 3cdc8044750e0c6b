import type { ClickEvent } from '../../../schemas/generated/click-event.js';
import type { Imported, RefusedLine } from '../../../runners/import/importer.js';

/** Runs an importer to its end. */
export async function collect(imported: AsyncIterable<Imported>): Promise<{ events: ClickEvent[]; refused: RefusedLine[] }> {
  const events: ClickEvent[] = [];
  const refused: RefusedLine[] = [];
  for await (const i of imported) {
    if ('event' in i) events.push(i.event);
    else refused.push(i.refused);
  }
  return { events, refused };
}

/** Standard input made of one text, in pieces of `size` bytes. */
export async function* stdinOf(text: string | Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
