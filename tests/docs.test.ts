import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { errorTable } from '../dataflow/errors.js';
import { metricTable } from '../dataflow/metrics.js';
import { referencePages } from '../runners/docs/generate-reference.js';
import { describedFiles } from '../runners/docs/page-table.js';
import { hasChdb } from './connectors/clickhouse/with-chdb.js';
import { hasOnnx } from './connectors/onnx-here.js';
import { temporaryDirectory } from './connectors/embedded/temporary-directory.js';

const root = resolve(import.meta.dirname, '..');
const binary = join(root, 'dist/runners/headrace.js');
const pagesOf = (folder: string) => readdirSync(join(root, folder)).filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`);
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...pagesOf('docs'), ...pagesOf('docs/operators')];
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

/** A fenced block: its language, the words behind it, its lines, and where it is. */
interface Fence {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly words: readonly string[];
  readonly text: string;
}

function fencesOf(page: string): Fence[] {
  const text = textOf(page);
  return Array.from(text.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm), (match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    language: match[1]!,
    words: match[2]!.trim().split(/\s+/).filter(Boolean),
    text: match[3]!,
  }));
}

/** Sources of the product, without tests and the tables that are checked against them. */
const sources = ['bin', 'benchmarks', 'connectors', 'dataflow', 'evaluation', 'learning', 'operators', 'pipelines', 'runners', 'schemas', 'serving'].flatMap((room) =>
  (readdirSync(join(root, room), { recursive: true }) as string[]).filter((file) => /\.(ts|js)$/.test(file)).map((file) => `${room}/${file}`),
);

test('the reference pages are those of the sources; else run `node dist/runners/docs/generate-reference.js`', async () => {
  for (const [page, text] of await referencePages(root)) expect(textOf(page), page).toBe(text);
});

test('every error code that is used is in the table, and every code of the table is used', () => {
  const used = new Set(sources.filter((file) => file !== 'dataflow/errors.ts').flatMap((file) => textOf(file).match(/(?<=['"`])HR_[A-Z_]+(?=['"`])/g) ?? []));
  expect([...used].filter((code) => !Object.hasOwn(errorTable, code))).toEqual([]);
  expect(Object.keys(errorTable).filter((code) => !used.has(code))).toEqual([]);
  const told = new Set(pages.flatMap((page) => textOf(page).match(/\bHR_[A-Z][A-Z_]*[A-Z]\b/g) ?? []));
  expect([...told].filter((code) => !Object.hasOwn(errorTable, code)), 'in the pages').toEqual([]);
});

test('every metric is counted somewhere', () => {
  const counted = sources.filter((file) => file !== 'dataflow/metrics.ts').map(textOf).join('\n');
  expect(Object.keys(metricTable).filter((name) => !counted.includes(`'${name}'`))).toEqual([]);
});

