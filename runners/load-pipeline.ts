import { existsSync, readdirSync, statSync } from 'node:fs';
import { register } from 'node:module';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ErrorCode, HeadraceError } from '../dataflow/errors.js';
import { isPipeline, type Pipeline } from '../dataflow/pipeline.js';
import { didYouMean } from './commands/nearest-name.js';
import { buildGraph } from './engine/task.js';

type PipelineModule = Readonly<Record<string, unknown>>;

/** The pipelines that come with Headrace, loaded when they are asked for. */
const shippedPipelines: Readonly<Record<string, () => Promise<PipelineModule>>> = {
  'click-features': () => import('../pipelines/click-features.js'),
  'feature-skew': () => import('../pipelines/feature-skew.js'),
  'head-on-base': () => import('../pipelines/head-on-base.js'),
  'head-training': () => import('../pipelines/head-training.js'),
  'model-drift': () => import('../pipelines/model-drift.js'),
  'propensity-log': () => import('../pipelines/propensity-log.js'),
};

const extensions = ['.ts', '.mts', '.js', '.mjs'];

/**
 * Loads a pipeline and checks its graph; nothing runs. A TypeScript file is compiled on the fly, its imports end in `.js` or
 * `.ts`, and `headrace` in it is this very package, wherever the file lies. Works in worker threads too.
 *
 * @param nameOrFile name of a shipped pipeline, or path of a .ts, .mts, .js or .mjs file with a pipeline as default export
 * @throws HR_PIPELINE_UNKNOWN when there is neither; HR_PIPELINE when the file throws or exports no pipeline as default; whatever the
 * definition itself is refused for, with the file named
 */
export async function loadPipeline(nameOrFile: string): Promise<Pipeline> {
  if (Object.hasOwn(shippedPipelines, nameOrFile)) return checked(await shippedPipelines[nameOrFile]!(), nameOrFile);
  const file = findFile(nameOrFile);
  try {
    await compileTypeScript();
    return checked((await import(pathToFileURL(file).href)) as PipelineModule, shown(file));
  } catch (error) {
    throw withFile(error, file);
  }
}

/**
 * Loads a module of the user's: compiled on the fly, like a pipeline.
 *
 * @throws the given code when the file throws or cannot be compiled, with the file and line named
 */
export async function loadUserModule(path: string, code: ErrorCode): Promise<Readonly<Record<string, unknown>>> {
  const file = resolve(path);
  try {
    await compileTypeScript();
    return (await import(pathToFileURL(file).href)) as PipelineModule;
  } catch (error) {
    throw withFile(error, file, code);
  }
}

function checked(module: PipelineModule, file: string): Pipeline {
  const made = pipelineOf(module, file);
  buildGraph(made);
  return made;
}

function findFile(nameOrFile: string): string {
  const file = resolve(nameOrFile);
  const isPath = /[/\\]/.test(nameOrFile) || extensions.includes(extname(nameOrFile));
  if (existsSync(file) && statSync(file).isFile()) {
    if (extensions.includes(extname(file))) return file;
    throw new HeadraceError('HR_PIPELINE_UNKNOWN', `${nameOrFile} is not a ${extensions.join(', ')} file.`);
  }
  if (isPath) {
    const directory = dirname(file);
    const beside = existsSync(directory) && statSync(directory).isDirectory() ? readdirSync(directory) : [];
    throw new HeadraceError('HR_PIPELINE_UNKNOWN', `There is no file ${nameOrFile}.${didYouMean(basename(file), beside)}`);
  }
  const here = readdirSync('.').filter((name) => extensions.includes(extname(name)));
  const candidates = [...Object.keys(shippedPipelines), ...here, ...here.map((name) => basename(name, extname(name)))];
  const asFile = (near: string) => (Object.hasOwn(shippedPipelines, near) ? near : (here.find((name) => basename(name, extname(name)) === near) ?? near));
  throw new HeadraceError('HR_PIPELINE_UNKNOWN', `There is no pipeline "${nameOrFile}".${didYouMean(nameOrFile, candidates, asFile)}`);
}

/**
 * Hooks before those of tsx: `headrace` is the running package, and a .ts file is an ES module whatever the package.json beside it
 * says; tsx would load it with `require` in a folder without "type": "module".
 */
