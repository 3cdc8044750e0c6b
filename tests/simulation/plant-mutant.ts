import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant } from './mutants.js';

const root = join(import.meta.dirname, '../..');
/** What the simulation runs on. */
const parts = ['connectors', 'dataflow', 'schemas', 'tests/simulation', 'package.json'];

/** A copy of the sources with the mutation in it, to run the simulation on. */
export function plantMutant({ file, from, to, without }: Mutant): { readonly root: string; remove(): void } {
  const copy = mkdtempSync(join(tmpdir(), 'headrace-mutant-'));
  for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const source = readFileSync(join(copy, file), 'utf8');
  if (source.split(from).length !== 2) throw new Error(`${file} has "${from}" not once, so it cannot be run without ${without}`);
  writeFileSync(join(copy, file), source.replace(from, () => to));
  return { root: copy, remove: () => rmSync(copy, { recursive: true, force: true }) };
}
