import type { Query } from './query.js';
import { q0 } from './q0.js';
import { q1 } from './q1.js';
import { q2 } from './q2.js';
import { q3 } from './q3.js';
import { q4 } from './q4.js';
import { q5 } from './q5.js';
import { q6f } from './q6f.js';
import { q7 } from './q7.js';
import { q8 } from './q8.js';
import { q9 } from './q9.js';
import { q11 } from './q11.js';
import { q12e } from './q12e.js';
import { q13 } from './q13.js';
import { q14 } from './q14.js';
import { q15m } from './q15m.js';
import { q16m } from './q16m.js';
import { q17 } from './q17.js';
import { q18 } from './q18.js';
import { q19 } from './q19.js';
import { q20 } from './q20.js';
import { q21 } from './q21.js';
import { q22 } from './q22.js';

/** The queries by name, in their order. */
export const queries: Readonly<Record<string, Query>> = { q0, q1, q2, q3, q4, q5, q6f, q7, q8, q9, q11, q12e, q13, q14, q15m, q16m, q17, q18, q19, q20, q21, q22 };