const hooks = `
import { existsSync } from 'node:fs';
let self;
export function initialize(url) { self = url; }
export async function resolve(specifier, context, next) {
  if (specifier === 'headrace' || specifier.startsWith('headrace/')) return next(specifier, { ...context, parentURL: self });
  const fromTs = /\\.m?ts$/.test(context.parentURL ?? '');
  if (specifier.startsWith('file:') || (fromTs && /^\\.\\.?\\//.test(specifier))) {
    const { href } = new URL(specifier, context.parentURL);
    for (const url of [href, ...(fromTs ? [href.replace(/\\.(m?)js$/, '.$1ts'), href + '.ts'] : [])]) {
      if (/\\.m?ts$/.test(url) && existsSync(new URL(url))) return { url, format: 'module', shortCircuit: true };
    }
  }
  return next(specifier, context);
}`;

let compiling: Promise<void> | undefined;

function compileTypeScript(): Promise<void> {
  compiling ??= (async () => {
    const tsx = await import('tsx/esm/api');
    tsx.register();
    register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: import.meta.url });
  })();
  return compiling;
}

function pipelineOf(module: PipelineModule, file: string): Pipeline {
  if (isPipeline(module['default'])) return module['default'];
  const named = Object.entries(module).filter(([, value]) => isPipeline(value)).map(([name]) => name);
  if (named.length > 1) throw new HeadraceError('HR_PIPELINE', `${file} exports the pipelines ${named.join(', ')}, and none of them as default.`, { remedy: 'Put each into a file of its own, as default export.' });
  if (named.length === 1) throw new HeadraceError('HR_PIPELINE', `${file} exports the pipeline ${named[0]}, but not as default.`, { remedy: `Write \`export default ${named[0]}\`.` });
  if (module['default'] === undefined) throw new HeadraceError('HR_PIPELINE', `${file} has no default export.`);
  if (looksLikePipeline(module['default'])) {
    throw new HeadraceError('HR_PIPELINE', `The pipeline of ${file} was made by another copy of Headrace.`, { remedy: "Import `pipeline` from 'headrace', not from a path." });
  }
  throw new HeadraceError('HR_PIPELINE', `The default export of ${file} is not a pipeline.`);
}

function looksLikePipeline(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'build' in value && 'name' in value;
}

/** The error with the user's file and line, as far as the stack tells them. */
function withFile(error: unknown, file: string, code: ErrorCode = 'HR_PIPELINE'): HeadraceError {
  const where = userLine(error, file) ?? shown(file);
  if (error instanceof HeadraceError) {
    if (error.message.includes(shown(file))) return error;
    return new HeadraceError(error.code, `${error.message} (${where})`, { place: error.place, cause: error.cause ?? error, remedy: error.remedy });
  }
  const remedy = 'Mend the file; nothing has run.';
  if (!(error instanceof Error)) return new HeadraceError(code, `${where} threw ${String(error)}.`, { remedy });
  // esbuild's message has a line for each error: path:line:column: ERROR: text
  const syntax = /^(.+?):(\d+):\d+: ERROR: (.+)$/m.exec(error.message);
  if (syntax !== null) return new HeadraceError(code, `${shown(resolve(syntax[1]!))}:${syntax[2]}: ${syntax[3]}`, { remedy });
  return new HeadraceError(code, `${where}: ${error.name}: ${error.message}`, { cause: error, remedy });
}

/** Where this package lies, whether it runs from dist/ or from its sources; stacks name the sources. */
const ownFolder = fileURLToPath(new URL('..', import.meta.url)).replace(/([/\\])dist[/\\]$/, '$1');

/** `file:line` of the innermost stack frame that is in the pipeline's file or another one of the user. */
function userLine(error: unknown, pipelineFile: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const [, path, line] of stack.matchAll(/^ +at (?:.* \()?((?:file:\/\/)?\/.*?):(\d+):\d+\)?$/gm)) {
    const file = path!.startsWith('file:') ? fileURLToPath(path!) : path!;
    if (file === pipelineFile || !(file.startsWith(ownFolder) || file.includes('/node_modules/'))) return `${shown(file)}:${line}`;
  }
  return undefined;
}

/** A path as the user sees it: relative where that is shorter. */
function shown(file: string): string {
  const short = relative('.', file);
  return short.startsWith('..') ? file : short;
}