test('every operator has a page, and every page says of its state', () => {
  const files = readdirSync(join(root, 'operators')).filter((file) => !['index.ts', 'operate.ts'].includes(file));
  expect(files.map((file) => `operators/${file}`).filter((file) => !describedFiles.includes(file))).toEqual([]);
  expect(pagesOf('docs/operators').filter((page) => !/^###? State$/m.test(textOf(page)) && !/operators\/(pipeline|topic|expressions|policies|order-probabilities|decision-log|rewards)\.md/.test(page))).toEqual([]);
});

test('every link between pages resolves', () => {
  const anchors = (page: string) => new Set(Array.from(textOf(page).matchAll(/^#+ (.+)$/gm), ([, title]) => title!.toLowerCase().replaceAll(/[^\w\- ]/g, '').replaceAll(' ', '-')));
  const broken: string[] = [];
  for (const page of pages) {
    const prose = textOf(page).replaceAll(/^```[\s\S]*?^```$/gm, '');
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      const [path, anchor] = target!.split('#') as [string, string | undefined];
      const file = path === '' ? page : relative(root, resolve(root, dirname(page), path));
      if (!existsSync(join(root, file)) || (anchor !== undefined && !anchors(file).has(anchor))) broken.push(`${page}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});

test('every page of docs/ is in its index, and every file that a page names is there', () => {
  const index = textOf('docs/README.md') + textOf('docs/reference-operators.md');
  expect(pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md' && !index.includes(`(${page.slice(5)})`))).toEqual([]);
  const named = pages.flatMap((page) => Array.from(textOf(page).matchAll(/`((?:connectors|dataflow|operators|pipelines|runners|schemas|serving|benchmarks|tests)\/[\w./-]+)`/g), ([, file]) => `${page}: ${file}`));
  expect(named.filter((entry) => !entry.includes('my-step') && !existsSync(join(root, entry.split(': ')[1]!)))).toEqual([]);
});

test('every TypeScript example compiles', { timeout: 60_000 }, async () => {
  const folder = temporaryDirectory();
  const names = new Map<string, string>();
  for (const page of pages) {
    const inPage = join(folder, page.replaceAll(/[/.]/g, '-'));
    mkdirSync(inPage);
    for (const fence of fencesOf(page)) {
      if (fence.language !== 'ts') continue;
      const isModule = /^import /m.test(fence.text);
      const file = fence.words[0] === 'run' ? fence.words[1]! : `line-${fence.line}.ts`;
      writeFileSync(join(inPage, file), isModule ? fence.text : `${importsFor(fence.text)}\n${fence.text}\nexport {};\n`);
      names.set(`${relative(folder, join(inPage, file))}`, `${fence.page}:${fence.line}`);
    }
  }
  writeFileSync(join(folder, 'prelude.ts'), prelude);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  const paths = { headrace: ['index.ts'], 'headrace/operators': ['operators/index.ts'], 'headrace/aggregates': ['dataflow/aggregates/index.ts'], 'headrace/evaluation': ['evaluation/index.ts'], 'headrace/learning': ['learning/index.ts'], 'headrace/serving': ['serving/index.ts'], 'headrace/testing': ['runners/testing/index.ts'] };
  const compilerOptions = { noEmit: true, strict: true, target: 'es2023', lib: ['es2023'], module: 'nodenext', skipLibCheck: true, types: ['node'], paths: Object.fromEntries(Object.entries(paths).map(([name, [file]]) => [name, [join(root, file!)]])) };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.ts'] }));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const { stdout } = await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { cwd: folder }).catch((error: { stdout: string }) => error);
  const errors = stdout.split('\n').filter((line) => /error TS/.test(line));
  expect(errors.map((line) => line.replace(/^[^(]+/, (file) => names.get(file) ?? file))).toEqual([]);
});

/** What examples take for granted; those that declare a name themselves do not get it. */
const prelude = `
export * from 'headrace';
export * from 'headrace/aggregates';
export * from 'headrace/serving';
export { play, runPipeline, sideOutput } from 'headrace/testing';
export * as rx from 'rxjs';
import { clicks, type FeatureSet, type FeatureStore, type PipelineScope, type Topic, type Pipeline, type Source } from 'headrace';
export type Click = typeof clicks extends Topic<infer T> ? T : never;
export interface Order { readonly paid: boolean; readonly id: number; readonly currency: string; readonly lines: readonly { readonly item: string }[] }
import type { BetaItem, CountedItem, GaussianItem, ScoredItem } from 'headrace/serving';
export declare const items: readonly (ScoredItem & CountedItem & BetaItem & GaussianItem)[];
export declare const decisionId: string;
export declare const userId: string;
export declare const runtime: ReturnType<typeof import('headrace').openEmbedded>;
export declare const bids: Topic<{ auction: number; bidder: number; price: number; eventId: string }>;
export declare const auctions: Topic<{ id: number; seller: number; category: number; price: number }>;
export declare const persons: Topic<{ id: number; name: string }>;
export declare const orders: Topic<Order>;
export declare const rates: Topic<{ currency: string; rate: number }>;
export declare const quotes: Topic<{ price: number }>;
export declare const alerts: Topic<{ userId: string }>;
export interface MediaJob { readonly jobId: string; readonly url: string }
export declare const mediaJobs: Topic<MediaJob>;
export declare const mediaResults: Topic<{ jobId: string; labels: string }>;
export declare const mediaFailures: Topic<{ input: MediaJob; code: string; message: string }>;
export declare const understandVideo: (job: MediaJob) => Promise<{ jobId: string; labels: string }>;
export declare const from: PipelineScope['from'];
export declare const copies: Topic<Click>;
export declare const watched: Topic<Click>;
export declare const webClicks: Topic<Click>;
export declare const appClicks: Topic<Click>;
export declare const userFeatures: FeatureSet<Click, 'userId'>;
export declare const orders$: Source<Order>;
export declare const itemCtr: Pipeline;
export declare const store: FeatureStore;
`;
const preludeNames = 'adaptive aggregate alerts appClicks approxDistinct attribute auctions betaPosterior bids Click clicks columnsOf constant copies count countDistinct createPolicy decisionId decisions dedupe diversity embeddedFeatures enrich epsilonGreedy features filter first flatMap from gaussianPosterior HeadraceError histogram hopping Item itemCtr items join keyBy last latest loggedDecisions lookup map max mean mediaFailures mediaJobs mediaResults min openDecisionLog openEmbedded operate orders orders$ outcomes overridden persons pipeline play process quantiles quotes rates ratio records reduce replay runEmbedded runPipeline runtime rx sample Scheme session sideOutput slateProbability sliding slotMarginals softmax split squareCb store sum sumOf tap text thompsonExact thompsonVotes throttle tiles to toFeatureStore toWarehouse topic topK topN topProbabilities tumbling ucb unattributedOutcomes understandVideo union userFeatures userId variance watched watchTime webClicks window windowJoin'.split(' ');

function importsFor(text: string): string {
  const wanted = preludeNames.filter((name) => {
    const word = name.replaceAll('$', '\\$');
    const declared = new RegExp(`(?:const|let|function) (?:\\{[^}]*)?\\b${word}(?![\\w$])`);
    return new RegExp(`(?<![\\w.$'])${word}(?![\\w$'])`).test(text) && !declared.test(text);
  });
  return `import { ${wanted.join(', ')} } from '../prelude.js';`;
}

/*
 * Sessions: a page whose blocks are marked `run NAME` is carried out from top to bottom in a folder of its own. A marked block is
 * written to the file NAME; in a `console` block each `$ npx headrace …` is run and has to print what stands below it. A line `…`
 * stands for any lines. HEADRACE_DOCS=write puts what was printed into the pages, but where a `…` stands.
 */
const sessions = pages.filter((page) => fencesOf(page).some((fence) => fence.language === 'console'));

describe.skipIf(!existsSync(binary))('sessions', () => {
  test.each(sessions)('%s prints what it shows', { timeout: 120_000 }, async (page) => {
    const cwd = temporaryDirectory();
    mkdirSync(join(cwd, 'node_modules'));
    symlinkSync(root, join(cwd, 'node_modules/headrace'), 'dir');
    let text = textOf(page);
    for (const fence of fencesOf(page)) {
      if (fence.words[0] === 'run') writeFileSync(join(cwd, fence.words[1]!), fence.text);
      if (fence.language !== 'console') continue;
      const { commands, shown } = await carryOut(fence.text, cwd);
      if (process.env['HEADRACE_DOCS'] === 'write') text = text.replace(fence.text, () => shown);
      else for (const { command, expected, printed } of commands) expect(differences(expected, printed), `${page}:${fence.line} $ ${command}`).toBeUndefined();
    }
    if (process.env['HEADRACE_DOCS'] === 'write') writeFileSync(join(root, page), text);
  });
});

async function carryOut(session: string, cwd: string) {
  const commands: { command: string; expected: string[]; printed: string[] }[] = [];
  let code = 0;
  for (const part of session.split(/^\$ /m).filter(Boolean)) {
    const [command, ...expected] = part.trimEnd().split('\n') as [string, ...string[]];
    if (command === 'echo $?') {
      commands.push({ command, expected, printed: [String(code)] });
      continue;
    }
    if (!command.startsWith('npx headrace ')) throw new Error(`a session runs npx headrace, not ${command}`);
    if (!hasChdb && command.includes(' features check ')) {
      console.warn(`SKIPPED: ${command} needs chdb`);
      continue;
    }
    if (!hasOnnx && / (?:run head-training|run head-on-base|train|models) /.test(`${command} `)) {
      console.warn(`SKIPPED: ${command} needs onnxruntime-node`);
      continue;
    }
    const words = Array.from(command.slice('npx headrace '.length).matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain!);
    const result = await run(words, cwd);
    code = result.code;
    commands.push({ command, expected, printed: result.text.trimEnd().split('\n').filter((line) => !isProgress(line)) });
  }
  return { commands, shown: commands.map(({ command, expected, printed }) => `$ ${command}\n${(expected.includes('…') ? expected : printed).map((line) => `${line}\n`).join('')}`).join('') };
}

/** A line that a slow machine shows and a fast one does not. */
const isProgress = (line: string): boolean => / {2}(?:\d+ % {2}.*|[\d,]+ \w+ {2})\S+( [kMG])?\/s/.test(line);

/** Both outputs in one file, as a terminal shows them. */
function run(words: readonly string[], cwd: string): Promise<{ code: number; text: string }> {
  const file = join(cwd, `.terminal-${Date.now()}-${Math.random()}`);
  const out = openSync(file, 'w');
  const child = spawn(process.execPath, [binary, ...words], { cwd, env: { ...process.env, NODE_OPTIONS: '', HEADRACE_DEBUG: '', HEADRACE_LOG: 'text' }, stdio: ['ignore', out, out] });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => {
      closeSync(out);
      done({ code: code ?? -1, text: readFileSync(file, 'utf8') });
    });
  });
}

/** The first line that differs, apart from what depends on the machine. */
function differences(expected: readonly string[], printed: readonly string[]): string | undefined {
  const want = expected.map(steady);
  const have = printed.map(steady).filter((line) => line.trim() !== '');
  let at = 0;
  let skipping = false;
  for (const line of want.filter((l) => l.trim() !== '')) {
    if (line === '…') {
      skipping = true;
      continue;
    }
    if (skipping) while (at < have.length && have[at] !== line) at++;
    if (have[at] !== line) return `expected: ${line}\nprinted:  ${have[at] ?? '(nothing more)'}`;
    skipping = false;
    at++;
  }
  return skipping || at === have.length ? undefined : `printed beyond what is shown: ${have[at]}`;
}

/** Durations, rates, sizes, epochs, versions and process ids differ from run to run. */
function steady(line: string): string {
  return line
    .trimEnd()
    .replaceAll(/\([\d.]+( [kMG])?\/s\)/g, '(rate)')
    .replaceAll(/\bin (\d+m )?[\d.]+m?s\b/g, 'in T')
    .replaceAll(/[\d.]+m?s ago/g, 'T ago')
    .replaceAll(/[\d,]+ epochs/g, 'N epochs')
    .replaceAll(/epoch [\d,]+/g, 'epoch N')
    .replaceAll(/[\d.]+ [KMGT]iB/g, 'SIZE')
    .replaceAll(/v\d+\.\d+\.\d+ on \w+ \w+/g, 'NODE')
    .replaceAll(/"wallS":[\d.]+/g, '"wallS":T');
}
