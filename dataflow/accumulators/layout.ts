import type { Aggregate, AggregateNode, AnyCustomAggregate, CustomAggregate, Group, Leaf } from '../aggregates/aggregate.js';
import { groupText, leafText, takesBack } from '../aggregates/aggregate.js';
import { HeadraceError } from '../errors.js';
import type { Expression } from '../expression.js';
import { leafIdentity } from './leaf-loops.js';

/** What a window or a feature set computes, by name. */
export type Aggregates<Row> = Readonly<Record<string, Aggregate<Row, unknown> | AnyCustomAggregate<Row>>>;

/** A leaf and where its cells are. */
export interface PlacedLeaf {
  readonly leaf: Leaf;
  readonly table: number;
  readonly at: number;
}

/** Cells of one slab: those of every key (group undefined), or those of every (key, group). */
export interface TableLayout {
  readonly group: Group | undefined;
  readonly identity: Float64Array;
  readonly leaves: readonly PlacedLeaf[];
  /** The leaves again, in the groups that are updated in one pass. */
  readonly passes: readonly Pass[];
}

/** Leaves updated together: one leaf, or the counts of several values of one column (`count().where(type.is('CLICK'))`, …). */
export interface Pass {
  readonly of: Expression<never, unknown> | undefined;
  readonly leaves: readonly PlacedLeaf[];
}

/** Where everything lies that a set of aggregates keeps. Aggregates that are alike share their cells. */
export interface Layout {
  readonly tables: readonly TableLayout[];
  readonly fields: readonly { readonly name: string; readonly node: AggregateNode | undefined; readonly custom: number }[];
  readonly customs: readonly CustomAggregate<unknown, unknown, unknown>[];
  /** Whether everything in it can be taken out again. */
  readonly takesBack: boolean;
  /** The expressions that call a user's function, which may throw. */
  readonly functions: readonly Expression<never, unknown>[];
  /** The place of a leaf of `fields`. */
  place(leaf: Leaf): PlacedLeaf;
  /** In words: state of another layout does not fit. */
  readonly text: string;
}

/** Lays out the cells of aggregates. Errors: HR_AGGREGATE when a value is neither declared nor `{ init, add, merge, result }`. */
export function layoutOf(aggregates: Aggregates<never>): Layout {
  const groups: (Group | undefined)[] = [undefined];
  const groupNames: string[] = [''];
  const cells: number[][] = [[]];
  const placed = new Map<string, PlacedLeaf>();
  const customs: CustomAggregate<unknown, unknown, unknown>[] = [];
  const put = (leaf: Leaf) => {
    const text = leafText(leaf);
    if (placed.has(text)) return;
    let table = 0;
    if (leaf.by !== undefined) {
      // A sketch takes only the records of its own condition.
      const by = leaf.by.kind === 'sketch' ? text : groupText(leaf.by);
      table = groupNames.indexOf(by);
      if (table < 0) {
        table = groups.push(leaf.by) - 1;
        groupNames.push(by);
        cells.push([]);
      }
    }
    placed.set(text, { leaf, table, at: cells[table]!.length });
    cells[table]!.push(...leafIdentity(leaf));
  };
  const visit = (node: AggregateNode) => {
    if (node.kind === 'ratio') {
      visit(node.over);
      visit(node.under);
    } else if (node.kind === 'derived') node.parts.forEach(visit);
    else put(node.leaf);
  };
  const places = new Map<Leaf, PlacedLeaf>();
  const fields = Object.entries(aggregates).map(([name, aggregate]) => {
    if ('node' in aggregate) {
      visit(aggregate.node);
      return { name, node: aggregate.node, custom: -1 };
    }
    if (typeof aggregate?.init !== 'function' || typeof aggregate.add !== 'function' || typeof aggregate.merge !== 'function' || typeof aggregate.result !== 'function') {
      throw new HeadraceError('HR_AGGREGATE', `"${name}" is neither a declared aggregate such as count() nor an object with init, add, merge and result.`);
    }
    return { name, node: undefined, custom: customs.push(aggregate as unknown as CustomAggregate<unknown, unknown, unknown>) - 1 };
  });
  if (fields.length === 0) throw new HeadraceError('HR_AGGREGATE', 'At least one aggregate is needed.');
  const tables = groups.map((group, table) => {
    const leaves = [...placed.values()].filter((p) => p.table === table);
    return { group, identity: Float64Array.from(cells[table]!), leaves, passes: passesOf(leaves) };
  });
  return {
    tables,
    fields,
    customs,
    takesBack: customs.length === 0 && [...placed.values()].every(({ leaf }) => takesBack(leaf)),
    place(leaf) {
      let place = places.get(leaf);
      if (place === undefined) places.set(leaf, (place = placed.get(leafText(leaf))!));
      return place;
    },
    functions: [...new Set([...placed.values()].flatMap(({ leaf }) => [leaf.of, leaf.where, leaf.by?.of]))].filter((e) => e !== undefined && e.text.includes('function ')) as Expression<never, unknown>[],
    text: withOwnNumbers(JSON.stringify([[...placed.keys()], fields.map((f) => f.name), customs.length])),
  };
}

/** Functions are numbered as they are met in a process; a text that is stored numbers them from 1, so that the next process writes the same. */
function withOwnNumbers(text: string): string {
  const numbers = new Map<string, number>();
  return text.replaceAll(/\bfunction (\w+)#(\d+)/g, (_, name: string, number: string) => {
    if (!numbers.has(number)) numbers.set(number, numbers.size + 1);
    return `function ${name}#${numbers.get(number)}`;
  });
}

function passesOf(leaves: readonly PlacedLeaf[]): Pass[] {
  const passes: Pass[] = [];
  const switches = new Map<string, { of: Expression<never, unknown>; leaves: PlacedLeaf[] }>();
  for (const placed of leaves) {
    const { op, of, where } = placed.leaf;
    const column = op === 'count' && of === undefined && typeof where?.equality?.value === 'string' ? where.equality.of : undefined;
    if (column === undefined) {
      passes.push({ of: undefined, leaves: [placed] });
      continue;
    }
    const known = switches.get(column.text);
    if (known !== undefined) known.leaves.push(placed);
    else {
      const made = { of: column, leaves: [placed] };
      switches.set(column.text, made);
      passes.push(made);
    }
  }
  return passes;
}
