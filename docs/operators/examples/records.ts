import { records } from 'headrace';
import { play } from 'headrace/testing';
import { pairwise } from 'rxjs';

play(records(pairwise<{ readonly name: string }>()), { in: 'a@1 b@2 c@3', out: '[{name:a,time:1000},{name:b,time:2000}]@2 [{name:b,time:2000},{name:c,time:3000}]@3' });
