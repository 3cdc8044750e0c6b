/** One thing that can be shown. What else it carries passes through a policy unchanged. */
export interface Item {
  readonly itemId: string;
  readonly creatorId?: string;
  readonly category?: string;
  /** In the order that the ranking model takes them; logged with the decision. */
  readonly features?: readonly number[];
}

/** With what the ranking model says of it: any finite number, larger is better. */
export interface ScoredItem extends Item {
  readonly score: number;
}

/** With how often it has been shown. */
export interface CountedItem extends ScoredItem {
  /** Times shown so far, from 0. */
  readonly count: number;
}

/** With Beta(alpha, beta) as what is known of its rate. */
export interface BetaItem extends Item {
  readonly alpha: number;
  readonly beta: number;
}

/** With a normal distribution as what is known of its value. */
export interface GaussianItem extends Item {
  readonly mean: number;
  /** Standard deviation, above 0. */
  readonly deviation: number;
}
