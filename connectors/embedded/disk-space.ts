import { statfsSync } from 'node:fs';
import type { Table } from './environment.js';

/** Bytes that this process may still write to the disk of `dataDir`. */
export function spaceLeft(dataDir: string): number {
  const { blocks, bavail, bsize } = statfsSync(dataDir);
  // some file systems do not count
  return blocks === 0 ? Infinity : bavail * bsize;
}

/** Bytes of pages inside the environment that nothing uses any more: what deleted records and overwritten pages have left. */
export function reusable(tables: readonly Table[]): number {
  let used = 0;
  let stats: PageCounts | undefined;
  for (const table of tables) {
    stats = table.getStats() as PageCounts;
    used += pages(stats);
  }
  if (stats === undefined) return 0;
  return Math.max(0, stats.lastPageNumber + 1 - used - pages(stats.root) - pages(stats.free)) * stats.pageSize;
}

interface Pages {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

interface PageCounts extends Pages {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly root: Pages;
  readonly free: Pages;
}

function pages({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Pages): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages;
}
