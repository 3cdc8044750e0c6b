import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isUtf8 } from 'node:buffer';
import { HeadraceError } from '../../dataflow/errors.js';
import type { ClickEvent } from '../../schemas/generated/click-event.js';
import { refuseTime } from './civil-time.js';
import { importLines, type LineFormat, type LineParser } from './import-lines.js';
import type { Imported, ImportOptions, RefusedLine } from './importer.js';
import { maxLineBytes, readLines } from './read-lines.js';

/**
 * Reads a MovieLens directory (`ratings.csv`, `movies.csv`) as events: a rating of 4 or more is a LIKE, 3 and 3.5 a CLICK,
 * less a SKIP; the category is the first genre. A rating of an unknown movie has category ''. Bad lines of `movies.csv`
 * are refused with a reason that starts with its name. Source: files.grouplens.org/datasets/movielens. Errors:
 * HR_INPUT_FILE.
 *
 * @param input path of the directory
 */
export function movielens(input: string, options: ImportOptions = {}): AsyncIterable<Imported> {
  const ratings = join(input, 'ratings.csv');
  return importLines(ratings, () => withMovies(ratings, join(input, 'movies.csv')), options);
}

async function withMovies(ratings: string, movies: string): Promise<LineFormat> {
  const missing = [];
  for (const path of [ratings, movies]) if (!(await isFile(path))) missing.push(path);
  if (missing.length > 0) {
    const remedy = 'Give the directory of an unpacked MovieLens archive.';
    throw new HeadraceError('HR_INPUT_FILE', `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing.`, { remedy });
  }
  const refused: RefusedLine[] = [];
  const genres = await firstGenres(movies, refused);
  return { parse: ratingLine(genres), refused };
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isFile(),
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return false;
      throw new HeadraceError('HR_INPUT_FILE', `${path} cannot be read (${cause.code}).`, { cause });
    },
  );
}

/** Parses the lines of ratings.csv; `genres` maps movie ids to categories. */
export function ratingLine(genres: ReadonlyMap<string, string>): LineParser {
  return (text, line) => {
    if (line === 1) {
      if (text === 'userId,movieId,rating,timestamp') return null;
      throw new HeadraceError('HR_INPUT_FILE', 'ratings.csv does not start with userId,movieId,rating,timestamp.');
    }
    const fields = text.split(',');
    if (fields.length !== 4) return `${fields.length} fields where userId,movieId,rating,timestamp are expected`;
    const [user, movie, rating, seconds] = fields as [string, string, string, string];
    if (!/^\d{1,15}$/.test(user) || !/^\d{1,15}$/.test(movie)) return 'userId or movieId is not a number';
    if (!/^(?:0\.5|[1-4](?:\.[05])?|5(?:\.0)?)$/.test(rating)) return `rating ${rating.slice(0, 20)} is not one of 0.5, 1.0 … 5.0`;
    if (!/^\d{1,12}$/.test(seconds)) return 'timestamp is not whole seconds';
    const timestamp = Number(seconds) * 1000;
    const why = timestamp < 1e10 ? undefined : refuseTime(timestamp);
    if (why !== undefined) return why;
    const stars = Number(rating);
    return {
      eventId: `r${user}-${movie}`,
      userId: `u${user}`,
      itemId: `m${movie}`,
      creatorId: '',
      category: genres.get(movie) ?? '',
      eventType: stars >= 4 ? 'LIKE' : stars >= 3 ? 'CLICK' : 'SKIP',
      watchMs: 0,
      durationMs: 0,
      timestamp,
      surface: '',
      position: 0,
      agent: null,
      decisionId: null,
    } satisfies ClickEvent;
  };
}

async function firstGenres(path: string, refused: RefusedLine[]): Promise<ReadonlyMap<string, string>> {
  const genres = new Map<string, string>();
  for await (const lines of readLines(path)) {
    for (const { number, bytes, size } of lines) {
      const text = bytes.toString('utf8');
      if (number === 1) {
        if (text !== 'movieId,title,genres') throw new HeadraceError('HR_INPUT_FILE', `${path} does not start with movieId,title,genres.`);
        continue;
      }
      if (text.trim() === '') continue;
      // a quoted title holds commas, and "" for a quote
      const m = size > maxLineBytes || !isUtf8(bytes) ? null : /^(\d{1,15}),(?:"(?:[^"]|"")*"|[^",]*),([^,"]*)$/.exec(text);
      if (m === null) refused.push({ line: number, bytes: Uint8Array.from(bytes), reason: 'movies.csv: not movieId,title,genres' });
      else genres.set(m[1]!, m[2]!.split('|', 1)[0]!);
    }
  }
  return genres;
}
