import { aggregate, columnsOf } from 'headrace';
import { count, mean } from 'headrace/aggregates';
import { play } from 'headrace/testing';

interface Sale { readonly price: number }
const records = { a: { price: 4 }, b: { price: 8 } };
const sales = { n: count(), average: mean(columnsOf<Sale>().price) };

play(aggregate<Sale, { readonly key: string }, typeof sales>('sales', sales), { records, in: 'a@1 |w2 b@3 |w4', out: '{key:"",n:1,average:4}@1 {key:"",n:2,average:6}@3' });
