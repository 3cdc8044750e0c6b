/** A column that estimators and diagnostics compute on; see WeightedDecisions and LoggedDecisions. */
export type DecisionColumn = 'weight' | 'reward' | 'propensity' | 'shownOutcome' | 'expectedOutcome' | 'candidates' | 'joined' | 'late';

/**
 * A number computed from one decision. One definition has two forms: JavaScript over the local names below, from which the loops of a tally are made,
 * and SQL over columns of the same meaning.
 */
export interface RowExpression {
  readonly js: string;
  readonly sql: string;
  readonly columns: readonly DecisionColumn[];
}

/** The local name of a column in generated loops. */
export const localNames: Readonly<Record<DecisionColumn, string>> = { weight: 'w', reward: 'r', propensity: 'p', shownOutcome: 'q', expectedOutcome: 'v', candidates: 'k', joined: 'j', late: 'l' };

const sqlNames: Readonly<Record<DecisionColumn, string>> = { weight: 'weight', reward: 'reward', propensity: 'propensity', shownOutcome: 'shown_outcome', expectedOutcome: 'expected_outcome', candidates: 'candidates', joined: 'joined', late: 'late' };

const column = (name: DecisionColumn): RowExpression => ({ js: localNames[name], sql: sqlNames[name], columns: [name] });

/** w: probability of the shown action under the candidate, over its propensity. */
export const weight = column('weight');
/** r */
export const reward = column('reward');
/** p: probability of the shown action when it was chosen. */
export const propensity = column('propensity');
/** q: the outcome that the model expects of the shown action. */
export const shownOutcome = column('shownOutcome');
/** v: the outcome that the model expects of the candidate, over its whole distribution. */
export const expectedOutcome = column('expectedOutcome');
/** k: how many actions the decision could choose from. */
export const candidates = column('candidates');
/** j: 1 where an outcome came. */
export const joined = column('joined');
/** l: 1 where an outcome came too late. */
export const late = column('late');

/** A finite number. */
export function constant(value: number): RowExpression {
  // ClickHouse takes digits without a point as an integer
  return { js: `(${value})`, sql: /^-?\d+$/.test(String(value)) ? `(${value}.)` : `(${value})`, columns: [] };
}

const binary = (sign: string) => (a: RowExpression, b: RowExpression): RowExpression => ({
  js: `(${a.js} ${sign} ${b.js})`,
  sql: `(${a.sql} ${sign} ${b.sql})`,
  columns: columnsOf(a, b),
});

export const plus = binary('+');
export const minus = binary('-');
export const times = binary('*');
export const over = binary('/');

/** min(a, limit); `a` itself where the limit is Infinity. */
export function least(a: RowExpression, limit: number): RowExpression {
  if (limit === Infinity) return a;
  return { js: `Math.min(${a.js}, ${limit})`, sql: `least(${a.sql}, ${constant(limit).sql})`, columns: a.columns };
}

/** `a` where it is at most `limit`, else 0. */
export function upTo(a: RowExpression, limit: number): RowExpression {
  if (limit === Infinity) return a;
  return { js: `(${a.js} <= ${limit} ? ${a.js} : 0)`, sql: `if(${a.sql} <= ${constant(limit).sql}, ${a.sql}, 0.)`, columns: a.columns };
}

/** 1 where `a` is not 0, else 0. */
export function nonZero(a: RowExpression): RowExpression {
  return { js: `(${a.js} !== 0 ? 1 : 0)`, sql: `if(${a.sql} != 0, 1., 0.)`, columns: a.columns };
}

/** 1 where `a` is `value`, else 0. */
export function equals(a: RowExpression, value: number): RowExpression {
  return { js: `(${a.js} === ${value} ? 1 : 0)`, sql: `if(${a.sql} = ${constant(value).sql}, 1., 0.)`, columns: a.columns };
}

function columnsOf(a: RowExpression, b: RowExpression): readonly DecisionColumn[] {
  return [...new Set([...a.columns, ...b.columns])];
}
